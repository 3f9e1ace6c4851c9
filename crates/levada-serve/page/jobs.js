// The list of jobs.
import { STATES, age, count, duration, isOver, outcome, ran, shortId, waited } from "./format.js";
import { byId, copyOf, element, setAttribute, setText, show, showText } from "./dom.js";
import { Away, json, queuePath, serverNow } from "./api.js";
import { MOST_JOBS, formatHash } from "./state.js";

/** Rows that are shown at first, and again with every "older". */
const STEP = 50;

export class JobList {
  #store;
  #rows = new Map();
  #filter = {};
  #most = STEP;
  #loaded = false;
  #next = null;
  #asked = 0;
  #body = byId("jobs");

  constructor(store) {
    this.#store = store;
    byId("older").addEventListener("click", () => this.#older());
    byId("newer").addEventListener("click", () => this.render({ force: true }));
  }

  get filter() {
    return this.#filter;
  }

  /** Shows another part of the jobs, if it is another. */
  setFilter({ queue, state }) {
    if (this.#loaded && queue === this.#filter.queue && state === this.#filter.state) return;
    this.#filter = { queue, state };
    this.#most = STEP;
    this.#loaded = false;
    this.render({ force: true });
    this.load();
  }

  /** Asks for the newest jobs of the filter. */
  async load() {
    const words = new URLSearchParams({ limit: STEP });
    if (this.#filter.queue) words.set("queue", this.#filter.queue);
    if (this.#filter.state) words.set("state", this.#filter.state);
    await this.#take(`/jobs?${words}`);
  }

  async #older() {
    this.#most = Math.min(this.#most + STEP, MOST_JOBS);
    if (this.#next && this.#store.list(this.#filter).length < this.#most) await this.#take(this.#next);
    this.render({ force: true });
  }

  async #take(path) {
    const asked = ++this.#asked;
    const clock = this.#store.clock;
    try {
      const answer = await json(path);
      this.#store.takeJobs(answer.jobs, clock);
      if (asked !== this.#asked) return; // Another filter was chosen since.
      this.#next = answer.next ?? null;
      this.#loaded = true;
      showText(byId("jobs-error"), "");
    } catch (error) {
      // Who is away is said above; a missing token is asked for.
      if (error instanceof Away || error.status === 401 || asked !== this.#asked) return;
      this.#loaded = true;
      showText(byId("jobs-error"), `${error.title}. ${error.detail}`);
    }
    this.render();
  }

  /** Brings the rows up to date. While someone points at a row, none is moved away from under the pointer. */
  render({ force = false } = {}) {
    const all = this.#store.list(this.#filter);
    const wanted = all.slice(0, this.#most);
    const held = !force && this.#rows.size > 0 && this.#isHeld();
    if (held) {
      this.#hold(all);
    } else {
      this.#place(wanted);
      show(byId("newer"), false);
    }
    show(byId("jobs-table"), this.#rows.size > 0);
    this.#renderEmpty();
    const more = all.length > wanted.length || (this.#next !== null && wanted.length >= STEP);
    show(byId("older"), more && this.#most < MOST_JOBS);
  }

  #isHeld() {
    return this.#body.matches(":hover") || this.#body.contains(document.activeElement);
  }

  /** Keeps the rows where they are, and says how many are missing. */
  #hold(all) {
    let newest = "";
    for (const [id, row] of this.#rows) {
      if (id > newest) newest = id;
      const job = this.#store.jobs.get(id);
      if (job) renderRow(row, job);
    }
    const newer = all.filter((job) => job.id > newest).length;
    showText(byId("newer"), newer ? `Show ${count(newer)} newer` : "");
  }

  #place(jobs) {
    const wanted = new Set(jobs.map((job) => job.id));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.root.remove();
      this.#rows.delete(id);
    }
    let at = this.#body.firstElementChild;
    for (const job of jobs) {
      let row = this.#rows.get(job.id);
      if (!row) this.#rows.set(job.id, (row = newRow(job.id)));
      if (row.root === at) at = at.nextElementSibling;
      else this.#body.insertBefore(row.root, at);
      row.link.href = formatHash({ ...this.#filter, job: job.id });
      renderRow(row, job);
    }
  }

  #renderEmpty() {
    const empty = this.#loaded && this.#rows.size === 0;
    show(byId("jobs-empty"), empty && byId("jobs-error").hidden);
    if (!empty) return;
    const { queue, state } = this.#filter;
    const which = [state && STATES[state]?.word, "job"].filter(Boolean).join(" ");
    const all = !queue && !state;
    setText(byId("jobs-empty-text"), all ? "No job yet. This submits one:"
      : `There is no ${which}${queue ? ` on ${queue}` : ""}.`);
    const first = this.#store.queues.keys().next().value;
    const target = queue ?? (this.#store.queues.has("default") ? null : first);
    const path = target ? queuePath(target) : "/";
    showText(byId("jobs-empty-curl"), state ? "" : `curl --data-binary 'hello' ${location.origin}${path}`);
  }
}

function newRow(id) {
  const root = copyOf("job-template");
  const row = { root, link: root.querySelector("a") };
  for (const part of ["state", "of-queue", "age", "waited", "ran", "attempt", "outcome"]) {
    row[part] = root.querySelector(`.${part}`);
  }
  root.dataset.job = id;
  setText(row.link, shortId(id));
  row.link.title = id;
  setAttribute(row.link, "aria-label", `Job ${id}`);
  return row;
}

function renderRow(row, job) {
  const now = serverNow();
  renderState(row.state, job.state);
  setText(row["of-queue"], job.queue);
  setText(row.age, age(now - Date.parse(job.created_at)));
  setText(row.waited, duration(waited(job, now)));
  setText(row.ran, duration(ran(job, now)));
  const attempts = job.max_attempts > 1 ? `${job.attempt} of ${job.max_attempts}` : String(job.attempt);
  setText(row.attempt, job.attempt > 0 ? attempts : "–");
  setText(row.outcome, summary(job, now));
}

/** The last cell: how it ended, or how far it is. */
function summary(job, now) {
  if (job.state === "retrying") {
    const again = Date.parse(job.retry_at) - now;
    return [outcome(job), again > 0 ? `again in ${duration(again)}` : "again now"].filter(Boolean).join("; ");
  }
  if (job.state === "running" && job.progress) {
    const { percent, message } = job.progress;
    return [Number.isFinite(percent) ? `${Math.round(percent)} %` : "", message].filter(Boolean).join(" ");
  }
  if (job.state === "queued" && job.position > 0 && job.attempt === 0) return `${count(job.position)} before it`;
  return isOver(job.state) ? outcome(job) : "";
}

/** A state as a sign and a word. */
export function renderState(place, state) {
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  const { word, sign } = STATES[state] ?? { word: state, sign: "•" };
  const badge = element("span", "badge");
  badge.dataset.state = state;
  const mark = element("span", "sign", sign);
  mark.setAttribute("aria-hidden", "true");
  badge.append(mark, element("span", "word", word));
  place.replaceChildren(badge);
}

/** The choice of a state and of a queue, above the list. */
export function renderFilters(filter, queues) {
  const nav = byId("states");
  if (!nav.childElementCount) {
    for (const state of [null, ...Object.keys(STATES)]) {
      const link = element("a", "chip", state ? STATES[state].word : "all");
      link.dataset.state = state ?? "";
      nav.append(link);
    }
  }
  for (const link of nav.children) {
    const state = link.dataset.state || null;
    setAttribute(link, "href", formatHash({ queue: filter.queue, state }));
    setAttribute(link, "aria-current", state === filter.state ? "true" : null);
  }
  const select = byId("filter-queue");
  const names = [...queues.keys()];
  if (filter.queue && !queues.has(filter.queue)) names.push(filter.queue);
  fillSelect(select, ["", ...names], (name) => name || "all queues");
  if (document.activeElement !== select) select.value = filter.queue ?? "";
}

/** Gives a `<select>` these values, unless it has them. */
export function fillSelect(select, values, word = (value) => value) {
  const known = [...select.options].map((option) => option.value);
  if (known.length === values.length && known.every((value, index) => value === values[index])) return;
  const chosen = select.value;
  select.replaceChildren(...values.map((value) => new Option(word(value), value)));
  if (values.includes(chosen)) select.value = chosen;
}
