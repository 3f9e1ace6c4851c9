// The form that submits a job.
import { byId, setOpen, setText, show, showText } from "./dom.js";
import { fillSelect } from "./jobs.js";
import { formatHash, parseHash } from "./state.js";
import { isOver } from "./format.js";
import { jobPath, queuePath, request } from "./api.js";
import { resultOf, textOf } from "./job.js";
import { sleep } from "./sse.js";

/** How long one request waits for the end of a job, in seconds; then another does. */
const WAIT_SECONDS = 30;
/** Between the beginnings of two such requests, even if the service does not wait, in milliseconds. */
const AGAIN_MS = 500;

export class SubmitForm {
  #store;
  #queue = null;
  #sending = null;

  constructor(store) {
    this.#store = store;
    const form = byId("submit-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    for (const choice of form.elements.source) choice.addEventListener("change", () => this.#chooseSource());
    byId("submit-file").addEventListener("change", ({ target }) => {
      const type = target.files[0]?.type;
      if (type) byId("submit-type").value = type;
    });
    byId("submit-stop").addEventListener("click", () => this.#sending?.abort());
  }

  setOpen(open, queue) {
    const dialog = byId("submit-dialog");
    if (open && !dialog.open) {
      this.#queue = queue;
      show(byId("submit-answer"), false);
      this.render();
    }
    if (!open) this.#sending?.abort();
    setOpen(dialog, open);
  }

  render() {
    const select = byId("submit-queue");
    const open = [...this.#store.queues.values()].filter((queue) => queue.status === "open");
    const first = select.options.length === 0;
    fillSelect(select, open.map((queue) => queue.name));
    if (first && open.some((queue) => queue.name === "default")) select.value = "default";
    if (this.#queue && open.some((queue) => queue.name === this.#queue)) {
      select.value = this.#queue;
      this.#queue = null;
    }
  }

  #chooseSource() {
    const file = byId("submit-form").elements.source.value === "file";
    show(byId("submit-file"), file);
    show(byId("submit-text"), !file);
    byId("submit-file").required = file;
  }

  async #submit() {
    const mine = (this.#sending = new AbortController());
    byId("submit-send").disabled = true;
    this.#answer("Sending…", "");
    try {
      await this.#send(mine.signal);
    } catch (problem) {
      if (problem.name !== "AbortError") this.#explain(problem);
      else this.#answer("Not waiting", "The job goes on.", { keep: true });
    } finally {
      byId("submit-send").disabled = false;
      show(byId("submit-stop"), false);
    }
  }

  async #send(signal) {
    const form = byId("submit-form");
    const file = form.elements.source.value === "file";
    // The job is accepted first and waited for then: whoever stops waiting, or closes the page, withdraws no job.
    const headers = { "Prefer": "respond-async" };
    const type = byId("submit-type").value.trim();
    if (type) headers["Content-Type"] = type;
    const key = byId("submit-key").value;
    if (key) headers["Idempotency-Key"] = `"${key.replace(/["\\]/g, "\\$&")}"`;
    const text = byId("submit-text").value;
    // Bytes, so that the browser adds no type of its own.
    const body = file ? await byId("submit-file").files[0].arrayBuffer() : new TextEncoder().encode(text);
    const response = await request(queuePath(byId("submit-queue").value), { method: "POST", headers, body });
    const id = response.headers.get("Levada-Job-Id");
    if (response.status !== 202) {
      // A job that this key had named before, and that is over.
      return this.#showOutput(id, await textOf(response));
    }
    const job = await response.json();
    if (!byId("submit-wait").checked) return this.#answer("Accepted", "The job is in its queue.", { id });
    this.#answer("Waiting", "The job is accepted; its result comes here.", { id });
    show(byId("submit-stop"), true);
    const ended = await waitFor(job, signal);
    if (ended.state === "succeeded") return this.#showOutput(id, await resultOf(ended));
    // The result of a job that failed is the problem that says how.
    await request(`${jobPath(id)}/result`, { signal });
  }

  #showOutput(id, [text, note]) {
    this.#answer("Done", note, { id, text });
  }

  #explain({ title, detail, job, stderr, retryAfter, message }) {
    const again = retryAfter ? ` It is worth trying again in ${retryAfter} s.` : "";
    this.#answer(title ?? "That did not work", `${detail ?? message}${again}`, { id: job, text: stderr || null, bad: true });
  }

  #answer(title, detail, { id = null, text = null, bad = false, keep = false } = {}) {
    const place = byId("submit-answer");
    setText(byId("submit-answer-title"), title);
    showText(byId("submit-answer-detail"), detail);
    setText(byId("submit-answer-text"), text ?? "");
    show(byId("submit-answer-text"), text !== null);
    place.dataset.tone = bad ? "bad" : "plain";
    show(place, true);
    if (keep) return;
    show(byId("submit-answer-job"), Boolean(id));
    if (id) byId("submit-answer-job").href = formatHash({ ...parseHash(location.hash), submit: null, job: id });
  }
}

async function waitFor(job, signal) {
  while (!isOver(job.state)) {
    const again = sleep(AGAIN_MS, signal);
    const headers = { "Prefer": `wait=${WAIT_SECONDS}` };
    job = await (await request(jobPath(job.id), { headers, signal })).json();
    if (!isOver(job.state)) await again;
  }
  return job;
}
