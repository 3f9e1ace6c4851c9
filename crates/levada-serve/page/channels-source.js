// In the place of levada-observe's own: the report comes by the page that this one is a part of, which has the token.
if (!window.frameElement) location.replace("/#channels=");

/** Asks for a report. `signal` ends the wait. */
export const ask = (signal) => window.frameElement.ask(signal);
