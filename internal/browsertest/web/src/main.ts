import { launch, type Attack } from "./attacks";
import { makeCalls } from "./calls";
import type { Cell } from "./cell";
import { use, type Resource } from "./resources";

// A Job is what the server wants done by this page.
interface Job {
  calls?: Cell[];
  attacks?: Attack[];
  resources?: Resource[];
}

async function run(): Promise<unknown> {
  const job: Job = await (await fetch("job.json")).json();
  return {
    calls: await makeCalls(job.calls ?? []),
    attacks: await launch(job.attacks ?? []),
    resources: await Promise.all((job.resources ?? []).map(use)),
  };
}

// report tells the server what came of the job. It says where to go on, once it
// has seen all that it waits for.
async function report(outcome: unknown): Promise<void> {
  const response = await fetch("report", { method: "POST", body: JSON.stringify(outcome) });
  const next = await response.text();
  if (next !== "") {
    location.href = next;
  }
}

addEventListener("error", (event) => {
  // Scripts of other origins are loaded too, in vain.
  if (event.filename === import.meta.url) {
    void report({ failure: `${event.message} at ${event.lineno}` });
  }
});
addEventListener("unhandledrejection", (event) => void report({ failure: String(event.reason) }));
await report(await run());
