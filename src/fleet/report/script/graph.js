// Paths as pictures: columns from where somebody comes in to what they get. Equal data give
// an equal picture.

const NODE = { width: 176, height: 66, gap: 20, between: 104, most: 17, label: 15 };

const ICONS = {
  internet: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  machine: "M4 5h16v10H4zM9 19h6M12 15v4",
  key: "M7 8a4 4 0 1 0 .1 0M11 12h10M17 12v4M20.500 12v3",
  secret: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  storage: "M4 7c0-4 16-4 16 0v10c0 4-16 4-16 0zM4 7c0 4 16 4 16 0",
  database: "M4 6c0-3.500 16-3.500 16 0v12c0 3.500-16 3.500-16 0zM4 6c0 3.500 16 3.500 16 0M4 12c0 3.500 16 3.500 16 0",
  vault: "M4 4h16v16H4zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6M12 9V7M12 17v-2",
  more: "M6 12h.1M12 12h.1M18 12h.1",
  unknown: "M9 9a3 3 0 1 1 4 3c-1 .500-1 1-1 2M12 17.500v.1",
};

const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

// columns: lists of nodes {id, icon, title, sub, href, tone, badge}; edges: {from, to, label,
// detail, weak}. A weak edge is one that needs more than is known.
function layered(columns, edges, label) {
  const place_ = new Map();
  const heights = columns.map((nodes) => nodes.length * (NODE.height + NODE.gap) - NODE.gap);
  const tallest = Math.max(NODE.height, ...heights);
  const top = 34;
  columns.forEach((nodes, column) => {
    // Beside what they hang on: by the middle of their neighbours to the left.
    const centre = (node) => {
      const from = edges.filter((edge) => edge.to === node.id && place_.has(edge.from)).map((edge) => place_.get(edge.from).y);
      return from.length ? from.reduce((a, b) => a + b, 0) / from.length : 0;
    };
    const order = column ? nodes.map((node, i) => [centre(node), i, node]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((x) => x[2]) : nodes;
    order.forEach((node, at) => {
      place_.set(node.id, {
        x: column * (NODE.width + NODE.between) + 4,
        y: top + (tallest - heights[column]) / 2 + at * (NODE.height + NODE.gap),
        node,
      });
    });
  });
  const width = columns.length * (NODE.width + NODE.between) - NODE.between + 8;
  const height = top + tallest + 14;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": label });
  picture.append(svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" },
    svg("path", { d: "M0 0 8 4 0 8z", class: "tip" }))));
  const ends = (end) => {
    const counts = new Map();
    for (const edge of edges) counts.set(edge[end], (counts.get(edge[end]) || 0) + 1);
    return counts;
  };
  const leaving = ends("from"), arriving = ends("to");
  // Labels lie over all lines.
  const labels = svg("g", { class: "edge" });
  edges.forEach((edge) => {
    edge.spread = leaving.get(edge.from) > 1;
    edge.meet = !edge.spread && arriving.get(edge.to) > 1;
    const from = place_.get(edge.from), until = place_.get(edge.to);
    if (!from || !until) return;
    const x1 = from.x + NODE.width, y1 = from.y + NODE.height / 2;
    const x2 = until.x - 2, y2 = until.y + NODE.height / 2;
    const bend = (x2 - x1) / 2;
    const group = svg("g", { class: "edge" + (edge.weak ? " weak" : "") },
      svg("title", {}, edge.detail || edge.label || ""),
      svg("path", { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, "marker-end": "url(#tip)" }));
    if (edge.label) {
      // Where lines spread or meet, a label stands where they are apart.
      const [x, anchor] = edge.spread ? [x2 - 12, "end"] : edge.meet ? [x1 + 6, "start"] : [(x1 + x2) / 2, "middle"];
      const y = edge.spread ? y2 : edge.meet ? y1 : (y1 + y2) / 2;
      labels.append(svg("text", { x, y: y - 7, "text-anchor": anchor }, cut(shown(edge.label), NODE.label)));
      if (edge.second) labels.append(svg("text", { x, y: y + 15, "text-anchor": anchor, class: "second" }, cut(shown(edge.second), NODE.label)));
    }
    picture.append(group);
  });
  picture.append(labels);
  for (const { x, y, node } of place_.values()) {
    const box = svg("g", { class: "node " + (node.tone || ""), transform: `translate(${x} ${y})` },
      svg("title", {}, [node.title, node.sub, node.badge].filter(Boolean).map(shown).join("\n")),
      svg("rect", { width: NODE.width, height: NODE.height, rx: 8 }),
      svg("rect", { class: "strip", width: 5, height: NODE.height - 16, x: 0, y: 8, rx: 2 }),
      svg("path", { class: "icon", d: ICONS[node.icon] || ICONS.unknown, transform: "translate(13 21)" }),
      svg("text", { x: 44, y: node.sub ? 28 : 38, class: "title" }, cut(shown(node.title), NODE.most)),
      node.sub ? svg("text", { x: 44, y: 47, class: "sub" }, cut(shown(node.sub), NODE.most + 3)) : null);
    if (node.badge) box.append(svg("text", { x: NODE.width - 2, y: -6, "text-anchor": "end", class: "badge" }, cut(shown(node.badge), 26)));
    picture.append(node.href ? svg("a", { href: node.href, "aria-label": shown(node.title) }, box) : box);
  }
  // A wide one is made smaller, but not so small that nobody can read it.
  picture.style.minWidth = Math.round(width * 0.66) + "px";
  return el("div", { class: "picture", tabindex: "0", role: "region", "aria-label": label }, picture);
}

const badgeOf = (node) => [machine(node, "exposed") === "yes" ? "exposed" : "", machine(node, "vulnerable") === "yes" ? "vulnerable" : ""]
  .filter(Boolean).join(", ");

function machineNode(node, id) {
  const cloud = CLOUDS.get(machine(node, "provider")) || "";
  return {
    id: id || "m" + node, icon: "machine", title: machine(node, "hostname") || "?",
    sub: [cloud, machine(node, "region")].filter(Boolean).join(" "),
    href: to.machine(node), badge: matters(node) ? words(machine(node, "criticality")) + " criticality" : badgeOf(node),
    tone: matters(node) ? "critical" : machine(node, "exposed") === "yes" ? "entry" : "",
  };
}

function secretNode(print, type, id) {
  const key = isKey(print);
  return { id: id || "s" + print, icon: key ? "key" : "secret", title: key ? "SSH private key" : type, sub: short(print), href: to.secret(print), tone: "secret" };
}

function resourceNode(row) {
  const r = table("resources");
  const sensitive = [r.criticality[row], r.sensitivity[row]].some((x) => x === "high" || x === "very_high");
  return { id: "r" + r.asset_id[row], icon: r.kind[row], title: r.name[row], sub: r.type[row], href: to.resource(r.asset_id[row]),
    tone: sensitive ? "critical" : "target", badge: sensitive ? "matters" : "" };
}

const moreNode = (id, count, what, href) => ({ id, icon: "more", title: "and " + number(count) + " more", sub: what, href, tone: "more" });
const INTERNET = { id: "internet", icon: "internet", title: "Internet", sub: "anybody", tone: "entry" };
const MOST = 6;

// Where a key lies on a machine: the file, and what is said of it.
function holderOf(print, node) {
  const h = table("holders");
  const row = rowsOf("holders", "key_print", print).find((r) => h.node[r] === node && h.usable[r]);
  return row === undefined ? -1 : row;
}

function grantsAt(print, node) {
  const g = table("grants");
  return rowsOf("grants", "key_print", print).filter((r) => g.node[r] === node)
    .sort((a, b) => g.root[b] - g.root[a] || (g.account[a] < g.account[b] ? -1 : 1));
}

const fileName = (path) => String(path || "").split("/").pop();

function enterEdge(node, id) {
  const ports = machine(node, "exposed_ports");
  return { from: "internet", to: id || "m" + node, label: ports ? "port " + ports : "reaches", detail: machine(node, "exposed_why") };
}

function holdEdge(print, node, from, until) {
  const row = holderOf(print, node);
  const h = table("holders");
  return { from, to: until, label: row < 0 ? "holds" : fileName(h.path[row]), second: row < 0 ? "" : h.owner[row] + " " + (h.mode[row] || ""),
    detail: row < 0 ? "" : "lies in " + place(h.path[row], h.line[row]) };
}

function openEdge(print, node, from, until, weak) {
  const rows = grantsAt(print, node);
  const g = table("grants");
  if (!rows.length) return { from, to: until, label: "opens", weak };
  const [first] = rows;
  return { from, to: until, label: "as " + g.account[first] + (rows.length > 1 ? " +" + (rows.length - 1) : ""), second: g.state[first],
    detail: g.state[first] + " by " + g.path[first], weak: weak || g.state[first] === "granted" };
}

// The columns and edges of one attack path.
function pathPicture(row) {
  const p = table("paths");
  const rule = ruleRow(p.rule[row]);
  const edge = rule < 0 ? "" : table("rules").edge[rule];
  const print = p.by_secret[row];
  const entries = rowsOf("entries", "path_id", p.path_id[row]).map((r) => table("entries").node[r]);
  const columns = [], edges = [];
  const shownEntries = (entries.length ? entries : [p.entry[row]]).slice(0, MOST);
  if (shownEntries.some((node) => machine(node, "exposed") === "yes")) columns.push([INTERNET]);
  const first = shownEntries.map((node) => machineNode(node));
  for (const node of shownEntries) if (machine(node, "exposed") === "yes") edges.push(enterEdge(node));
  if (p.entries[row] > shownEntries.length) first.push(moreNode("entries", p.entries[row] - shownEntries.length, "machines hold it"));
  columns.push(first);
  if (edge === "hops") {
    let from = "m" + p.entry[row];
    chainOf(print, p.entry[row]).forEach(({ key, via }, at, chain) => {
      const id = "s" + key;
      columns.push([secretNode(key, "", id)]);
      edges.push(holdEdge(key, via, from, id));
      const next = at + 1 < chain.length ? chain[at + 1].via : p.target_node[row];
      columns.push([machineNode(next, "m" + next + "-" + at)]);
      edges.push(openEdge(key, next, id, "m" + next + "-" + at));
      from = "m" + next + "-" + at;
    });
    if (p.target_asset[row]) {
      const o = table("opens");
      const one = rowsOf("opens", "target", p.target_asset[row]).find((r) => o.node[r] === p.target_node[row]);
      const asset = rowOf("resources", "asset_id", p.target_asset[row]);
      if (one !== undefined && asset >= 0) {
        const finding = rowsOf("findings", "finding_id", o.finding_id[one])[0];
        const f = table("findings");
        columns.push([secretNode(o.secret[one], finding === undefined ? "Secret" : f.secret_type[finding])]);
        edges.push({ from, to: "s" + o.secret[one], label: finding === undefined ? "holds" : fileName(f.path[finding]),
          detail: finding === undefined ? "" : place(f.path[finding], f.line[finding]) });
        columns.push([resourceNode(asset)]);
        edges.push({ from: "s" + o.secret[one], to: "r" + p.target_asset[row], label: "opens", detail: o.permission[one] });
      }
    }
    return { columns, edges };
  }
  columns.push([secretNode(print, p.secret_type[row])]);
  const f = table("findings");
  for (const node of shownEntries) {
    const held = isKey(print) ? -1 : findingsOf(print).find((r) => f.node[r] === node);
    if (held === -1) edges.push(holdEdge(print, node, "m" + node, "s" + print));
    else edges.push({ from: "m" + node, to: "s" + print, label: held === undefined ? "holds" : fileName(f.path[held]),
      second: held === undefined ? "" : (f.owner[held] || "") + " " + (f.mode[held] || ""),
      detail: held === undefined ? "" : place(f.path[held], f.line[held]) });
  }
  if (p.entries[row] > shownEntries.length) edges.push({ from: "entries", to: "s" + print });
  if (edge === "key") {
    const targets = targetsOf(row);
    const some = targets.slice(0, MOST).map((node) => machineNode(node, "t" + node));
    for (const node of targets.slice(0, MOST)) edges.push(openEdge(print, node, "s" + print, "t" + node));
    if (targets.length > MOST) {
      some.push(moreNode("targets", targets.length - MOST, "machines accept it", to.secret(print)));
      edges.push({ from: "s" + print, to: "targets" });
    }
    columns.push(some);
  } else if (edge === "secret") {
    const o = table("opens");
    const one = rowsOf("opens", "secret", print).find((r) => o.target[r] === p.target_asset[row]);
    const target = rowOf("resources", "asset_id", p.target_asset[row]);
    let from = "s" + print;
    if (one !== undefined && o.opened[one] !== o.target[one]) {
      const opened = rowOf("resources", "asset_id", o.opened[one]);
      if (opened >= 0) {
        columns.push([resourceNode(opened)]);
        edges.push({ from, to: "r" + o.opened[one], label: "is of" });
        from = "r" + o.opened[one];
      }
    }
    if (target >= 0) {
      columns.push([resourceNode(target)]);
      edges.push({ from, to: "r" + p.target_asset[row], label: one !== undefined && o.permission[one] ? "may" : "opens",
        second: one === undefined ? "" : o.permission[one], detail: one === undefined ? "" : o.permission[one] });
    }
  } else {
    columns.push([{ id: "nowhere", icon: "unknown", title: "What it opens", sub: "is not known", tone: "more" }]);
    edges.push({ from: "s" + print, to: "nowhere", weak: true });
  }
  return { columns, edges };
}

// Who holds a key or a secret, and what it opens.
function secretPicture(print, type) {
  const columns = [[], [secretNode(print, type)], []], edges = [];
  const f = table("findings"), h = table("holders");
  const key = isKey(print);
  const holders = [...new Set(key ? rowsOf("holders", "key_print", print).map((r) => h.node[r]) : findingsOf(print).map((r) => f.node[r]))];
  for (const node of holders.slice(0, MOST)) {
    columns[0].push(machineNode(node));
    if (key) edges.push(holdEdge(print, node, "m" + node, "s" + print));
    else {
      const row = findingsOf(print).find((r) => f.node[r] === node);
      edges.push({ from: "m" + node, to: "s" + print, label: fileName(f.path[row]), detail: place(f.path[row], f.line[row]) });
    }
  }
  if (holders.length > MOST) {
    columns[0].push(moreNode("holders", holders.length - MOST, "machines hold it"));
    edges.push({ from: "holders", to: "s" + print });
  }
  if (key) {
    const g = table("grants");
    const targets = [...new Set(rowsOf("grants", "key_print", print).map((r) => g.node[r]))];
    for (const node of targets.slice(0, MOST)) {
      columns[2].push(machineNode(node, "t" + node));
      edges.push(openEdge(print, node, "s" + print, "t" + node));
    }
    if (targets.length > MOST) {
      columns[2].push(moreNode("targets", targets.length - MOST, "machines accept it"));
      edges.push({ from: "s" + print, to: "targets" });
    }
  } else {
    const o = table("opens");
    for (const target of [...new Set(rowsOf("opens", "secret", print).map((r) => o.target[r]))].slice(0, MOST)) {
      const row = rowOf("resources", "asset_id", target);
      if (row < 0) continue;
      columns[2].push(resourceNode(row));
      edges.push({ from: "s" + print, to: "r" + target, label: "opens" });
    }
  }
  const filled = columns.filter((column) => column.length);
  return filled.length > 1 ? layered(filled, edges, "Who holds it, and what it opens") : null;
}
