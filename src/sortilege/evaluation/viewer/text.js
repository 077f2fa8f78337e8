// A text as prose: a span a token, in blocks that end where lines do, so that what is out of sight costs nothing.

const BLOCK = 120;

class TextPane {
  constructor(heard) {
    this.heard = heard;
    this.body = h("div", { class: "text", dir: "auto" });
    this.element = h("div", { class: "pane" }, this.body);
    this.spans = [];
    this.body.addEventListener("pointerover", (event) => this.hovered(event));
    this.body.addEventListener("pointerleave", () => heard.hover(-1));
    this.body.addEventListener("click", (event) => {
      const i = this.placeOf(event.target);
      if (i >= 0 && getSelection().isCollapsed) heard.pick(i);
    });
    this.body.addEventListener("focusin", (event) => {
      const i = this.placeOf(event.target);
      if (i >= 0 && event.target.matches(":focus-visible")) heard.focus(i);
    });
    const seen = inFrame(() => heard.window(this.window()));
    this.element.addEventListener("scroll", seen, { passive: true });
    new ResizeObserver(seen).observe(this.element);
  }

  placeOf(target) {
    const span = target.closest && target.closest(".t");
    return span ? Number(span.dataset.i) : -1;
  }

  hovered(event) {
    if (event.pointerType === "touch") return;
    this.heard.hover(this.placeOf(event.target));
  }

  show(text, label) {
    this.text = text;
    this.levels = new Int8Array(text.n).fill(-1);
    this.kinds = text.texts.map((one, i) => `t${marks(one, i ? text.texts[i - 1] : text.prompt)}`);
    this.states = new Map();
    this.roving = -1;
    this.spans = text.texts.map((one, i) => {
      const span = document.createElement("span");
      span.className = this.kinds[i];
      span.dataset.i = i;
      span.textContent = one;
      return span;
    });
    const blocks = [];
    let block = [];
    text.texts.forEach((one, i) => {
      block.push(this.spans[i]);
      if (block.length >= BLOCK && one.endsWith("\n")) {
        blocks.push(block);
        block = [];
      }
    });
    if (block.length) blocks.push(block);
    const prompt = text.prompt ? h("span", { class: "prompt", title: "the prompt" }, text.prompt) : null;
    this.body.replaceChildren(...blocks.map((some, i) => h("div", { class: "block" }, i === 0 ? prompt : null, some)));
    this.body.setAttribute("role", "group");
    this.body.setAttribute("aria-label", label);
    this.element.scrollTop = 0;
    this.rove(0);
  }

  // Shade every token by a field. What has not changed is not touched.
  shade(field, range) {
    for (let i = 0; i < this.text.n; i++) {
      const level = levelOf(field.values[i], field, range);
      if (level === this.levels[i]) continue;
      this.levels[i] = level;
      this.dress(i);
    }
  }

  dress(i) {
    const level = this.levels[i] < 0 ? "" : ` l${this.levels[i]}`;
    this.spans[i].className = `${this.kinds[i]}${level}${this.states.get(i) || ""}`;
  }

  // The tokens in a state: "at" under the cursor, "pin" pinned, "split" where two texts part.
  mark(states) {
    const touched = new Set([...this.states.keys(), ...Object.values(states)]);
    this.states = new Map();
    for (const [name, i] of Object.entries(states))
      if (i >= 0 && i < this.text.n) this.states.set(i, `${this.states.get(i) || ""} ${name}`);
    for (const i of touched) if (i >= 0 && i < this.text.n) this.dress(i);
  }

  // Dim what is outside [from, to).
  select(range) {
    this.body.classList.toggle("selecting", Boolean(range));
    const [from, to] = range || [0, 0];
    const [old, older] = this.range || [0, 0];
    for (let i = old; i < older; i++) if (i < from || i >= to) this.spans[i].removeAttribute("data-in");
    for (let i = from; i < to; i++) this.spans[i].setAttribute("data-in", "");
    this.range = range;
  }

  // One token at a time is in the order of the Tab key.
  rove(i) {
    if (i === this.roving) return; // else the focus would be lost
    const before = this.spans[this.roving];
    if (before) for (const name of ["tabindex", "role", "aria-pressed"]) before.removeAttribute(name);
    this.roving = i;
    const span = this.spans[i];
    if (!span) return;
    span.tabIndex = 0;
    span.setAttribute("role", "button");
    span.setAttribute("aria-pressed", "false");
  }

  pressed(yes) {
    if (this.spans[this.roving]) this.spans[this.roving].setAttribute("aria-pressed", String(yes));
  }

  // Scroll this pane, and nothing around it, until token i is well in sight.
  reveal(i) {
    const span = this.spans[i];
    if (!span) return;
    // More than once, for the height of what has never been in sight is only guessed.
    for (let again = 0; again < 4; again++) {
      const pane = this.element.getBoundingClientRect();
      const box = span.getBoundingClientRect();
      const margin = Math.min(60, pane.height / 4);
      if (box.top >= pane.top + margin && box.bottom <= pane.bottom - margin) return;
      this.element.scrollTop += (box.top + box.bottom - pane.top - pane.bottom) / 2;
    }
  }

  // The token nearest above or below token i, by where they are on the screen.
  line(i, down) {
    const here = this.spans[i].getClientRects()[0] || this.spans[i].getBoundingClientRect();
    const middle = (here.left + here.right) / 2;
    let [best, least, row] = [i, Infinity, null];
    for (let j = i + (down ? 1 : -1); j >= 0 && j < this.text.n; j += down ? 1 : -1) {
      const boxes = this.spans[j].getClientRects();
      const box = boxes[down ? 0 : boxes.length - 1];
      if (!box || !box.width) continue;
      const away = down ? box.top >= here.bottom - 4 : box.bottom <= here.top + 4;
      if (!away) continue;
      row ??= box.top;
      if (Math.abs(box.top - row) > here.height * 0.6) break;
      const distance = Math.abs((box.left + box.right) / 2 - middle);
      if (distance < least) [best, least] = [j, distance];
    }
    return best;
  }

  // The first token in sight, and the one after the last.
  window() {
    if (!this.spans.length) return null;
    const pane = this.element.getBoundingClientRect();
    const search = (test) => {
      let [low, high] = [0, this.spans.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (test(this.spans[middle].getBoundingClientRect())) high = middle;
        else low = middle + 1;
      }
      return low;
    };
    const from = search((box) => box.bottom > pane.top + 8);
    return [
      from,
      Math.max(
        from + 1,
        search((box) => box.top > pane.bottom - 8),
      ),
    ];
  }
}
