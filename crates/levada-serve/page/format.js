// How numbers and states are said. Pure: the same arguments give the same words.

/** Each state: its word, and a sign that does not depend on colour. */
export const STATES = {
  queued: { word: "waiting", sign: "◷" },
  running: { word: "running", sign: "▶" },
  retrying: { word: "retrying", sign: "↻" },
  succeeded: { word: "succeeded", sign: "✓" },
  failed: { word: "failed", sign: "✕" },
  cancelled: { word: "cancelled", sign: "⊘" },
};

const OUTCOMES = {
  succeeded: "succeeded",
  failed: "failed",
  "timed-out": "ran too long",
  "output-too-large": "wrote too much",
  "not-run": "could not be started",
  "out-of-step": "out of step with its jobs",
  cancelled: "cancelled",
  interrupted: "interrupted",
};

export const isOver = (state) => ["succeeded", "failed", "cancelled"].includes(state);

/** A length of time, in milliseconds, with two figures that matter. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min${rest(whole % 60, "s")}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h${rest(minutes % 60, "min")}`;
  return `${Math.floor(hours / 24)} d${rest(hours % 24, "h")}`;
}

const rest = (value, unit) => (value ? ` ${value} ${unit}` : "");

/** The same as one number and one unit, for where there is little room. */
export function age(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1000) return "now";
  return duration(Math.floor(ms / 1000) * 1000).replace(/\.0 s$/, " s").split(" ").slice(0, 2).join(" ");
}

export function bytes(count) {
  if (!Number.isFinite(count)) return "–";
  if (count < 1024) return count === 1 ? "1 byte" : `${count} bytes`;
  let value = count;
  for (const unit of ["KiB", "MiB", "GiB"]) {
    value /= 1024;
    if (value < 1023.95 || unit === "GiB") return `${value.toFixed(1)} ${unit}`;
  }
}

/** A count with separators. */
export const count = (value) => (Number.isFinite(value) ? value.toLocaleString("en") : "–");

export function rate(perSecond) {
  if (!Number.isFinite(perSecond)) return "–";
  if (perSecond === 0) return "0";
  if (perSecond < 0.095) return "< 0.1";
  return perSecond < 9.95 ? perSecond.toFixed(1) : count(Math.round(perSecond));
}

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** How a job, or its last attempt, ended; empty before that. */
export function outcome(job) {
  const words = [];
  if (job.outcome && job.outcome !== job.state) words.push(OUTCOMES[job.outcome] ?? job.outcome);
  if (Number.isInteger(job.exit_code) && job.exit_code !== 0) words.push(`exit code ${job.exit_code}`);
  if (Number.isInteger(job.signal)) words.push(`signal ${job.signal}`);
  return words.join(", ");
}

/** The end of an id: ids begin with the time, so that their beginnings are alike. */
export const shortId = (id) => (id.length > 12 ? `…${id.slice(-8)}` : id);

/** How long the job waited for its first start, or has waited so far, in milliseconds. */
export function waited(job, now) {
  if (Number.isFinite(job.waited_ms)) return job.waited_ms;
  // Since it was run again, or from the beginning.
  if (job.state === "queued") return now - Date.parse(job.queued_at ?? job.created_at);
  if (job.attempt > 1 || !job.started_at) return NaN;
  return Date.parse(job.started_at) - Date.parse(job.created_at);
}

/** How long the last attempt ran, or has run so far, in milliseconds. */
export function ran(job, now) {
  if (Number.isFinite(job.run_ms)) return job.run_ms;
  if (!job.started_at) return NaN;
  if (job.state === "running") return now - Date.parse(job.started_at);
  return Date.parse(job.finished_at) - Date.parse(job.started_at);
}
