// The tasks that wait, the channels that they wait for, and the tasks that could end the waits.
//
// Nodes that wait for each other in a circle are one block, drawn as a ring. Blocks stand in
// columns: each is to the left of what it waits for.
import { byId, fillTable, setAttribute, setText, show, svg } from "./dom.js";
import { count, duration, line, plural } from "./format.js";
import { formatHash } from "./state.js";

/** More are in the list only. */
const MAX_NODES = 40;
const NODE = { width: 168, height: 38 };
const GAP = { x: 84, y: 16 };
/** Parts that have nothing to do with each other stand side by side up to this width. */
const WIDEST = 1150;

export function renderGraph(report, view) {
  const { graph, channels } = report;
  const some = graph.waits.length > 0;
  show(byId("graph-section"), some);
  if (!some) return;
  const labels = new Map(channels.map(({ id, label, instances }) => [id, { label, instances }]));
  renderList(graph, labels);
  const all = nodesOf(graph, labels);
  const shown = cut(all);
  const left = [
    all.nodes.length > shown.nodes.length ? plural(all.nodes.length - shown.nodes.length, "more node is", "more nodes are") + " in the list only" : "",
    graph.left_out ? `${plural(graph.left_out, "younger wait is", "younger waits are")} not shown` : "",
  ].filter(Boolean);
  setText(byId("graph-note"), left.join("; "));
  draw(byId("graph"), shown, view);
}

const channelKey = ({ channel, instance }) => `c ${instance} ${channel}`;

/** Nodes and edges; tasks that do the same at one line, and that hold nothing, are one node. */
function nodesOf(graph, labels) {
  const holders = new Set(graph.handles.map(({ task }) => task));
  const waits = new Map();
  for (const wait of graph.waits) waits.set(wait.task, [...(waits.get(wait.task) ?? []), wait]);
  const nodes = new Map();
  const edges = new Map();
  const join = (from, to, more) => edges.set(`${from}\n${to}\n${more.op ?? ""}`, { from, to, ...more });
  const addChannel = (it) => {
    const { label, instances } = labels.get(it.channel) ?? { label: it.channel, instances: 1 };
    const lines = [label, instances > 1 ? `one of ${count(instances)}` : ""];
    const key = channelKey(it);
    if (!nodes.has(key)) nodes.set(key, { key, kind: "channel", channel: it.channel, lines, tasks: 0 });
    return key;
  };
  for (const [task, its] of waits) {
    const { label, stuck } = graph.tasks[task];
    const alone = holders.has(task) || its.length > 1;
    const [{ site, seconds, op }] = its;
    const key = alone ? `t ${task}` : `g ${channelKey(its[0])} ${op} ${site} ${stuck}`;
    const node = nodes.get(key) ?? { key, kind: "task", stuck, label, site, oldest: 0, tasks: 0, several: its.length > 1 };
    node.tasks += 1;
    node.oldest = Math.max(node.oldest, seconds);
    nodes.set(key, node);
    for (const wait of its) join(key, addChannel(wait), { op: wait.op, stuck });
  }
  for (const handle of graph.handles) {
    const { label, stuck } = graph.tasks[handle.task];
    const key = `t ${handle.task}`;
    const channel = channelKey(handle);
    if (!nodes.has(channel)) continue;
    if (!nodes.has(key)) nodes.set(key, { key, kind: "task", stuck, label, free: true, tasks: 1, oldest: 0 });
    join(channel, key, { handle: true, stuck });
  }
  for (const node of nodes.values()) if (node.kind === "task") node.lines = linesOf(node);
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

function linesOf({ tasks, label, site, oldest, free, several }) {
  if (free) return [label, "does not wait"];
  const where = several ? "several branches" : line(site).split("/").at(-1);
  return [tasks > 1 ? plural(tasks, "task") : label, `${where}, ${duration(oldest)}`];
}

/** The nodes for which there is room: the stuck ones first. */
function cut({ nodes, edges }) {
  const near = new Set(edges.filter(({ stuck }) => stuck).flatMap(({ from, to }) => [from, to]));
  const kept = nodes.length > MAX_NODES ? [...nodes].sort((a, b) => near.has(b.key) - near.has(a.key)).slice(0, MAX_NODES) : nodes;
  const keys = new Set(kept.map(({ key }) => key));
  const joined = edges.filter(({ from, to }) => keys.has(from) && keys.has(to));
  return { nodes: kept, edges: joined };
}

/** The strongly connected components, each before those that lead to it (Tarjan). */
function components(nodes, next) {
  const [index, low, onStack, stack, found] = [new Map(), new Map(), new Set(), [], []];
  const visit = (key) => {
    index.set(key, index.size);
    low.set(key, index.get(key));
    stack.push(key);
    onStack.add(key);
    for (const to of next.get(key) ?? []) {
      if (!index.has(to)) visit(to);
      if (onStack.has(to)) low.set(key, Math.min(low.get(key), low.get(to)));
    }
    if (low.get(key) !== index.get(key)) return;
    const part = stack.splice(stack.indexOf(key));
    part.forEach((it) => onStack.delete(it));
    found.push(part);
  };
  for (const { key } of nodes) if (!index.has(key)) visit(key);
  return found;
}

/** Where each node is, as the middle of its box, and how large the drawing is. */
function layout({ nodes, edges }) {
  const next = new Map(nodes.map(({ key }) => [key, []]));
  for (const { from, to } of edges) next.get(from).push(to);
  const blocks = components(nodes, next).map((keys) => blockOf(keys, next));
  const blockWith = new Map(blocks.flatMap((block) => block.keys.map((key) => [key, block])));
  // What a block leads to comes before it in `blocks`: its column is known.
  for (const block of blocks) {
    block.to = new Set(block.keys.flatMap((key) => next.get(key)).map((key) => blockWith.get(key)));
    block.to.delete(block);
    block.column = Math.max(-1, ...[...block.to].map(({ column }) => column)) + 1;
  }
  const parts = partsOf(blocks).map(place);
  // The largest first, side by side as long as there is room.
  parts.sort((one, other) => other.height - one.height);
  const places = new Map();
  let [x, y, rowHeight, width] = [0, 0, 0, 0];
  for (const part of parts) {
    if (x > 0 && x + part.width > WIDEST) [x, y, rowHeight] = [0, y + rowHeight + GAP.y * 2, 0];
    for (const [key, [partX, partY]] of part.places) places.set(key, [x + partX, y + partY]);
    rowHeight = Math.max(rowHeight, part.height);
    width = Math.max(width, x + part.width);
    x += part.width + GAP.x;
  }
  return { places, width, height: y + rowHeight };
}

/** The blocks that lead to each other, directly or not, together. */
function partsOf(blocks) {
  let parts = [];
  for (const block of blocks) {
    const joined = parts.filter((part) => part.some((it) => block.to.has(it)));
    parts = [...parts.filter((part) => !joined.includes(part)), [...joined.flat(), block]];
  }
  return parts;
}

/** Columns of blocks that belong together. */
function place(blocks) {
  const columns = [];
  for (const block of blocks) (columns[block.column] ??= []).push(block);
  const places = new Map();
  let width = 0;
  let height = 0;
  for (const column of columns.reverse()) width += Math.max(...column.map((block) => block.width)) + GAP.x;
  let right = (width -= GAP.x);
  // From the right to the left: each block as near as it can be to the middle of what it leads to.
  for (const column of columns.reverse()) {
    const wide = Math.max(...column.map((block) => block.width));
    const wish = ({ to }) => (to.size ? [...to].reduce((sum, { y }) => sum + y, 0) / to.size : 0);
    let bottom = 0;
    for (const block of column.map((it) => [wish(it), it]).sort(([a], [b]) => a - b).map(([, it]) => it)) {
      block.y = Math.max(bottom + block.height / 2, wish(block));
      bottom = block.y + block.height / 2 + GAP.y;
      for (const [key, [x, y]] of block.inner) places.set(key, [right - wide / 2 + x, block.y + y]);
      height = Math.max(height, bottom - GAP.y);
    }
    right -= wide + GAP.x;
  }
  return { places, width, height };
}

/** A node, or a ring of nodes in the order in which they wait for each other. */
function blockOf(keys, next) {
  if (keys.length === 1) return { keys, width: NODE.width, height: NODE.height, inner: [[keys[0], [0, 0]]] };
  const ring = walk(keys, next);
  const rx = Math.max(NODE.width * 0.8, ring.length * 36);
  const ry = Math.max(NODE.height * 1.7, ring.length * 21);
  const inner = ring.map((key, at) => {
    const angle = (2 * Math.PI * at) / ring.length - Math.PI;
    return [key, [rx * Math.cos(angle), ry * Math.sin(angle)]];
  });
  return { keys, width: 2 * rx + NODE.width, height: 2 * ry + NODE.height, inner };
}

function walk(keys, next) {
  const left = new Set(keys);
  const ring = [];
  let at = keys[0];
  while (at !== undefined) {
    left.delete(at);
    ring.push(at);
    at = next.get(at).find((key) => left.has(key)) ?? [...left][0];
  }
  return ring;
}

function draw(place, { nodes, edges }, view) {
  const { places, width, height } = layout({ nodes, edges });
  setAttribute(place, "viewBox", `-4 -4 ${width + 8} ${height + 8}`);
  place.style.width = `${width + 8}px`;
  const waits = edges.filter(({ handle }) => !handle).length;
  setAttribute(place, "aria-label", `${plural(nodes.length, "node")} and ${plural(waits, "wait")}; the list below has them as text.`);
  // What has the focus is drawn anew, too.
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.node : null;
  const lines = edges.map((edge) => edgeOf(edge, places.get(edge.from), places.get(edge.to)));
  place.replaceChildren(arrows(), ...lines, ...nodes.map((node) => nodeOf(node, places.get(node.key), view)));
  if (focused) [...place.querySelectorAll("a")].find((it) => it.dataset.node === focused)?.focus({ preventScroll: true });
}

function arrows() {
  const defs = svg("defs");
  for (const name of ["plain", "stuck"]) {
    const marker = svg("marker", { id: `arrow-${name}`, class: name, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" });
    marker.append(svg("path", { d: "M0 0.5L8 4L0 7.5Z" }));
    defs.append(marker);
  }
  return defs;
}

function edgeOf({ handle, stuck }, from, to) {
  const [x1, y1] = border(from, to);
  const [x2, y2] = border(to, from);
  const name = stuck ? "stuck" : "plain";
  return svg("path", { class: `edge ${name}${handle ? " handle" : ""}`, d: `M${x1} ${y1}L${x2} ${y2}`, "marker-end": `url(#arrow-${name})` });
}

/** Where the line from the middle of a box to another leaves it. */
function border([x, y], [toX, toY]) {
  const [dx, dy] = [toX - x, toY - y];
  const part = Math.min(NODE.width / 2 / Math.abs(dx || 1e-9), NODE.height / 2 / Math.abs(dy || 1e-9), 1);
  return [x + dx * part, y + dy * part].map((value) => value.toFixed(1));
}

function nodeOf(node, [x, y], view) {
  const isChannel = node.kind === "channel";
  const made = svg(isChannel ? "a" : "g", { class: `node ${node.kind}${node.stuck ? " stuck" : ""}${node.free ? " free" : ""}`,
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
  if (isChannel) {
    made.setAttribute("href", formatHash({ ...view, channel: node.channel }));
    made.dataset.node = node.key;
  }
  const title = svg("title");
  title.textContent = node.lines.filter(Boolean).join(", ");
  made.append(title, svg("rect", { x: -NODE.width / 2, y: -NODE.height / 2, width: NODE.width, height: NODE.height, rx: isChannel ? 4 : 19 }));
  const lines = node.lines.filter(Boolean);
  lines.forEach((text, at) => {
    const words = svg("text", { class: at ? "second" : "first", y: lines.length === 1 ? 5 : at ? 13 : -2 });
    words.textContent = text.length > 22 ? `…${text.slice(-21)}` : text;
    made.append(words);
  });
  return made;
}

function renderList(graph, labels) {
  const columns = [["Task", ""], ["waits to", ""], ["Channel", ""], ["at", "mono"], ["for", "number"], ["could be ended by", ""]];
  const rows = graph.waits.map((wait) => {
    const side = wait.op === "send" || wait.op === "closed" ? "receiver" : "sender";
    const holders = graph.handles.filter((it) => channelKey(it) === channelKey(wait) && it.side === side);
    const names = [...new Set(holders.map(({ task }) => graph.tasks[task].label))];
    return [graph.tasks[wait.task].label, wait.op, labels.get(wait.channel)?.label ?? wait.channel,
      { text: line(wait.site), title: wait.site }, duration(wait.seconds), names.join(", ") || "–"];
  });
  fillTable(byId("graph-list"), columns, rows);
}
