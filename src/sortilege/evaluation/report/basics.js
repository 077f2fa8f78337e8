// Drawings, numbers and colours.

const SVG = "http://www.w3.org/2000/svg";

function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const known = (x) => typeof x === "number" && Number.isFinite(x);
const minus = (text) => text.replace("-", "−");

// Digits that tell the values of a metric apart.
const DIGITS = { tokens_per_second: 0, length: 1, longest_repeat: 1, perplexity: 2, judge_perplexity: 2, temperature: 2 };
const fixed = (x, metric) => (known(x) ? minus(x.toFixed(DIGITS[metric] ?? 3)) : "–");
const signed = (x, metric) => {
  const shown = fixed(x, metric);
  return /^[−]?0(\.0*)?$/.test(shown) ? shown.replace("−", "") : known(x) && x > 0 ? `+${shown}` : shown;
};

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dotOf = (method) => `var(--c${DATA.methods.findIndex((one) => one.label === method) % 8})`;
const colorOf = (method) => color(`--c${DATA.methods.findIndex((one) => one.label === method) % 8}`);
const atLevel = (level) => (level === null ? "" : `@ ${level}`);
const levelName = (level) => (level === null ? "as it is" : `level ${level}`);
const DATA = JSON.parse(document.getElementById("data").textContent);
