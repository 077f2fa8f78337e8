// Shades behind text, in OKLCH: even steps of lightness, so that their order survives in grey, and hues that say the rest.

const LEVELS = 17;

function oklch(L, C, hue) {
  const inside = (rgb) => rgb.every((x) => x > -0.0005 && x < 1.0005);
  let rgb = linear(L, C, hue);
  for (let c = C; !inside(rgb) && c > 0; c -= 0.004) rgb = linear(L, c, hue);
  const byte = (x) => {
    const y = clamp(x, 0, 1);
    return Math.round(255 * (y <= 0.0031308 ? 12.92 * y : 1.055 * y ** (1 / 2.4) - 0.055));
  };
  return `#${rgb.map((x) => byte(x).toString(16).padStart(2, "0")).join("")}`;
}

function linear(L, C, hue) {
  const a = C * Math.cos((hue * Math.PI) / 180);
  const b = C * Math.sin((hue * Math.PI) / 180);
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

// Dark text on light shades and light text on dark ones: the tests hold every shade to a contrast of 4.5.
function shades(kind, dark) {
  const at = (t) =>
    dark
      ? oklch(0.225 + 0.265 * t, 0.01 + 0.165 * t ** 1.4, 270 + 112 * t)
      : oklch(0.985 - 0.265 * t, 0.004 + 0.16 * t ** 1.7, 280 + 110 * t);
  const side = (t, hue) =>
    dark ? oklch(0.235 + 0.255 * t, 0.008 + 0.13 * t, hue) : oklch(0.985 - 0.26 * t, 0.004 + 0.13 * t, hue);
  const found = [];
  for (let i = 0; i < LEVELS; i++) {
    const t = i / (LEVELS - 1);
    if (kind === "signed") found.push(t < 0.5 ? side(1 - 2 * t, 250) : side(2 * t - 1, 48));
    else if (kind === "yes") found.push(t < 0.5 ? side(0.85, 55) : side(dark ? 0.3 : 0.17, 195));
    else found.push(at(t));
  }
  return found;
}

// The stronger twin of a shade, for bars that have no text on them.
function bold(kind, level, dark) {
  const t = level / (LEVELS - 1);
  if (kind === "yes") return t < 0.5 ? oklch(0.68, 0.16, 55) : oklch(0.7, 0.05, 195);
  if (kind === "signed") return oklch(dark ? 0.7 : 0.62, 0.04 + 0.26 * Math.abs(t - 0.5), t < 0.5 ? 250 : 48);
  return dark
    ? oklch(0.5 + 0.22 * t, 0.05 + 0.15 * t, 265 + 115 * t)
    : oklch(0.76 - 0.18 * t, 0.06 + 0.15 * t, 275 + 115 * t);
}

// Which shade a value has. field: {kind, log}; range: [low, high] in the field's unit.
function levelOf(value, field, [low, high]) {
  if (!finite(value)) return -1;
  if (field.kind === "yes") return value ? LEVELS - 1 : 0;
  let t;
  if (field.log) t = (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low));
  else t = (value - low) / (high - low);
  if (!(high > low)) t = field.kind === "signed" ? 0.5 : 0;
  return clamp(Math.round(t * (LEVELS - 1)), 0, LEVELS - 1);
}

// The range that the shades span. robust: what lies between the 5th and the 95th percentile.
function rangeOf(fields, robust) {
  const field = fields[0];
  if (field.kind === "yes") return [0, 1];
  const values = [];
  for (const { values: some } of fields) for (const x of some) if (finite(x) && !(field.log && x <= 0)) values.push(x);
  if (!values.length) return [0, 0];
  values.sort((a, b) => a - b);
  const at = (q) => values[Math.round(q * (values.length - 1))];
  let [low, high] = robust ? [at(0.05), at(0.95)] : [at(0), at(1)];
  if (low === high) [low, high] = [at(0), at(1)];
  if (field.kind !== "signed") return [low, high];
  const most = Math.max(Math.abs(low), Math.abs(high));
  return [-most, most];
}
