//! A job as data: its id, its record, and the steps from one state to the next. Pure, without a
//! clock, a lock or a file of its own: `store` keeps records, and `jobs` decides which step is
//! next.
//!
//! | file          | what it is                                                    |
//! |---------------|---------------------------------------------------------------|
//! | `record`      | what is known of a job                                        |
//! | `transitions` | its states, the steps between them, and what each step writes |
//! | `id`          | ids: UUIDs that sort by time                                  |
//! | `moment`      | points in time                                                |

mod id;
mod moment;
mod record;
mod transitions;

pub(crate) use self::id::JobId;
pub(crate) use self::moment::Moment;
pub(crate) use self::record::{FailureStatus, IdempotencyKey, Outcome, Record, RunReport};
pub(crate) use self::transitions::{JobState, NewJob};
