// Requests to the service.

/** What the service said is wrong, in its words. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The service answered ${status}.`);
    this.status = status;
    this.title = body.title || `Status ${status}`;
    this.detail = body.detail || "";
    this.kind = String(body.type ?? "").replace(/^urn:levada:problem:/, "");
    this.job = body.job_id;
    this.stderr = body.stderr_tail;
    this.retryAfter = null;
    // A stream that was refused for want of a token is not asked for again before there is one.
    this.final = status === 401 || status === 403 || status === 404;
  }
}

/** The service could not be reached. */
export class Away extends Error {
  constructor() {
    super("The service does not answer.");
    this.title = "No answer";
    this.detail = "The service cannot be reached. It may be restarting.";
  }
}

// In memory alone: browsers write to disk what a page stores, also what is "for the session". A
// password manager may keep it.
let token = "";
let onUnauthorized = () => {};
/** The server's clock minus ours, in milliseconds. */
let skew = 0;

export const hasToken = () => token !== "";
export const whenUnauthorized = (call) => (onUnauthorized = call);
export const serverNow = () => Date.now() + skew;

export const setToken = (value) => (token = value);

/** Makes a request. Throws a Problem unless the answer is 2xx, and Away if there is none. */
export async function request(path, { headers = {}, ...options } = {}) {
  const unfit = Object.keys(headers).find((name) => !canBeSent(headers[name]));
  if (unfit) {
    const detail = `${unfit} has characters that no header can have.`;
    throw new Problem(400, { title: "That cannot be sent", detail });
  }
  const sent = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options, headers: sent });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Away();
  }
  noteClock(response);
  if (response.ok) return response;
  const problem = new Problem(response.status, await problemBody(response));
  problem.retryAfter = Number(response.headers.get("Retry-After")) || null;
  if (response.status === 401) onUnauthorized();
  throw problem;
}

/** Whether a header can have this value. Of another, `fetch` would say the same as where nobody answers. */
export function canBeSent(value) {
  try {
    return Boolean(new Headers({ "Any": value }));
  } catch {
    return false;
  }
}

export const json = async (path, options) => (await request(path, options)).json();
export const jobPath = (id) => `/jobs/${encodeURIComponent(id)}`;
export const queuePath = (name) => `/q/${encodeURIComponent(name)}`;

/** Ages are counted in the clock of the service, which made the times. */
function noteClock(response) {
  const date = Date.parse(response.headers.get("Date") ?? "");
  // The header has whole seconds, and the answer was on its way: less than this is no difference.
  if (Number.isFinite(date)) skew = Math.abs(date - Date.now()) > 3000 ? date - Date.now() : 0;
}

async function problemBody(response) {
  try {
    const text = await response.text();
    return response.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}
