// Where the report comes from. A program that serves the page itself has a file of its own here.

/** Asks for a report. `signal` ends the wait. */
export const ask = (signal) => fetch("channels", { cache: "no-store", signal });
