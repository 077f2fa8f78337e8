// The time strip: lanes of numbers over tokens or steps, under one cursor. What there is more of than pixels is drawn as
// the range within each pixel, so that no peak is lost.
//
// lane: {name, height, low, high, series: [{values, color, style, label}]}; style is line, faint, dashed, joined (over gaps), bars, share or
// outside (a tint where the value is above 0).

const GUTTER = 38;
const MARGIN = 10;
const LABEL = 15;
const AXIS = 17;

class Strip {
  constructor({ n, first, label, unit, lanes, heard }) {
    Object.assign(this, {
      n,
      first,
      unit,
      lanes,
      heard,
      from: 0,
      to: n,
      window: null,
      range: null,
      mark: -1,
      at: -1,
      pinned: -1,
    });
    this.base = h("canvas", { class: "base", role: "img", "aria-label": label });
    this.top = h("canvas", { class: "over", "aria-hidden": "true" });
    this.labels = h("div", { class: "lane-labels" });
    this.body = h("div", { class: "strip-body" }, this.base, this.top, this.labels);
    this.told = h("span", { class: "strip-told" });
    const button = (name, sign, work) =>
      h("button", { type: "button", class: "icon", title: name, "aria-label": name, onclick: work }, sign);
    this.clear = button("Clear the selection (Esc)", "×", () => heard.range(null));
    this.clear.hidden = true;
    this.zooms = h(
      "span",
      { class: "strip-zoom" },
      button("Zoom out", "−", () => this.zoom(2)),
      button("Zoom in", "+", () => this.zoom(0.5)),
      button("Show all", "↔", () => this.show(0, this.n)),
    );
    this.head = h("div", { class: "strip-head" }, this.told, this.clear, this.zooms);
    this.element = h("div", { class: "strip" }, this.head, this.body);
    this.draw = inFrame(() => this.paint());
    this.drawTop = inFrame(() => this.paintTop());
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.body);
    this.relabel();
  }

  relabel() {
    let y = 0;
    this.labels.replaceChildren(
      ...this.lanes.map((lane) => {
        const label = h(
          "div",
          { class: "lane-label" },
          h("b", {}, lane.name),
          lane.series
            .filter((one) => one.label)
            .map((one) => h("span", { class: `key ${one.style}` }, h("i", {}), one.label)),
        );
        label.style.top = `${y}px`;
        label
          .querySelectorAll("i")
          .forEach((key, i) => (key.style.color = `var(${lane.series.filter((one) => one.label)[i].color})`));
        lane.top = y + LABEL;
        y = lane.top + lane.height + 3;
        return label;
      }),
    );
    this.height = y + AXIS;
    this.body.style.height = `${this.height}px`;
  }

  x(i) {
    return GUTTER + ((i - this.from) / (this.to - this.from)) * this.width;
  }

  index(x) {
    return clamp(Math.floor(this.from + ((x - GUTTER) / this.width) * (this.to - this.from)), 0, this.n - 1);
  }

  show(from, to, told = true) {
    const span = clamp(to - from, Math.min(8, this.n), this.n);
    this.from = clamp(from, 0, this.n - span);
    this.to = this.from + span;
    this.draw();
    if (told && this.heard.zoomed) this.heard.zoomed(this.from, this.to);
  }

  zoom(factor, around = this.pinned >= 0 ? this.pinned + 0.5 : (this.from + this.to) / 2) {
    const left = (around - this.from) * factor;
    this.show(around - left, around - left + (this.to - this.from) * factor);
  }

  // Bring position i into the part that is shown.
  reach(i) {
    if (i >= this.from && i + 1 <= this.to) return;
    const half = (this.to - this.from) / 2;
    this.show(i - half, i + half);
  }

  listen() {
    let begun = null;
    const place = (event) => event.clientX - this.body.getBoundingClientRect().left;
    this.top.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      begun = place(event);
      this.top.setPointerCapture(event.pointerId);
      if (!this.heard.range) this.heard.pick(this.index(begun));
    });
    this.top.addEventListener("pointermove", (event) => {
      const x = place(event);
      if (begun !== null && !this.heard.range) this.heard.pick(this.index(x));
      else if (begun !== null && Math.abs(x - begun) > 4)
        this.heard.range(this.index(Math.min(x, begun)), this.index(Math.max(x, begun)) + 1);
      this.heard.hover(this.index(x));
    });
    this.top.addEventListener("pointerup", (event) => {
      if (begun !== null && this.heard.range && Math.abs(place(event) - begun) <= 4) this.heard.pick(this.index(begun));
      begun = null;
    });
    this.top.addEventListener("pointercancel", () => (begun = null));
    this.top.addEventListener("pointerleave", () => this.heard.hover(-1));
    this.top.addEventListener("dblclick", () => this.show(0, this.n));
    this.top.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const span = this.to - this.from;
        const along = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
        if (Math.abs(along) > Math.abs(event.deltaY) || event.shiftKey)
          this.show(this.from + (along / this.width) * span, this.to + (along / this.width) * span);
        else this.zoom(Math.exp(clamp(event.deltaY, -200, 200) / 400), this.index(place(event)) + 0.5);
      },
      { passive: false },
    );
  }

  fit(canvas) {
    const scale = devicePixelRatio || 1;
    const width = this.body.clientWidth;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(this.height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(this.height * scale);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${this.height}px`;
    }
    this.width = Math.max(width - GUTTER - MARGIN, 1);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, this.height);
    const style = getComputedStyle(document.documentElement);
    this.color = (name) => style.getPropertyValue(name).trim();
    return pen;
  }

  paint() {
    if (!this.body.clientWidth) return;
    const pen = this.fit(this.base);
    pen.font = "10.5px system-ui, sans-serif";
    for (const lane of this.lanes) {
      pen.strokeStyle = this.color("--line");
      pen.lineWidth = 1;
      pen.beginPath();
      for (const y of [lane.top - 0.5, lane.top + lane.height + 0.5]) {
        pen.moveTo(GUTTER, y);
        pen.lineTo(GUTTER + this.width, y);
      }
      if (lane.height > 20) pen.stroke();
      pen.save();
      pen.beginPath();
      pen.rect(GUTTER, lane.top - 1, this.width, lane.height + 2);
      pen.clip();
      for (const one of lane.series) (this[one.style] || this.curve).call(this, pen, lane, one);
      pen.restore();
      if (lane.height > 20) this.scale(pen, lane);
    }
    this.axis(pen);
    this.zooms.hidden = this.n < 16;
    this.paintTop();
  }

  scale(pen, lane) {
    pen.fillStyle = this.color("--muted");
    pen.textAlign = "right";
    pen.textBaseline = "top";
    pen.fillText(figure(lane.high, 3), GUTTER - 5, lane.top, GUTTER - 7);
    pen.textBaseline = "bottom";
    pen.fillText(figure(lane.low, 3), GUTTER - 5, lane.top + lane.height + 2, GUTTER - 7);
  }

  axis(pen) {
    const y = this.height - AXIS + 4;
    const span = this.to - this.from;
    const rough = span / Math.max(this.width / 90, 1);
    const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
    const step = Math.max(1, [1, 2, 5, 10].find((m) => m * power >= rough) * power);
    pen.fillStyle = this.color("--muted");
    pen.textBaseline = "top";
    for (let i = Math.ceil(this.from / step) * step; i < this.to; i += step) {
      const x = this.x(i + 0.5);
      pen.fillRect(Math.round(x), y - 3, 1, 3);
      pen.textAlign = x < GUTTER + 12 ? "left" : "center";
      if (x < GUTTER + this.width - 12) pen.fillText(String(i + this.first), x, y + 1);
    }
  }

  y(lane, value) {
    return lane.top + lane.height * (1 - (value - lane.low) / (lane.high - lane.low || 1));
  }

  // The least and the greatest value in each pixel, or each value at its own place where there are pixels enough.
  *places(values) {
    const each = (this.to - this.from) / this.width;
    const last = Math.min(this.n, Math.ceil(this.to) + 1);
    if (each <= 1) {
      for (let i = Math.max(0, Math.floor(this.from) - 1); i < last; i++)
        yield [this.x(i + 0.5), values[i], values[i], i];
      return;
    }
    for (let p = 0; p < this.width; p++) {
      let [low, high, where] = [Infinity, -Infinity, -1];
      for (let i = Math.floor(this.from + p * each); i < Math.min(this.n, this.from + (p + 1) * each); i++) {
        if (values[i] < low) low = values[i];
        if (values[i] > high) [high, where] = [values[i], i];
      }
      yield where < 0 ? [GUTTER + p, NaN, NaN, -1] : [GUTTER + p, low, high, where];
    }
  }

  curve(pen, lane, { values, color, style }) {
    if (!values) return;
    pen.strokeStyle = this.color(color);
    const dense = this.to - this.from > this.width;
    pen.globalAlpha = style === "faint" ? (dense ? 0.22 : 0.38) : 1;
    pen.lineWidth = style === "faint" ? 1 : dense ? 1.25 : 1.75;
    pen.lineJoin = pen.lineCap = "round";
    pen.setLineDash(style === "dashed" ? [5, 3] : []);
    pen.beginPath();
    let pending = true;
    const dots = [];
    for (const [x, low, high] of this.places(values)) {
      if (!finite(low)) {
        pending ||= style !== "joined";
        continue;
      }
      if (pending) pen.moveTo(x, this.y(lane, low));
      else pen.lineTo(x, this.y(lane, low));
      if (high !== low) pen.lineTo(x, this.y(lane, high));
      else if (pending) pen.lineTo(x + 0.01, this.y(lane, low));
      if (style === "joined" && this.width > 5 * (this.to - this.from)) dots.push([x, this.y(lane, low)]);
      pending = false;
    }
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    pen.fillStyle = this.color(color);
    for (const [x, y] of dots) pen.fillRect(x - 1.5, y - 1.5, 3, 3);
  }

  bars(pen, lane, { values, colorOf }) {
    const wide = this.width / (this.to - this.from);
    const zero = clamp(this.y(lane, 0), lane.top, lane.top + lane.height);
    for (const [x, low, high, i] of this.places(values)) {
      if (i < 0 || !finite(high)) continue;
      const value = -low > high ? low : high;
      pen.fillStyle = colorOf(i);
      const y = this.y(lane, value);
      const w = wide < 1 ? 1 : Math.max(wide * 0.86, 1);
      pen.fillRect(wide < 1 ? x : x - w / 2, Math.min(y, zero), w, Math.max(Math.abs(zero - y), 1));
    }
  }

  outside(pen, lane, { values, color }) {
    const wide = Math.max(this.width / (this.to - this.from), 1);
    pen.globalAlpha = 0.16;
    pen.fillStyle = this.color(color);
    for (const [x, , high] of this.places(values))
      if (high > 0) pen.fillRect(x - wide / 2, lane.top, wide + 0.5, lane.height);
    pen.globalAlpha = 1;
  }

  // How much of each pixel is 0, upon how much is 1.
  share(pen, lane, { values, colors }) {
    const each = Math.max((this.to - this.from) / this.width, 1);
    const wide = this.width / (this.to - this.from);
    for (let from = Math.floor(this.from); from < this.to; from += each) {
      let [zeros, ones] = [0, 0];
      for (let i = Math.floor(from); i < Math.min(this.n, from + each); i++) {
        if (values[i] === 1) ones += 1;
        else if (values[i] === 0) zeros += 1;
      }
      if (!(zeros + ones)) continue;
      const split = zeros && Math.max((lane.height * zeros) / (zeros + ones), 2);
      const x = this.x(from);
      const w = wide * each + 0.6;
      pen.fillStyle = this.color(colors[1]);
      pen.fillRect(x, lane.top, w, lane.height - split);
      pen.fillStyle = this.color(colors[0]);
      pen.fillRect(x, lane.top + lane.height - split, w, split);
    }
  }

  paintTop() {
    if (!this.body.clientWidth || !this.color) return;
    const pen = this.fit(this.top);
    const bottom = this.height - AXIS;
    const block = (from, to, color, alpha, top, high) => {
      const left = clamp(this.x(from), GUTTER, GUTTER + this.width);
      const right = clamp(this.x(to), GUTTER, GUTTER + this.width);
      pen.globalAlpha = alpha;
      pen.fillStyle = this.color(color);
      pen.fillRect(left, top, right - left, high);
      pen.globalAlpha = 1;
    };
    const line = (i, color, width, dash = []) => {
      if (i < 0 || i + 0.5 < this.from || i + 0.5 > this.to) return;
      pen.strokeStyle = this.color(color);
      pen.lineWidth = width;
      pen.setLineDash(dash);
      pen.beginPath();
      pen.moveTo(this.x(i + 0.5), LABEL - 1);
      pen.lineTo(this.x(i + 0.5), bottom);
      pen.stroke();
      pen.setLineDash([]);
    };
    if (this.window && this.window[1] - this.window[0] < this.n) {
      block(...this.window, "--ink", 0.055, LABEL, bottom - LABEL);
      block(...this.window, "--muted", 0.9, bottom - 1, 2.5);
    }
    if (this.range) block(...this.range, "--accent", 0.2, LABEL, bottom - LABEL);
    line(this.mark, "--warm", 1.5, [4, 3]);
    line(this.pinned, "--accent", 2);
    line(this.at, "--ink", 1);
  }

  // Say what is under the cursor, or of the part that is selected.
  tell(...content) {
    this.told.replaceChildren(...content);
    this.clear.hidden = !this.range;
  }
}

// A running mean over `wide` values around each, of those that are finite.
function smooth(values, wide) {
  const n = values.length;
  const sums = new Float64Array(n + 1);
  const counts = new Uint32Array(n + 1);
  for (let i = 0; i < n; i++) {
    sums[i + 1] = sums[i] + (finite(values[i]) ? values[i] : 0);
    counts[i + 1] = counts[i] + (finite(values[i]) ? 1 : 0);
  }
  return values.map((_, i) => {
    const [from, to] = [Math.max(0, i - (wide >> 1)), Math.min(n, i + (wide >> 1) + 1)];
    return counts[to] > counts[from] ? (sums[to] - sums[from]) / (counts[to] - counts[from]) : NaN;
  });
}

// The ends of a lane that shows these values.
function ends(...several) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of several)
    for (const x of values) if (finite(x)) [low, high] = [Math.min(low, x), Math.max(high, x)];
  if (low > high) return [0, 1];
  const size = Math.max(Math.abs(low), Math.abs(high));
  return high - low <= 1e-3 * size || !size ? [low - (size || 1) / 10, high + (size || 1) / 10] : [low, high];
}
