// The pages. Each takes its route and gives what stands on it.

const GROUPS = [
  ["azure", "Azure", "Machines should have secrets findings resolved"],
  ["aws", "AWS", "EC2 instances should have secrets findings resolved"],
  ["gcp", "GCP", "VM instances should have secrets findings resolved"],
  ["", "Elsewhere", "Machines outside of the inventory should have secrets findings resolved"],
];
const cloudOf = (provider) => (CLOUDS.has(provider) ? provider : "");

function whyNoPaths() {
  const w = table("why");
  const of = (name) => (w.n ? w[name][0] : 0);
  if (!of("machines")) return "No scan was added yet.";
  if (!of("in_inventory")) return "No inventory has any of the machines, so nothing says which of them the internet reaches. Give one with snapsift fleet assets.";
  if (!of("exposed")) return "The inventory has no machine that is exposed to the internet.";
  if (!of("vulnerable")) return "No machine is known to have vulnerabilities of severity high or critical. Give reports of Trivy or Grype with snapsift fleet assets.";
  if (!of("exposed_and_vulnerable")) return "No machine is both exposed to the internet and vulnerable.";
  return "No secret of an exposed and vulnerable machine opens anything that is known.";
}

// Columns that several tables have.
const COLUMN = {
  level: (of) => ({ name: "Risk", width: 144, text: of, cell: (row) => pill(of(row)), sort: (row) => levelNumber(of(row)) }),
};

function pathColumns() {
  const p = table("paths");
  return [
    { ...COLUMN.level((row) => p.level[row]), width: 100 },
    { name: "Attack path", text: (row) => titleOf(p.rule[row]), cell: (row) => link(to.path(row), titleOf(p.rule[row])) },
    { name: "Begins at", width: 150, text: (row) => machine(p.entry[row], "hostname"),
      cell: (row) => el("span", {}, machineLink(p.entry[row]), p.entries[row] > 1 ? ` +${number(p.entries[row] - 1)}` : "") },
    { name: "By", width: 190, text: (row) => p.secret_type[row] + " " + p.by_secret[row], cell: (row) => link(to.secret(p.by_secret[row]), p.secret_type[row]) },
    { name: "Ends at", width: 170, text: (row) => targetOf(row).name || "not known",
      cell: (row) => el("span", {}, targetLink(row), p.targets[row] > 1 ? ` +${number(p.targets[row] - 1)}` : "") },
    { name: "Kind", width: 95, text: (row) => targetOf(row).kind },
    { name: "Hops", width: 70, num: true, text: (row) => p.hops[row] },
    { name: "Rule", unseen: true, text: (row) => p.rule[row] }, { name: "Path", unseen: true, text: (row) => p.path_id[row] },
  ];
}

function targetLink(row) {
  const p = table("paths"), target = targetOf(row);
  if (p.target_asset[row] && target.asset !== undefined) return link(to.resource(p.target_asset[row]), target.name);
  return p.target_node[row] === null ? el("i", {}, "not known") : machineLink(p.target_node[row]);
}

function findingColumns(without) {
  const f = table("findings");
  return [
    { ...COLUMN.level((row) => f.level[row]), hint: (row) => f.why[row] || "Nothing raises it" },
    without === "type" ? null : { name: "Secret", width: 215, text: (row) => f.secret_type[row], cell: (row) => link(to.finding(row), f.secret_type[row]) },
    without === "machine" ? null : { name: "Machine", width: 130, text: (row) => machine(f.node[row], "hostname"), cell: (row) => machineLink(f.node[row]) },
    { name: "File", text: (row) => place(f.path[row], f.line[row]),
      cell: (row) => (without === "type" ? el("a", { href: to.finding(row), class: "mono" }, place(f.path[row], f.line[row])) : code(place(f.path[row], f.line[row]))) },
    { name: "Opens", width: 190, text: (row) => (f.opens[row] ? plural(f.opens[row], "machine") : f.target[row] || "") },
    { name: "Exists", width: 95, text: (row) => (f.exists_[row] === "none" ? "" : f.exists_[row]) },
    { name: "Last read", width: 110, text: (row) => day(f.atime[row]) },
    { name: "Paths", width: 75, num: true, text: (row) => f.paths[row] },
    { name: "Why", unseen: true, text: (row) => f.why[row] }, { name: "Severity", unseen: true, text: (row) => f.severity[row] },
    { name: "Owner", unseen: true, text: (row) => f.owner[row] }, { name: "Mode", unseen: true, text: (row) => f.mode[row] },
    { name: "Expires", unseen: true, text: (row) => f.expires[row] }, { name: "Finding", unseen: true, text: (row) => f.finding_id[row] },
  ].filter(Boolean);
}

function findingGrid(rows, without, label) {
  return grid({ columns: findingColumns(without), rows, label: label || "Findings", file: "findings", empty: "Nothing was found", lines: 2 }).element;
}

function pathGrid(rows, label) {
  return grid({ columns: pathColumns(), rows, label, file: "attack-paths", empty: "None", lines: 2 }).element;
}

function overview() {
  const m = table("machines"), p = table("paths"), f = table("findings"), why = table("why");
  const machines = all("machines");
  const scanned = machines.filter((row) => m.scanned[row]).length;
  const both = why.n ? why.exposed_and_vulnerable[0] : 0;
  const critical = totalOf("path", "critical");
  const counts = LEVELS.map((level) => totalOf("finding", level));
  const tile = (value, name, note, href) => el("a", { class: "tile", href }, el("b", {}, number(value)), el("span", {}, name), el("small", {}, note));
  const tiles = el("div", { class: "tiles" },
    tile(critical + totalOf("path", "high"), "attack paths", critical ? `${number(critical)} to what matters most` : totalOf("path", "high") ? "none to what matters most" : "see why below", "#/paths"),
    tile(counts[0] + counts[1], "findings of risk critical or high", `of ${number(f.total - counts[5])}`, to.page("recommendations", { tab: "findings" })),
    tile(both, "machines exposed and vulnerable", "where somebody can come in", to.page("machines", { exposed: "yes", vulnerable: "yes" })),
    tile(m.total, "machines", `${number(scanned)} scanned, ${number(m.total - scanned)} never`, "#/machines"),
    tile(table("keys").total, "SSH keys", `${number(totalOf("key", "live"))} lie somewhere usable and open something`, "#/secrets"));
  const risks = stack(LEVELS.map((level, at) => ({ label: capital(level), value: counts[at], tone: level.replace(" ", "-"),
    href: to.page("recommendations", { tab: "findings", level }) })));
  const paths = p.n ? el("ol", { class: "list" }, all("paths").slice(0, 6).map((row) => el("li", {}, pill(p.level[row]),
    el("div", {}, link(to.path(row), titleOf(p.rule[row])), el("small", {}, shown(machine(p.entry[row], "hostname")), " → ",
      shown(p.secret_type[row]), " → ", shown(targetOf(row).name || "not known"), p.targets[row] > 1 ? ` and ${number(p.targets[row] - 1)} more` : "")))))
    : el("p", { class: "note", id: "why" }, el("b", {}, "There is no attack path. "), whyNoPaths());
  const c = table("chokes");
  const chokes = all("chokes").slice(0, 5);
  const choke = chokes.length ? el("ol", { class: "list" }, chokes.map((row) => el("li", {}, el("span", { class: "big" }, number(c.paths[row])),
    el("div", {}, link(to.secret(c.by_secret[row]), c.secret_type[row], " ", short(c.by_secret[row])),
      el("small", {}, `${plural(c.paths[row], "path")} (${number(c.critical[row])} critical), ${plural(c.pairs[row], "way")} from an entry to a target`,
        c.held_by[row] ? `, lies on ${plural(c.held_by[row], "machine")}` : ""))))) : el("p", { class: "quiet" }, "Nothing is on an attack path.");
  const stale = machines.filter(isStale).length;
  const partial = machines.filter((row) => m.scanned[row] && !m.whole[row]).length;
  const unlisted = machines.filter((row) => !m.asset[row]).length;
  const unknownExposure = machines.filter((row) => m.exposed[row] === "unknown").length;
  const unknownVulnerable = machines.filter((row) => m.vulnerable[row] === "unknown").length;
  const line = (value, one, many, params, page) => el("li", { class: value ? "warn" : "" },
    el("a", { href: to.page(page || "coverage", params) }, el("b", {}, number(value)), " ", value === 1 ? one : many));
  const honest = el("ul", { class: "checks" },
    line(m.total - scanned, "machine of the inventory was never scanned", "machines of the inventory were never scanned", { scan: "never scanned" }),
    line(partial, "scan could not read everything", "scans could not read everything", { scan: "partial" }),
    line(stale, `scan is older than ${STALE_DAYS} days`, `scans are older than ${STALE_DAYS} days`, { stale: "yes" }),
    line(unlisted, "scanned machine is in no inventory: its risk is not evaluated", "scanned machines are in no inventory: their risk is not evaluated", { inventory: "no" }),
    line(unknownExposure, "machine of which nobody knows whether the internet reaches it", "machines of which nobody knows whether the internet reaches them", { exposed: "unknown" }, "machines"),
    line(unknownVulnerable, "machine without a report of vulnerabilities", "machines without a report of vulnerabilities", { vulnerable: "unknown" }, "machines"));
  const t = table("types");
  const types = all("types").sort((a, b) => t.findings[b] - t.findings[a] || a - b).slice(0, 7);
  const worst = machines.slice(0, 6).filter((row) => m.findings[row]);
  return [
    heading("Overview"),
    tiles,
    el("div", { class: "columns" }, el("div", {},
      card("Findings by risk", risks),
      card("Choke points", el("p", { class: "quiet" }, "Replace these first: each ends all the attack paths that go over it."), choke),
      card("What is not known", honest)), el("div", {},
      card("Attack paths, the worst first", paths, p.n > 6 ? el("p", {}, link("#/paths", `All ${number(p.total)}`)) : null),
      card("Machines to begin with", worst.length ? el("ol", { class: "list" }, worst.map((row) => el("li", {}, pill(LEVELS[m.level[row]] || "low"),
        el("div", {}, machineLink(m.node[row]), " ", flagsOf(m.node[row]), el("small", {}, plural(m.findings[row], "finding")))))) : el("p", { class: "quiet" }, "Nothing was found.")),
      card("Most common secrets", types.length ? bars(types.map((row) => ({ label: t.secret_type[row], value: t.findings[row], href: to.type(t.secret_type[row]), tone: t.risk[row].replace(" ", "-") })))
        : el("p", { class: "quiet" }, "Nothing was found.")),
      table("new").total + table("gone").total ? card("Since the scan before", el("p", {}, link(to.page("changes", { tab: "new" }), `${plural(table("new").total, "finding")} new`), ", ",
        link(to.page("changes", { tab: "gone" }), `${number(table("gone").total)} gone`))) : null)),
  ];
}

function recommendations(route) {
  const f = table("findings"), m = table("machines"), t = table("types"), r = table("recommendations");
  const groups = el("div", { class: "tiles" });
  for (const [cloud, name, title] of GROUPS) {
    const rows = all("recommendations").filter((row) => cloudOf(machine(rowOf("machines", "machine", r.machine[row]) < 0 ? null : m.node[rowOf("machines", "machine", r.machine[row])], "provider")) === cloud);
    if (!rows.length) continue;
    const found = rows.reduce((sum, row) => sum + r.findings[row], 0);
    groups.append(el("a", { class: "tile wide", href: to.page("recommendations", { tab: "machines", cloud: cloud || "none" }) },
      pill(r.risk[rows[0]]), el("span", {}, title), el("small", {}, `${name}: ${plural(rows.length, "affected machine")}, ${plural(found, "finding")}`)));
  }
  const rowOfMachine = (row) => rowOf("machines", "machine", r.machine[row]);
  const byMachine = () => filtered(route, {
    rows: all("recommendations"), label: "Affected machines", file: "recommendations", empty: "No machine fits", lines: 2,
    search: (row) => r.hostname[row] + " " + r.machine[row] + " " + r.owner[row],
    filters: [
      { name: "level", label: "Risk", options: LEVELS, fits: (row, wanted) => r.risk[row] === wanted },
      { name: "cloud", label: "Cloud", options: [...CLOUDS, ["none", "Elsewhere"]],
        fits: (row, wanted) => (cloudOf(m.provider[rowOfMachine(row)]) || "none") === wanted },
      { name: "exposed", label: "Exposed", options: ["yes", "no", "unknown"], fits: (row, wanted) => r.exposed[row] === wanted },
      { name: "status", label: "Status", options: ["overdue", "on time", "unassigned", "not applicable"], fits: (row, wanted) => r.status[row] === wanted },
    ],
    columns: [
      COLUMN.level((row) => r.risk[row]),
      { name: "Affected machine", width: 160, text: (row) => r.hostname[row], cell: (row) => link("#/machine/" + encodeURIComponent(r.machine[row]), r.hostname[row] || r.machine[row]) },
      { name: "Recommendation", text: (row) => r.title[row] },
      { name: "Findings", width: 95, num: true, text: (row) => r.findings[row] },
      { name: "Paths", width: 80, num: true, text: (row) => r.attack_paths[row] },
      { name: "Exposed", width: 95, text: (row) => r.exposed[row] },
      { name: "Vulnerable", width: 110, text: (row) => r.vulnerable[row] },
      { name: "Owner", width: 120, text: (row) => r.owner[row] || "" },
      { name: "Due", width: 122, text: (row) => r.due[row] || "", cell: (row) => el("span", { class: r.status[row] === "overdue" ? "bad" : "" }, r.due[row]) },
      { name: "Status", unseen: true, text: (row) => r.status[row] }, { name: "Exempted findings", unseen: true, text: (row) => r.not_applicable[row] },
    ],
  });
  const byType = () => filtered(route, {
    rows: all("types"), label: "Types of secrets", file: "recommendations-by-type", empty: "No type fits",
    search: (row) => t.secret_type[row],
    filters: [{ name: "level", label: "Risk", options: LEVELS, fits: (row, wanted) => t.risk[row] === wanted }],
    columns: [
      COLUMN.level((row) => t.risk[row]),
      { name: "Type of secret", width: 290, text: (row) => t.secret_type[row], cell: (row) => link(to.type(t.secret_type[row]), t.secret_type[row]) },
      { name: "What to do", text: (row) => t.remedy[row] || "" },
      { name: "Findings", width: 95, num: true, text: (row) => t.findings[row] },
      { name: "Secrets", width: 90, num: true, text: (row) => t.secrets[row] },
      { name: "Machines", width: 100, num: true, text: (row) => t.machines[row] },
    ],
  });
  const flat = () => el("div", {}, capped("findings", "findings"), filtered(route, {
    rows: all("findings"), label: "Findings", file: "findings", empty: "No finding fits", columns: findingColumns(), lines: 2,
    search: (row) => [f.secret_type[row], f.path[row], machine(f.node[row], "hostname"), f.target[row], f.finding_id[row]].join(" "),
    filters: [
      { name: "level", label: "Risk", options: LEVELS, fits: (row, wanted) => f.level[row] === wanted },
      { name: "severity", label: "Severity", options: ["critical", "high", "medium", "low"], fits: (row, wanted) => f.severity[row] === wanted },
      { name: "exists", label: "Target exists", options: ["yes", "no", "unknown"], fits: (row, wanted) => (f.exists_[row] === "none" ? "unknown" : f.exists_[row]) === wanted },
      { name: "more", label: "Findings", options: [["expired", "Expired"], ["readable", "Everybody can read"], ["deleted", "Deleted files"]],
        fits: (row, wanted) => (wanted === "expired" ? f.expired[row] || (f.expires[row] && f.expires[row] < RAW.now) : f[wanted][row]) },
    ],
  }));
  return [heading("Recommendations"), groups, tabs(route, [
    { id: "machines", label: "By machine", count: r.total, make: byMachine },
    { id: "types", label: "By type of secret", count: t.total, make: byType },
    { id: "findings", label: "All findings", count: f.total, make: flat },
  ])];
}

function typePage(route) {
  const name = route.rest[0];
  const f = table("findings"), row = rowOf("types", "secret_type", name), t = table("types");
  if (row < 0) return missing("type of secret", name);
  const rows = rowsOf("findings", "secret_type", name);
  return [heading(name, pill(t.risk[row])),
    el("p", { class: "lead" }, `${plural(t.findings[row], "finding")} of ${plural(t.secrets[row], "secret")} on ${plural(t.machines[row], "machine")}.`),
    card("What to do", el("p", {}, t.remedy[row] || "Nothing is known of how to replace it."), remedies([...new Set(rows.map((r) => f.rule[r]))])),
    card("Findings", findingGrid(rows, "type"))];
}

// The steps for several rules, where they differ.
function remedies(rules) {
  const r = table("remedies");
  const texts = [...new Set(rules.map((rule) => rowOf("remedies", "rule", rule)).filter((row) => row >= 0).map((row) => r.remedy[row]))];
  if (texts.length < 2) return null;
  return el("ul", {}, texts.map((text) => el("li", {}, text)));
}

function paths(route) {
  const p = table("paths"), r = table("rules");
  const kinds = [...new Set(all("paths").map((row) => targetOf(row).kind))].sort();
  const rules = [...new Set(p.rule || [])].sort();
  if (!p.n) return [heading("Attack paths"), el("p", { class: "note", id: "why" }, el("b", {}, "There is none. "), whyNoPaths())];
  return [heading("Attack paths"),
    el("p", { class: "lead" }, "From a machine that somebody can get into, by what lies there, to what that opens."),
    capped("paths", "attack paths"),
    filtered(route, {
      rows: all("paths"), label: "Attack paths", file: "attack-paths", empty: "No path fits", columns: pathColumns(), lines: 2,
      search: (row) => [titleOf(p.rule[row]), r.n ? p.rule[row] : "", machine(p.entry[row], "hostname"), p.secret_type[row], p.by_secret[row], targetOf(row).name, p.path_id[row]].join(" "),
      filters: [
        { name: "level", label: "Risk", options: ["critical", "high", "not applicable"], fits: (row, wanted) => p.level[row] === wanted },
        { name: "rule", label: "Title", options: rules.map((rule) => [rule, rule + " " + titleOf(rule)]), fits: (row, wanted) => p.rule[row] === wanted },
        { name: "kind", label: "Ends at", options: kinds, fits: (row, wanted) => targetOf(row).kind === wanted },
      ],
    })];
}

const TECHNIQUES = {
  enter: ["T1190", "Exploit public-facing application"], key: ["T1552.004", "Private keys"], secret: ["T1552.001", "Credentials in files"],
  ssh: ["T1021.004", "Remote services: SSH"], valid: ["T1078", "Valid accounts"],
};
const technique = (name) => el("span", { class: "flag", title: "MITRE ATT&CK: " + TECHNIQUES[name][1] }, TECHNIQUES[name][0]);

function foundStep(print, node, type) {
  const f = table("findings"), h = table("holders");
  const row = findingsOf(print).find((r) => f.node[r] === node);
  const holder = holderOf(print, node);
  const path = holder >= 0 ? place(h.path[holder], h.line[holder]) : row !== undefined ? place(f.path[row], f.line[row]) : "";
  const owner = holder >= 0 ? h.owner[holder] : row !== undefined ? f.owner[row] : "";
  const mode = holder >= 0 ? h.mode[holder] : row !== undefined ? f.mode[row] : "";
  return el("li", {}, el("b", {}, "Find "), link(to.secret(print), isKey(print) ? "an SSH private key" : type), technique(isKey(print) ? "key" : "secret"),
    el("small", {}, path ? ["in ", code(path)] : "", owner ? `, of ${shown(owner)}` : "", mode ? ` (${shown(mode)})` : "",
      row !== undefined && f.readable[row] ? ", everybody on the machine can read it" : "",
      row !== undefined && f.atime[row] ? ", last read " + dated(f.atime[row]) : "", isKey(print) ? [", fingerprint ", code(print)] : ""));
}

function openStep(print, node, extra) {
  const g = table("grants");
  const rows = grantsAt(print, node);
  return el("li", {}, el("b", {}, "Log in to "), machineLink(node), " ", flagsOf(node), technique("ssh"),
    rows.slice(0, 4).map((row) => el("small", {}, "as ", el("b", {}, g.account[row] || "?"), g.root[row] ? " (the superuser, or may become it)" : "", ": ",
      g.state[row] === "granted" ? "granted, as the inventory says; nobody has scanned the machine" : g.state[row], " by ", code(g.path[row]))),
    extra);
}

function pathSteps(row) {
  const p = table("paths"), o = table("opens");
  const rule = ruleRow(p.rule[row]);
  const edge = rule < 0 ? "" : table("rules").edge[rule];
  const entry = p.entry[row], print = p.by_secret[row];
  const v = table("vulnerabilities");
  const known = rowsOf("vulnerabilities", "node", entry).slice(0, 3);
  const steps = el("ol", { class: "steps" });
  steps.append(el("li", {}, el("b", {}, machine(entry, "exposed") === "yes" ? "Come in at " : "Be on "), machineLink(entry), " ", flagsOf(entry), technique("enter"),
    p.entries[row] > 1 ? el("small", {}, `or at one of ${plural(p.entries[row] - 1, "other machine")} that hold the same`) : null,
    machine(entry, "exposed_why") ? el("small", {}, "Exposed: ", machine(entry, "exposed_why"), machine(entry, "exposed_ports") ? ", port " + shown(machine(entry, "exposed_ports")) : "") : null,
    known.length ? el("small", {}, "Vulnerable: ", known.map((r, i) => [i ? ", " : "", code(v.vulnerability[r]), ` (${shown(v.severity[r])}, ${shown(v.package[r])})`])) : null));
  if (edge === "hops") {
    const chain = chainOf(print, entry);
    chain.forEach(({ key, via }, at) => {
      steps.append(foundStep(key, via, ""));
      const next = at + 1 < chain.length ? chain[at + 1].via : p.target_node[row];
      const after = at + 1 < chain.length ? chain[at + 1].key : "";
      const reach = after ? rowOf("reach", "key_print", after) : -1;
      const needs = (reach >= 0 && table("reach").needs_root[reach]) || (at + 1 === chain.length && p.needs_root[row]);
      steps.append(openStep(key, next, needs ? el("small", { class: "warn" }, "What comes next needs the superuser on the way: the account cannot read it by its owner or mode") : null));
    });
    if (p.target_asset[row]) {
      const one = rowsOf("opens", "target", p.target_asset[row]).find((r) => o.node[r] === p.target_node[row]);
      const target = targetOf(row);
      if (one !== undefined) {
        const finding = rowOf("findings", "finding_id", o.finding_id[one]);
        steps.append(foundStep(o.secret[one], p.target_node[row], finding < 0 ? "a secret" : table("findings").secret_type[finding]));
      }
      steps.append(el("li", {}, el("b", {}, "Open "), link(to.resource(p.target_asset[row]), target.name), technique("valid"), el("small", {}, target.kind)));
    }
    return steps;
  }
  steps.append(foundStep(print, entry, p.secret_type[row]));
  if (edge === "key") {
    const targets = targetsOf(row);
    for (const node of targets.slice(0, 3)) steps.append(openStep(print, node));
    if (targets.length > 3) steps.append(el("li", {}, link(to.secret(print), `${number(targets.length - 3)} more machines`), " accept the same key"));
  } else if (edge === "secret") {
    const one = rowsOf("opens", "secret", print).find((r) => o.target[r] === p.target_asset[row]);
    const target = targetOf(row);
    steps.append(el("li", {}, el("b", {}, "Open "), link(to.resource(p.target_asset[row]), target.name), technique("valid"),
      el("small", {}, target.kind, one !== undefined && o.permission[one] ? ": " + shown(o.permission[one]) : "")));
  } else {
    steps.append(el("li", {}, "What the key opens is not known: no machine of this store accepts it, but others may."));
  }
  return steps;
}

function pathPage(route) {
  const row = rowOf("paths", "path_id", route.rest[0]);
  if (row < 0) return missing("attack path", route.rest[0]);
  const p = table("paths"), r = table("rules"), f = table("findings");
  const rule = ruleRow(p.rule[row]);
  const picture = pathPicture(row);
  const target = targetOf(row);
  const chain = p.hops[row] > 1 ? chainOf(p.by_secret[row], p.entry[row]).map((x) => x.key) : [p.by_secret[row]];
  // What opens the store at the end of a path over keys.
  const last = p.target_asset[row] && isKey(p.by_secret[row]) ? rowsOf("opens", "target", p.target_asset[row])
    .filter((x) => table("opens").node[x] === p.target_node[row]).map((x) => table("opens").secret[x]) : [];
  const rules = [...new Set([...chain, ...new Set(last)].flatMap((print) => findingsOf(print).map((x) => f.rule[x])))];
  const texts = [...new Set(rules.map((name) => rowOf("remedies", "rule", name)).filter((x) => x >= 0).map((x) => table("remedies").remedy[x]))];
  const breaks = el("ul", {}, texts.map((text) => el("li", {}, text)),
    chain.filter(isKey).map((print) => el("li", {}, "Replace ", link(to.secret(print), "the key ", short(print)), ": its page has the files on all machines, in their order.")));
  const lowers = el("ul", {},
    machine(p.entry[row], "vulnerable") === "yes" ? el("li", {}, "Repair the vulnerabilities of ", machineLink(p.entry[row]), p.entries[row] > 1 ? ` and of ${plural(p.entries[row] - 1, "other entry", "other entries")}` : "", ".") : null,
    machine(p.entry[row], "exposed") === "yes" ? el("li", {}, "Let only those reach ", machineLink(p.entry[row]), " who have to: ", machine(p.entry[row], "exposed_why") || "it is open to all", ".") : null,
    chain.filter(isKey).length ? el("li", {}, "Limit what the accounts that are reached may do, and from where (from=, command=, restrict in authorized_keys).") : null);
  const entries = rowsOf("entries", "path_id", p.path_id[row]).map((x) => table("entries").node[x]);
  const worthy = targetsOf(row).filter(matters).length;
  const why = p.level[row] === "not applicable" ? `It is not counted: ${p.exempt_reason[row]}.` : p.level[row] === "critical" && p.targets[row] > 1 && worthy ? `${plural(worthy, "of them is", "of them are")} of high criticality.` : p.level[row] === "critical" ? "What is reached is of high criticality or sensitivity." : "What is reached is not known to be of high criticality or sensitivity.";
  return [
    heading(titleOf(p.rule[row]), pill(p.level[row])),
    rule >= 0 && r.other_title[rule] && r.other_title[rule] !== r.title[rule] ? el("p", { class: "quiet" }, "Also known as: ", r.other_title[rule]) : null,
    el("p", { class: "lead" }, p.entries[row] > 1 ? plural(p.entries[row], "machine") : machine(p.entry[row], "hostname"), " → ",
      chain.length > 1 ? plural(chain.length, "SSH private key") : p.secret_type[row], " → ", target.name ? (p.targets[row] > 1 ? plural(p.targets[row], target.kind) : target.name) : "not known", ". ", why),
    card(null, layered(picture.columns, picture.edges, "The path, from left to right")),
    el("div", { class: "columns" },
      card("Step by step", pathSteps(row)),
      el("div", {}, card("What ends this path", breaks), card("What lowers its risk", lowers),
        card("About it", facts([["Rule", p.rule[row]], ["Hops", p.hops[row] || ""], ["Needs the superuser on the way", p.needs_root[row] ? "yes" : ""], ["Identifier", code(p.path_id[row])]])))),
    entries.length > 1 ? card(`Where it begins: ${plural(p.entries[row], "machine")}`, el("p", {}, entries.map((node, i) => [i ? ", " : "", machineLink(node)]),
      p.entries[row] > entries.length ? ` and ${number(p.entries[row] - entries.length)} more` : "")) : null,
  ];
}

function machines(route) {
  const m = table("machines");
  return [heading("Machines"), capped("machines", "machines"), filtered(route, {
    rows: all("machines"), label: "Machines", file: "machines", empty: "No machine fits",
    search: (row) => [m.hostname[row], m.machine[row], m.asset[row], m.account[row], m.region[row], m.owner[row]].join(" "),
    filters: [
      { name: "level", label: "Risk", options: [...LEVELS, ["none", "Nothing found"]], fits: (row, wanted) => (LEVELS[m.level[row]] || "none") === wanted },
      { name: "cloud", label: "Cloud", options: [...CLOUDS, ["none", "Elsewhere"]], fits: (row, wanted) => (cloudOf(m.provider[row]) || "none") === wanted },
      { name: "exposed", label: "Exposed", options: ["yes", "no", "unknown"], fits: (row, wanted) => m.exposed[row] === wanted },
      { name: "vulnerable", label: "Vulnerable", options: ["yes", "no", "unknown"], fits: (row, wanted) => m.vulnerable[row] === wanted },
      { name: "scan", label: "Scan", options: ["complete", "partial", "never scanned"], fits: (row, wanted) => coverage(row) === wanted },
    ],
    columns: [
      { name: "Risk", width: 120, text: (row) => LEVELS[m.level[row]] || "", cell: (row) => (LEVELS[m.level[row]] ? pill(LEVELS[m.level[row]]) : el("span", { class: "quiet" }, "—")), sort: (row) => m.level[row] },
      { name: "Machine", text: (row) => m.hostname[row], cell: (row) => machineLink(m.node[row]) },
      { name: "Cloud", width: 90, text: (row) => CLOUDS.get(m.provider[row]) || m.provider[row] || "" },
      { name: "Region", width: 120, text: (row) => m.region[row] },
      { name: "Exposed", width: 95, text: (row) => m.exposed[row], cell: (row) => answer(m.exposed[row]) },
      { name: "Vulnerable", width: 110, text: (row) => m.vulnerable[row], cell: (row) => answer(m.vulnerable[row]) },
      { name: "Criticality", width: 110, text: (row) => (m.criticality[row] === "unknown" ? "" : words(m.criticality[row])) },
      { name: "Scan", width: 130, text: coverage, cell: (row) => el("span", { class: coverage(row) === "complete" && !isStale(row) ? "" : "warn" }, coverage(row)) },
      { name: "Findings", width: 95, num: true, text: (row) => m.findings[row] },
      { name: "Keys held", width: 100, num: true, text: (row) => m.held[row] },
    ],
  })];
}

const answer = (value) => el("span", { class: value === "yes" ? "bad" : value === "unknown" ? "quiet" : "" }, value);

function machinePage(route) {
  const row = rowOf("machines", "machine", route.rest[0]);
  if (row < 0) return missing("machine", route.rest[0]);
  const m = table("machines"), h = table("holders"), g = table("grants"), v = table("vulnerabilities");
  const node = m.node[row];
  const found = rowsOf("findings", "node", node);
  const held = rowsOf("holders", "node", node), accepted = rowsOf("grants", "node", node);
  const { out, into } = pathsAt(node);
  const unknownKeys = m.accepted[row] > new Set(accepted.map((r) => g.key_print[r])).size;
  const keyText = (print) => link(to.secret(print), short(print));
  const opensOf = (print) => { const k = rowOf("keys", "fingerprint", print); return k < 0 ? 0 : table("keys").opens_on[k]; };
  const heldOf = (print) => { const k = rowOf("keys", "fingerprint", print); return k < 0 ? 0 : table("keys").held_on[k]; };
  const sections = [
    { id: "findings", label: "Findings", count: m.findings[row], make: () => el("div", {}, found.length < m.findings[row] ? el("p", { class: "note" }, `Shown are ${number(found.length)} of the ${number(m.findings[row])} findings of this machine, the riskiest of the fleet. All: `,
      el("code", {}, "snapsift fleet query STORE inventory --set machine=" + m.machine[row])) : null, findingGrid(found, "machine")) },
    { id: "held", label: "Keys held", count: m.held[row], make: () => grid({ rows: held, label: "Private keys on this machine", file: "keys-held", empty: "No private key lies here",
      columns: [
        { name: "Key", width: 170, text: (r) => h.key_print[r], cell: (r) => keyText(h.key_print[r]) },
        { name: "File", text: (r) => place(h.path[r], h.line[r]), cell: (r) => code(place(h.path[r], h.line[r])) },
        { name: "Owner", width: 110, text: (r) => h.owner[r] }, { name: "Mode", width: 80, text: (r) => h.mode[r] },
        { name: "Usable", width: 200, text: (r) => (h.usable[r] ? "yes" : "needs a passphrase or is damaged") },
        { name: "Last read", width: 110, text: (r) => day(h.atime[r]) },
        { name: "Opens machines", width: 150, num: true, text: (r) => opensOf(h.key_print[r]) }] }).element },
    { id: "accepted", label: "Keys accepted", count: m.accepted[row], make: () => el("div", {}, unknownKeys ? capped("grants", "keys of accounts") : null, grid({ rows: accepted, label: "Keys that open accounts of this machine", file: "keys-accepted", empty: "No key opens an account here",
      columns: [
        { name: "Key", width: 170, text: (r) => g.key_print[r], cell: (r) => keyText(g.key_print[r]) },
        { name: "Account", width: 140, text: (r) => g.account[r] }, { name: "Superuser", width: 105, text: (r) => (g.root[r] ? "yes" : "no") },
        { name: "How", width: 110, text: (r) => g.state[r] },
        { name: "By", text: (r) => g.path[r], cell: (r) => code(g.path[r]) },
        { name: "Lies on machines", width: 160, num: true, text: (r) => heldOf(g.key_print[r]) }] }).element) },
    { id: "out", label: "Paths from here", count: out.length, make: () => pathGrid(out, "Attack paths that begin here") },
    { id: "into", label: "Paths to here", count: into.length, make: () => pathGrid(into, "Attack paths that lead to this machine or through it") },
    { id: "vulnerabilities", label: "Vulnerabilities", count: m.critical[row] + m.high[row], make: () => el("div", {},
      el("p", { class: "quiet" }, m.vulnerable[row] === "unknown" ? "No report has this machine." : `${number(m.critical[row])} critical, ${number(m.high[row])} high; listed are the worst twenty.`),
      grid({ rows: rowsOf("vulnerabilities", "node", node), label: "Vulnerabilities", file: "vulnerabilities", empty: "None is listed",
        columns: [
          { name: "Vulnerability", width: 190, text: (r) => v.vulnerability[r] }, { name: "Severity", width: 110, text: (r) => v.severity[r], cell: (r) => pill(v.severity[r]) , sort: (r) => levelNumber(v.severity[r]) },
          { name: "Package", text: (r) => v.package[r] }, { name: "Installed", width: 170, text: (r) => v.installed[r] }, { name: "Repaired in", width: 170, text: (r) => v.fixed[r] },
          { name: "Remote code", width: 120, text: (r) => (v.remote_code[r] ? "yes" : "") }, { name: "In attacks", width: 110, text: (r) => (v.exploited[r] ? "yes" : "") }] }).element) },
  ];
  return [
    heading(m.hostname[row] || m.machine[row], LEVELS[m.level[row]] ? pill(LEVELS[m.level[row]]) : null, ...flagsOf(node)),
    card(null, facts([
      ["Machine", code(m.machine[row])],
      ["Cloud", [CLOUDS.get(m.provider[row]) || m.provider[row], m.account[row], m.region[row]].filter(Boolean).map(shown).join(", ")],
      ["Resource", m.asset[row] ? code(m.asset[row]) : "in no inventory"],
      ["Matched by", MATCHED.get(m.matched_by[row]) || m.matched_by[row]],
      ["Exposed to the internet", [answer(m.exposed[row]), m.exposed_ports[row] ? ", port " + shown(m.exposed_ports[row]) : "", m.exposed_why[row] ? ": " + shown(m.exposed_why[row]) : ""]],
      ["Vulnerable", [answer(m.vulnerable[row]), m.remote_code[row] ? ", code can be run from afar" : ""]],
      ["Criticality", m.criticality[row] === "unknown" ? "" : words(m.criticality[row])],
      ["Owner", m.owner[row]],
      ["Scan", m.scanned[row] ? [coverage(row), ", ", dated(m.begun[row])] : [el("span", { class: "warn" }, "never scanned: nothing is known of its files")]],
    ])),
    tabs(route, sections)];
}

function secrets(route) {
  const k = table("keys"), f = table("findings");
  const groups = new Map();
  for (const row of all("findings")) {
    if (f.key_print[row]) continue;
    const there = groups.get(f.secret[row]);
    if (there) there.push(row);
    else groups.set(f.secret[row], [row]);
  }
  const others = [...groups.values()];
  const nodes = (rows) => new Set(rows.map((row) => f.node[row])).size;
  const keys = () => el("div", {}, capped("keys", "keys"), filtered(route, {
    rows: all("keys"), label: "SSH keys", file: "keys", empty: "No key fits",
    search: (row) => [k.fingerprint[row], k.comment[row], k.algorithm[row]].join(" "),
    filters: [
      { name: "where", label: "Keys", options: [["both", "Lie somewhere and open something"], ["held", "Lie somewhere"], ["orphan", "Accepted, private half not seen"]],
        fits: (row, wanted) => (wanted === "both" ? k.held_on[row] && k.opens_on[row] : wanted === "held" ? k.held_on[row] : !k.held_on[row]) },
      { name: "weak", label: "Weak", options: ["yes"], fits: (row) => k.weak[row] },
    ],
    columns: [
      { name: "Key", width: 430, text: (row) => k.fingerprint[row], cell: (row) => el("a", { href: to.secret(k.fingerprint[row]), class: "mono" }, k.fingerprint[row]) },
      { name: "Type", width: 130, text: (row) => [k.algorithm[row], k.bits[row]].filter(Boolean).join(" ") },
      { name: "Comment", text: (row) => k.comment[row] },
      { name: "Weak", width: 130, text: (row) => words(k.weak[row]) },
      { name: "Lies on", width: 90, num: true, text: (row) => k.held_on[row] }, { name: "Opens", width: 90, num: true, text: (row) => k.opens_on[row] },
      { name: "Superuser", width: 110, text: (row) => (k.opens_root[row] ? "yes" : "") },
    ],
  }));
  const rest = () => el("div", {}, capped("findings", "findings"), filtered(route, {
    rows: others, label: "Other secrets", file: "secrets", empty: "No secret fits",
    search: (rows) => [f.secret_type[rows[0]], f.secret[rows[0]], f.target[rows[0]], f.preview[rows[0]]].join(" "),
    filters: [{ name: "level", label: "Risk", options: LEVELS, fits: (rows, wanted) => f.level[rows[0]] === wanted },
      { name: "shared", label: "Machines", options: [["yes", "On several machines"]], fits: (rows) => nodes(rows) > 1 }],
    columns: [
      COLUMN.level((rows) => f.level[rows[0]]),
      { name: "Secret", width: 280, text: (rows) => f.secret_type[rows[0]], cell: (rows) => link(to.secret(f.secret[rows[0]]), f.secret_type[rows[0]]) },
      { name: "Shown of it", width: 160, text: (rows) => f.preview[rows[0]], cell: (rows) => code(f.preview[rows[0]]) },
      { name: "Opens", text: (rows) => f.target[rows[0]] || "" },
      { name: "Exists", width: 95, text: (rows) => (f.exists_[rows[0]] === "none" ? "" : f.exists_[rows[0]]) },
      { name: "Machines", width: 100, num: true, text: nodes }, { name: "Places", width: 85, num: true, text: (rows) => rows.length },
    ],
  }));
  const reason = (row) => (f.key_print[row] ? "no machine of this store accepts the key" : !f.target[row] ? "the secret does not say what it opens"
    : f.exists_[row] === "no" ? "what it opened is gone" : "no inventory has what it opens");
  const lost = all("findings").filter((row) => f.exists_[row] !== "yes");
  const without = () => filtered(route, {
    rows: lost, label: "Secrets without an identified target", file: "secrets-without-target", empty: "None",
    search: (row) => [f.secret_type[row], f.path[row], machine(f.node[row], "hostname"), f.target[row]].join(" "), filters: [],
    columns: [
      { name: "Secret", width: 260, text: (row) => f.secret_type[row], cell: (row) => link(to.finding(row), f.secret_type[row]) },
      { name: "Machine", width: 160, text: (row) => machine(f.node[row], "hostname"), cell: (row) => machineLink(f.node[row]) },
      { name: "File", text: (row) => place(f.path[row], f.line[row]), cell: (row) => code(place(f.path[row], f.line[row])) },
      { name: "Names", width: 200, text: (row) => f.target[row] || "" }, { name: "Why", width: 290, text: reason }],
  });
  return [heading("Secrets and keys"), tabs(route, [
    { id: "keys", label: "SSH keys", count: k.total, make: keys },
    { id: "others", label: "Other secrets", count: others.length, make: rest },
    { id: "without", label: "Without an identified target", count: lost.length, make: without },
  ])];
}

function secretPage(route) {
  const print = route.rest[0];
  const k = table("keys"), f = table("findings"), g = table("grants"), h = table("holders"), p = table("paths");
  const key = rowOf("keys", "fingerprint", print), found = findingsOf(print);
  if (key < 0 && !found.length) return missing("secret", print);
  const over = all("paths").filter((row) => p.by_secret[row] === print || (p.hops[row] > 1 && chainOf(p.by_secret[row], p.entry[row]).some((x) => x.key === print)));
  const level = found.length ? f.level[found[0]] : null;
  const type = key >= 0 ? "SSH key" : f.secret_type[found[0]];
  const machinesWith = new Set(found.map((row) => f.node[row])).size;
  const rules = [...new Set(found.map((row) => f.rule[row]))];
  const r = table("remedies");
  const texts = [...new Set(rules.map((rule) => rowOf("remedies", "rule", rule)).filter((row) => row >= 0).map((row) => r.remedy[row]))];
  const grants = rowsOf("grants", "key_print", print), holders = rowsOf("holders", "key_print", print);
  const refusals = rowsOf("refusals", "key_print", print), uses = rowsOf("uses", "key_print", print);
  const x = table("refusals"), u = table("uses");
  const accepting = new Set(grants.map((row) => g.node[row])).size;
  const sections = [];
  if (key >= 0) {
    sections.push({ id: "accepted", label: "Accepted by", count: Math.max(grants.length, k.opens_on[key]), make: () => el("div", {}, accepting < k.opens_on[key] ? el("p", { class: "note" }, `The first ${number(accepting)} of ${number(k.opens_on[key])} machines; `,
      el("code", {}, `snapsift fleet query STORE accepted-by --set key=${print}`), " shows all.") : null, grid({ rows: grants, label: "Accounts that it opens", file: "accepted-by", empty: "No account of a machine in this store accepts it",
      columns: [
        { name: "Machine", width: 200, text: (row) => machine(g.node[row], "hostname"), cell: (row) => machineLink(g.node[row]) },
        { name: "Account", width: 150, text: (row) => g.account[row] }, { name: "Superuser", width: 110, text: (row) => (g.root[row] ? "yes" : "no") },
        { name: "How", width: 120, text: (row) => g.state[row] }, { name: "By", text: (row) => g.path[row], cell: (row) => code(g.path[row]) }] }).element) });
    sections.push({ id: "held", label: "Lies on", count: holders.length, make: () => grid({ rows: holders, label: "Where its private half lies", file: "lies-on", empty: "Its private half was seen nowhere",
      columns: [
        { name: "Machine", width: 200, text: (row) => machine(h.node[row], "hostname"), cell: (row) => machineLink(h.node[row]) },
        { name: "File", text: (row) => place(h.path[row], h.line[row]), cell: (row) => code(place(h.path[row], h.line[row])) },
        { name: "Owner", width: 120, text: (row) => h.owner[row] }, { name: "Mode", width: 80, text: (row) => h.mode[row] },
        { name: "Usable", width: 230, text: (row) => (h.usable[row] ? "yes" : "needs a passphrase or is damaged") }, { name: "Last read", width: 110, text: (row) => day(h.atime[row]) }] }).element });
    if (refusals.length) sections.push({ id: "refused", label: "Refused by", count: refusals.length, make: () => grid({ rows: refusals, label: "Lines by which it does not come in", file: "refused-by",
      columns: [
        { name: "Machine", width: 200, text: (row) => machine(x.node[row], "hostname"), cell: (row) => machineLink(x.node[row]) },
        { name: "Account", width: 130, text: (row) => x.account[row] }, { name: "Why", text: (row) => verdictText(x.verdict[row], x.state[row]) },
        { name: "Line", width: 360, text: (row) => place(x.path[row], x.line[row]), cell: (row) => code(place(x.path[row], x.line[row])) }] }).element });
    if (uses.length) sections.push({ id: "uses", label: "Used", count: uses.length, make: () => grid({ rows: uses, label: "Logins with it", file: "used",
      columns: [
        { name: "Machine", width: 200, text: (row) => machine(u.node[row], "hostname"), cell: (row) => machineLink(u.node[row]) },
        { name: "Account", width: 130, text: (row) => u.account[row] }, { name: "From", width: 160, text: (row) => u.address[row] }, { name: "Times", width: 80, num: true, text: (row) => u.times[row] },
        { name: "Last", width: 120, text: (row) => day(u.last_time[row]) }, { name: "By", text: (row) => u.path[row] }] }).element });
  }
  sections.push({ id: "findings", label: "Findings", count: found.length, make: () => findingGrid(found) });
  sections.push({ id: "paths", label: "Attack paths", count: over.length, make: () => pathGrid(over, "Attack paths over it") });
  return [
    heading(key >= 0 ? "SSH key " + short(print) : type, level ? pill(level) : null, key >= 0 && k.weak[key] ? flag("weak: " + words(k.weak[key]).toLowerCase(), "bad") : null),
    el("p", { class: "lead" }, key >= 0 ? `Lies on ${plural(k.held_on[key], "machine")}, opens accounts of ${plural(k.opens_on[key], "machine")}${k.opens_root[key] ? ", one of them the superuser's" : ""}.`
      : `Found at ${plural(found.length, "place")} on ${plural(machinesWith, "machine")}.`),
    secretPicture(print, type) ? card(null, secretPicture(print, type)) : null,
    el("div", { class: "columns" },
      card("About it", facts([["Fingerprint", code(print)], ...(key >= 0 ? [["Type", [k.algorithm[key], k.bits[key]].filter(Boolean).join(" ")], ["Comment", k.comment[key]]] : []), ...(found.length ? detailPairs(found[0]) : [])])),
      card("What to do", texts.map((text) => el("p", {}, text)), key >= 0 && holders.length ? el("ol", { class: "steps" },
        el("li", {}, `Make a new key, and let it in beside the old one: ${plural(grants.length, "account")} of ${plural(accepting, "machine")} (Accepted by).`),
        el("li", {}, `Put it in place of the old one: ${plural(holders.length, "file")} (Lies on).`),
        el("li", {}, "Take the old one out where it is accepted. All of it as a list: ", el("code", {}, `snapsift fleet query STORE key-rotation --set key=${print}`))) : null)),
    tabs(route, sections)];
}

// A verdict is JSON of one level: the state, and why.
function verdictText(verdict, state) {
  try {
    const parts = Object.entries(JSON.parse(verdict)).filter(([name]) => name !== "state").map(([name, value]) => (name === "reason" ? "" : words(name).toLowerCase() + " ") + String(value).replace(/_/g, " "));
    return [state, ...parts].join(", ");
  } catch {
    return state;
  }
}

function detailPairs(row) {
  const f = table("findings");
  let details = {};
  try {
    details = JSON.parse(f.details[row] || "{}");
  } catch {
    details = {};
  }
  const known = new Set(["fingerprint", ...(f.key_print[row] ? ["algorithm", "bits", "comment"] : [])]);
  return [
    ["Shown of it", f.preview[row] && !f.key_print[row] ? code(f.preview[row]) : ""],
    ["Opens", f.target[row] ? [code(f.target[row]), f.target_kind[row] ? ` (${words(f.target_kind[row]).toLowerCase()})` : ""] : ""],
    ["Target exists", f.exists_[row] === "none" || f.key_print[row] ? "" : f.exists_[row]],
    ["Expires", dated(f.expires[row])],
    ...Object.entries(details && typeof details === "object" ? details : {}).filter(([name]) => !known.has(name))
      .map(([name, value]) => [words(name), typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)]),
  ];
}

function findingPage(route) {
  const [of, id] = route.rest;
  const f = table("findings"), m = rowOf("machines", "machine", of);
  const row = m < 0 ? undefined : rowsOf("findings", "finding_id", id || "").find((r) => f.node[r] === table("machines").node[m]);
  if (row === undefined) return missing("finding", id || "");
  const node = f.node[row], print = secretOf(row), p = table("paths");
  const remedy = rowOf("remedies", "rule", f.rule[row]);
  const others = findingsOf(print).filter((r) => r !== row);
  const over = all("paths").filter((r) => p.by_secret[r] === print);
  return [
    heading(f.secret_type[row], pill(f.level[row])),
    el("p", { class: "lead" }, "On ", machineLink(node), " ", flagsOf(node), " in ", code(place(f.path[row], f.line[row]))),
    el("div", { class: "columns" },
      card("Risk", el("p", {}, pill(f.level[row]), f.why[row] ? " by these facts:" : " Nothing raises it."),
        f.why[row] ? el("ul", {}, f.why[row].split("; ").map((fact) => el("li", {}, capital(fact)))) : null,
        facts([["Severity of its type", words(f.severity[row])], ["Confidence", words(f.confidence[row])], ["Attack paths", f.paths[row] ? number(f.paths[row]) : ""]]),
        el("h3", {}, "What to do"), el("p", {}, remedy < 0 ? "Nothing is known of how to replace it." : table("remedies").remedy[remedy])),
      card("About it", facts([["Secret", link(to.secret(print), short(print))], ["Type", link(to.type(f.secret_type[row]), f.secret_type[row])],
        ["File", code(place(f.path[row], f.line[row]))], ["Deleted", f.deleted[row] ? "yes: read from where it lay" : ""], ["Owner and mode", [f.owner[row], f.mode[row]].filter(Boolean).join(" ") + (f.readable[row] ? ", everybody can read it" : "")],
        ["Last read", dated(f.atime[row])], ["Changed", dated(f.mtime[row])], ["From a package", f.vendor[row] ? "yes, and unchanged" : ""],
        ...detailPairs(row), ["Rule", code(f.rule[row])], ["Finding", code(f.finding_id[row])]]))),
    over.length ? card("Attack paths over it", pathGrid(over, "Attack paths over it")) : null,
    others.length ? card("The same secret elsewhere", findingGrid(others)) : null];
}

function resourcePage(route) {
  const row = rowOf("resources", "asset_id", route.rest[0]);
  if (row < 0) return missing("resource", route.rest[0]);
  const r = table("resources"), o = table("opens"), f = table("findings"), p = table("paths");
  const opening = rowsOf("opens", "target", r.asset_id[row]);
  const found = [...new Set(opening.flatMap((x) => rowsOf("findings", "finding_id", o.finding_id[x]).filter((y) => f.node[y] === o.node[x])))];
  const over = all("paths").filter((x) => p.target_asset[x] === r.asset_id[row]);
  const known = (value) => (value === "unknown" ? "" : words(value));
  return [heading(r.name[row], flag(words(r.kind[row]))),
    card(null, facts([["Resource", code(r.asset_id[row])], ["Type", r.type[row]], ["Cloud", [CLOUDS.get(r.provider[row]) || r.provider[row], r.account[row], r.region[row]].filter(Boolean).map(shown).join(", ")],
      ["Criticality", known(r.criticality[row])], ["Sensitivity", known(r.sensitivity[row])], ["Exposed", known(r.exposed[row])],
      ["Takes such secrets", r.usable[row] === "unknown" ? "" : r.usable[row] + (r.usable_why[row] ? ": " + r.usable_why[row] : "")], ["Owner", r.owner[row]]])),
    card("Secrets that open it", findingGrid(found)),
    over.length ? card("Attack paths that end here", pathGrid(over, "Attack paths that end here")) : null];
}

function coveragePage(route) {
  const m = table("machines"), i = table("inventories");
  return [heading("Coverage"),
    el("p", { class: "lead" }, "What this report can say, and what it cannot. A machine without a scan, or without an inventory, is no safe machine."),
    card("Machines", filtered(route, {
      rows: all("machines"), label: "Coverage of machines", file: "coverage", empty: "No machine fits",
      search: (row) => [m.hostname[row], m.machine[row], m.asset[row]].join(" "),
      filters: [
        { name: "scan", label: "Scan", options: ["complete", "partial", "never scanned"], fits: (row, wanted) => coverage(row) === wanted },
        { name: "stale", label: "Age", options: [["yes", `Older than ${STALE_DAYS} days`]], fits: isStale },
        { name: "inventory", label: "Inventory", options: ["yes", "no"], fits: (row, wanted) => (m.asset[row] ? "yes" : "no") === wanted }],
      columns: [
        { name: "Machine", width: 220, text: (row) => m.hostname[row], cell: (row) => machineLink(m.node[row]) },
        { name: "Scan", width: 130, text: coverage, cell: (row) => el("span", { class: coverage(row) === "complete" ? "" : "warn" }, coverage(row)) },
        { name: "Scanned", width: 210, text: (row) => dated(m.begun[row]), sort: (row) => m.begun[row] || "", cell: (row) => el("span", { class: isStale(row) ? "warn" : "" }, dated(m.begun[row])) },
        { name: "Resource of the inventory", text: (row) => m.asset[row], cell: (row) => (m.asset[row] ? code(m.asset[row]) : el("span", { class: "warn" }, "in no inventory")) },
        { name: "Matched by", width: 170, text: (row) => MATCHED.get(m.matched_by[row]) || m.matched_by[row] || "" },
        { name: "Exposed", width: 100, text: (row) => m.exposed[row], cell: (row) => answer(m.exposed[row]) }, { name: "Vulnerable", width: 110, text: (row) => m.vulnerable[row], cell: (row) => answer(m.vulnerable[row]) }] })),
    card("Inventories and reports", grid({ rows: all("inventories"), label: "Inventories and reports", file: "inventories", empty: "None was given: snapsift fleet assets takes them",
      columns: [
        { name: "File", text: (row) => i.source[row] }, { name: "Shape", width: 200, text: (row) => i.shape[row] }, { name: "Scope", width: 200, text: (row) => i.scope[row] },
        { name: "All there is", width: 120, text: (row) => (i.whole[row] ? "yes" : "no") }, { name: "Taken", width: 200, text: (row) => dated(i.taken[row]) },
        { name: "Records", width: 100, num: true, text: (row) => i.records[row] }, { name: "Left out", width: 100, num: true, text: (row) => i.skipped[row] }] }).element),
    card("About this report", facts([["Made by", "snapsift " + RAW.engine], ["State of", dated(RAW.now)], ["Scans kept", number(RAW.scans.scans)], ["First and last scan", day(RAW.scans.first_) + " to " + day(RAW.scans.last_)]]),
      el("p", { class: "quiet" }, "Exposure is what inventories say of addresses and rules; whether a machine answers was not tried. Vulnerable means a vulnerability of severity high or critical in a report. Only secrets that were found on disks are on paths."))];
}

function changes(route) {
  const make = (name, empty) => () => {
    const t = table(name);
    return el("div", {}, capped(name, "findings"), grid({ rows: all(name), label: name, file: name, empty,
      columns: [
        { name: "Machine", width: 200, text: (row) => t.hostname[row] }, { name: "Secret", width: 280, text: (row) => t.secret_type[row] },
        { name: "Severity", width: 110, text: (row) => t.severity[row], cell: (row) => pill(t.severity[row]) },
        { name: "File", text: (row) => place(t.path[row], t.line[row]), cell: (row) => code(place(t.path[row], t.line[row])) }] }).element);
  };
  return [heading("Changes"), el("p", { class: "lead" }, "The newest scan of each machine beside the one before it. What is gone may also not have been covered."), tabs(route, [
    { id: "new", label: "New", count: table("new").total, make: make("new", "Nothing is new, or machines were scanned once only") },
    { id: "gone", label: "Gone", count: table("gone").total, make: make("gone", "Nothing is gone, or machines were scanned once only") }])];
}

function searchPage(route) {
  const query = (route.params.get("q") || "").trim().toLowerCase();
  const m = table("machines"), k = table("keys"), p = table("paths"), f = table("findings"), r = table("resources");
  const results = [heading("Search")];
  if (query.length < 2) return [...results, el("p", { class: "note" }, "Two characters at least.")];
  const has = (...texts) => texts.some((text) => text && text.toLowerCase().includes(query));
  const section = (title, rows, item, more) => {
    if (!rows.length) return;
    results.push(card(`${title} (${number(rows.length)})`, el("ul", { class: "results" }, rows.slice(0, 12).map((row) => el("li", {}, item(row)))),
      rows.length > 12 && more ? el("p", {}, link(more, "All of them")) : null));
  };
  section("Machines", all("machines").filter((row) => has(m.hostname[row], m.machine[row], m.asset[row], m.owner[row])),
    (row) => [machineLink(m.node[row]), " ", flagsOf(m.node[row]), el("small", {}, m.machine[row])], to.page("machines", { q: query }));
  section("SSH keys", all("keys").filter((row) => has(k.fingerprint[row], k.comment[row])),
    (row) => [el("a", { href: to.secret(k.fingerprint[row]), class: "mono" }, k.fingerprint[row]), el("small", {}, `${shown(k.comment[row])} lies on ${number(k.held_on[row])}, opens ${number(k.opens_on[row])}`)], to.page("secrets", { tab: "keys", q: query }));
  section("Attack paths", all("paths").filter((row) => has(titleOf(p.rule[row]), p.path_id[row], p.secret_type[row], targetOf(row).name, machine(p.entry[row], "hostname"))),
    (row) => [pill(p.level[row]), " ", link(to.path(row), titleOf(p.rule[row])), el("small", {}, shown(machine(p.entry[row], "hostname")), " → ", shown(targetOf(row).name || "not known"))], to.page("paths", { q: query }));
  section("Resources", all("resources").filter((row) => has(r.name[row], r.asset_id[row])), (row) => [link(to.resource(r.asset_id[row]), r.name[row]), el("small", {}, r.type[row])]);
  section("Findings", all("findings").filter((row) => has(f.secret_type[row], f.path[row], f.target[row], f.finding_id[row], f.secret[row])),
    (row) => [pill(f.level[row]), " ", link(to.finding(row), f.secret_type[row]), el("small", {}, shown(machine(f.node[row], "hostname")), " ", place(f.path[row], f.line[row]))], to.page("recommendations", { tab: "findings", q: query }));
  if (results.length === 1) results.push(el("p", { class: "note" }, "Nothing has “", route.params.get("q"), "” in its name."));
  return results;
}

function missing(what, name) {
  return [heading("Not in this report"), el("p", { class: "note" }, `There is no ${what} `, code(name || ""), " here. It may be among what was left out, or gone since the link was made."),
    el("p", {}, link("#/", "To the overview"))];
}
