//! The latest value: a key of a key-value bucket.
