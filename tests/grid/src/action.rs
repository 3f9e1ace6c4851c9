//! What one side does with its end of the channel, and how far.

use crate::party::{Answer, Steps};
use crate::world::World;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// How far the future of an action is polled, and what becomes of it then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Polled until it is ready.
    Done,
    /// Dropped after so many polls.
    Cancel(u8),
    /// Dropped when it has been woken, instead of being polled again.
    CancelWoken,
    /// Never polled again nor dropped, after so many polls.
    Forget(u8),
    /// The same when it has been woken.
    ForgetWoken,
}

impl Stage {
    /// All there are.
    pub const ALL: &[Self] = &[
        Self::Done,
        Self::Cancel(0),
        Self::Cancel(1),
        Self::Cancel(2),
        Self::CancelWoken,
        Self::Forget(1),
        Self::ForgetWoken,
    ];

    /// Those that leave nothing behind for ever.
    pub const TIDY: &[Self] =
        &[Self::Done, Self::Cancel(0), Self::Cancel(1), Self::Cancel(2), Self::CancelWoken];

    /// For an action with nothing to interrupt.
    pub const DONE: &[Self] = &[Self::Done];

    /// Whether the future is left where it is for ever, and its memory with it.
    #[must_use]
    pub fn forgets(self) -> bool {
        matches!(self, Self::Forget(_) | Self::ForgetWoken)
    }

    /// After how many polls nothing new can happen.
    pub(crate) fn polls(self) -> u8 {
        match self {
            Self::Done | Self::CancelWoken | Self::ForgetWoken => 2,
            Self::Cancel(polls) | Self::Forget(polls) => polls + 1,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => Ok(()),
            Self::Cancel(polls) => write!(f, " (cancelled after {polls})"),
            Self::CancelWoken => f.write_str(" (cancelled when woken)"),
            Self::Forget(polls) => write!(f, " (forgotten after {polls})"),
            Self::ForgetWoken => f.write_str(" (forgotten when woken)"),
        }
    }
}

/// One line of a table: what one side does with its end, an `End`.
pub struct Action<Tx, Rx, End> {
    /// The operations, in order.
    pub name: &'static str,
    /// How far it is taken; [`Stage::DONE`] if nothing in it waits.
    pub stages: &'static [Stage],
    /// How many polls it has beyond those of its stage: one for each [`pause`].
    pub pauses: u8,
    /// Whether it blocks its thread, so that it only runs where there are two.
    pub blocks: bool,
    /// What it may answer. The grid fails if it answers anything else, or one of these never.
    pub may: &'static [Answer],
    /// The action.
    pub run: fn(Arc<World<Tx, Rx>>, End, Stage) -> Steps,
}

impl<Tx, Rx, End> Action<Tx, Rx, End> {
    /// A line that neither pauses nor blocks.
    pub fn new(
        name: &'static str,
        stages: &'static [Stage],
        may: &'static [Answer],
        run: fn(Arc<World<Tx, Rx>>, End, Stage) -> Steps,
    ) -> Self {
        Self { name, stages, pauses: 0, blocks: false, may, run }
    }

    /// It has so many polls beyond those of its stage.
    #[must_use]
    pub fn pauses(self, pauses: u8) -> Self {
        Self { pauses, ..self }
    }

    /// It blocks its thread.
    #[must_use]
    pub fn blocks(self) -> Self {
        Self { blocks: true, ..self }
    }

    /// How many steps it takes at `stage`, the other side's wake-ups not counted.
    pub(crate) fn polls(&self, stage: Stage) -> u8 {
        let waits = self.stages.len() > 1;
        self.pauses + if waits { stage.polls() } else { 1 }
    }
}

impl<Tx, Rx, End> fmt::Debug for Action<Tx, Rx, End> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Takes `future` as far as `stage` says; `None` if it was not ready by then.
pub async fn staged<F: Future>(stage: Stage, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let ready = match stage {
        Stage::Done => Some(future.as_mut().await),
        Stage::Cancel(polls) | Stage::Forget(polls) => few_polls(future.as_mut(), polls).await,
        Stage::CancelWoken | Stage::ForgetWoken => until_woken(future.as_mut()).await,
    };
    if ready.is_none() && stage.forgets() {
        forget(future);
    }
    ready
}

#[expect(clippy::mem_forget, reason = "that is the question")]
fn forget<F>(future: F) {
    std::mem::forget(future);
}

/// Lets the other side come in between, once.
pub async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The future's output if `polls` polls are enough, one for each poll of the whole.
async fn few_polls<F: Future>(mut future: Pin<&mut F>, mut polls: u8) -> Option<F::Output> {
    poll_fn(|cx| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        cx.waker().wake_by_ref();
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// The future's output if its first poll is enough; `None` as soon as it is woken after that.
async fn until_woken<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    let mut polled = false;
    poll_fn(|cx| {
        relay.to.lock().unwrap_or_else(|poison| poison.into_inner()).clone_from(cx.waker());
        if !polled {
            polled = true;
            let ready = future.as_mut().poll(&mut Context::from_waker(&waker));
            if ready.is_ready() {
                return ready.map(Some);
            }
        }
        // ORDERING: SeqCst, no pair: a test's own flag.
        if relay.woken.load(Ordering::SeqCst) { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// Notes that it was woken, and wakes the task.
struct Relay {
    woken: AtomicBool,
    to: Mutex<Waker>,
}

impl Default for Relay {
    fn default() -> Self {
        Self { woken: AtomicBool::new(false), to: Mutex::new(Waker::noop().clone()) }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        // ORDERING: SeqCst, no pair: a test's own flag.
        self.woken.store(true, Ordering::SeqCst);
        self.to.lock().unwrap_or_else(|poison| poison.into_inner()).wake_by_ref();
    }
}
