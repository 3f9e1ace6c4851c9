//! A question and its answer: request and reply.
