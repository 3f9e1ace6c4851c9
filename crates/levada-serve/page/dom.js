// Small steps in the document. Whatever the service says goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** Sets a text, and leaves the document alone if it is there already. */
export function setText(element, value) {
  const text = String(value ?? "");
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
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

/** A copy that belongs to this document: what belongs to the template's cannot be animated. */
export const copyOf = (template) => document.importNode(byId(template).content.firstElementChild, true);

/** Says something to those who listen to the page instead of looking at it. */
export const speak = (words) => setText(byId("spoken"), words);

/** Opens or closes a dialog, whichever state it is in. */
export function setOpen(dialog, open) {
  if (open && !dialog.open) dialog.showModal();
  if (!open && dialog.open) dialog.close();
}

/** Wires a drawer: its button, a click beside it and Escape all close it. */
export function drawer(dialog, onClose) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("mousedown", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", onClose);
}

/** Asks, and resolves to whether the answer was yes. */
export function confirmed({ title, text, yes }) {
  const dialog = byId("confirm-dialog");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
