// What the page knows, and how events change it. Pure but for the object that is changed: no clock, no document.
import { isOver } from "./format.js";

/** How many jobs are kept; the oldest are forgotten first. */
export const MOST_JOBS = 500;
/** Seconds of history behind a sparkline. */
export const HISTORY = 120;

export class Store {
  service = null;
  /** By name, in the order of the service's answer. */
  queues = new Map();
  /** By id. */
  jobs = new Map();
  /** Counts changes, so that what was asked for before a change does not undo it. */
  clock = 0;
  #touched = new Map();

  /** Takes the answer of GET /queues. */
  takeQueues(answer, now) {
    const { queues, ...service } = answer;
    this.service = { ...service, at: now };
    const known = this.queues;
    this.queues = new Map();
    for (const queue of queues) {
      const history = known.get(queue.name)?.history ?? [];
      this.queues.set(queue.name, { ...queue, history, at: now });
    }
  }

  /** Notes, once a second, how many jobs each queue has completed; `null` while nobody knows. */
  tick(live) {
    for (const queue of this.queues.values()) {
      const total = queue.succeeded + queue.failed + queue.cancelled;
      queue.history.push(live ? total : null);
      // One more than is shown: a rate is a difference.
      while (queue.history.length > HISTORY + 1) queue.history.shift();
    }
  }

  /** Takes an event of /events. */
  takeEvent(type, data, now) {
    if (type === "queues") return this.takeQueues(data, now);
    if (!data.job) return;
    const job = this.jobs.get(data.job) ?? unknownJob(data, now);
    applyEvent(job, type, data, now);
    this.#put(job);
  }

  /** Takes states that were asked for when `clock` was `asked`. */
  takeJobs(states, asked) {
    for (const state of states) {
      const known = this.jobs.get(state.id);
      // An event that came in between is newer than the answer may be, which knows more fields.
      const newer = known && (this.#touched.get(state.id) ?? 0) > asked;
      this.#put(newer ? { ...state, ...known } : state, newer);
    }
  }

  forgetJobs() {
    this.jobs.clear();
    this.#touched.clear();
  }

  #put(job, quietly = false) {
    this.jobs.set(job.id, job);
    if (!quietly) this.#touched.set(job.id, ++this.clock);
    if (this.jobs.size <= MOST_JOBS) return;
    let oldest = job.id;
    for (const id of this.jobs.keys()) if (id < oldest) oldest = id;
    this.jobs.delete(oldest);
    this.#touched.delete(oldest);
  }

  /** The jobs of a filter, the newest first: ids begin with the time. */
  list({ queue, state }) {
    const fits = (job) => (!queue || job.queue === queue) && (!state || job.state === state);
    return [...this.jobs.values()].filter(fits).sort((a, b) => (a.id < b.id ? 1 : -1));
  }
}

/** A job of which the page has seen only an event. */
function unknownJob({ job, queue }, now) {
  return { id: job, queue, state: "queued", attempt: 0, created_at: timeOfId(job) ?? iso(now) };
}

const iso = (now) => new Date(now).toISOString();

/** When a UUID of version 7 was made. */
export function timeOfId(id) {
  const hex = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(id);
  return hex ? iso(parseInt(hex[1] + hex[2], 16)) : null;
}

/** Changes a job's state as an event says. */
export function applyEvent(job, type, data, now) {
  const change = CHANGES[type];
  if (!change) return;
  const { job: _, queue, ...said } = data;
  Object.assign(job, change(job, said, now));
}

/** What is true of one attempt only. */
const OF_AN_ATTEMPT = [
  "outcome", "exit_code", "signal", "stderr_tail", "retry_at", "position", "progress",
  "started_at", "finished_at", "run_ms", "expires_at",
];

function forgetAttempt(job) {
  for (const member of OF_AN_ATTEMPT) delete job[member];
}

const CHANGES = {
  accepted: (job, said, now) => {
    forgetAttempt(job);
    delete job.waited_ms;
    return { state: "queued", queued_at: iso(now) };
  },
  started: (job, said, now) => {
    forgetAttempt(job);
    return { ...said, state: "running", started_at: iso(now) };
  },
  // What was said before is over, as it is for the service.
  progress: (job, said) => ({ progress: said }),
  retrying: (job, { retry_in_ms, ...said }, now) =>
    ({ ...said, state: "retrying", finished_at: iso(now), retry_at: iso(now + retry_in_ms) }),
  finished: (job, said, now) => {
    delete job.retry_at;
    delete job.position;
    const ran = job.started_at && Number.isFinite(said.run_ms);
    const started = ran ? { started_at: iso(now - said.run_ms) } : {};
    return { ...said, ...started, state: isOver(said.state) ? said.state : "failed", finished_at: iso(now) };
  },
};

/** Jobs per second from a history of totals, each averaged over three seconds; `null` where nothing is known. */
export function rates(history) {
  const steps = history.slice(1).map((total, index) => {
    const before = history[index];
    // A total that is smaller than before: the service was started again.
    return total === null || before === null ? null : total >= before ? total - before : total;
  });
  return steps.map((step, index) => {
    if (step === null) return null;
    const near = steps.slice(Math.max(0, index - 2), index + 1).filter((value) => value !== null);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

/** What the address says after `#`. */
export function parseHash(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const word = (name) => words.get(name) || null;
  return { queue: word("queue"), state: word("state"), job: word("job"), submit: words.has("submit"), channels: words.has("channels") };
}

export function formatHash({ queue, state, job, submit, channels }) {
  const words = new URLSearchParams();
  if (queue) words.set("queue", queue);
  if (state) words.set("state", state);
  if (job) words.set("job", job);
  if (submit) words.set("submit", "");
  if (channels) words.set("channels", "");
  return `#${words}`;
}
