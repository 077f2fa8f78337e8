// The page starts: its data are read, its parts built, and its keys heard.

function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const turn = themed(() => page.recolor());
  const page = makePage(data);
  const help = helpOn(page.keys);
  const button = (name, sign, work) =>
    h("button", { type: "button", class: "icon", title: name, "aria-label": name, onclick: work }, sign);
  document.body.append(
    h(
      "header",
      { class: "bar" },
      h(
        "h1",
        {},
        h("span", { class: "brand" }, "sortilege"),
        " ",
        h("span", { class: "title", dir: "auto" }, data.title),
      ),
      h("div", { class: "tools", role: "toolbar", "aria-label": "What is shown" }, page.tools()),
      h(
        "div",
        { class: "corner" },
        button("Light or dark (t)", "◐", turn),
        button("Keys (?)", "?", () => help.showModal()),
      ),
    ),
    h("main", {}, page.main()),
    help,
  );
  document.body.classList.add(data.kind, data.traces.length > 1 ? "two" : "one");
  page.start();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const inField = event.target.matches("select, input:not([type=checkbox]):not([type=range])");
    if (inField) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.target.matches("button, summary, input") && (event.key === " " || event.key === "Enter")) return;
    if (event.key === "t") turn();
    else if (event.key === "?") help.showModal();
    else if (!page.keyed(event)) return;
    event.preventDefault();
  });
}

function helpOn(keys) {
  const dialog = h(
    "dialog",
    { class: "help", "aria-label": "Keys" },
    h("form", { method: "dialog" }, h("h2", {}, "Keys"), h("button", { class: "icon", "aria-label": "Close" }, "×")),
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        keys.map(([key, meaning]) =>
          h(
            "tr",
            {},
            h(
              "th",
              { scope: "row" },
              key.split(/,? /).map((one, i) => [i ? " " : "", h("kbd", {}, one)]),
            ),
            h("td", {}, meaning),
          ),
        ),
      ),
    ),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}

start();
