// Which page an address means, and what stands around the pages.

const PAGES = new Map([
  ["", overview], ["paths", paths], ["path", pathPage], ["recommendations", recommendations], ["type", typePage], ["finding", findingPage],
  ["machines", machines], ["machine", machinePage], ["secrets", secrets], ["secret", secretPage], ["resource", resourcePage],
  ["coverage", coveragePage], ["changes", changes], ["search", searchPage],
]);
const NAV = [
  ["", "Overview", "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z", [""]],
  ["paths", "Attack paths", "M5 18a2 2 0 1 0 0 .1M19 6a2 2 0 1 0 0 .1M7 18h6a3 3 0 0 0 0-6h-2a3 3 0 0 1 0-6h6", ["paths", "path", "resource"]],
  ["recommendations", "Recommendations", "M4 6l2 2 3-3M4 13l2 2 3-3M12 7h8M12 14h8M12 20h8", ["recommendations", "type", "finding"]],
  ["machines", "Machines", "M4 5h16v6H4zM4 13h16v6H4zM7 8h.1M7 16h.1", ["machines", "machine"]],
  ["secrets", "Secrets and keys", "M7.500 8a4 4 0 1 0 .1 0M11.500 12h9M17 12v4M20.500 12v3", ["secrets", "secret"]],
  ["coverage", "Coverage", "M12 3a9 9 0 1 0 9 9h-9z", ["coverage"]],
  ["changes", "Changes", "M4 8h13l-3-3M20 16H7l3 3", ["changes"]],
];

function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { page: parts[0] || "", rest: parts.slice(1), name: path, params: new URLSearchParams(query || "") };
}

const main = document.getElementById("main");
const searchBox = document.getElementById("search");
let before = null;

function show() {
  if (location.hash === "#main") {
    main.focus();
    return;
  }
  const route = parse(location.hash);
  const make = PAGES.get(route.page);
  GRIDS.clear();
  main.replaceChildren(...(make ? make(route) : missing("page", route.page)).flat().filter(Boolean));
  for (const grid of GRIDS) grid.draw(true);
  for (const item of document.querySelectorAll("#nav a")) {
    if (item.dataset.pages.split(" ").includes(route.page)) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  const title = main.querySelector("h1");
  document.title = (title ? title.textContent + " · " : "") + "snapsift";
  if (route.page !== "search") searchBox.value = "";
  else if (document.activeElement !== searchBox) searchBox.value = route.params.get("q") || "";
  // Another page is read from its top; another tab of the same is not.
  if (before !== null && before !== route.name) {
    window.scrollTo(0, 0);
    if (title && document.activeElement !== searchBox) title.focus({ preventScroll: true });
  }
  before = route.name;
}

const THEMES = ["auto", "light", "dark"];
function remembered() {
  try {
    return localStorage.getItem("snapsift-theme");
  } catch {
    return null;
  }
}
function theme(name) {
  const known = THEMES.includes(name) ? name : "auto";
  document.documentElement.dataset.theme = known;
  const button = document.getElementById("theme");
  button.textContent = known === "auto" ? "Colours: as the system" : known === "dark" ? "Dark" : "Light";
  button.setAttribute("aria-label", "Colours: " + (known === "auto" ? "as the system has them" : known));
  try {
    localStorage.setItem("snapsift-theme", known);
  } catch {
    // A browser may keep nothing for files.
  }
}

document.getElementById("nav").append(...NAV.map(([page, name, icon, pages]) => el("a", { href: "#/" + page, "data-pages": pages.join(" ") },
  svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: icon })), name)));
document.getElementById("asof").textContent = RAW.now ? "State of " + day(RAW.now) : "";
document.getElementById("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]));
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
let typing = 0;
searchBox.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const address = to.page("search", { q: searchBox.value });
    if (parse(location.hash).page === "search") {
      history.replaceState(null, "", address);
      show();
    } else {
      location.hash = address;
    }
  }, 150);
});
document.addEventListener("keydown", (event) => {
  const typed = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName);
  if (event.key === "/" && !typed) {
    event.preventDefault();
    searchBox.focus();
  } else if (event.key === "Escape" && document.activeElement === searchBox) {
    searchBox.blur();
  }
});
window.addEventListener("hashchange", show);
window.addEventListener("resize", () => GRIDS.forEach((grid) => grid.draw(true)));
window.addEventListener("beforeprint", () => GRIDS.forEach((grid) => grid.draw(true, true)));
window.addEventListener("afterprint", () => GRIDS.forEach((grid) => grid.draw(true)));
theme(remembered());
show();
