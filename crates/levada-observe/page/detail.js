// One channel in detail.
import { byId, drawLines, fillFacts, fillTable, keep, element, setText, show, showText } from "./dom.js";
import { count, depthOf, duration, line, plural, rate, share, short } from "./format.js";
import { badge, setBadge } from "./channels.js";
import { rateLines } from "./state.js";

export const WAITERS = [["Tasks", "number"], ["for", ""], ["at", "mono"], ["Oldest", "number"], ["95 %", "number"], ["Which", "which"]];
export const BLOCKED = [["Waits", "number"], ["for", ""], ["at", "mono"], ["Channel", ""], ["Together", "number"], ["Longest", "number"]];
export const ENDED = [["Channels", "number"], ["Kind", ""], ["created at", "mono"], ["Messages", "mono"], ["Sent", "number"]];

const at = (site) => ({ text: line(site), title: site });

export const waiterRow = ({ count: tasks, op, site, oldest_seconds, p95_seconds, tasks: which }) => [
  count(tasks), op, at(site), duration(oldest_seconds), duration(p95_seconds),
  which.join(", ") + (tasks > which.length ? ` and ${count(tasks - which.length)} more` : ""),
];

export const blockedRow = ({ count: waits, op, site, channel, sum_seconds, max_seconds }) => [
  count(waits), op, at(site), channel, duration(sum_seconds), duration(max_seconds),
];

export const endedRow = ({ channels, name, kind, site, message, sent }) =>
  [count(channels), name ? `${name} (${kind})` : kind, at(site), message, count(sent)];

/** Shows the row whose id this is, as it is in the report. */
export function renderDetail(id, row, report) {
  const gone = !row;
  showText(byId("detail-gone"), gone ? "No channel of this row is alive any more." : "");
  if (gone) return setText(byId("detail-title"), byId("detail-title").textContent || id);
  const { channel } = row;
  setText(byId("detail-title"), channel.label);
  renderLine(channel);
  renderFindings(report.findings.filter((finding) => finding.channel === id));
  fillFacts(byId("detail-facts"), factsOf(row));
  renderCharts(row);
  const { shares } = channel;
  section("shares", shares);
  if (shares) fillFacts(byId("detail-shares"), [["full", share(shares.full)], ["empty", share(shares.empty)],
    ["senders wait", share(shares.senders_waiting)], ["receivers wait", share(shares.receivers_waiting)]]);
  table("waiters", WAITERS, channel.waiters.map(waiterRow));
  renderQueueTime(channel.queue_time);
  table("subscribers", [["Task", ""], ["Behind", "number"], ["Missed", "number"]],
    channel.subscribers.map(({ task, behind, missed }) => [task, count(behind), count(missed)]));
  table("handles", [["Task", ""], ["has a", ""], ["and", ""]], handlesOf(id, report.graph));
  table("blocked", BLOCKED, report.blocked.filter((it) => it.channel_site === channel.site && it.channel === channel.label).map(blockedRow));
  table("ended", ENDED, report.ended.filter((it) => it.site === channel.site && it.kind === channel.kind).map(endedRow));
}

function section(name, some) {
  show(byId(`detail-${name}-section`), Boolean(some));
}

function table(name, columns, rows) {
  section(name, rows.length > 0);
  if (rows.length > 0) fillTable(byId(`detail-${name}`), columns, rows);
}

function renderLine(channel) {
  const place = byId("detail-line");
  if (!place.firstElementChild) place.append(badge(), element("span", "words"));
  setBadge(place.firstElementChild, channel.state);
  const many = channel.instances > 1 ? `${count(channel.instances)} channels: ` : "";
  setText(place.lastElementChild, ` ${many}${channel.kind} of ${channel.message}, created at ${line(channel.site)}`);
}

function renderFindings(findings) {
  const list = byId("detail-findings");
  show(list, findings.length > 0);
  keep(list, findings, ({ text }) => text, () => element("li"), (place, { text }) => setText(place, text));
}

function factsOf({ channel, rate: perSecond }) {
  const unused = channel.receivers_unused ? `, ${count(channel.receivers_unused)} never used` : "";
  const weak = channel.weak_senders ? `, ${count(channel.weak_senders)} weak` : "";
  return [
    ["depth", channel.depth === null ? null : depthOf(channel)],
    ["weight", channel.max_weight ? `${count(channel.weight)} of ${count(channel.max_weight)}` : null],
    ["high-water mark", channel.high_water === null ? null : count(channel.high_water)],
    ["reserved", channel.reserved ? count(channel.reserved) : null],
    ["sent", `${count(channel.sent)} (${rate(perSecond.sent)})`],
    ["received", channel.received === null ? null : `${count(channel.received)} (${rate(perSecond.received)})`],
    ["evicted", channel.evicted === null ? null : `${count(channel.evicted)} (${rate(perSecond.evicted)})`],
    ["senders", `${count(channel.senders)}${weak}`],
    ["receivers", `${count(channel.receivers)}${unused}`],
    ["a message", plural(channel.message_bytes, "byte"), "without what it has on the heap"],
    ["channels full", channel.instances > 1 ? count(channel.instances_full) : null],
    ["channels closed", channel.instances_closed ? count(channel.instances_closed) : null],
  ];
}

function renderCharts({ channel, history, seconds }) {
  const last = `the last ${duration(Math.round(seconds))}`;
  show(byId("detail-depth").parentElement, channel.depth !== null);
  const deepest = drawLines(byId("detail-depth"), [[history.depth, "area depth"], [history.depth, "line depth"]], channel.capacity ?? 0);
  setText(byId("detail-depth-max"), `${last}; the top is ${short(deepest)}`);
  const fastest = drawLines(byId("detail-rate"), rateLines(channel, history));
  const dashed = channel.received === null ? "" : "; received is dashed";
  setText(byId("detail-rate-max"), `${last}; the top is ${rate(fastest)}${dashed}`);
}

function renderQueueTime(time) {
  section("queue", time);
  if (!time) return;
  fillFacts(byId("detail-queue"), [["50 %", duration(time.p50_seconds)], ["90 %", duration(time.p90_seconds)],
    ["99 %", duration(time.p99_seconds)], ["longest", duration(time.max_seconds)], ["messages measured", count(time.samples)]]);
}

/** The tasks that have a handle of the channel, and what they wait for themselves. */
function handlesOf(id, graph) {
  const waitOf = (task) => graph.waits.find((wait) => wait.task === task);
  return graph.handles.filter(({ channel }) => channel === id).map(({ side, task }) => {
    const wait = waitOf(task);
    const now = wait ? `waits itself: ${wait.op} at ${line(wait.site)} for ${duration(wait.seconds)}` : "does not wait";
    return [graph.tasks[task]?.label ?? `task ${task}`, side, now];
  });
}
