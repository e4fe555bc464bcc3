"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- filter: what a form says decides over rows, articles and boxes of the graph alike
const form = document.getElementById("filter");
const articles = all("article[data-claim]");
const words = new Map(articles.map((a) => [a, all("[data-find]", a).map((e) => e.textContent).join(" ").toLowerCase()]));
function filter() {
  const wanted = Object.fromEntries(new FormData(form));
  const text = wanted.text.trim().toLowerCase();
  const fits = (a) =>
    (!wanted.paper || a.dataset.paper === wanted.paper) &&
    (!wanted.verdict || a.dataset.verdict === wanted.verdict) &&
    (!wanted.status || a.dataset.status.split(" ").includes(wanted.status)) &&
    text.split(/\s+/).every((word) => words.get(a).includes(word));
  const shown = new Set(articles.filter(fits).map((a) => a.dataset.claim));
  for (const e of all("article[data-claim], tr[data-claim]")) e.hidden = !shown.has(e.dataset.claim);
  for (const e of all("svg [data-claim]")) e.classList.toggle("dim", !shown.has(e.dataset.claim));
  form.querySelector("output").textContent = `${shown.size} of ${articles.length} claims`;
}
form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
filter(); // a browser may have kept what was typed before
function unhide() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.hidden) {
    form.reset();
    setTimeout(() => target.scrollIntoView());
  }
}
addEventListener("hashchange", unhide);

// ---- sort: a button in every heading; numbers by the first number of a cell, those without one last
const key = (row, k) => row.cells[k].textContent.replace(/^(strain|resolution) /, "");
const first = (text) => parseFloat((text.match(/-?\d[\d.]*(e[-+]?\d+)?/) || [NaN])[0]);
for (const table of all("table.sort")) {
  all("thead th", table).forEach((th, k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...th.childNodes);
    th.append(button);
    button.addEventListener("click", () => {
      const up = th.getAttribute("aria-sort") !== "ascending";
      all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numeric = /measured|predicted|strain|resolution|draws/.test(th.textContent);
      const value = (row) => (numeric ? first(key(row, k)) : key(row, k));
      const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
      rows.sort(([a], [b]) => {
        if (!numeric) return up ? a.localeCompare(b) : b.localeCompare(a);
        if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
        return up ? a - b : b - a;
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

// ---- copy and unfold
for (const pre of all("pre.copy")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  pre.before(button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "Selected: press Ctrl-C";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}
const unfold = document.getElementById("unfold");
unfold.hidden = false;
unfold.addEventListener("click", () => {
  const parts = all("details.part");
  const open = !parts.every((part) => part.open);
  parts.forEach((part) => (part.open = open));
  unfold.textContent = open ? "Fold all parts" : "Unfold all parts";
});
