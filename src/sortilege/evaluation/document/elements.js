// Elements and the theme. Text from a file only ever becomes a text node or the value of an attribute.

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

// Light or dark as the system is, until one is chosen. `paint` is run after each change; returned is what chooses the
// other one.
function themed(paint) {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = false;
  const set = (name) => (root.dataset.theme = name);
  const follow = () => set(dark.matches ? "dark" : "light");
  follow();
  dark.addEventListener("change", () => {
    if (chosen) return;
    follow();
    paint();
  });
  return () => {
    chosen = true;
    set(root.dataset.theme === "dark" ? "light" : "dark");
    paint();
  };
}
