// The replay of a canvas: what is on it after any number of steps, and a pane that shows it.

const MASK = -1;
const GONE = -2;

// One text of a trace of steps.
function unpackSteps(trace, request) {
  // A trace records the steps that changed something; here there is every step, so that time is what it was.
  const n = request.step[request.n - 1] + 1;
  const records = new Int32Array(n).fill(-1);
  request.step.forEach((step, record) => (records[step] = record));
  // The values of the records at their steps; at others what was there `before`, or nothing.
  const every = (packed, before) => {
    const values = numbers(packed, request.n);
    let now = before;
    return Float64Array.from(records, (record) => {
      if (record >= 0) now = values[record];
      return record >= 0 || before !== undefined ? now : NaN;
    });
  };
  const named = (columns) => Object.fromEntries(Object.entries(columns).map(([name, packed]) => [name, every(packed)]));
  const found = {
    ...request,
    n,
    records,
    bounds: trace.bounds,
    slots: request.canvas.length,
    times: every(request.time),
    masksLeft: every(request.masks_left, request.canvas.filter((place) => place === MASK).length),
    lengths: every(request.length, request.canvas.length),
    seconds: every(request.seconds),
    ends: offsets(request.revealed.counts, request.n),
    edits: offsets(request.edited.counts, request.n),
    substitutions: offsets(request.substituted.counts, request.n),
    values: named(request.values),
    valuesBefore: named(request.values_before),
    distances: named(request.distances),
    textOf: (place) => (place < 0 ? "" : trace.texts[place]),
    idOf: (place) => trace.ids[place],
  };
  found.last = stateAt(found, n);
  found.history = historyOf(found);
  return found;
}

// What happened at a step, counted from 0, in the order in which it did.
function eventsOf(text, step) {
  const record = text.records[step];
  const found = { masked: [], revealed: [], edited: [], substituted: [] };
  if (record < 0) return found;
  found.masked = text.masked[record];
  for (let i = text.ends[record]; i < text.ends[record + 1]; i++)
    found.revealed.push({
      slot: text.revealed.slots[i],
      place: text.revealed.tokens[i],
      logProb: number(text.revealed.log_prob[i]),
      entropy: number(text.revealed.entropy[i]),
    });
  const changes = ({ slots, before, tokens }, ends) => {
    const some = [];
    for (let i = ends[record]; i < ends[record + 1]; i++)
      some.push({ slot: slots[i], before: before[i], place: tokens[i] });
    return some;
  };
  found.edited = changes(text.edited, text.edits);
  found.substituted = changes(text.substituted, text.substitutions);
  return found;
}

// The canvas after `steps` steps, and of each slot the step that last wrote it and what the model thought of that.
function stateAt(text, steps) {
  const blank = () => new Float64Array(text.slots).fill(NaN);
  const state = {
    canvas: Int32Array.from(text.canvas),
    revealedAt: blank(),
    logProb: blank(),
    entropy: blank(),
    news: new Map(),
  };
  for (let step = 0; step < steps; step++) {
    const { masked, revealed, edited, substituted } = eventsOf(text, step);
    const news = new Map();
    const drawn = new Map(substituted.map((one) => [one.slot, one.before]));
    for (const one of edited) {
      news.set(one.slot, { kind: "edited", before: one.before });
      state.canvas[one.slot] = one.place;
      state.revealedAt[one.slot] = step + 1;
      state.logProb[one.slot] = state.entropy[one.slot] = NaN;
    }
    for (const one of revealed) {
      const swapped = drawn.has(one.slot);
      news.set(one.slot, { kind: swapped ? "fresh substituted" : "fresh", before: swapped ? drawn.get(one.slot) : null });
      state.canvas[one.slot] = one.place;
      state.revealedAt[one.slot] = step + 1;
      state.logProb[one.slot] = one.logProb;
      state.entropy[one.slot] = one.entropy;
    }
    for (const slot of masked) {
      news.set(slot, { kind: "masked", before: state.canvas[slot] });
      state.canvas[slot] = MASK;
      state.revealedAt[slot] = state.logProb[slot] = state.entropy[slot] = NaN;
    }
    for (let slot = text.lengths[step]; slot < text.slots; slot++) state.canvas[slot] = GONE;
    state.news = news;
  }
  return state;
}

// Of each slot, all that happened to it.
function historyOf(text) {
  const found = Array.from({ length: text.slots }, () => []);
  for (let step = 0; step < text.n; step++) {
    const { masked, revealed, edited, substituted } = eventsOf(text, step);
    for (const one of substituted) found[one.slot].push({ step, kind: "substituted", ...one });
    for (const one of edited) found[one.slot].push({ step, kind: "edited", ...one });
    for (const one of revealed) found[one.slot].push({ step, kind: "revealed", ...one });
    for (const slot of masked) found[slot].push({ step, kind: "masked" });
  }
  return found;
}

class CanvasPane {
  constructor(heard) {
    this.heard = heard;
    this.body = h("div", { class: "text", dir: "auto" });
    this.element = h("div", { class: "pane", tabindex: "0", role: "region", "aria-label": "Canvas" }, this.body);
    const placeOf = (event) => {
      const span = event.target.closest && event.target.closest(".t");
      return span ? Number(span.dataset.i) : -1;
    };
    this.body.addEventListener("pointerover", (event) => event.pointerType !== "touch" && heard.hover(placeOf(event)));
    this.body.addEventListener("pointerleave", () => heard.hover(-1));
    this.body.addEventListener(
      "click",
      (event) => placeOf(event) >= 0 && getSelection().isCollapsed && heard.pick(placeOf(event)),
    );
  }

  show(text) {
    this.text = text;
    this.known = new Array(text.slots).fill(null);
    this.spans = Array.from({ length: text.slots }, (_, i) => h("span", { class: "t", "data-i": i }));
    this.body.replaceChildren(...this.spans);
  }

  // A masked slot has the width of what will be written there, so that the text stays where it is.
  paint(state, field, range, marked) {
    const { text } = this;
    for (let i = 0; i < text.slots; i++) {
      const place = state.canvas[i];
      const shown = text.textOf(place);
      const news = state.news.get(i);
      const level = place < 0 ? -1 : levelOf(field.values[i], field, range);
      let names = `t${marks(shown, "x")}${level < 0 ? "" : ` l${level}`}`;
      if (place === MASK) names += " mask";
      else if (place === GONE) names += " gone";
      else if (text.canvas[i] !== MASK) names += " prompt";
      if (news) names += ` ${news.kind}`;
      if (i === marked.pin) names += " pin";
      if (i === marked.at) names += " at";
      const before = news && news.before !== null ? visible(text.textOf(news.before)) : "";
      const key = `${names}|${place}|${before}`;
      if (key === this.known[i]) continue;
      this.known[i] = key;
      const span = this.spans[i];
      span.className = names;
      if (span.textContent !== shown) span.textContent = shown;
      if (place === MASK) span.dataset.hold = text.textOf(text.last.canvas[i]).replace(/\S/gu, "·") || "·";
      if (before) span.dataset.before = before.replace("␣", "");
      else delete span.dataset.before;
    }
  }
}
