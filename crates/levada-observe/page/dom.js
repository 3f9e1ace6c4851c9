// Small steps in the document. Whatever the program says goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Sets a text, and leaves the document alone if it is there already. */
export function setText(element, value) {
  const text = String(value ?? "");
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function show(element, shown) {
  if (element.hidden === Boolean(shown)) element.hidden = !shown;
}

/** Shows a text, or nothing if it is empty. */
export function showText(element, value) {
  setText(element, value);
  show(element, Boolean(value));
}

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function svg(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Says something to those who listen to the page instead of looking at it. */
export const speak = (words) => setText(byId("spoken"), words);

/**
 * Makes the children of `parent` those of `items`, in their order. What has the same key stays the
 * same element, so that neither focus nor selection is lost.
 */
export function keep(parent, items, key, make, update) {
  const focused = document.activeElement;
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = known.get(name);
    known.delete(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const child of known.values()) child.remove();
  // An element that was moved has lost it.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

/**
 * Fills a table whose columns are `[title, class]`. A cell is a text, or `{ text, href, title }`.
 */
export function fillTable(table, columns, rows) {
  if (!table.tHead) {
    const head = table.createTHead().insertRow();
    for (const [title, className] of columns) {
      const cell = element("th", className, title);
      cell.scope = "col";
      head.append(cell);
    }
    table.createTBody();
  }
  const make = () => {
    const row = element("tr");
    for (const [, className] of columns) row.append(element("td", className));
    return row;
  };
  const numbered = rows.map((cells, number) => ({ cells, number }));
  keep(table.tBodies[0], numbered, ({ number }) => number, make, (row, { cells }) => {
    cells.forEach((cell, number) => fillCell(row.cells[number], cell));
  });
}

function fillCell(place, cell) {
  const { text, href = null, title = null } = typeof cell === "object" && cell ? cell : { text: cell };
  setAttribute(place, "title", title);
  const link = place.querySelector("a");
  if (!href) return setText(place, text);
  if (!link) place.replaceChildren(element("a"));
  setText(place.firstElementChild, text);
  setAttribute(place.firstElementChild, "href", href);
}

/** Fills a list of terms: `[term, text, title]`; what has no text is left out. */
export function fillFacts(list, facts) {
  const make = () => {
    const fact = element("div");
    fact.append(element("dt"), element("dd"));
    return fact;
  };
  const known = facts.filter(([, text]) => text !== null && text !== undefined && text !== "");
  keep(list, known, ([term]) => term, make, (fact, [term, text, title]) => {
    setText(fact.firstElementChild, term);
    setText(fact.lastElementChild, text);
    setAttribute(fact.lastElementChild, "title", title ?? null);
  });
}

/** Draws lines over one width, each as high as its share of the largest value: `[values, class]`. */
export function drawLines(place, lines, largest = 0) {
  setAttribute(place, "viewBox", "0 0 100 100");
  setAttribute(place, "preserveAspectRatio", "none");
  const top = Math.max(largest, ...lines.flatMap(([values]) => values)) || 1;
  const make = () => svg("path");
  keep(place, lines, ([, className]) => className, make, (path, [values, className]) => {
    setAttribute(path, "class", className);
    setAttribute(path, "d", outline(values, top, className.includes("area")));
  });
  return top;
}

function outline(values, top, isArea) {
  if (values.length < 2) return "";
  const step = 100 / (values.length - 1);
  const points = values.map((value, at) => `${(at * step).toFixed(1)} ${(97 - (value / top) * 94).toFixed(1)}`);
  return `M${points.join("L")}${isArea ? "L100 100L0 100Z" : ""}`;
}
