// The table of the channels.
import { byId, drawLines, element, keep, setAttribute, setText, show, showText, svg } from "./dom.js";
import { STATES, count, depthOf, line, plural, rate, share, short, shortType } from "./format.js";
import { SORTS, formatHash, rateLines, select } from "./state.js";

/** Title, class, and what a click on the title sorts by. */
const COLUMNS = [
  ["State", "state", "trouble"],
  ["Channel", "name", "name"],
  ["Depth", "depth", "depth"],
  ["In", "number in", "in"],
  ["Out", "number out", "out"],
  ["Last minute", "spark", null],
  ["Waiting", "number waiting", "waiting"],
  ["High", "number high", "high"],
  ["Full", "number full", "full"],
  ["Empty", "number empty", "empty"],
];

/** Makes the heads of the columns and the choice of an order; `onSort` gets a name of `SORTS`. */
export function makeHeads(onSort) {
  for (const [title, className, sort] of COLUMNS) {
    const head = element("th", className);
    head.scope = "col";
    head.setAttribute("role", "columnheader");
    if (sort) {
      const button = element("button", "sort", title);
      button.type = "button";
      button.dataset.sort = sort;
      button.addEventListener("click", () => onSort(sort));
      head.append(button);
    } else head.textContent = title;
    byId("columns").append(head);
  }
  for (const [name, { word }] of Object.entries(SORTS)) {
    const option = element("option", "", `Sort by ${word}`);
    option.value = name;
    byId("sort").append(option);
  }
}

export function renderChannels(rows, view) {
  const shown = select(rows, view);
  for (const head of byId("columns").cells) {
    const isThis = head.querySelector("button")?.dataset.sort === view.sort;
    // Names begin with the first one, and all else with the largest.
    const rises = (view.sort === "name") !== view.reversed;
    setAttribute(head, "aria-sort", isThis ? (rises ? "ascending" : "descending") : null);
  }
  byId("sort").value = view.sort;
  show(byId("channels-table"), shown.length > 0);
  const nothing = rows.length === 0 ? "No channel that is alive was used yet." : "No channel fits.";
  showText(byId("channels-empty"), shown.length === 0 ? nothing : "");
  setText(byId("shown"), shown.length === rows.length ? plural(rows.length, "row") : `${shown.length} of ${plural(rows.length, "row")}`);
  keep(byId("channels"), shown, ({ channel }) => channel.id, makeRow, (place, row) => fillRow(place, row, view));
}

function makeRow() {
  const row = element("tr");
  row.setAttribute("role", "row");
  for (const [, className] of COLUMNS) {
    const cell = element("td", className);
    cell.setAttribute("role", "cell");
    row.append(cell);
  }
  const cell = (name) => row.querySelector(`.${name}`);
  cell("state").append(badge());
  cell("name").append(element("a"), element("div", "quiet small-text about"));
  cell("depth").append(element("span", "of"), bar());
  cell("spark").append(svg("svg", { class: "lines", "aria-hidden": "true" }), svg("svg", { class: "lines", "aria-hidden": "true" }));
  return row;
}

export function badge() {
  const made = element("span", "badge");
  const sign = element("span", "sign");
  sign.setAttribute("aria-hidden", "true");
  made.append(sign, element("span", "word"));
  return made;
}

export function setBadge(place, state) {
  const { sign, tone } = STATES[state] ?? { sign: "•", tone: "plain" };
  setAttribute(place, "data-tone", tone);
  setText(place.querySelector(".sign"), sign);
  setText(place.querySelector(".word"), state);
}

function bar() {
  const made = element("span", "bar");
  made.setAttribute("aria-hidden", "true");
  made.append(element("span", "water"));
  return made;
}

function fillRow(place, row, view) {
  const { channel } = row;
  const cell = (name) => place.querySelector(`td.${name}`);
  setBadge(cell("state").firstElementChild, channel.state);
  const link = cell("name").firstElementChild;
  setText(link, channel.label);
  setAttribute(link, "href", formatHash({ ...view, channel: channel.id }));
  setAttribute(link, "title", `${channel.label}, ${channel.kind} of ${channel.message}, created at ${channel.site}`);
  setText(link.nextElementSibling, aboutOf(channel));
  setText(cell("depth").firstElementChild, depthOf(channel));
  setBar(cell("depth").lastElementChild, row);
  setText(cell("in"), rate(row.rate.sent));
  setText(cell("out"), rate(row.rate.received));
  const [depth, rates] = cell("spark").children;
  drawLines(depth, [[row.history.depth, "area depth"], [row.history.depth, "line depth"]], channel.capacity ? channel.capacity : 0);
  drawLines(rates, rateLines(channel, row.history));
  setText(cell("waiting"), row.waiting ? short(row.waiting) : "0");
  setAttribute(cell("waiting"), "data-some", channel.waiters.some(({ op }) => op === "send") ? "" : null);
  setText(cell("high"), short(channel.high_water));
  setText(cell("full"), share(channel.shares?.full));
  setText(cell("empty"), share(channel.shares?.empty));
}

function aboutOf(channel) {
  const words = [channel.kind, `of ${shortType(channel.message)}`];
  if (channel.instances > 1) words.unshift(`${count(channel.instances)} ×`);
  if (channel.name !== null || channel.label !== line(channel.site)) words.push(`· ${line(channel.site)}`);
  return words.join(" ");
}

function setBar(place, row) {
  show(place, row.filled !== null);
  if (row.filled === null) return;
  const filled = Math.min(1, row.filled);
  place.firstElementChild.style.width = `${(filled * 100).toFixed(1)}%`;
  setAttribute(place, "data-full", row.channel.instances_full > 0 ? "" : null);
}
