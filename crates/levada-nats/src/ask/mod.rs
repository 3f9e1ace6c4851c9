//! A question and its answer: request and reply, as a oneshot channel across machines.
//!
//! An [`Asker`] asks, one of any number of [`Answerer`]s gets the question, and its answer, if
//! there is one, goes back. Nothing is stored: a question lives as long as its asker waits for it.
//! What must survive its asker belongs in a queue.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
//! let connection = levada_nats::connect(&url).await?;
//! let mut answerer = connection.answerer::<String, u32>("ask-prices".parse()?).await?;
//! tokio::spawn(async move {
//!     while let Ok(question) = answerer.recv().await {
//!         let price = question.len() as u32;
//!         // An error means that the asker no longer waits.
//!         let _ = question.answer(price).await;
//!     }
//! });
//!
//! let asker = connection.asker::<String, u32>("ask-prices".parse()?);
//! assert_eq!(asker.ask("apple".to_owned()).await?, 5);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Guarantees
//! 1. **One answerer.** At most one answerer hands a question out: one with a free seat, chosen by
//!    the server. If it leaves before that, the question goes to another one, and none is lost.
//! 2. **One answer.** At most one answer arrives, and it is that of the question.
//! 3. **An end.** [`Asker::ask`] ends at its deadline at the latest, whatever fails.
//! 4. **No answerer** is an error at once: [`AskError::NoResponder`], after one round trip to the
//!    server.
//! 5. **Bounded.** An answerer holds at most as many questions as it has
//!    [seats](AnswererBuilder::seats), those that wait for [`Answerer::recv`] included. It refuses
//!    others at once. A refused question is sent again, up to three times in all, each time to an
//!    answerer that the server chooses; then its asker gets [`AskError::Busy`].
//! 6. **A dropped question** ends with [`AskError::Dropped`] after one trip to the asker.
//! 7. **The deadline travels** as the time that is left, so that the clocks of two machines do not
//!    matter: [`Question::deadline`] is never before that of the asker, and after it by the time
//!    that the question was under way. So an answer in the last moment may come too late without an
//!    error; an answer after the deadline is [`AnswerError::Closed`] and is not sent.
//! 8. **Cancelled.** A question whose future was dropped is [closed](Question::closed) after one
//!    trip. If that message is lost, it is closed within a second.
//! 9. **A dead asker.** If its process ends, its questions are closed within about two seconds.
//! 10. **A dead answerer.** If its process ends while it holds a question, the asker gets
//!     [`AskError::Gone`] within about three seconds. The same happens if the answer was lost on
//!     its way. A question that was held for less than 50 ms ends at its deadline.
//! 11. **Bounded traffic.** An answerer writes to an asker twice a second while it holds questions
//!     of it for longer than 50 ms, and when another one has been held for as long, at most twenty
//!     times a second. An asker writes to an answerer that is silent, four times a second. Each of
//!     these messages has one reply and names up to 8,192 questions.
//! 12. **Types.** An answerer that cannot decode a question says so to the asker
//!     ([`AskError::Refused`]) and goes on. An asker that cannot decode an answer gets
//!     [`AskError::Decode`].
//! 13. **Size.** A question or an answer that is larger than the server takes is passed through a
//!     stream of objects, which deletes them after an hour at the latest.
//!
//! Rules 8 to 10 speak of a steady connection. While a connection is made again, and for six
//! seconds afterwards, neither side declares the other one gone, because the same event may have
//! cut off both.
//!
//! # Without this crate
//! A question is a NATS request to `NAMESPACE.ask.NAME`, and the answer is its reply. So
//! `nats request levada.ask.prices '"apple"'` asks an answerer, and an asker asks any program that
//! replies to that subject. Errors have the headers of NATS services (`Nats-Service-Error`). Rules
//! 8 to 10 hold between askers and answerers of this crate.

mod answerer;
mod asker;
mod error;
mod group;
mod held;
mod presence;
mod question;
mod waiting;
mod wire;

pub use self::answerer::{Answerer, AnswererBuilder, Opening, Recv};
pub use self::asker::{Ask, Asker, Asking};
pub use self::error::{AnswerError, AskError, RecvError};
pub use self::question::{Closed, Question};

use crate::codec::{Codec, Json};
use crate::payload::Objects;
use crate::{Connection, Durability, Name};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long the objects of large questions and answers are kept at most.
const OBJECTS_LIVE: Duration = Duration::from_secs(60 * 60);

fn objects(connection: &Connection, name: &Name) -> Objects {
    Objects::new(connection, "ask", name, Durability::Lazy).max_age(OBJECTS_LIVE)
}

impl Connection {
    /// Asks questions of this name. They and their answers are JSON.
    ///
    /// Nothing is sent before the first question.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let asker = connection.asker::<String, u32>("prices".parse()?);
    /// # drop(asker);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn asker<Q, A>(&self, name: Name) -> Asker<Q, A>
    where
        Q: Serialize + DeserializeOwned,
        A: Serialize + DeserializeOwned,
    {
        self.asker_with(name, Json)
    }

    /// Asks questions of this name, with another codec than JSON.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::codec::Raw;
    ///
    /// let asker = connection.asker_with::<String, Vec<u8>>("thumbnails".parse()?, Raw);
    /// # drop(asker);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn asker_with<Q, A>(&self, name: Name, codec: impl Codec<Q> + Codec<A>) -> Asker<Q, A> {
        Asker::new(self, &name, codec)
    }

    /// Answers questions of this name, which are JSON, as are their answers. It is opened when the
    /// result is awaited.
    ///
    /// # Errors
    /// [`OpenError::NoAnswer`](crate::OpenError) if the server does not answer.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let answerer = connection.answerer::<String, u32>("prices".parse()?).seats(8).await?;
    /// # drop(answerer);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn answerer<Q, A>(&self, name: Name) -> AnswererBuilder<Q, A>
    where
        Q: Serialize + DeserializeOwned,
        A: Serialize + DeserializeOwned,
    {
        self.answerer_with(name, Json)
    }

    /// Answers questions of this name, with another codec than JSON.
    ///
    /// # Errors
    /// As [`answerer`](Self::answerer).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::codec::Raw;
    ///
    /// let name = "thumbnails".parse()?;
    /// let answerer = connection.answerer_with::<String, Vec<u8>>(name, Raw).await?;
    /// # drop(answerer);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn answerer_with<Q, A>(
        &self,
        name: Name,
        codec: impl Codec<Q> + Codec<A>,
    ) -> AnswererBuilder<Q, A> {
        AnswererBuilder::new(self, name, codec)
    }
}
