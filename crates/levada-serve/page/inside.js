// The channels inside the service: the page of levada-observe, as a part of this one.
import { byId, setAttribute, show } from "./dom.js";

/** Shows it, or the rest. `ask` asks for a report; its argument is an `AbortSignal`. */
export function renderInside(shown, ask) {
  const place = byId("inside");
  show(byId("main"), !shown);
  show(place, shown);
  setAttribute(byId("view-jobs"), "aria-current", shown ? null : "page");
  setAttribute(byId("view-channels"), "aria-current", shown ? "page" : null);
  // While it is there, it asks each second.
  if (!shown) return place.replaceChildren();
  if (place.firstElementChild) return;
  const frame = document.createElement("iframe");
  frame.title = "Channels inside the service";
  frame.src = "/page/channels/index.html";
  frame.ask = ask;
  place.append(frame);
}
