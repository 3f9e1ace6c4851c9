// The page: what it shows follows from what the service says, and from what the address says after `#`.
import { confirmed, byId, drawer, setAttribute, setOpen, setText, show, showText, speak } from "./dom.js";
import { duration, plural } from "./format.js";
import { canBeSent, hasToken, json, queuePath, request, serverNow, setToken, whenUnauthorized } from "./api.js";
import { follow } from "./sse.js";
import { JobList, renderFilters } from "./jobs.js";
import { JobView } from "./job.js";
import { renderInside } from "./inside.js";
import { renderMembers } from "./members.js";
import { renderQueues } from "./queues.js";
import { Store, formatHash, parseHash } from "./state.js";
import { SubmitForm } from "./submit.js";

/** How long it is said that events were missed, in milliseconds. */
const LAGGED_MS = 30_000;

const store = new Store();
const list = new JobList(store);
const view = new JobView(store);
const form = new SubmitForm(store);

let live = { state: "connecting", wait: 0 };
let reading = new AbortController();
/** Since when the service has not answered, or `null`. */
let lostTouch = null;
let lagged = null;
let storeFailure = null;

// What is drawn is drawn at most once a frame, whatever happens in between.
let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    render();
  });
}

function render() {
  renderService();
  renderQueues(byId("queues"), store, retryAll);
  renderMembers(store.service?.cluster, serverNow());
  renderFilters(list.filter, store.queues);
  list.render();
  renderInside(parseHash(location.hash).channels, askForChannels);
  view.render();
  form.render();
}

function renderService() {
  const service = store.service;
  const away = live.state !== "live";
  pill("service-live", live.state, { live: "good", connecting: "plain", away: "warn", "no token": "warn", refused: "bad" }[live.state]);
  show(byId("token-change"), hasToken());
  document.title = titleOf(service, away);
  if (!service) return;
  const known = !away;
  const status = service.status === "running" ? "good" : "warn";
  pill("service-status", known ? service.status : "not known", known ? status : "plain");
  pill("service-store", known ? service.store : "not known", known ? (service.store === "ok" ? "good" : "bad") : "plain");
  setText(byId("service-version"), service.version);
  const up = service.uptime_seconds * 1000 + (known ? Date.now() - service.at : 0);
  setText(byId("service-uptime"), duration(Math.floor(up / 1000) * 1000).replace(".0 s", " s").replace("0 ms", "0 s"));
  renderBanners(service, known);
}

function titleOf(service, away) {
  const mark = away && service ? "(away) " : ["full", "away", "failed"].includes(service?.store) ? `(store ${service.store}) ` : "";
  return `${mark}levada`;
}

function pill(id, text, tone) {
  setText(byId(id), text);
  setAttribute(byId(id), "data-tone", tone);
}

function renderBanners(service, known) {
  const trouble = {
    full: "There is no room on the disk.",
    away: "The NATS servers do not answer.",
    failed: "The store has failed.",
  }[service.store];
  showText(byId("banner-store"), trouble ? `${trouble} ${storeFailure ?? ""}` : "");
  if (!trouble) storeFailure = null;
  else if (storeFailure === null) askStore();
  const draining = known && service.status === "draining";
  showText(byId("banner-draining"), draining ? "The service is shutting down: it takes no new jobs." : "");
  const old = duration(Date.now() - lostTouch);
  const away = `The service does not answer: what is shown is ${old} old. The page comes back by itself.`;
  if (live.state !== "connecting") showText(byId("banner-away"), live.state === "away" ? away : "");
}

/** What the service says of its store. */
async function askStore() {
  storeFailure = "New jobs are refused.";
  await request("/ready").catch((problem) => {
    if (["store-full", "store-away", "store-failed"].includes(problem.kind)) storeFailure = problem.detail;
    draw();
  });
}

/** Reads what happens, from now until the page ends or another token is given. */
async function read() {
  reading.abort();
  const mine = (reading = new AbortController());
  try {
    await follow({
      open: (headers, signal) => request("/events", { headers, signal }),
      onEvent: ({ type, data }) => happened(type, JSON.parse(data)),
      onState,
      signal: mine.signal,
    });
  } catch (problem) {
    if (mine.signal.aborted) return;
    onState(problem.status === 401 ? "no token" : "refused");
    showText(byId("banner-away"), problem.status === 401 ? "" : `${problem.title}. ${problem.detail}`);
  }
}

function onState(state, wait = 0) {
  const before = live.state;
  live = { state, wait };
  if (state === "live" && lostTouch !== null) {
    lostTouch = null;
    list.load();
    speak("The page is connected again.");
  }
  if (state === "away" && lostTouch === null) {
    lostTouch = Date.now();
    speak("The service does not answer.");
  }
  if (before !== state) draw();
}

function happened(type, data) {
  if (type === "lagged") missed(data.missed);
  else store.takeEvent(type, data, type === "queues" ? Date.now() : serverNow());
  view.happened(type, data);
  draw();
}

/** Some events never came: what they said is asked for. */
function missed(events) {
  // It is not known how many if the service was started again, and then it may know other jobs.
  if (events === null) store.forgetJobs();
  list.load();
  const which = events === null ? "Events were missed; it is not known how many."
    : `${plural(events, "event was", "events were")} missed.`;
  const banner = byId("banner-lagged");
  showText(banner, `${which} The list was loaded again.`);
  clearTimeout(lagged);
  lagged = setTimeout(() => showText(banner, ""), LAGGED_MS);
}

/** For the page of the channels, which asks each second: not without a token that the service wants. */
function askForChannels(signal) {
  if (live.state === "no token") return Promise.reject(new Error("This service asks for a token."));
  return request("/channels", { signal });
}

async function retryAll(queue) {
  const jobs = plural(queue.kept_failed, "failed job");
  const yes = await confirmed({
    title: `Run ${jobs} of ${queue.name} again?`,
    text: "Each is put at the end of the queue, as many as have a place.",
    yes: `Run ${jobs} again`,
  });
  if (!yes) return;
  try {
    const { retried, left } = await json(`${queuePath(queue.name)}/retry`, { method: "POST" });
    notice(`${plural(retried, "job")} of ${queue.name} put in the queue again${left ? `; ${left} had no place` : ""}.`);
  } catch (problem) {
    notice(`${problem.title}. ${problem.detail}`);
  }
}

let noticed = null;
function notice(words) {
  showText(byId("banner-notice"), words);
  clearTimeout(noticed);
  noticed = setTimeout(() => showText(byId("banner-notice"), ""), LAGGED_MS);
}

/** Shows what the address says. */
function route() {
  const hash = parseHash(location.hash);
  list.setFilter(hash);
  view.setJob(hash.job);
  form.setOpen(hash.submit && !hash.job, hash.queue);
  byId("new-job").href = formatHash({ ...hash, job: null, submit: true });
  draw();
}

/** Leaves a drawer: the address no longer says that it is open. */
function leave(what) {
  const hash = parseHash(location.hash);
  if (hash[what]) location.hash = formatHash({ ...hash, [what]: null });
}

function askForToken(again) {
  setText(byId("token-text"), again ? "The service did not take that token. It is given one when it is started."
    : "It was given one when it was started. The page keeps it until it is closed or loaded again.");
  setOpen(byId("token-dialog"), true);
  byId("token").select();
}

function wire() {
  whenUnauthorized(() => byId("token-dialog").open || askForToken(hasToken()));
  byId("token-change").addEventListener("click", () => askForToken(false));
  byId("token-form").addEventListener("submit", (event) => {
    const token = byId("token").value.trim();
    byId("token").value = "";
    if (!canBeSent(token)) {
      event.preventDefault();
      return setText(byId("token-text"), "That token has characters that cannot be sent, perhaps invisible ones.");
    }
    setToken(token);
    read();
    list.load();
    view.reload();
  });
  drawer(byId("job-dialog"), () => leave("job"));
  drawer(byId("submit-dialog"), () => leave("submit"));
  byId("filter-queue").addEventListener("change", ({ target }) => {
    location.hash = formatHash({ ...list.filter, queue: target.value });
  });
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    (byId("inside").firstElementChild ?? byId("main")).focus();
  });
  addEventListener("hashchange", route);
  addEventListener("pagehide", () => reading.abort());
  addEventListener("pageshow", (event) => event.persisted && read());
  setInterval(() => {
    store.tick(live.state === "live");
    draw();
  }, 1000);
}

wire();
route();
read();
