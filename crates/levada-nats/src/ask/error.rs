//! What a question can end with, other than an answer.

use crate::codec::CodecError;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why there is no answer. Each variant has the question.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// use levada_nats::ask::AskError;
///
/// let connection = levada_nats::connect(&url).await?;
/// let asker = connection.asker::<String, u32>("nothing-answers-here".parse()?);
/// let error = asker.ask("how much?".to_owned()).await.unwrap_err();
/// assert!(matches!(&error, AskError::NoResponder(_)));
/// assert_eq!(error.into_question(), "how much?");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[non_exhaustive]
pub enum AskError<Q> {
    /// There is no answerer. No answerer has the question.
    NoResponder(Q),
    /// The answerers that were tried have no free seat. No answerer has the question.
    Busy(Q),
    /// The deadline passed. An answerer may have worked on the question, or may still do so.
    TimedOut {
        /// The question.
        question: Q,
        /// How long the asker waited.
        within: Duration,
    },
    /// The answerer dropped the question without an answer.
    Dropped(Q),
    /// The process of the answerer ended, or lost its connection, or the answer was lost on its
    /// way. The answerer may have worked on the question.
    Gone(Q),
    /// The answerer has no answer and says why: it cannot read the question, or cannot send the
    /// answer that it has.
    Refused {
        /// The question.
        question: Q,
        /// What the answerer says.
        reason: String,
    },
    /// The question has no bytes. It was not sent.
    Encode {
        /// The question.
        question: Q,
        /// What the codec says.
        source: CodecError,
    },
    /// There is an answer, and it is none of this type.
    Decode {
        /// The question.
        question: Q,
        /// What the codec says.
        source: CodecError,
    },
    /// The question or the answer is larger than the server takes in one message, and the store for
    /// such ones failed.
    Object {
        /// The question.
        question: Q,
        /// What failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection is closed, or there was none until the deadline. An answerer may have the
    /// question.
    Disconnected(Q),
}

impl<Q> AskError<Q> {
    /// The question, for another attempt. It may be asked twice then, unless the variant says that
    /// no answerer has it.
    pub fn into_question(self) -> Q {
        match self {
            Self::NoResponder(question)
            | Self::Busy(question)
            | Self::Dropped(question)
            | Self::Gone(question)
            | Self::Disconnected(question)
            | Self::TimedOut { question, .. }
            | Self::Refused { question, .. }
            | Self::Encode { question, .. }
            | Self::Decode { question, .. }
            | Self::Object { question, .. } => question,
        }
    }

    fn variant(&self) -> &'static str {
        match self {
            Self::NoResponder(_) => "NoResponder",
            Self::Busy(_) => "Busy",
            Self::TimedOut { .. } => "TimedOut",
            Self::Dropped(_) => "Dropped",
            Self::Gone(_) => "Gone",
            Self::Refused { .. } => "Refused",
            Self::Encode { .. } => "Encode",
            Self::Decode { .. } => "Decode",
            Self::Object { .. } => "Object",
            Self::Disconnected(_) => "Disconnected",
        }
    }
}

/// Without the question, which need not have a debug form.
impl<Q> fmt::Debug for AskError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.variant())
    }
}

impl<Q> fmt::Display for AskError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResponder(_) => f.write_str("there is no answerer: start one"),
            Self::Busy(_) => f.write_str(
                "the answerers have no free seat: ask again later, start more of them, or give \
                 them more seats",
            ),
            Self::TimedOut { within, .. } => {
                write!(f, "no answer within {within:?}; an answerer may still work on the question")
            }
            Self::Dropped(_) => f.write_str("the answerer dropped the question without an answer"),
            Self::Gone(_) => f.write_str(
                "the answerer is gone, or its answer was lost; it may have worked on the question",
            ),
            Self::Refused { reason, .. } => f.write_str(reason),
            Self::Encode { source, .. } => write!(f, "the question has no bytes: {source}"),
            Self::Decode { source, .. } => {
                write!(f, "the answer is not of the type that is expected: {source}")
            }
            Self::Object { source, .. } => source.fmt(f),
            Self::Disconnected(_) => f.write_str(
                "there is no connection to NATS; if there was one, an answerer may have the \
                 question",
            ),
        }
    }
}

impl<Q> Error for AskError<Q> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode { source, .. }
            | Self::Decode { source, .. }
            | Self::Object { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// Why an answer was not sent. Each variant has the answer.
///
/// ```
/// use levada_nats::ask::AnswerError;
///
/// let error = AnswerError::Closed(7);
/// assert_eq!(error.to_string(), "the asker no longer waits for the answer");
/// assert_eq!(error.into_answer(), 7);
/// ```
#[non_exhaustive]
pub enum AnswerError<A> {
    /// The asker no longer waits: it cancelled the question, it is gone, or the deadline passed.
    Closed(A),
    /// The answer has no bytes. The asker gets [`AskError::Refused`].
    Encode {
        /// The answer.
        answer: A,
        /// What the codec says.
        source: CodecError,
    },
    /// The answer is larger than the server takes in one message, and the store for such ones
    /// failed. The asker gets [`AskError::Refused`].
    Object {
        /// The answer.
        answer: A,
        /// What failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection is closed.
    Disconnected(A),
}

impl<A> AnswerError<A> {
    /// The answer.
    pub fn into_answer(self) -> A {
        match self {
            Self::Closed(answer)
            | Self::Disconnected(answer)
            | Self::Encode { answer, .. }
            | Self::Object { answer, .. } => answer,
        }
    }

    fn variant(&self) -> &'static str {
        match self {
            Self::Closed(_) => "Closed",
            Self::Encode { .. } => "Encode",
            Self::Object { .. } => "Object",
            Self::Disconnected(_) => "Disconnected",
        }
    }
}

/// Without the answer, which need not have a debug form.
impl<A> fmt::Debug for AnswerError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.variant())
    }
}

impl<A> fmt::Display for AnswerError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("the asker no longer waits for the answer"),
            Self::Encode { source, .. } => write!(f, "the answer has no bytes: {source}"),
            Self::Object { source, .. } => source.fmt(f),
            Self::Disconnected(_) => f.write_str("the connection to NATS is closed"),
        }
    }
}

impl<A> Error for AnswerError<A> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode { source, .. } | Self::Object { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// The connection of the answerer is closed: no more questions come.
///
/// ```
/// use levada_nats::ask::RecvError;
///
/// assert_eq!(RecvError.to_string(), "the connection to NATS is closed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection to NATS is closed")
    }
}

impl Error for RecvError {}
