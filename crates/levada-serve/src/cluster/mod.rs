//! The service on NATS: any number of front ends and workers, which share queues, jobs and events.
//!
//! What is a disk for one machine is here a few streams, behind the same [`Store`]; what is a line
//! in memory is a queue stream, behind [`SharedLine`]. The steps of a job are the same, and are
//! taken by the same code.
//!
//! [`Store`]: crate::store::Store
//! [`SharedLine`]: crate::jobs::shared::SharedLine
//!
//! Without the feature `nats`, `no_cluster` stands in its place.
//!
//! | file      | what it is                                                                  |
//! |-----------|-----------------------------------------------------------------------------|
//! | `member`  | this process as a member of the cluster: joining, starting, leaving         |
//! | `members` | which other processes there are, and what they say of themselves              |
//! | `together`| what several tasks want to do at the same time, done at once                |
//! | `batch`   | publishes to a stream; those of the same time are one atomic batch          |
//! | `wire`    | the streams: records, bodies, keys; each write is a compare-and-set         |
//! | `replica` | the records, in memory, as this process knows them                          |
//! | `ticket`  | what stands in a queue for a job; those of the same time are one batch      |
//! | `queues`  | the queue streams: made by front ends, found by workers                     |
//! | `settings`| those of the queues, from front ends to workers                             |
//! | `store`   | both as a `Store`                                                           |
//! | `held`    | the jobs that this process holds a lease of                                 |
//! | `line`    | what becomes of their tickets                                               |
//! | `taker`   | takes tickets off the queues, for the workers of this process               |
//! | `leftovers` | bodies of jobs that were never accepted                                   |
//! | `following` | the messages of a stream from a position on                               |
//! | `restore` | queue streams that were deleted                                             |
//! | `mirror`  | shows what other processes do with the jobs                                 |
//! | `output`  | what a command writes while it runs, to the processes whose clients watch   |
//! | `ends`    | ends of jobs of which no event tells                                         |
//! | `news`    | events of all processes, and requests to stop a job                         |
//!
//! # Invariants
//! 1. A job is accepted when its ticket is in the queue stream and its record in the stream of
//!    records. The ticket comes first: a ticket without a record is a job that may run although
//!    its client got no answer; a record without a ticket would be a job that never runs.
//! 2. The worker that begins a run writes that into the record before it starts the command, and
//!    expects the record to be as it read it. So of two workers with one job, one begins.
//! 3. The end of a run is written only over the record that the same worker wrote last. A worker
//!    that lost its lease finds another record there, and its result is thrown away.
//! 4. A ticket is acknowledged after the end of its job is stored. A job that is delivered again
//!    after that has ended, and its ticket is acknowledged.
//! 5. A job may have two tickets, as after a pause whose end was sent twice. The record of a job
//!    that runs names the ticket with which it began; any other one is acknowledged. That ticket
//!    again means that its lease is over.
//! 6. Each lease has a number in its process, and what a run wants to record has the number of its
//!    own. So a run that goes on after its lease was lost records nothing, even if the same process
//!    has the job again.
//! 7. What an attempt wrote is stored under the number of the attempt, before its end is recorded.
//! 8. Each write can be made twice: a ticket has the same id, a record expects the same one before
//!    it, a piece of a body is the same. So a batch of which no answer came is published again, and
//!    one that the server refused is published message by message.

mod batch;
mod ends;
mod following;
mod held;
mod leftovers;
mod line;
mod member;
mod members;
mod mirror;
mod news;
mod output;
mod queues;
mod replica;
mod restore;
mod settings;
mod store;
mod taker;
mod ticket;
mod together;
mod wire;

pub(crate) use self::member::{Cluster, Tasks};
