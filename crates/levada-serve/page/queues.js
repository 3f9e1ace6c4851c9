// The queues: each a channel in which what waits stands as water, and runs off through the gates of its workers.
import { count, duration, plural, rate } from "./format.js";
import { copyOf, element, setAttribute, setText, show, showText } from "./dom.js";
import { HISTORY, formatHash, rates } from "./state.js";

/** More workers than this are not drawn one by one. */
const MOST_GATES = 12;
const NEARLY_FULL = 0.8;

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const cards = new Map();

/** Brings the cards up to date. `onRetry(queue)` is called when someone asks to run its failed jobs again. */
export function renderQueues(place, store, onRetry) {
  for (const [name, card] of cards) {
    if (store.queues.has(name)) continue;
    card.root.remove();
    cards.delete(name);
  }
  for (const queue of store.queues.values()) {
    if (!cards.has(queue.name)) cards.set(queue.name, newCard(queue.name, store, onRetry));
    const card = cards.get(queue.name);
    if (!card.root.parentNode) place.append(card.root);
    renderCard(card, queue);
  }
}

function newCard(name, store, onRetry) {
  const root = copyOf("queue-template");
  const card = { root };
  for (const part of ["name", "closed", "submit", "queued", "of", "full", "channel", "water", "gates", "running",
    "retrying", "oldest", "rate", "succeeded", "failed", "cancelled", "rejected", "retry"]) {
    card[part] = root.querySelector(`.${part}`);
  }
  card.spark = root.querySelector(".spark svg");
  setText(card.name, name);
  root.dataset.queue = name;
  card.name.href = formatHash({ queue: name });
  setAttribute(card.name, "title", `Jobs of ${name}`);
  card.submit.href = formatHash({ queue: name, submit: true });
  setAttribute(card.submit, "aria-label", `Submit a job to ${name}`);
  card.retry.addEventListener("click", () => onRetry(store.queues.get(name)));
  card.flow = drawWaves(card.water);
  return card;
}

function renderCard(card, queue) {
  const level = queue.capacity > 0 ? queue.queued / queue.capacity : 0;
  const full = queue.queued >= queue.capacity;
  setText(card.queued, count(queue.queued));
  setText(card.of, `of ${count(queue.capacity)} places taken`);
  const word = full ? "full" : "nearly full";
  showText(card.full, level >= NEARLY_FULL ? word : "");
  setAttribute(card.root, "data-full", full ? "full" : level >= NEARLY_FULL ? "nearly" : null);
  show(card.closed, queue.status === "closed");
  show(card.submit, queue.status !== "closed");

  // A little water always shows where anything waits or runs at all.
  const dry = queue.queued === 0 && queue.running === 0;
  const height = dry ? 0 : Math.max(0.08, Math.min(1, level));
  card.channel.style.setProperty("--level", height.toFixed(3));
  const said = `${count(queue.queued)} of ${count(queue.capacity)} places taken, ${running(queue)} workers busy`;
  setAttribute(card.channel, "aria-label", full ? `${said}; new jobs are refused` : said);
  flow(card, queue);
  renderGates(card.gates, queue);

  setText(card.running, running(queue));
  setText(card.retrying, count(queue.retrying));
  setText(card.oldest, queue.queued > 0 ? duration(queue.oldest_seconds * 1000) : "–");
  setText(card.rate, rate(queue.jobs_per_second));
  drawSpark(card.spark, rates(queue.history));
  for (const total of ["succeeded", "failed", "cancelled", "rejected"]) setText(card[total], count(queue[total]));
  setAttribute(card.failed, "data-some", queue.failed > 0 ? "yes" : null);
  setAttribute(card.rejected, "data-some", queue.rejected > 0 ? "yes" : null);
  showText(card.retry, queue.kept_failed > 0 ? `Run ${plural(queue.kept_failed, "failed job")} again…` : "");
}

const running = (queue) => `${count(queue.running)} of ${count(queue.workers)}`;

/** The surface: two waves of one period of 200, twice as wide as the channel, so that one may run on for ever. */
function drawWaves(water) {
  const wave = (top, swing) => {
    let path = `M0 ${top}`;
    for (let x = 0; x < 1200; x += 100) {
      const turn = x % 200 === 0 ? -swing : swing;
      path += ` q50 ${turn * 2} 100 0`;
    }
    return `${path} V400 H0 Z`;
  };
  const [back, front] = water.querySelectorAll(".wave");
  back.setAttribute("d", wave(4, 2.6));
  front.setAttribute("d", wave(6, 2));
  const run = (path, from, to, duration) =>
    path.animate([{ transform: `translateX(${from}px)` }, { transform: `translateX(${to}px)` }],
      { duration, iterations: Infinity });
  return [run(back, -200, 0, 9000), run(front, -400, 0, 11000)];
}

/** Water flows while jobs run, and the faster, the more of the workers are busy. */
function flow(card, queue) {
  const busy = queue.workers > 0 ? queue.running / queue.workers : 0;
  for (const animation of card.flow) {
    if (queue.running === 0 || stillness.matches) animation.pause();
    else {
      animation.updatePlaybackRate(0.5 + busy);
      if (animation.playState !== "running") animation.play();
    }
  }
}

function renderGates(gates, queue) {
  const shown = Math.min(queue.workers, MOST_GATES);
  while (gates.children.length > shown) gates.lastChild.remove();
  while (gates.children.length < shown) gates.append(element("span", "gate"));
  const open = queue.workers > 0 ? Math.ceil((queue.running * shown) / queue.workers) : 0;
  [...gates.children].forEach((gate, index) => setAttribute(gate, "data-open", index < open ? "yes" : null));
}

/** The line of the last two minutes, with a gap where nothing was known. */
function drawSpark(svg, values) {
  const most = Math.max(1, ...values.filter((value) => value !== null));
  const step = 240 / (HISTORY - 1);
  const first = 240 - (values.length - 1) * step;
  const point = (value, index) => `${(first + index * step).toFixed(1)} ${(38 - (value / most) * 34).toFixed(1)}`;
  let line = "";
  let area = "";
  let open = false;
  values.forEach((value, index) => {
    if (value === null) return (open = false);
    line += `${open ? "L" : "M"}${point(value, index)}`;
    open = true;
    const next = values[index + 1];
    if (next === undefined || next === null) return;
    const [x, nextX] = [first + index * step, first + (index + 1) * step];
    area += `M${x.toFixed(1)} 40L${point(value, index)}L${point(next, index + 1)}L${nextX.toFixed(1)} 40Z`;
  });
  const [areaPath, linePath] = svg.children;
  setAttribute(areaPath, "d", area);
  setAttribute(linePath, "d", line);
  setAttribute(svg, "aria-label", `Jobs per second in the last two minutes; at most ${rate(values.length ? most : 0)}`);
}
