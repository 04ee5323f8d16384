// Parts of pages. Text only ever becomes a text node or the value of an attribute that
// holds text; links lead nowhere but into this page.

const SVG = "http://www.w3.org/2000/svg";

// Characters that cannot be seen, or that change how others are read, are written out.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

function shown(text) {
  if (text === null || text === undefined) return "";
  return String(text).replace(UNSEEN, (c) => "\\u{" + c.charCodeAt(0).toString(16) + "}");
}

function append(node, children) {
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child instanceof Node ? child : shown(child));
  }
  return node;
}

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "href" && !String(value).startsWith("#")) throw new Error("a link that leads out");
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : shown(value));
  }
  return append(node, children);
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "href" && !String(value).startsWith("#")) throw new Error("a link that leads out");
    node.setAttribute(name, shown(value));
  }
  return append(node, children);
}

const number = (value) => Number(value || 0).toLocaleString("en-US");
const plural = (count, one, many) => number(count) + " " + (Number(count) === 1 ? one : many || one + "s");
const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");
const MATCHED = new Map([["instance_id", "Instance id"], ["vm_id", "Number of the virtual machine"], ["machine_id", "machine-id"],
  ["hostname", "Host name"], ["address", "Public address"], ["target", "Name of the scan's target"]]);
const words = (text) => capital(String(text || "").replace(/_/g, " "));

function day(time) {
  const at = Date.parse(time || "");
  if (!Number.isFinite(at)) return "";
  return new Date(at).toISOString().slice(0, 10);
}

function age(time) {
  const at = Date.parse(time || "");
  if (!Number.isFinite(at)) return "";
  const days = Math.floor((NOW - at) / DAY);
  const far = Math.abs(days);
  const text = far < 1 ? "today" : far < 60 ? plural(far, "day") : far < 730 ? plural(Math.floor(far / 30.44), "month")
    : plural(Math.floor(far / 365.25), "year");
  if (text === "today") return text;
  return days < 0 ? "in " + text : text + " ago";
}

const dated = (time) => (day(time) ? day(time) + " (" + age(time) + ")" : "");

const short = (print) => {
  const text = String(print || "").replace(/^(SHA256|blake3[a-z-]*):/, "");
  return text.length > 14 ? text.slice(0, 12) + "…" : text;
};

const place = (path, line) => shown(path) + (line ? ":" + line : "");

const to = {
  machine: (node) => "#/machine/" + encodeURIComponent(machine(node, "machine") || ""),
  secret: (print) => "#/secret/" + encodeURIComponent(print),
  path: (row) => "#/path/" + encodeURIComponent(table("paths").path_id[row]),
  type: (name) => "#/type/" + encodeURIComponent(name),
  finding: (row) => {
    const f = table("findings");
    const of = encodeURIComponent(machine(f.node[row], "machine") || "");
    return "#/finding/" + of + "/" + encodeURIComponent(f.finding_id[row]);
  },
  resource: (id) => "#/resource/" + encodeURIComponent(id),
  page: (name, params) => {
    const query = new URLSearchParams(params || {}).toString();
    return "#/" + name + (query ? "?" + query : "");
  },
};

const link = (href, ...text) => el("a", { href }, ...text);
const machineLink = (node) => link(to.machine(node), machine(node, "hostname") || "?");
const code = (text) => el("code", { title: text }, text);

function pill(level) {
  return el("span", { class: "pill " + level.replace(" ", "-") }, capital(level));
}

function flag(text, tone, title) {
  return el("span", { class: "flag " + (tone || ""), title }, text);
}

function flagsOf(node) {
  const flags = [];
  if (machine(node, "exposed") === "yes") flags.push(flag("exposed", "bad", "Reached from the internet: " + machine(node, "exposed_why")));
  if (machine(node, "vulnerable") === "yes") flags.push(flag("vulnerable", "bad", "Has vulnerabilities of severity high or critical"));
  if (machine(node, "exploited")) flags.push(flag("exploited in attacks", "bad"));
  if (matters(node)) flags.push(flag(words(machine(node, "criticality")) + " criticality", "warn"));
  return flags;
}

function facts(pairs) {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of pairs) {
    const empty = value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);
    if (!empty) list.append(el("div", {}, el("dt", {}, name), el("dd", {}, ...(Array.isArray(value) ? value : [value]))));
  }
  return list;
}

function card(title, ...children) {
  return el("section", { class: "card" }, title ? el("h2", {}, title) : null, ...children);
}

function heading(title, ...beside) {
  return el("div", { class: "heading" }, el("h1", { tabindex: "-1" }, title), ...beside);
}

// The question that has all rows of a table of which the page has some.
const WHOLE = { machines: "coverage", findings: "inventory", keys: "key-hygiene", grants: "accepted-by --set key=FINGERPRINT", paths: "attack-paths",
  recommendations: "recommendations", new: "new-since-last-scan", gone: "gone-since-last-scan" };

function capped(name, what) {
  const { n, total } = table(name);
  if (n >= total) return null;
  return el("p", { class: "note" }, `The first ${number(n)} of ${number(total)} ${what}; `,
    el("code", {}, `snapsift fleet query STORE ${WHOLE[name] || "--list"}`), " shows all.");
}

// A bar of parts that add up, with its legend.
function stack(parts) {
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  const bar = el("div", { class: "stack", role: "img", "aria-label": parts.map((p) => `${p.label} ${p.value}`).join(", ") });
  const legend = el("ul", { class: "legend" });
  for (const part of parts) {
    if (part.value > 0) {
      const piece = el("span", { class: part.tone });
      piece.style.flexGrow = String(part.value / Math.max(total, 1));
      bar.append(piece);
    }
    legend.append(el("li", {}, el("a", { href: part.href }, el("i", { class: part.tone }), part.label, " ",
      el("b", {}, number(part.value)))));
  }
  return el("div", {}, bar, legend);
}

// Names with bars as long as their numbers.
function bars(items) {
  const most = Math.max(1, ...items.map((item) => item.value));
  const list = el("ul", { class: "bars" });
  for (const item of items) {
    const bar = el("span", { class: "bar-of " + (item.tone || "") });
    bar.style.width = Math.max(1.5, (100 * item.value) / most) + "%";
    list.append(el("li", {}, el("a", { href: item.href, title: item.label }, item.label), el("span", { class: "track" }, bar),
      el("b", {}, number(item.value))));
  }
  return list;
}

const GRIDS = new Set();

// A table of which only the rows that can be seen are made. Columns: name, text(row) for
// what is searched, sorted and exported, cell(row) where more than text is shown, sort(row),
// hint(row) for who points at it, width, num; unseen for what is only exported.
// lines: of how many lines of text its rows are.
function grid({ columns: given, rows, empty, label, file, most, lines }) {
  const columns = given.filter((column) => !column.unseen);
  const ROW = lines === 2 ? 56 : 40;
  let order = rows.slice();
  let sorted = { column: -1, down: false };
  const head = el("tr", {});
  const body = el("tbody", {});
  const cols = el("colgroup", {});
  const element = el("table", { class: lines === 2 ? "two" : null, "aria-label": label, "aria-rowcount": order.length + 1 }, cols, el("thead", {}, head), body);
  const box = el("div", { class: "grid", tabindex: "0", role: "region", "aria-label": label }, element);
  const count = el("span", { class: "quiet", role: "status" });
  const outer = el("div", { class: "grid-outer" }, el("div", { class: "grid-head" }, count, el("button", {
    type: "button", class: "button small", onclick: () => save(file || "snapsift", given, order),
  }, "Save as CSV")), box);
  columns.forEach((column, at) => {
    const col = el("col", {});
    if (column.width) col.style.width = column.width + "px";
    cols.append(col);
    const button = el("button", { type: "button", onclick: () => sortBy(at) }, column.name);
    head.append(el("th", { scope: "col", class: column.num ? "num" : null }, button));
  });
  let first = -1, last = -1;

  function value(column, row) {
    return column.sort ? column.sort(row) : column.text(row);
  }
  function sortBy(at) {
    sorted = { column: at, down: sorted.column === at ? !sorted.down : Boolean(columns[at].num) };
    [...head.children].forEach((th, i) => {
      if (i === at) th.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    });
    arrange();
  }
  function arrange() {
    if (sorted.column >= 0) {
      const column = columns[sorted.column];
      const keyed = order.map((row, i) => ({ row, i, key: value(column, row) }));
      const sign = sorted.down ? -1 : 1;
      keyed.sort((a, b) => {
        const one = a.key === null || a.key === undefined ? "" : a.key;
        const other = b.key === null || b.key === undefined ? "" : b.key;
        if (one === other) return a.i - b.i;
        return (one < other ? -1 : 1) * sign;
      });
      order = keyed.map((item) => item.row);
    }
    box.scrollTop = 0;
    draw(true);
  }
  function rowNode(at) {
    const row = order[at];
    const node = el("tr", { "aria-rowindex": at + 2 });
    for (const column of columns) {
      const text = column.text(row);
      const cell = column.cell ? column.cell(row) : text;
      const hint = column.hint ? column.hint(row) : text;
      node.append(el("td", { class: column.num ? "num" : null, title: typeof hint === "string" ? hint : null },
        lines === 2 && !column.num ? el("div", { class: "lines" }, cell) : column.num && typeof cell === "number" ? number(cell) : cell));
    }
    return node;
  }
  function draw(force, everything) {
    const virtual = order.length > 60 && !everything;
    const from = virtual ? Math.max(0, Math.floor(box.scrollTop / ROW) - 8) : 0;
    const until = virtual ? Math.min(order.length, Math.ceil((box.scrollTop + (box.clientHeight || 700)) / ROW) + 8)
      : Math.min(order.length, everything ? 1000 : order.length);
    if (!force && from === first && until === last) return;
    first = from;
    last = until;
    const made = [];
    const spacer = (height) => {
      const cell = el("td", { colspan: columns.length });
      cell.style.height = height + "px";
      return el("tr", { class: "spacer", "aria-hidden": "true" }, cell);
    };
    if (from > 0) made.push(spacer(from * ROW));
    for (let at = from; at < until; at += 1) made.push(rowNode(at));
    if (until < order.length && !everything) made.push(spacer((order.length - until) * ROW));
    if (!order.length) made.push(el("tr", { class: "empty" }, el("td", { colspan: columns.length }, empty || "Nothing")));
    body.replaceChildren(...made);
  }
  function move(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const row = event.target.closest("tbody tr");
    if (!row || !event.target.closest("a")) return;
    event.preventDefault();
    const at = Number(row.getAttribute("aria-rowindex")) - 2 + (event.key === "ArrowDown" ? 1 : -1);
    if (at < 0 || at >= order.length) return;
    const top = at * ROW;
    if (top < box.scrollTop || top + 2 * ROW > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
    draw(false);
    const next = body.querySelector(`tr[aria-rowindex="${at + 2}"] a`);
    if (next) next.focus({ preventScroll: order.length > 60 });
  }
  let waiting = false;
  box.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw(false);
    });
  });
  box.addEventListener("keydown", move);
  const shownRows = (rows) => {
    count.textContent = plural(rows.length, "row") + (most && rows.length < most ? " of " + number(most) : "");
    element.setAttribute("aria-rowcount", String(rows.length + 1));
    box.classList.toggle("tall", rows.length > 60);
    outer.classList.toggle("few", rows.length <= 10 && !most);
  };
  const self = {
    element: outer,
    draw,
    show(rows) {
      order = rows.slice();
      shownRows(order);
      arrange();
    },
  };
  GRIDS.add(self);
  shownRows(order);
  draw(true);
  return self;
}

// A spreadsheet must not take a text from a disk for a formula.
function save(name, columns, rows) {
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    if (/^[=+\-@\t\r]/.test(text) && typeof value !== "number") text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  };
  const table_ = [columns.map((c) => cell(c.name))];
  for (const row of rows) table_.push(columns.map((c) => cell(c.text(row))));
  const text = table_.map((line) => line.join(",")).join("\r\n") + "\r\n";
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const anchor = document.createElement("a");
  anchor.setAttribute("href", address);
  anchor.setAttribute("download", name + ".csv");
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

// A grid with its filters. They are kept in the address, so that a link shows the same.
function filtered(route, { filters, search, ...rest }) {
  const made = grid({ ...rest, most: rest.rows.length });
  const params = route.params;
  const bar = el("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() });
  const apply = () => {
    const query = (params.get("q") || "").toLowerCase();
    made.show(rest.rows.filter((row) => filters.every((filter) => {
      const wanted = params.get(filter.name);
      return !wanted || filter.fits(row, wanted);
    }) && (!query || search(row).toLowerCase().includes(query))));
  };
  const set = (name, value) => {
    if (value) params.set(name, value);
    else params.delete(name);
    history.replaceState(null, "", to.page(route.name, params));
    apply();
  };
  const text = el("input", { type: "search", placeholder: "Filter…", "aria-label": "Filter by text", "data-filter": "q",
    oninput: (event) => set("q", event.target.value) });
  text.value = params.get("q") || "";
  bar.append(text);
  for (const filter of filters) {
    const select = el("select", { "aria-label": filter.label, "data-filter": filter.name,
      onchange: (event) => set(filter.name, event.target.value) }, el("option", { value: "" }, filter.label + ": all"));
    for (const option of filter.options) {
      const [value, name] = Array.isArray(option) ? option : [option, capital(option)];
      select.append(el("option", { value }, name));
    }
    select.value = params.get(filter.name) || "";
    bar.append(select);
  }
  apply();
  return el("div", {}, bar, made.element);
}

// Pages within a page.
function tabs(route, sections) {
  const wanted = route.params.get("tab");
  const current = sections.find((section) => section.id === wanted) || sections.find((s) => s.count !== 0) || sections[0];
  const bar = el("div", { class: "tabs", role: "navigation", "aria-label": "Parts" });
  for (const section of sections) {
    const params = new URLSearchParams();
    params.set("tab", section.id);
    bar.append(el("a", { href: to.page(route.name, params), "aria-current": section === current ? "page" : null,
      "data-tab": section.id }, section.label, section.count === undefined ? null : el("span", { class: "count" }, number(section.count))));
  }
  return el("div", {}, bar, current.make());
}
