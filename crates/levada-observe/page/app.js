// The page: what it shows follows from the last report, and from what the address says after `#`.
import { byId, element, fillTable, keep, setAttribute, setText, show, showText, speak } from "./dom.js";
import { count, duration, line, plural, waitsTo } from "./format.js";
import { Rows, formatHash, parseHash } from "./state.js";
import { makeHeads, renderChannels } from "./channels.js";
import { BLOCKED, ENDED, WAITERS, blockedRow, endedRow, renderDetail, waiterRow } from "./detail.js";
import { renderGraph } from "./graph.js";
import { ask } from "./source.js";

/** Between two reports, and how long one is waited for, in milliseconds. */
const PERIOD_MS = 1000;
const PATIENCE_MS = 10_000;
const VERSION = 1;

const kept = new Rows();
let view = parseHash(location.hash);
let report = null;
let rows = [];
let frozen = false;
/** When the report was taken, in this page's clock, and why there is none since. */
let taken = 0;
let away = null;
let timer = null;
let spoken = 0;

/** Asks for a report; after it comes, or does not, the next is asked for. */
async function poll() {
  clearTimeout(timer);
  timer = null;
  if (document.hidden) return;
  try {
    const response = await ask(AbortSignal.timeout(PATIENCE_MS));
    if (!response.ok) throw new Error(`The program answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
    take(await response.json());
    away = null;
  } catch (error) {
    away ??= { since: Date.now() };
    away.why = error instanceof TypeError || error.name === "TimeoutError" ? "The program does not answer: it has ended, or no part of it runs." : error.message;
  }
  render();
  clearTimeout(timer);
  timer = setTimeout(poll, PERIOD_MS);
}

function take(next) {
  if (next.version !== VERSION) {
    throw new Error(`The program writes version ${next.version} of the report, and this page reads version ${VERSION}.`);
  }
  if (frozen) return;
  if (report && report.program.pid !== next.program.pid) {
    showText(byId("notice"), `This is another process: pid ${next.program.pid} instead of ${report.program.pid}.`);
  }
  rows = kept.take(next);
  report = next;
  taken = Date.now();
}

function render() {
  renderHead();
  if (!report) return;
  renderDeadlocks(report.deadlocks);
  renderFindings(report.findings.filter(({ rule }) => rule !== "deadlock" || report.deadlocks.length === 0));
  renderChannels(rows, view);
  renderGraph(report, view);
  renderTables();
  if (view.channel) renderDetail(view.channel, rows.find(({ channel }) => channel.id === view.channel), report);
}

function renderHead() {
  const age = duration(Math.floor((Date.now() - taken) / 1000)).replace("0ms", "0s").replace(".0s", "s");
  const old = report ? ` What is shown is ${age} old. The page asks again each second.` : "";
  showText(byId("away"), away ? `${away.why}${old}` : "");
  const [word, tone] = away ? ["away", "warn"] : frozen ? [`frozen, ${age} old`, "note"] : report ? ["live", "good"] : ["connecting", "plain"];
  setText(byId("live"), word);
  setAttribute(byId("live"), "data-tone", tone);
  if (!report) return;
  const { program, channels, oneshots, deadlocks } = report;
  setText(byId("program"), program.name);
  setText(byId("pid"), program.pid);
  setText(byId("observed"), program.observed_seconds === null ? "not observed" : duration(Math.max(1, Math.floor(program.observed_seconds))).replace(".0s", "s"));
  setText(byId("instances"), count(channels.reduce((sum, channel) => sum + channel.instances, 0)));
  const waiters = channels.flatMap((channel) => channel.waiters).concat(oneshots);
  setText(byId("waits"), count(waiters.reduce((sum, it) => sum + it.count, 0)));
  setText(byId("version"), program.levada);
  const mark = away ? "(away) " : deadlocks.length ? "(deadlock) " : "";
  document.title = `${mark}${program.name}: channels`;
}

function renderDeadlocks(deadlocks) {
  show(byId("deadlocks-section"), deadlocks.length > 0);
  if (deadlocks.length > spoken) speak(`${plural(deadlocks.length, "suspected deadlock")}.`);
  spoken = deadlocks.length;
  const key = ({ tasks }) => tasks.map(({ task }) => task).join("\n");
  keep(byId("deadlocks"), deadlocks, key, makeDeadlock, fillDeadlock);
}

function makeDeadlock() {
  const card = element("article", "deadlock");
  card.append(element("h3"), element("ol", "stuck-waits"), element("p", "reason"));
  return card;
}

function fillDeadlock(card, { kind, seconds, tasks, others, reason }) {
  const [title, list, why] = card.children;
  const what = kind === "itself" ? "A task waits for itself" : `${plural(tasks.length, "task waits", "tasks wait")} for each other`;
  setText(title, `${what}, for ${duration(seconds)}`);
  const waits = tasks.flatMap(({ task, waits: its }) => its.map((wait) => ({ task, ...wait })));
  const key = ({ task, channel_id, site, op }) => [task, channel_id, site, op].join("\n");
  keep(list, waits, key, makeWait, fillWait);
  const more = others ? ` ${plural(others, "more task waits", "more tasks wait")} for those.` : "";
  setText(why, `Suspected because ${reason}.${more}`);
}

function makeWait() {
  const item = element("li");
  item.append(element("span", "who"), " ", element("span"), " ", element("a"), " ", element("span", "quiet"), " at ",
    element("span", "mono at"), " ", element("span"));
  return item;
}

function fillWait(item, { task, op, channel_id, channel, about, site, seconds, held_by }) {
  const [name, verb, link, what, place, end] = item.children;
  setText(name, task);
  setText(verb, waitsTo(op));
  setText(link, channel);
  setAttribute(link, "href", formatHash({ ...view, channel: channel_id }));
  setText(what, `(${about})`);
  setText(place, line(site));
  setAttribute(place, "title", site);
  const holders = held_by.length > 4 ? `${held_by.slice(0, 3).join(", ")} and ${held_by.length - 3} more` : held_by.join(" and ");
  setText(end, `for ${duration(seconds)}; only ${holders || "no task"} could end it`);
}

function renderFindings(findings) {
  show(byId("findings-section"), findings.length > 0);
  const make = () => {
    const item = element("li");
    item.append(element("span", "badge"), " ", element("span", "words"), " ", element("a"));
    return item;
  };
  keep(byId("findings"), findings, ({ rule, channel, site }) => [rule, channel, site].join("\n"), make, (item, { rule, channel, text }) => {
    const [badge, words, link] = item.children;
    setText(badge, rule);
    setAttribute(badge, "data-tone", ["growing", "lagging"].includes(rule) ? "warn" : "bad");
    setText(words, text);
    show(link, channel !== null);
    setText(link, "Look at the channel");
    setAttribute(link, "href", channel === null ? null : formatHash({ ...view, channel }));
  });
}

function renderTables() {
  const { oneshots, blocked, ended } = report;
  const table = (name, columns, list) => {
    show(byId(`${name}-section`), list.length > 0);
    if (list.length > 0) fillTable(byId(name), columns, list);
  };
  const asked = (it) => [...waiterRow(it).slice(0, 3), it.message, ...waiterRow(it).slice(3)];
  table("oneshots", [...WAITERS.slice(0, 2), ["created at", "mono"], ["Message", "mono"], ...WAITERS.slice(3)], oneshots.map(asked));
  table("blocked", BLOCKED, blocked.map(blockedRow));
  table("ended", ENDED, ended.map(endedRow));
}

/** Shows what the address says. */
function route() {
  view = parseHash(location.hash);
  if (byId("search").value.trim() !== view.search) byId("search").value = view.search;
  byId("troubled").checked = view.troubled;
  const dialog = byId("detail");
  if (view.channel && !dialog.open) dialog.showModal();
  if (!view.channel && dialog.open) dialog.close();
  render();
}

/** Changes what the address says; typing makes no steps to go back. */
function go(change) {
  history.replaceState(null, "", formatHash({ ...view, ...change }));
  route();
}

function freeze() {
  frozen = !frozen;
  setAttribute(byId("freeze"), "aria-pressed", frozen);
  speak(frozen ? "The page is frozen." : "The page goes on.");
  poll();
}

function wire() {
  makeHeads((sort) => go({ sort, reversed: view.sort === sort && !view.reversed }));
  byId("sort").addEventListener("change", ({ target }) => go({ sort: target.value, reversed: false }));
  byId("search").addEventListener("input", ({ target }) => go({ search: target.value.trim() }));
  byId("troubled").addEventListener("change", ({ target }) => go({ troubled: target.checked }));
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("freeze").addEventListener("click", freeze);
  const dialog = byId("detail");
  byId("detail-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("mousedown", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => view.channel && go({ channel: null }));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  addEventListener("hashchange", route);
  document.addEventListener("visibilitychange", () => document.hidden || poll());
}

wire();
route();
poll();
