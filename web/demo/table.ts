import { element } from "./element";
import { label, type Expectation, type Finding } from "./expectation";
import { readableNames, type Seen } from "./observe";
import type { Row } from "./rows";
import { travels } from "./wire";

// A Column is one of the APIs, as page.go describes it.
export interface Column {
  id: string;
  name: string;
  url: string;
  about: string;
  source?: string;
}

// A Table shows rows as they come in. Its parts have their roles in writing, since
// narrow screens stack them, which takes the implied ones away.
export class Table {
  readonly root = element("table", { class: "results", role: "table" });
  private readonly scores = new Map<string, Score>();

  constructor(
    private readonly columns: Column[],
    rows: Row[],
  ) {
    const total = rows.reduce((sum, row) => sum + row.call.expects.length, 0);
    const head = element(
      "tr",
      { role: "row" },
      element(
        "th",
        { role: "columnheader", scope: "col", class: "corner" },
        "Call",
        element("span", {}, "Select one for its details."),
      ),
    );
    for (const column of columns) {
      const score = new Score(column, rows.length, total);
      this.scores.set(column.id, score);
      head.append(score.root);
    }
    this.root.append(
      element("caption", {}, "What the page could read of each call, by API"),
      element("thead", { role: "rowgroup" }, head),
    );
    for (const protocol of new Set(rows.map((row) => row.protocol))) {
      const group = element("tbody", { role: "rowgroup" });
      group.append(
        element(
          "tr",
          { role: "row", class: "protocol" },
          element("th", { role: "rowheader", scope: "rowgroup", colspan: String(columns.length + 1) }, protocol),
        ),
      );
      for (const row of rows.filter((r) => r.protocol === protocol)) {
        group.append(...this.rowElements(row));
      }
      this.root.append(group);
    }
  }

  // fill shows what the page saw of one call in one column.
  fill(row: Row, column: Column, seen: Seen, findings: Finding[]): void {
    const cell = this.cell(row, column);
    cell.replaceChildren(
      element("ul", {}, ...row.call.expects.map((e, i) => findingElement(e, findings[i]!))),
    );
    cell.classList.add(share(findings.filter((f) => f.readable).length, findings.length));
    this.scores.get(column.id)!.add(findings);

    const details = this.detailsCell(row);
    row.call.expects.forEach((_, i) => {
      const { readable, seen } = findings[i]!;
      const where = details.querySelector(`[data-fact="${i}"][data-column="${column.id}"]`)!;
      where.replaceChildren(seen ?? "lost");
      where.className = readable ? "readable" : "lost";
    });
    details
      .querySelector(`[data-fact="names"][data-column="${column.id}"]`)!
      .replaceChildren(readableNames(seen).join(", ") || "none");
  }

  private cell(row: Row, column: Column): HTMLElement {
    return this.root.querySelector(`#${row.id} [data-column="${column.id}"]`)!;
  }

  private detailsCell(row: Row): HTMLElement {
    return this.root.querySelector(`#${row.id}-details`)!;
  }

  private rowElements(row: Row): HTMLElement[] {
    const { call } = row;
    const button = element(
      "button",
      { type: "button", "aria-expanded": "false", "aria-controls": `${row.id}-details` },
      call.title,
    );
    const summary = element(
      "tr",
      { role: "row", class: "call", id: row.id },
      element(
        "th",
        { role: "rowheader", scope: "row" },
        button,
        element("span", { class: "procedure" }, call.procedure, " · ", row.encoding),
        ...(call.sends ? [element("span", { class: "sends" }, "sends ", call.sends)] : []),
      ),
      ...this.columns.map((column) =>
        element("td", { role: "cell", "data-column": column.id, "data-label": column.name }, "…"),
      ),
    );
    const details = this.detailsElement(row);
    button.addEventListener("click", () => {
      details.hidden = !details.hidden;
      button.setAttribute("aria-expanded", String(!details.hidden));
    });
    return [summary, details];
  }

  private detailsElement(row: Row): HTMLElement {
    const { call, protocol, shape } = row;
    const cells = (fact: string) =>
      this.columns.map((column) => element("td", { "data-fact": fact, "data-column": column.id }, "…"));
    const facts = element(
      "table",
      { class: "facts" },
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("th", { scope: "col", colspan: "2" }, "Expected"),
          element("th", { scope: "col" }, "Travels in"),
          ...this.columns.map((column) => element("th", { scope: "col" }, column.name)),
        ),
      ),
      element(
        "tbody",
        {},
        ...call.expects.map((e, i) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, label(e)),
            element("td", {}, e.value),
            element("td", {}, element("code", {}, travels(e, protocol, shape))),
            ...cells(String(i)),
          ),
        ),
        element(
          "tr",
          { class: "names" },
          element("th", { scope: "row" }, "names that the page can list"),
          element("td"),
          element("td"),
          ...cells("names"),
        ),
      ),
    );
    const details = element(
      "tr",
      { role: "row", class: "details", id: `${row.id}-details` },
      element(
        "td",
        { role: "cell", colspan: String(this.columns.length + 1) },
        element("p", {}, call.note),
        element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": call.title }, facts),
      ),
    );
    details.hidden = true;
    return details;
  }
}

function findingElement(e: Expectation, { readable, seen }: Finding): HTMLElement {
  return element(
    "li",
    { class: readable ? "readable" : "lost", title: readable ? e.value : `expected: ${e.value}` },
    element("span", { class: "mark", "aria-hidden": "true" }, readable ? "✓" : "✗"),
    element("span", { class: "label" }, label(e)),
    element("span", { class: "aside" }, readable ? " readable: " : " not readable: "),
    element("span", { class: "value" }, seen ?? "lost"),
  );
}

// A Score is the head of a column: how much of it was readable so far.
class Score {
  readonly root: HTMLElement;
  private readonly count = element("b", {}, "0");
  private readonly wholeCalls = element("span", {}, "0");
  private readonly bar = element("span", { class: "filled" });
  private seen = 0;
  private readable = 0;
  private whole = 0;

  constructor(
    column: Column,
    calls: number,
    private readonly total: number,
  ) {
    this.root = element(
      "th",
      { role: "columnheader", scope: "col", class: "score" },
      element("span", { class: "name" }, column.name),
      element("span", { class: "count" }, this.count, `/${total} readable`),
      element("span", { class: "bar", "aria-hidden": "true" }, this.bar),
      element("span", { class: "about" }, this.wholeCalls, ` of ${calls} calls complete. ${column.about}`),
    );
  }

  add(findings: Finding[]): void {
    const readable = findings.filter((f) => f.readable).length;
    this.seen += findings.length;
    this.readable += readable;
    this.whole += readable === findings.length ? 1 : 0;
    this.count.textContent = String(this.readable);
    this.wholeCalls.textContent = String(this.whole);
    this.root.classList.remove("all", "some", "nothing");
    this.root.classList.add(share(this.readable, this.seen));
    this.bar.style.width = `${(100 * this.readable) / this.total}%`;
  }
}

// share names a part of a whole, for the style sheet.
function share(part: number, whole: number): "all" | "some" | "nothing" {
  return part === whole ? "all" : part > 0 ? "some" : "nothing";
}
