//! Which senders and receivers are alive.
