// Numbers and texts.

const NBSP = "\u00a0";
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const finite = Number.isFinite;

function thousands(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

// A number in at most `digits` significant digits, as people write it.
function figure(x, digits = 4) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!finite(x)) return x < 0 ? "−∞" : "∞";
  if (Number.isInteger(x)) return (x < 0 ? "−" : "") + thousands(Math.abs(x));
  const size = Math.abs(x);
  const shown =
    size >= 1e6 || size < 1e-4
      ? x.toExponential(Math.min(digits, 3) - 1).replace("e+", "e")
      : String(Number(x.toPrecision(digits)));
  return shown.replaceAll("-", "−");
}

const nats = (x) =>
  finite(x)
    ? x
        .toFixed(2)
        .replace("-", "−")
        .replace(/^−(0\.00)$/, "$1")
    : figure(x);

function percent(logProb) {
  if (!finite(logProb)) return "0";
  const p = 100 * Math.exp(logProb);
  if (p >= 99.95 && logProb < 0) return p >= 99.995 ? "~100%" : `${p.toFixed(2)}%`;
  if (p >= 10) return `${p.toFixed(1)}%`;
  if (p >= 0.095) return `${p.toFixed(2)}%`;
  if (p >= 0.00095) return `${Number(p.toPrecision(2))}%`;
  return p >= 0.00001 ? `${p.toFixed(5).replace(/0+$/, "")}%` : `${p.toExponential(0).replace("-", "−")}%`;
}

const SIGNS = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍", "\u00a0": "⍽", "\u007f": "␡" };

// A token's text with all that cannot be seen made visible.
function visible(text) {
  if (text === "") return "∅";
  return text.replace(
    /[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\ud800-\udfff]/gu,
    (c) => {
      if (SIGNS[c]) return SIGNS[c];
      const code = c.codePointAt(0);
      if (code < 0x20) return String.fromCharCode(0x2400 + code);
      return `⟨${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
    },
  );
}

// The classes of a token's element that its text, after that of the token before, calls for.
function marks(text, before) {
  let names = "";
  if (/[ \n]{2}|\t|^ $/.test(text) || (text.startsWith(" ") && (before === "" || /\s$/.test(before)))) names += " pre";
  if (text.includes("\n")) names += " nl";
  if (text === "") names += " empty";
  if (text.includes("\ufffd")) names += " part";
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)) names += " ctl";
  if (/[\u202a-\u202e\u2066-\u2069]/.test(text)) names += " bidi"; // else it would turn around all that follows
  return names;
}

// plain: whether a space before a word is left as it is.
function tokenName(text, more = "", plain = false) {
  const shown = plain && /^ \S/.test(text) ? ` ${visible(text.slice(1))}` : visible(text);
  const parts = shown.split(/([␣↵⇥∅]+)/);
  return h(
    "bdi",
    { class: `tok ${more}`, dir: "auto" },
    parts.map((part, i) => (i % 2 ? h("span", { class: "sign" }, part) : part)),
  );
}

// Run `work` once before the next frame, however often it is asked for.
function inFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}
