/*! Contains @connectrpc/connect, connect-web, grpc-web, @improbable-eng/grpc-web and @protobuf-ts (Apache-2.0),
    @bufbuild/protobuf (Apache-2.0 and BSD-3-Clause), nice-grpc-web, nice-grpc-common, abort-controller-x and ts-error
    (MIT) and js-base64 (BSD-3-Clause). */
import { launch, type Attack } from "./attacks";
import { makeCalls } from "./calls";
import type { Cell } from "./cell";
import { use, type Resource } from "./resources";
import { callRest, type RestCall } from "./rest";

// A Job is what the server wants done by this page.
interface Job {
  // login is where to get the API's cookies before anything else.
  login?: string;
  calls?: Cell[];
  attacks?: Attack[];
  resources?: Resource[];
  rest?: RestCall[];
}

async function run(): Promise<unknown> {
  const job: Job = await (await fetch("job.json")).json();
  if (job.login !== undefined) {
    await fetch(job.login, { mode: "no-cors", credentials: "include" });
  }
  return {
    calls: await makeCalls(job.calls ?? []),
    attacks: await launch(job.attacks ?? []),
    resources: await Promise.all((job.resources ?? []).map(use)),
    rest: await Promise.all((job.rest ?? []).map(callRest)),
  };
}

// report tells the server what came of the job. The server replies with where to go
// next as soon as it has seen all that it waits for, and the page follows a link there.
async function report(outcome: unknown): Promise<void> {
  const response = await fetch("report", { method: "POST", body: JSON.stringify(outcome) });
  const next = await response.text();
  if (next !== "") {
    const link = Object.assign(document.createElement("a"), { href: next });
    document.body.append(link);
    link.click();
  }
}

// A failure is the only report, also if the job goes on after it.
let failed = false;
function fail(reason: string): void {
  failed = true;
  void report({ failure: reason });
}

addEventListener("error", (event) => {
  // Scripts of other origins are loaded too, in vain.
  if (event.filename === import.meta.url) {
    fail(`${event.message} at ${event.lineno}`);
  }
});
addEventListener("unhandledrejection", (event) => fail(String(event.reason)));
const outcome = await run();
if (!failed) {
  await report(outcome);
}
