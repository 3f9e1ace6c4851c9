//! Messages as bytes, and those that are larger than the server takes.
