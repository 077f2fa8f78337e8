// The page of a trace of steps: canvases that are played back together, their strips, and what happened at each step.

const KEYS = [
  ["Space", "play or pause"],
  ["← →, h l", "the step before, the one after"],
  ["Home, End", "the empty canvas, the finished one"],
  ["n, p", "the next and the previous change by a search"],
  ["click", "pin a slot; again to unpin"],
  ["Esc", "unpin"],
  ["/, f", "choose what the slots are shaded by"],
  ["[, ]", "the text before, the text after"],
  ["+, −, 0", "zoom the strip; all of it"],
  ["t", "light or dark"],
  ["?", "these keys"],
];

class StepPage extends Sheet {
  constructor(data) {
    super(data, KEYS);
    Object.assign(this, { steps: 0, key: "step", playing: false });
    this.select = h("select", {
      id: "field",
      onchange: () => {
        this.key = this.select.value;
        this.shade();
      },
    });
    this.play = h(
      "button",
      {
        type: "button",
        class: "icon play",
        "aria-label": "Play",
        title: "Play or pause (Space)",
        onclick: () => this.run(!this.playing),
      },
      "▶",
    );
    this.slider = h("input", {
      type: "range",
      id: "step",
      min: 0,
      step: 1,
      value: 0,
      "aria-label": "Step",
      oninput: () => {
        this.run(false);
        this.seek(Number(this.slider.value));
      },
    });
    this.count = h("output", { class: "count", for: "step" });
    this.speed = h(
      "select",
      { id: "speed", "aria-label": "Speed", onchange: () => this.playing && this.run(true) },
      [0.25, 0.5, 1, 2, 4].map((x) => h("option", { value: x, selected: x === 1 }, `${x}×`)),
    );
  }

  paneOf({ c }) {
    return new CanvasPane({
      hover: (i) => this.hover(c, i),
      pick: (i) => {
        this.active = c;
        this.pin = i === this.pin ? -1 : i;
        if (this.pin >= 0) document.body.classList.add("open");
        this.update();
      },
    });
  }

  inspectorOf({ letter }) {
    return new Happened(letter, (steps) => this.seek(steps));
  }

  tools() {
    return [
      h("div", { class: "transport" }, this.play, this.slider, this.count, this.speed),
      h("label", { for: "field" }, "shade by"),
      this.select,
      this.legend.element,
      this.details,
    ];
  }

  start() {
    for (const column of this.columns) this.read(column.c, 0, false);
    this.arrange();
  }

  get most() {
    return Math.max(...this.columns.map((column) => column.text.n));
  }

  read(c, r, all = true) {
    const column = this.columns[c];
    const text = (column.texts[r] ??= unpackSteps(column.trace, column.trace.requests[r]));
    Object.assign(column, { text, r });
    column.choose.value = r;
    column.pane.show(text);
    column.stats.replaceChildren(...stepStatistics(text));
    if (all) this.arrange();
  }

  arrange() {
    this.run(false);
    this.pin = this.at = -1;
    this.slider.max = this.most;
    this.lists.replaceChildren(
      ...this.columns.map((column) => changeList(column.text, column.letter, (steps) => this.seek(steps))),
    );
    for (const column of this.columns) {
      column.strip = new Strip({
        n: this.most + 1,
        first: 0,
        label: `Masks left and measured properties over ${column.text.n} steps`,
        lanes: stepLanes(this.columns, column),
        heard: {
          hover: () => {},
          pick: (steps) => {
            this.run(false);
            this.seek(steps);
          },
          zoomed: (from, to) => this.columns.forEach((other) => other !== column && other.strip.show(from, to, false)),
        },
      });
      column.place.replaceChildren(column.strip.element);
    }
    this.select.replaceChildren(...selectOf(slotFieldsOf(this.columns[0].text.last), this.key));
    this.shade();
    this.seek(this.most);
  }

  shade() {
    for (const column of this.columns)
      column.field = slotFieldsOf(column.text.last).find((field) => field.key === this.key);
    const fields = this.columns.map((column) => column.field);
    this.spans = this.key === "step" ? [1, this.most] : rangeOf(fields, false);
    useShades("plain");
    this.legend.show(fields, this.spans, false);
    this.update();
  }

  recolor() {
    useShades("plain");
    for (const column of this.columns) column.strip.draw();
  }

  hover(c, i) {
    if (i === this.at && c === this.active) return;
    this.active = i >= 0 ? c : this.active;
    this.at = i;
    this.update();
  }

  seek(steps) {
    this.steps = clamp(steps, 0, this.most);
    this.update();
  }

  run(yes) {
    clearInterval(this.timer);
    this.playing = yes;
    this.play.textContent = yes ? "❚❚" : "▶";
    this.play.setAttribute("aria-label", yes ? "Pause" : "Play");
    if (!yes) return;
    if (this.steps >= this.most) this.seek(0);
    // All of it in about ten seconds, with no step shorter than a frame or longer than half a second.
    const wait = clamp(10000 / this.most, 16, 500) / Number(this.speed.value);
    this.timer = setInterval(() => {
      if (this.steps >= this.most) this.run(false);
      else this.seek(this.steps + 1);
    }, wait);
  }

  paint() {
    const slot = this.at >= 0 ? this.at : this.pin;
    this.slider.value = this.steps;
    this.count.textContent = `step ${this.steps} of ${this.most}`;
    if (!this.playing)
      this.live.textContent = this.columns
        .map(
          ({ letter, text }) =>
            `${letter} step ${Math.min(this.steps, text.n)}, ${this.steps ? text.masksLeft[Math.min(this.steps, text.n) - 1] : "all"} masks left`,
        )
        .join("; ");
    for (const column of this.columns) {
      const { text, pane, strip, inspector } = column;
      const steps = Math.min(this.steps, text.n);
      const state = stateAt(text, steps);
      const field = slotFieldsOf(state).find((one) => one.key === this.key);
      pane.paint(state, field, this.spans, { at: this.at, pin: this.pin });
      const here = slot >= 0 && slot < text.slots ? slot : -1;
      inspector.show(text, steps, here, here === this.pin && this.at < 0);
      strip.pinned = steps;
      strip.drawTop();
      strip.tell(...this.told(text, steps));
    }
    this.lists
      .querySelectorAll("[data-step]")
      .forEach((one) => one.toggleAttribute("data-now", Number(one.dataset.step) === this.steps));
  }

  told(text, steps) {
    const value = (name, content) => [" ", h("span", {}, name, " ", h("b", {}, content))];
    const masks = steps ? text.masksLeft[steps - 1] : text.canvas.filter((place) => place === MASK).length;
    const values = steps
      ? Object.entries(text.values).flatMap(([name, some]) =>
          finite(some[steps - 1]) ? value(name, figure(some[steps - 1], 3)) : [],
        )
      : [];
    return [h("b", {}, steps ? `step ${steps}` : "start"), ...value("masks left", thousands(masks)), ...values];
  }

  // Returns whether the key meant something.
  keyed(event) {
    const go = (by) => {
      this.run(false);
      let to = this.steps + by;
      while (to > 0 && to < this.most && !this.columns.some(({ text }) => text.records[to - 1] >= 0)) to += by;
      this.seek(to);
    };
    const changed = (forward) => {
      const found = [
        ...new Set([...this.lists.querySelectorAll("[data-step]")].map((one) => Number(one.dataset.step))),
      ].sort((a, b) => (forward ? a - b : b - a));
      const to = found.find((step) => (forward ? step > this.steps : step < this.steps));
      if (to !== undefined) {
        this.run(false);
        this.seek(to);
      }
    };
    const held = {
      " ": () => this.run(!this.playing),
      ArrowLeft: () => go(-1),
      h: () => go(-1),
      ArrowRight: () => go(1),
      l: () => go(1),
      Home: () => go(-Infinity),
      End: () => go(Infinity),
      n: () => changed(true),
      p: () => changed(false),
      Escape: () => {
        this.pin = -1;
        document.body.classList.remove("open");
        this.update();
      },
    };
    return this.held(held, event.key);
  }
}

function stepStatistics(text) {
  const written = text.canvas.filter((place) => place === MASK).length;
  const surprisal = -mean(text.last.logProb);
  const rows = [
    ["slots", `${text.slots}, ${written} to write`, "slots of the canvas, and how many were masked"],
    [
      "steps",
      `${thousands(text.n)}, ${thousands(text.step.length)} with changes`,
      "steps, and how many of them changed the canvas",
    ],
    ["substituted", thousands(text.substituted.slots.length), "tokens that a search put into predicted texts"],
    text.edited.slots.length
      ? ["edits", thousands(text.edited.slots.length), "revealed tokens that a search replaced"]
      : null,
    text.masked.some((some) => some.length)
      ? [
          "masked again",
          thousands(text.masked.reduce((sum, some) => sum + some.length, 0)),
          "revealed tokens that were masked again",
        ]
      : null,
    finite(surprisal) ? ["nll", nats(surprisal), "mean surprisal of the tokens when they were revealed, nats"] : null,
    ["seed", String(text.seed), "the seed it was drawn with"],
  ];
  return rows
    .filter(Boolean)
    .map(([name, value, meaning]) =>
      h("div", { title: meaning }, h("dt", {}, name), h("dd", { "data-stat": name }, value)),
    );
}

const makePage = (data) => new StepPage(data);
