//! The domain: jobs, the queues they wait in, and the commands they run. Knows no HTTP.
//!
//! | file          | what it is                                                         | channel     |
//! |---------------|--------------------------------------------------------------------|-------------|
//! | `service`     | everything together: what handlers ask for                          |             |
//! | `accept`      | from a request to a job that is on disk                             |             |
//! | `work`        | from a job in line to the end of its run                            |             |
//! | `end`         | what follows a run: the job's end, or another attempt               |             |
//! | `report`      | what the log says of it                                             |             |
//! | `cancel`      | the end of a job that a client cancels                              |             |
//! | `list`        | jobs, page by page                                                  |             |
//! | `live`        | a job that has not ended: its phase, and its view                   | `watch`     |
//! | `queue`       | places, and the line                                                | `mpmc`      |
//! | `crash`       | what is counted after the process died                              |             |
//! | `in_flight`   | which jobs run, for the next process if this one dies               |             |
//! | `suspects`    | jobs that may have killed the service, one at a time                |             |
//! | `shortage`    | what the system lacks for a moment                                  |             |
//! | `slots`       | whose turn it is when all queues share a limit                      | `oneshot`   |
//! | `turns`       | a worker's turn for its next job                                    |             |
//! | `keys`        | requests with the same key, at the same time                        | `watch`     |
//! | `feed`        | what happens, for everyone                                          | `broadcast` |
//! | `resident`    | commands that stay and do job after job                             |             |
//! | `process`, …  | one run of the command: pipes, progress                             | `watch`     |
//! | `group`       | the processes that come from a command, and their end              |             |

pub(crate) mod accept;
mod cancel;
mod crash;
mod end;
pub(crate) mod feed;
pub(crate) mod group;
pub(crate) mod in_flight;
mod keys;
pub(crate) mod list;
pub(crate) mod live;
pub(crate) mod pace;
mod pipes;
pub(crate) mod process;
mod progress;
pub(crate) mod queue;
mod quota;
mod report;
pub(crate) mod resident;
pub(crate) mod service;
pub(crate) mod shortage;
mod slots;
mod suspects;
#[cfg(test)]
mod tests;
mod turns;
mod work;
