//! The same fast producer and slow consumer, on a bounded and on an unbounded queue.
//!
//! Why it matters: a queue that may grow does not make the consumer faster. It hides that the
//! consumer is too slow, until the memory is gone.
//!
//! Look at:
//! - the peak depth: the bound on the one side, everything on the other.
//! - how far the consumer was when the producer had sent its last frame: the bounded producer went
//!   at the consumer's pace, the unbounded one never noticed that there was a consumer.

use std::cell::Cell;
use std::error::Error;

use levada::mpsc;

const FRAMES: usize = 1_000;
const BOUND: usize = 16;
const FRAME_KIB: usize = 1;

type Frame = [u8; FRAME_KIB * 1024];

/// What both runs measure. Producer and consumer are two futures of one task, so plain cells do.
#[derive(Default)]
struct Meter {
    waiting: Cell<usize>,
    peak_waiting: Cell<usize>,
    handled: Cell<usize>,
    handled_at_last_send: Cell<usize>,
}

impl Meter {
    fn sent(&self) {
        self.waiting.set(self.waiting.get() + 1);
        self.peak_waiting.set(self.peak_waiting.get().max(self.waiting.get()));
        self.handled_at_last_send.set(self.handled.get());
    }

    /// The slow part: every frame costs the consumer a turn of the scheduler.
    async fn handle(&self, frame: Frame) {
        self.waiting.set(self.waiting.get() - 1);
        tokio::task::yield_now().await;
        assert!(frame.iter().all(|&byte| byte == frame[0]), "a frame arrived damaged");
        self.handled.set(self.handled.get() + 1);
    }

    fn report(&self, queue: &str) {
        let peak = self.peak_waiting.get();
        println!("{queue}: at most {peak} frames waited, {} KiB", peak * FRAME_KIB);
        println!(
            "{queue}: at the last send, {} of {FRAMES} frames were still to be handled",
            FRAMES - self.handled_at_last_send.get()
        );
    }
}

fn frame(number: usize) -> Frame {
    [(number % 251) as u8; FRAME_KIB * 1024]
}

async fn bounded(meter: &Meter) -> Result<(), mpsc::error::SendError<Frame>> {
    let (sender, mut receiver) = mpsc::channel(BOUND);
    let produce = async move {
        for number in 0..FRAMES {
            sender.send(frame(number)).await?; // Waits while the queue is full.
            meter.sent();
        }
        Ok(())
    };
    let consume = async {
        while let Some(frame) = receiver.recv().await {
            meter.handle(frame).await;
        }
    };
    let (produced, ()) = tokio::join!(produce, consume);
    produced
}

async fn unbounded(meter: &Meter) -> Result<(), mpsc::error::SendError<Frame>> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let produce = async move {
        for number in 0..FRAMES {
            sender.send(frame(number))?; // Never waits; it is not even async.
            meter.sent();
        }
        Ok(())
    };
    let consume = async {
        while let Some(frame) = receiver.recv().await {
            meter.handle(frame).await;
        }
    };
    let (produced, ()) = tokio::join!(produce, consume);
    produced
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let meter = Meter::default();
    bounded(&meter).await?;
    meter.report("bounded");

    let meter = Meter::default();
    unbounded(&meter).await?;
    meter.report("unbounded");
    Ok(())
}
