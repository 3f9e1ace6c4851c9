// How numbers are said. Pure: the same arguments give the same words.

/** Each state of a channel: a sign that does not depend on colour, and how bad it is. */
export const STATES = {
  deadlock: { sign: "✕", tone: "bad" },
  full: { sign: "■", tone: "bad" },
  unread: { sign: "!", tone: "bad" },
  growing: { sign: "↗", tone: "warn" },
  lagging: { sign: "↘", tone: "warn" },
  ok: { sign: "✓", tone: "good" },
  closed: { sign: "–", tone: "plain" },
};

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** How long: `40µs`, `340ms`, `1.8s`, `35s`, `5m12s`, `3h05m`, `2d04h`. */
export function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds <= 0) return "0ms";
  if (seconds < 0.0009995) return `${Math.round(seconds * 1e6)}µs`;
  if (seconds < 0.00995) return `${(seconds * 1e3).toFixed(1)}ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1e3)}ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.floor(seconds);
  const two = (value) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
  return `${Math.floor(whole / 86400)}d${two(Math.floor(whole / 3600) % 24)}h`;
}

/** A count with separators. */
export const count = (value) => (isNumber(value) ? Math.round(value).toLocaleString("en") : "–");

/** The same with three figures, for where there is little room: `9,120`, `98.1 k`, `1.2 M`. */
export function short(value) {
  if (!isNumber(value)) return "–";
  if (value < 9999.5) return count(value);
  let [scaled, unit] = [value, ""];
  for (unit of ["k", "M", "G", "T"]) {
    scaled /= 1000;
    if (scaled < 999.5) break;
  }
  const digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return `${Number(scaled.toFixed(digits))} ${unit}`;
}

/** How many in a second. */
export function rate(value) {
  if (!isNumber(value)) return "–";
  if (value > 0 && value < 0.05) return "< 0.1/s";
  return `${value === 0 ? "0" : value < 9.95 ? value.toFixed(1) : short(value)}/s`;
}

/** A share in per cent. */
export function share(value) {
  if (!isNumber(value)) return "–";
  if (value > 0 && value < 0.005) return "< 1 %";
  return `${value > 0.995 && value < 1 ? 99 : Math.round(value * 100)} %`;
}

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** `src/http.rs:88` of `src/http.rs:88:17`. */
export const line = (site) => String(site ?? "").replace(/:\d+$/, "");

/** The type without the paths of its modules: `Vec<Job>` of `alloc::vec::Vec<orders::Job>`. */
export const shortType = (name) => String(name ?? "").replace(/[\p{XID_Start}_][\p{XID_Continue}]*::/gu, "");

/** What a wait is for. */
export function waitsTo(op) {
  return { send: "waits to send on", recv: "waits to receive from", changed: "waits for a change of",
    closed: "waits for the end of" }[op] ?? `waits (${op}) on`;
}

/** How full a channel is, as words. */
export function depthOf({ depth, capacity, weight, max_weight }) {
  // A rendezvous has no room.
  if (!isNumber(depth) || capacity === 0) return "–";
  if (isNumber(weight) && max_weight > 0) return `${short(depth)} (${share(weight / max_weight)})`;
  return isNumber(capacity) ? `${short(depth)} of ${short(capacity)}` : `${short(depth)}, no bound`;
}
