//! A bounded queue: a work-queue stream.
