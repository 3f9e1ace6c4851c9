//! The domain: jobs, the queues they wait in, and the commands they run. Knows no HTTP. What a job
//! is stands in [`crate::job`], and nothing here is used by what stands below.
//!
//! Each line uses only files of lines above it:
//!
//! | file                     | what it is                                                   | channel     |
//! |--------------------------|--------------------------------------------------------------|-------------|
//! | `keyed_lock`             | one lock for each key                                        | `watch`     |
//! | `quota`, `pace`, `places`| jobs of a client, jobs per second, places in a queue         |             |
//! | `scheduler`              | which job gets the next slot when all queues share a limit   | `oneshot`   |
//! | `shortage`               | what the system lacks for a moment                           |             |
//! | `in_flight`              | which jobs run, for the next process if this one dies        |             |
//! | `group`                  | the processes that come from a command, and their end        |             |
//! | `run_result`, `progress` | how a run ended, and how far it says it is                   |             |
//! | `pipes`                  | what a command reads and writes                              | `watch`     |
//! | `process`                | one run of a command in a process of its own                 |             |
//! | `resident`               | commands that stay and do job after job                      |             |
//! | `queue`                  | a queue: its places, its line, and what is counted of it     | `mpmc`      |
//! | `active`                 | a job that has not ended: its phase, and its view            | `watch`, `broadcast` |
//! | `running`, `suspects`    | a job that a worker has; jobs that may have killed the service |           |
//! | `events`                 | what happens, for all readers                                | `broadcast` |
//! | `shared`                 | the line that several processes share                        |             |
//! | `report`                 | events, metrics, spans and the log                           |             |
//! | `registry`               | the queues and the jobs, and how they are found              |             |
//! | `admission`              | places, quotas and keys of requests                          |             |
//! | `lifecycle`              | accept, run, finish, cancel, resume: the steps of a job      |             |
//! | `service`                | the parts, put together                                      |             |
//! | `pools`                  | the workers of all queues                                    |             |

pub(crate) mod active;
pub(crate) mod admission;
pub(crate) mod events;
pub(crate) mod group;
pub(crate) mod in_flight;
mod keyed_lock;
pub(crate) mod lifecycle;
pub(crate) mod pace;
pub(crate) mod pipes;
mod places;
pub(crate) mod pools;
mod process;
pub(crate) mod progress;
pub(crate) mod queue;
mod quota;
pub(crate) mod registry;
mod report;
mod resident;
mod run_result;
mod running;
mod scheduler;
pub(crate) mod service;
pub(crate) mod shared;
mod shortage;
mod suspects;
#[cfg(test)]
mod tests;
