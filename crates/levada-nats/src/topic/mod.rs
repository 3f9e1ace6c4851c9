//! Every subscriber gets every message: a stream with limits.
