import { label, type Finding } from "./expectation";
import type { Row } from "./rows";
import { travels } from "./wire";

// A Result is what the table shows, for programs.
export interface Result {
  calls: {
    id: string;
    protocol: string;
    expected: {
      label: string;
      value: string;
      travels: string;
      found: Record<string, Finding>;
    }[];
  }[];
}

// addToResult adds what was found of a row, by column.
export function addToResult(result: Result, row: Row, found: Record<string, Finding[]>): void {
  result.calls.push({
    id: row.call.id,
    protocol: row.protocol,
    expected: row.call.expects.map((e, i) => ({
      label: label(e),
      value: e.value,
      travels: travels(e, row.protocol, row.shape),
      found: Object.fromEntries(
        Object.entries(found).map(([column, findings]) => [column, findings[i]!]),
      ),
    })),
  });
}

// publish leaves the result in the document as #result, says so with
// data-state="done" on its root, and posts it to the URL in ?report=, if there is
// one.
export async function publish(result: Result): Promise<void> {
  const json = JSON.stringify(result);
  document.querySelector("#result")!.textContent = json;
  document.documentElement.dataset.state = "done";
  const report = new URLSearchParams(location.search).get("report");
  if (report !== null) {
    // Nobody reads the answer, so that no CORS is needed.
    await fetch(report, { method: "POST", mode: "no-cors", body: json });
  }
}
