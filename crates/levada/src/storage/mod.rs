//! Where the value is. Nothing here knows a task.
//!
//! - [`latest`]: one value, and the earlier ones somebody still looks at

pub(crate) mod latest;
