/*! Contains @connectrpc/connect and connect-web (Apache-2.0) and @bufbuild/protobuf (Apache-2.0 and BSD-3-Clause). */
import { element } from "./element";
import { find, type Finding } from "./expectation";
import { observe } from "./observe";
import { addToResult, publish, type Result } from "./result";
import { rows } from "./rows";
import { Table, type Column } from "./table";
import { transportTo } from "./transports";

const columns: Column[] = await (await fetch("columns.json")).json();
const table = new Table(columns, rows);
document.querySelector("#results")!.replaceChildren(table.root);
document.querySelector("#sources")!.append(
  ...columns.flatMap(({ name, source }) =>
    source
      ? [
          element(
            "figure",
            {},
            element("figcaption", {}, name),
            element("pre", { tabindex: "0" }, element("code", {}, source)),
          ),
        ]
      : [],
  ),
);
for (const place of document.querySelectorAll("[data-calls]")) {
  place.textContent = String(rows.length);
}
document.querySelector("#origin")!.textContent = location.origin;

const result: Result = { calls: [] };
for (const row of rows) {
  const found: Record<string, Finding[]> = {};
  await Promise.all(
    columns.map(async (column) => {
      const transport = transportTo(column.url, row.protocol, row.encoding);
      const seen = await observe(row.call.script(transport));
      found[column.id] = row.call.expects.map((e) => find(e, seen));
      table.fill(row, column, seen, found[column.id]!);
    }),
  );
  addToResult(result, row, found);
}
await publish(result);
