// The data block: columns of numbers, or of numbers of texts, where they are few by their
// places in a list. A table is made when it is
// first needed, an index over it likewise. Maps, since names come from disks.

const RAW = JSON.parse(document.getElementById("data").textContent);

const TABLES = new Map();

function table(name) {
  let made = TABLES.get(name);
  if (!made) {
    const raw = RAW.tables[name];
    made = { n: raw.rows, total: raw.total };
    for (const [column, { t, d, v }] of Object.entries(raw.columns)) {
      const read = (cell) => (t && cell !== null ? RAW.texts[cell] : cell);
      if (d && d.length === 1) made[column] = new Array(raw.rows).fill(read(d[0]));
      else if (d) made[column] = v.map(((values) => (cell) => values[cell])(d.map(read)));
      else made[column] = t ? v.map(read) : v;
    }
    TABLES.set(name, made);
  }
  return made;
}

const INDEXES = new Map();
const NONE = [];

// The rows of a table in which a column has a value.
function rowsOf(name, column, value) {
  const key = name + " " + column;
  let index = INDEXES.get(key);
  if (!index) {
    index = new Map();
    const cells = table(name)[column] || [];
    for (let row = 0; row < cells.length; row += 1) {
      const there = index.get(cells[row]);
      if (there) there.push(row);
      else index.set(cells[row], [row]);
    }
    INDEXES.set(key, index);
  }
  return index.get(value) || NONE;
}

function rowOf(name, column, value) {
  const rows = rowsOf(name, column, value);
  return rows.length ? rows[0] : -1;
}

function all(name) {
  return Array.from({ length: table(name).n }, (_, row) => row);
}

const LEVELS = ["critical", "high", "medium", "low", "not evaluated", "not applicable"];
const CLOUDS = new Map([["azure", "Azure"], ["aws", "AWS"], ["gcp", "GCP"]]);
const DAY = 86400000;
const NOW = Date.parse(RAW.now) || 0;
const STALE_DAYS = 30;

const levelNumber = (level) => LEVELS.indexOf(level);

// How many there are of a level, whether they have room here or not.
function totalOf(what, level) {
  const t = table("totals");
  const row = all("totals").find((r) => t.what[r] === what && t.level[r] === level);
  return row === undefined ? 0 : t.number[row];
}

// What a cell says of a machine, by its number.
function machine(node, column) {
  const row = rowOf("machines", "node", node);
  return row < 0 ? null : table("machines")[column][row];
}

function coverage(row) {
  const m = table("machines");
  if (!m.scanned[row]) return "never scanned";
  return m.whole[row] ? "complete" : "partial";
}

function isStale(row) {
  const begun = Date.parse(table("machines").begun[row] || "");
  return Number.isFinite(begun) && NOW - begun > STALE_DAYS * DAY;
}

const isKey = (print) => rowOf("keys", "fingerprint", print) >= 0;

// What a finding's secret is known by: a key by its fingerprint.
function secretOf(row) {
  const f = table("findings");
  return f.key_print[row] || f.secret[row];
}

let BY_SECRET = null;
function findingsOf(print) {
  if (!BY_SECRET) {
    BY_SECRET = new Map();
    for (const row of all("findings")) {
      const secret = secretOf(row);
      const there = BY_SECRET.get(secret);
      if (there) there.push(row);
      else BY_SECRET.set(secret, [row]);
    }
  }
  return BY_SECRET.get(print) || NONE;
}

function ruleRow(rule) {
  return rowOf("rules", "rule", rule);
}

function titleOf(rule) {
  const row = ruleRow(rule);
  return row < 0 ? rule : table("rules").title[row].replace(/\.$/, "");
}

// The keys of a path over several, from the first to the last, each with the machine where
// it lies.
function chainOf(print, entry) {
  const reach = table("reach");
  const chain = [];
  const seen = new Set();
  for (let key = print; key && !seen.has(key);) {
    seen.add(key);
    const row = rowOf("reach", "key_print", key);
    if (row < 0) break;
    chain.unshift({ key, via: reach.from_print[row] ? reach.via[row] : entry });
    key = reach.from_print[row];
  }
  return chain;
}

const MATTERS = new Map([["very_high", 2], ["high", 1]]);
const matters = (node) => MATTERS.get(machine(node, "criticality")) || 0;

// What an attack path ends at: machines, those that matter first, or one resource.
function targetsOf(row) {
  const p = table("paths");
  const rule = ruleRow(p.rule[row]);
  const edge = rule < 0 ? "" : table("rules").edge[rule];
  if (edge === "hops") return [p.target_node[row]];
  if (edge !== "key") return NONE;
  const cloud = table("rules").cloud[rule];
  const home = machine(p.entry[row], "provider");
  const g = table("grants");
  const nodes = new Set();
  for (const grant of rowsOf("grants", "key_print", p.by_secret[row])) {
    const node = g.node[grant];
    const provider = machine(node, "provider");
    const fits = cloud ? provider === cloud : provider !== home || !CLOUDS.has(provider);
    if (fits && !(p.entries[row] === 1 && node === p.entry[row])) nodes.add(node);
  }
  return [...nodes].sort((a, b) => matters(b) - matters(a) || a - b);
}

let PATHS_AT = null;
// The attack paths of a machine: those that begin there, and those that lead to it or
// through it.
function pathsAt(node) {
  if (!PATHS_AT) {
    PATHS_AT = { out: new Map(), into: new Map() };
    const add = (map, key, row) => {
      const there = map.get(key);
      if (!there) map.set(key, new Set([row]));
      else there.add(row);
    };
    const entries = table("entries");
    for (const row of all("entries")) {
      const path = rowOf("paths", "path_id", entries.path_id[row]);
      if (path >= 0) add(PATHS_AT.out, entries.node[row], path);
    }
    const p = table("paths");
    for (const row of all("paths")) {
      for (const target of targetsOf(row)) add(PATHS_AT.into, target, row);
      if (p.hops[row] > 1) {
        for (const step of chainOf(p.by_secret[row], p.entry[row])) {
          if (step.via !== p.entry[row]) add(PATHS_AT.into, step.via, row);
        }
      }
    }
  }
  const sorted = (map) => [...(map.get(node) || [])].sort((a, b) => a - b);
  return { out: sorted(PATHS_AT.out), into: sorted(PATHS_AT.into) };
}

// What the target of a path is called, and what kind it is.
function targetOf(row) {
  const p = table("paths");
  if (p.target_asset[row]) {
    const asset = rowOf("resources", "asset_id", p.target_asset[row]);
    if (asset < 0) return { name: p.target_asset[row], kind: "resource" };
    const r = table("resources");
    return { name: r.name[asset], kind: r.kind[asset], asset };
  }
  if (p.target_node[row] !== null) return { name: machine(p.target_node[row], "hostname"), kind: "machine" };
  return { name: "", kind: "unknown" };
}
