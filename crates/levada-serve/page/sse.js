// Server-sent events, read with `fetch`: EventSource cannot send a token.

/**
 * The parser of the format, as the HTML standard has it. It takes text that is cut anywhere, and calls
 * `onEvent({type, data, id})` for each whole event.
 */
export class Parser {
  #onEvent;
  #line = "";
  #afterReturn = false;
  #first = true;
  #type = "";
  #data = [];
  /** The id of the event that is read, and of those after it that have none. */
  #id = "";
  /** The id that a reader says it has seen when it comes back. */
  lastId = "";
  /** How long to wait before that, in milliseconds, if the server said so. */
  retry = null;

  constructor(onEvent, lastId = "") {
    this.#onEvent = onEvent;
    this.#id = this.lastId = lastId;
  }

  push(text) {
    if (this.#first && text) {
      this.#first = false;
      text = text.replace(/^\uFEFF/, "");
    }
    // A line ends with \r\n, \n or \r; the two halves of \r\n may come in two pieces.
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    if (text) this.#afterReturn = text.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop();
    for (const line of lines) this.#take(line);
  }

  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return; // A comment.
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
  }

  #dispatch() {
    // Not before: an event that is not whole was not seen.
    this.lastId = this.#id;
    const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.lastId };
    const empty = this.#data.length === 0;
    this.#type = "";
    this.#data = [];
    if (!empty) this.#onEvent(event);
  }
}

/** A stream on which nothing came for so long, not even a comment, is taken for dead. */
const SILENCE_MS = 45_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Reads a stream of events, and comes back whenever it ends, until `signal` aborts or `onEvent` returns "stop".
 *
 * `open(headers, signal)` makes the request and returns a Response, or throws; an error with `final` set is not
 * tried again. `onState` is told "live", "connecting", or "away" with the pause in milliseconds.
 */
export async function follow({ open, onEvent, onState, signal }) {
  let lastId = "";
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    onState("connecting");
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    signal.addEventListener("abort", abort);
    let stopped = false;
    let serverPause = null;
    const parser = new Parser((event) => {
      pause = FIRST_PAUSE_MS;
      if (!stopped && onEvent(event) === "stop") stopped = true;
    }, lastId);
    try {
      const response = await open(lastId ? { "Last-Event-ID": lastId } : {}, attempt.signal);
      // What this reader has seen is all there is.
      if (response.status === 204) return;
      onState("live");
      await read(response.body, parser, attempt, () => stopped);
    } catch (error) {
      if (error.final) throw error;
    } finally {
      signal.removeEventListener("abort", abort);
      attempt.abort();
      lastId = parser.lastId;
      serverPause = parser.retry;
    }
    if (stopped || signal.aborted) return;
    const wait = Math.max(pause, Math.min(serverPause ?? 0, LONGEST_PAUSE_MS));
    onState("away", wait);
    await sleep(wait, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

async function read(body, parser, attempt, stopped) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let timer;
  try {
    while (!stopped()) {
      timer = setTimeout(() => attempt.abort(), SILENCE_MS);
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) return;
      parser.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Ends early when `signal` aborts, and when the browser says that the network is back. */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
