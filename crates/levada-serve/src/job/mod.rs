//! A job as data: its id, its record, and the steps from one state to the next. Only
//! `Moment::now` and `JobId::next` read a clock. `store` keeps records, and `jobs` decides which
//! step is next.
//!
//! | file          | what it is                                      |
//! |---------------|-------------------------------------------------|
//! | `id`          | ids: UUIDs that sort by time                    |
//! | `moment`      | points in time                                  |
//! | `state`       | the states of a job, and the steps between them |
//! | `record`      | what is known of a job                          |
//! | `transitions` | what each step writes into the record           |

mod id;
mod moment;
mod record;
mod state;
mod transitions;

pub(crate) use self::id::JobId;
pub(crate) use self::moment::Moment;
pub(crate) use self::record::{FailureStatus, IdempotencyKey, Outcome, Record, RunReport};
pub(crate) use self::state::JobState;
pub(crate) use self::transitions::NewJob;
