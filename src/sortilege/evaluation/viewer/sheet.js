// What the pages of both kinds of trace have: a column a trace, with head, pane and strip; details beside them; keys.

class Sheet {
  constructor(data, keys) {
    Object.assign(this, { keys, at: -1, pin: -1, active: 0, several: data.traces.length > 1 });
    this.columns = data.traces.map((trace, c) => this.column(trace, c));
    this.legend = new Legend();
    this.live = h("p", { class: "sr", "aria-live": "polite" });
    this.lists = h("div", { class: "lists" });
    const toggle = () => document.body.classList.toggle("open");
    this.details = h("button", { type: "button", class: "details", onclick: toggle }, "details");
    const close = h("button", { type: "button", class: "icon close", "aria-label": "Close", onclick: toggle }, "×");
    const inspectors = this.columns.map((column) => column.inspector.element);
    this.aside = h(
      "aside",
      { "aria-label": "Details" },
      close,
      h("div", { class: "inspectors" }, inspectors),
      this.lists,
    );
    this.update = inFrame(() => this.paint());
  }

  column(trace, c) {
    const letter = this.several ? "AB"[c] : "";
    const column = { trace, c, letter, texts: [], stats: h("dl", { class: "stats" }) };
    column.pane = this.paneOf(column);
    column.inspector = this.inspectorOf(column);
    column.choose = h(
      "select",
      { "aria-label": `Text${letter && ` of ${letter}`}`, onchange: () => this.read(c, Number(column.choose.value)) },
      trace.requests.map(({ seed }, r) =>
        h("option", { value: r }, `text ${r + 1} of ${trace.requests.length}, seed ${seed}`),
      ),
    );
    column.choose.hidden = trace.requests.length < 2;
    column.place = h("div", { class: "strip-place" });
    column.element = h(
      "section",
      { class: "column", "aria-label": letter ? `Trace ${letter}` : "Trace" },
      h("header", { class: "column-head" }, heading(trace, letter, column.choose), column.stats),
      column.pane.element,
      column.place,
    );
    return column;
  }

  main() {
    const columns = this.columns.map((column) => column.element);
    return [h("div", { class: "columns" }, columns), this.aside, this.live];
  }

  // Go to the texts before or after.
  turn(by) {
    for (const { c, r, trace } of this.columns) if (trace.requests[r + by]) this.read(c, r + by);
  }

  // Do what a key means, here or on either kind of page; returns whether it means something.
  held(keys, key) {
    const zoom = (factor) => this.columns[0].strip.zoom(factor);
    const all = {
      ...keys,
      "/": () => this.select.focus(),
      f: () => this.select.focus(),
      "[": () => this.turn(-1),
      "]": () => this.turn(1),
      "+": () => zoom(0.5),
      "=": () => zoom(0.5),
      "-": () => zoom(2),
      0: () => this.columns[0].strip.show(0, Infinity),
    };
    if (!all[key]) return false;
    all[key]();
    return true;
  }
}
