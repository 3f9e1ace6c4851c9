// In place of levada-observe's own: the page that this one is a part of has the token, and asks.
if (!window.frameElement) location.replace("/#channels=");

/** Asks for a report. `signal` ends the wait. */
export const ask = (signal) => window.frameElement.ask(signal);
