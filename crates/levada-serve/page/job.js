// One job: its state, what it writes while it runs, and what came of it.
import { age, bytes, duration, isOver, outcome, plural, ran, waited } from "./format.js";
import { byId, element, setAttribute, setOpen, setText, show, showText, speak } from "./dom.js";
import { jobPath, request, serverNow } from "./api.js";
import { follow } from "./sse.js";
import { renderState } from "./jobs.js";
import { applyEvent } from "./state.js";

/** Of a longer result only a download is offered, in bytes. */
const LONGEST_RESULT = 256 * 1024;
/** How much of the live output is kept, in characters. */
const LONGEST_OUTPUT = 256 * 1024;

export class JobView {
  #store;
  #id = null;
  #job = null;
  #reading = new AbortController();
  /** The stream is read. */
  #following = false;
  /** The revision whose result is shown. */
  #shown = null;
  #written = 0;
  /** Standard error as it came. Of a job that succeeds the service keeps none. */
  #stderr = "";

  constructor(store) {
    this.#store = store;
    byId("job-cancel").addEventListener("click", () => this.#ask("DELETE", ""));
    byId("job-retry").addEventListener("click", () => this.#ask("POST", "/retry"));
    byId("job-download").addEventListener("click", () => this.#download());
  }

  /** Shows a job, or none. */
  setJob(id) {
    if (id !== this.#id) {
      this.#reading.abort();
      this.#id = id;
      this.#job = id ? (this.#store.jobs.get(id) ?? null) : null;
      if (this.#job) this.#job = { ...this.#job };
      this.#clear();
      if (id) this.#follow();
    }
    setOpen(byId("job-dialog"), id !== null);
    this.render();
  }

  /** With another token the answer may be another. */
  reload() {
    if (this.#id) this.#follow();
  }

  /** Follows a job again that was over, if someone runs it again. */
  happened(type, { job }) {
    if (type !== "accepted" || job !== this.#id || this.#following) return;
    this.#clear();
    this.#follow();
  }

  async #follow() {
    this.#reading.abort();
    const mine = (this.#reading = new AbortController());
    const path = `${jobPath(this.#id)}/events`;
    this.#following = true;
    showText(byId("job-problem"), "");
    try {
      await follow({
        open: (headers, signal) => request(path, { headers, signal }),
        onEvent: ({ type, data }) => mine.signal.aborted || this.#take(type, JSON.parse(data)),
        onState: () => {},
        signal: mine.signal,
      });
    } catch (problem) {
      if (mine.signal.aborted) return;
      if (problem.status !== 401) this.#complain(problem);
    } finally {
      if (this.#reading === mine) this.#following = false;
    }
  }

  /** Takes an event of the job's stream; "stop" at its end. */
  #take(type, data) {
    if (type === "output") this.#write(data.stream, data.text);
    else if (type === "lagged") this.#write("note", `\n… ${missed(data.missed)} missed …\n`);
    else if (type === "state") this.#job = data;
    else if (this.#job) {
      if (type === "started" && data.attempt > 1) this.#write("note", `— attempt ${data.attempt} —\n`);
      applyEvent(this.#job, type, data, serverNow());
    }
    if (type === "state" || type === "finished") this.#finish();
    this.render();
    return this.#job && isOver(this.#job.state) ? "stop" : undefined;
  }

  /** Shows what came of a job that has ended. */
  async #finish() {
    const id = this.#id;
    if (!this.#job || !isOver(this.#job.state)) return;
    try {
      // An event says less than a state does.
      const job = await (await request(jobPath(id))).json();
      if (id !== this.#id || this.#shown === job.revision) return;
      this.#job = job;
      this.#shown = job.revision;
      this.render();
      speak(`The job ${job.state === "succeeded" ? "has succeeded" : `is over: ${job.state}`}.`);
      const stderr = (await (await request(`${jobPath(id)}/stderr`)).text()) || this.#stderr;
      if (id !== this.#id) return;
      setText(byId("job-stderr-text"), stderr);
      show(byId("job-stderr"), stderr !== "");
      if (job.state === "succeeded") await this.#showResult(job);
    } catch (problem) {
      if (id === this.#id && problem.kind !== "result-gone") this.#complain(problem);
    }
  }

  async #showResult(job) {
    const [text, note] = await resultOf(job);
    if (job.id !== this.#id) return;
    setText(byId("job-result-text"), text ?? "");
    show(byId("job-result-text"), text !== null);
    showText(byId("job-result-note"), note);
    show(byId("job-download"), !job.result_gone && job.output_bytes > 0);
    setText(byId("job-result-size"), [bytes(job.output_bytes), job.output_type].filter(Boolean).join(", "));
    show(byId("job-result"), true);
  }

  #write(stream, text) {
    const output = byId("job-output");
    if (stream === "stderr") this.#stderr = (this.#stderr + text).slice(-LONGEST_OUTPUT);
    const atEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 8;
    const last = output.lastElementChild;
    if (last?.className === stream && last.textContent.length < 4096) last.append(text);
    else output.append(element("span", stream, text));
    this.#written += text.length;
    while (this.#written > LONGEST_OUTPUT && output.childElementCount > 1) {
      this.#written -= output.firstElementChild.textContent.length;
      output.firstElementChild.remove();
    }
    if (atEnd) output.scrollTop = output.scrollHeight;
  }

  #clear() {
    this.#shown = null;
    this.#written = 0;
    this.#stderr = "";
    byId("job-output").replaceChildren();
    for (const part of ["job-problem", "job-result", "job-stderr", "job-progress"]) show(byId(part), false);
  }

  #complain({ title, detail, message }) {
    showText(byId("job-problem"), title ? `${title}. ${detail}` : message);
  }

  async #ask(method, path) {
    const id = this.#id;
    showText(byId("job-problem"), "");
    try {
      await request(jobPath(id) + path, { method });
      if (id !== this.#id) return;
      if (method === "POST") this.#clear();
      speak(method === "POST" ? "The job is in its queue again." : "The job is being stopped.");
      this.#follow();
    } catch (problem) {
      if (id === this.#id) this.#complain(problem);
    }
  }

  async #download() {
    const id = this.#id;
    try {
      const blob = await (await request(`${jobPath(id)}/result`)).blob();
      const link = element("a");
      // Never as what it claims to be: this page's origin would be its own.
      link.href = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
      link.download = `${id}${extension(blob.type)}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (problem) {
      this.#complain(problem);
    }
  }

  render() {
    if (!this.#id) return;
    setText(byId("job-id"), this.#id);
    const job = this.#job;
    show(byId("job-state"), job !== null);
    show(byId("job-facts"), job !== null);
    show(byId("job-cancel"), job !== null && !isOver(job.state));
    show(byId("job-retry"), job !== null && (job.state === "failed" || job.state === "cancelled"));
    show(byId("job-live"), job !== null && (job.state === "running" || job.state === "retrying"));
    setText(byId("job-outcome"), job ? outcome(job) : "");
    if (!job) return;
    renderState(byId("job-state"), job.state);
    renderProgress(job);
    renderFacts(byId("job-facts"), job);
    const written = byId("job-output").childElementCount > 0;
    setAttribute(byId("job-output"), "data-empty", written ? null : "Nothing written since this was opened.");
  }
}

const missed = (events) => (events === null ? "some of it was" : plural(events, "event was", "events were"));

function renderProgress(job) {
  const { percent, message } = job.progress ?? {};
  const known = Number.isFinite(percent);
  show(byId("job-progress"), job.state === "running" && (known || Boolean(message)));
  setText(byId("job-progress-text"), [known ? `${Math.round(percent)} %` : "", message].filter(Boolean).join(" · "));
  const bar = byId("job-bar");
  if (known) bar.value = percent;
  else bar.removeAttribute("value");
}

function renderFacts(place, job) {
  const now = serverNow();
  const again = Date.parse(job.retry_at) - now;
  const attempts = job.max_attempts > 0 ? `${job.attempt} of at most ${job.max_attempts}` : String(job.attempt);
  const facts = {
    queue: job.queue,
    accepted: `${when(job.created_at)}, ${age(now - Date.parse(job.created_at))} ago`.replace("now ago", "now"),
    "before it": job.state === "queued" && Number.isInteger(job.position) ? plural(job.position, "job") : null,
    waited: duration(waited(job, now)),
    [job.state === "running" ? "has run" : "ran"]: duration(ran(job, now)),
    attempt: attempts,
    "runs again": job.state === "retrying" ? (again > 0 ? `in ${duration(again)}` : "now") : null,
    input: [Number.isFinite(job.input_bytes) && bytes(job.input_bytes), job.input_type].filter(Boolean).join(", "),
    "kept until": job.expires_at ? when(job.expires_at) : null,
  };
  const shown = Object.entries(facts).filter(([, value]) => value && value !== "–");
  shown.forEach(([name, value], index) => {
    const row = place.children[index] ?? place.appendChild(fact());
    setText(row.firstChild, name);
    setText(row.lastChild, value);
  });
  while (place.childElementCount > shown.length) place.lastElementChild.remove();
}

function fact() {
  const row = element("div");
  row.append(element("dt"), element("dd"));
  return row;
}

/** A moment in the reader's own time; the day only if it is another. */
function when(time) {
  const date = new Date(time);
  const clock = date.toLocaleTimeString();
  return date.toDateString() === new Date().toDateString() ? clock : `${date.toLocaleDateString()} ${clock}`;
}

const extension = (type) => (type.startsWith("text/") ? ".txt" : type.includes("json") ? ".json" : ".bin");

/** The text of a job's result, or `null` if it is none that can be shown; and what there is to say about it. */
export async function resultOf(job) {
  if (job.result_gone) return [null, "The output is no longer kept."];
  if (job.output_bytes === 0) return [null, "The command wrote nothing."];
  if (job.output_bytes > LONGEST_RESULT) return [null, `${bytes(job.output_bytes)} are too many to show here.`];
  return textOf(await request(`${jobPath(job.id)}/result`));
}

/** The same of an answer whose body is the result. */
export async function textOf(response) {
  const body = await response.arrayBuffer();
  if (body.byteLength > LONGEST_RESULT) return [null, `${bytes(body.byteLength)} are too many to show here.`];
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    if (!text.includes("\0")) return [text, ""];
  } catch {
    // What is no text is not shown as one.
  }
  return [null, "The output is not text."];
}
