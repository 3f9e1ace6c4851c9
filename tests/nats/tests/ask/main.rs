//! Questions and answers on real servers: each guarantee of `levada_nats::ask` by its name.

mod bounds;
mod cancel;
mod ends;
mod faults;
mod objects;
mod presence;
mod support;
mod types;
