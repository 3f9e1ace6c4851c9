//! The watch channel from outside. Numbers like C52 name a class of bugs that channels have had.

mod contract;
mod fairness;
mod handles;
mod hostile;
mod support;
mod threads;
