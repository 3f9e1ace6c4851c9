//! Code around levada's channels as a user writes it: each function once right and once with a
//! mistake that shows under rare interleavings only. `tests/models.rs` has loom find the mistakes.
//!
//! The channels are the same lines in production and in a model. What is the program's own, here
//! the atomics, it takes from [`sync`].
#![forbid(unsafe_code)]

use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use sync::{AtomicUsize, Ordering};

/// The program's own primitives: loom's in a model, otherwise std's.
pub mod sync {
    #[cfg(loom)]
    pub use loom::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    #[cfg(not(loom))]
    pub use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
}

/// Writes a result, then sends a note that it is there.
pub async fn publish(result: &AtomicUsize, notes: mpsc::Sender<()>) {
    // ORDERING: Relaxed, no pair: who receives the note sees what was written before it was sent.
    result.store(42, Ordering::Relaxed);
    // Whoever waited may have gone.
    let _ = notes.send(()).await;
}

/// The mistake: the note may arrive before the result is written.
pub async fn publish_too_early(result: &AtomicUsize, notes: mpsc::Sender<()>) {
    let _ = notes.send(()).await;
    // ORDERING: Relaxed, no pair: no ordering can help here.
    result.store(42, Ordering::Relaxed);
}

/// Waits for the note, then reads the result.
pub async fn published(result: &AtomicUsize, mut notes: mpsc::Receiver<()>) -> Option<usize> {
    notes.recv().await?;
    // ORDERING: Relaxed, no pair: as in `publish`.
    Some(result.load(Ordering::Relaxed))
}

/// A worker that adds the numbers of a shared queue to a shared total.
pub async fn add_all(numbers: mpmc::Receiver<usize>, total: &AtomicUsize) {
    while let Some(number) = numbers.recv().await {
        // ORDERING: Relaxed, no pair: the total is read after the workers were joined.
        total.fetch_add(number, Ordering::Relaxed);
    }
}

/// The mistake: another worker may write between the load and the store.
pub async fn add_all_in_two_steps(numbers: mpmc::Receiver<usize>, total: &AtomicUsize) {
    while let Some(number) = numbers.recv().await {
        // ORDERING: SeqCst, no pair: no ordering can help here.
        let before = total.load(Ordering::SeqCst);
        // ORDERING: SeqCst, no pair: as above.
        total.store(before + number, Ordering::SeqCst);
    }
}

/// Counts one more visitor.
pub fn count(visitors: &watch::Sender<usize>) {
    visitors.send_modify(|visitors| *visitors += 1);
}

/// The mistake: another thread may count between the look and the send.
pub fn count_in_two_steps(visitors: &watch::Sender<usize>) {
    let next = *visitors.borrow() + 1;
    visitors.send_replace(next);
}

/// Waits until there were that many visitors.
pub async fn visited(mut visitors: watch::Receiver<usize>, by: usize) -> bool {
    visitors.wait_for(|visitors| *visitors == by).await.is_ok()
}

/// A request with the way back for its answer.
pub type Request = (usize, oneshot::Sender<usize>);

/// Answers one request with its double.
pub async fn answer(mut requests: mpsc::Receiver<Request>) {
    if let Some((number, reply)) = requests.recv().await {
        // Nobody waits any more: the answer is not needed.
        let _ = reply.send(2 * number);
    }
}

/// Sends a request and waits for the answer.
pub async fn ask(requests: mpsc::Sender<Request>, number: usize) -> Option<usize> {
    let (reply, answer) = oneshot::channel();
    requests.send((number, reply)).await.ok()?;
    answer.await.ok()
}

/// The mistake: looks for the answer instead of waiting for it.
pub async fn ask_in_a_hurry(requests: mpsc::Sender<Request>, number: usize) -> Option<usize> {
    let (reply, mut answer) = oneshot::channel();
    requests.send((number, reply)).await.ok()?;
    answer.try_recv().ok()
}

/// Where a listener's subscription is made.
#[derive(Clone, Copy, Debug)]
pub enum Subscribe {
    /// Before the thread starts that will send.
    First,
    /// The mistake: whenever the listener comes to it.
    Late,
}

/// Starts `announcer` with a sender and returns what a listener hears of its one event.
pub async fn listen(
    subscribe: Subscribe,
    announcer: impl FnOnce(broadcast::Sender<usize>),
) -> Option<usize> {
    let events = broadcast::Sender::new(2);
    let early = events.subscribe();
    announcer(events.clone());
    let mut listener = match subscribe {
        Subscribe::First => early,
        Subscribe::Late => events.subscribe(),
    };
    drop(events);
    listener.recv().await.ok()
}
