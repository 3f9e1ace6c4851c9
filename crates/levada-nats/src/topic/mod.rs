//! Every subscriber gets every message: a stream with limits.
//!
//! The stream keeps the newest messages, as many as the topic was opened with, and overwrites the
//! oldest. A subscriber that was too slow for that gets [`RecvError::Lagged`] with the exact number
//! of messages that it missed, and goes on with the oldest one that is still there.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
//! # let connection = levada_nats::connect(&url).await?;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Event {
//!     order: u32,
//!     state: String,
//! }
//!
//! let topic = connection.topic("orders".parse()?).keep(10_000).open::<Event>().await?;
//! let mut subscriber = topic.subscribe().await?;
//! topic.send(Event { order: 7, state: "paid".into() }).await?;
//!
//! let event = subscriber.recv().await?;
//! assert_eq!((event.order, event.state.as_str()), (7, "paid"));
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Across restarts
//! A program that stores [`Subscriber::position`] goes on there after a restart, with
//! [`Topic::subscribe_from`]: no message twice, none skipped without a word.
//!
//! # Large messages
//! The bytes of a message that is larger than the server's `max_payload` (1 MiB unless it is
//! configured otherwise) are stored in another stream beside the topic's, and fetched when the
//! message is received. They are deleted a day after the message was overwritten, when the next
//! large message is sent.
//!
//! # Without storage
//! [`Options::open_lossy`] gives the same over core NATS: fast, at most once, and a subscriber gets
//! nothing from before, or from while it was disconnected.

// What a file uses stands to the left of it:
// { error, pauses, position, seats, source, wire } <- consumer <- cursor <- reader <- subscriber
// { error, source } <- send, { send, subscriber } <- handle, error <- gather <- lossy
// { handle, lossy } <- options
mod consumer;
mod cursor;
mod error;
mod gather;
mod handle;
mod lossy;
mod options;
mod pauses;
mod position;
mod reader;
mod seats;
mod send;
mod source;
mod subscriber;
mod wire;

pub use self::error::{RecvError, SendError, SubscribeError, TryRecvError};
pub use self::gather::LossySubscriber;
pub use self::handle::Topic;
pub use self::lossy::Lossy;
pub use self::options::Options;
pub use self::position::Position;
pub use self::send::{Send, Sending, Sent};
pub use self::subscriber::{Message, Messages, Recv, Subscriber};
