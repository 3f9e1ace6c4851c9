// What the page knows: the last report, and what it kept of those before.
import { isNumber } from "./format.js";

/** How many points are kept of each channel where the report has no history. */
const POINTS = 60;

/** The rows of the channels, with what a row does not say itself. */
export class Rows {
  #kept = new Map();
  #before = null;

  /** Takes a report, and returns its rows, in its order. */
  take(report) {
    const { program } = report;
    const isOther = this.#before && this.#before.pid !== program.pid;
    if (isOther) this.#kept.clear();
    const passed = this.#before && !isOther ? program.time_unix_seconds - this.#before.time_unix_seconds : NaN;
    this.#before = program;
    const kept = new Map();
    const rows = report.channels.map((channel, rank) => {
      const points = this.#kept.get(channel.id) ?? { depth: [], sent: [], received: [], last: null };
      if (passed > 0 || !points.last) this.#note(points, channel, passed);
      kept.set(channel.id, points);
      return rowOf(channel, rank, points);
    });
    this.#kept = kept;
    return rows;
  }

  #note(points, channel, passed) {
    const { last } = points;
    const perSecond = (name) => (last && isNumber(channel[name]) && isNumber(last[name]) ? Math.max(0, channel[name] - last[name]) / passed : null);
    points.now = { sent: perSecond("sent"), received: perSecond("received"), evicted: perSecond("evicted") };
    points.last = { sent: channel.sent, received: channel.received, evicted: channel.evicted };
    add(points.depth, channel.depth ?? 0);
    if (last) add(points.sent, points.now.sent ?? 0);
    if (last) add(points.received, points.now.received ?? 0);
  }
}

function add(points, value) {
  points.push(value);
  if (points.length > POINTS) points.shift();
}

function rowOf(channel, rank, points) {
  const { waiters, rates, history } = channel;
  const words = [channel.label, channel.site, channel.message, channel.kind, channel.state, ...waiters.map(({ site }) => site)];
  return {
    channel,
    rank,
    waiting: waiters.reduce((sum, { count }) => sum + count, 0),
    filled: filledOf(channel),
    rate: rates ?? points.now,
    history: history?.depth.length > 1 ? history : points,
    seconds: history?.depth.length > 1 ? history.step_seconds * history.depth.length : points.depth.length,
    words: words.join("\n").toLowerCase(),
  };
}

/** The share of its room that is taken; null if it has no bound. */
function filledOf({ depth, capacity, weight, max_weight }) {
  if (max_weight) return weight / max_weight;
  return capacity ? depth / capacity : null;
}

/** The lines of a chart: sent and received in a second; broadcast and watch have no figure of what is received. */
export const rateLines = (channel, history) =>
  [...(channel.received === null ? [] : [[history.received, "line received"]]), [history.sent, "line sent"]];

/** What the rows can be sorted by; what is first is the largest, but for names. */
export const SORTS = {
  trouble: { word: "trouble", by: ({ channel }) => channel.trouble },
  name: { word: "name", by: ({ channel }) => channel.label },
  depth: { word: "depth", by: ({ channel }) => channel.depth },
  in: { word: "rate in", by: ({ rate }) => rate.sent },
  out: { word: "rate out", by: ({ rate }) => rate.received },
  waiting: { word: "waiting tasks", by: ({ waiting }) => waiting },
  high: { word: "high-water mark", by: ({ channel }) => channel.high_water },
  full: { word: "time full", by: ({ channel }) => channel.shares?.full },
  empty: { word: "time empty", by: ({ channel }) => channel.shares?.empty },
};

/** The rows that have all words of the search, sorted. */
export function select(rows, { search, troubled, sort, reversed }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => words.every((word) => row.words.includes(word))
    && (!troubled || !["ok", "closed"].includes(row.channel.state)));
  const { by } = SORTS[sort];
  const sign = reversed ? -1 : 1;
  const compare = (one, other) => {
    const [a, b] = [by(one) ?? null, by(other) ?? null];
    // What has no such figure is last either way.
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : b - a);
  };
  return found.sort((one, other) => compare(one, other) || one.rank - other.rank);
}

/** What the address says after `#`. */
export function parseHash(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const sort = fields.get("sort") ?? "trouble";
  return {
    channel: fields.get("channel"),
    search: fields.get("search") ?? "",
    troubled: fields.has("troubled"),
    sort: Object.hasOwn(SORTS, sort) ? sort : "trouble",
    reversed: fields.has("reversed"),
  };
}

export function formatHash({ channel, search, troubled, sort, reversed }) {
  const fields = new URLSearchParams();
  if (search) fields.set("search", search);
  if (troubled) fields.set("troubled", "");
  if (sort !== "trouble") fields.set("sort", sort);
  if (reversed) fields.set("reversed", "");
  if (channel) fields.set("channel", channel);
  return `#${fields}`;
}
