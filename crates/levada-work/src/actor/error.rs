//! Why a caller gets no answer.

use std::error::Error;
use std::fmt;

/// Why there is no answer.
///
/// # Examples
/// ```
/// use levada_work::actor::AskError;
///
/// fn again<Q>(error: AskError<Q>) -> Option<Q> {
///     error.into_request() // `Some`: it was not accepted, so it is safe to ask another actor.
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AskError<Q> {
    /// The actor has ended or closed its mailbox. The request was not accepted.
    Gone(Q),
    /// The mailbox was full until the limit had passed. The request was not accepted.
    Busy(Q),
    /// The request was accepted, and the limit passed before the answer. The request may have been
    /// carried out, or may still be.
    TimedOut,
    /// The request was accepted and dropped without an answer. It may or may not have been carried
    /// out.
    Unanswered,
}

impl<Q> AskError<Q> {
    /// Returns the body of the request, if the request was not accepted.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::AskError;
    ///
    /// assert_eq!(AskError::Gone(7).into_request(), Some(7));
    /// assert_eq!(AskError::<u64>::Unanswered.into_request(), None);
    /// ```
    pub fn into_request(self) -> Option<Q> {
        match self {
            Self::Gone(request) | Self::Busy(request) => Some(request),
            Self::TimedOut | Self::Unanswered => None,
        }
    }
}

impl<Q> fmt::Display for AskError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone(_) => "the actor is gone; the request was not accepted",
            Self::Busy(_) => "the mailbox was full for too long; the request was not accepted",
            Self::TimedOut => "no answer in time; the request was accepted",
            Self::Unanswered => "the request was accepted and dropped without an answer",
        })
    }
}

// Not derived: a request need not be `Debug`, so that `?` and `unwrap` work with any.
impl<Q> fmt::Debug for AskError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone(_) => "Gone(..)",
            Self::Busy(_) => "Busy(..)",
            Self::TimedOut => "TimedOut",
            Self::Unanswered => "Unanswered",
        })
    }
}

impl<Q> Error for AskError<Q> {}
