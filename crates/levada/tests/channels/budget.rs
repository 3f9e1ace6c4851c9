//! tokio's cooperative budget: a task that has used it up gets its place in line before it yields,
//! and an error costs it nothing (tokio #8365, #8371). Each case runs on tokio's channel first.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::coop;

/// Runs a task that has used up its budget.
fn without_budget(mut task: impl FnMut(&mut Context<'_>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(poll_fn(|cx| {
        let mut spent = 0;
        while let Poll::Ready(unit) = coop::poll_proceed(cx) {
            unit.made_progress();
            spent += 1;
        }
        assert!(spent > 0 && !coop::has_budget_remaining());
        task(cx);
        Poll::Ready(())
    }));
}

/// Polls as a task that has budget.
fn poll_with_budget<F: Future + ?Sized>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    std::pin::pin!(coop::unconstrained(future)).poll(cx)
}

/// How a sender waits for room.
#[derive(Clone, Copy, Debug)]
enum Way {
    Send,
    Reserve,
    ReserveOwned,
    ReserveMany,
    SendTimeout,
}

const WAYS: [Way; 5] =
    [Way::Send, Way::Reserve, Way::ReserveOwned, Way::ReserveMany, Way::SendTimeout];

/// The cases for one channel.
macro_rules! cases {
    ($name:ident, $channel:path) => {
        mod $name {
            use super::*;
            use std::time::Duration;
            use $channel as channel;

            fn take(rx: &mut channel::Receiver<u32>) -> u32 {
                rx.try_recv().unwrap()
            }

            /// Whether it sent.
            fn sends(
                tx: &channel::Sender<u32>,
                way: Way,
                message: u32,
            ) -> Pin<Box<dyn Future<Output = bool>>> {
                let tx = tx.clone();
                Box::pin(async move {
                    match way {
                        Way::Send => tx.send(message).await.is_ok(),
                        Way::Reserve => tx.reserve().await.map(|it| it.send(message)).is_ok(),
                        Way::ReserveOwned => {
                            tx.reserve_owned().await.map(|it| it.send(message)).is_ok()
                        }
                        Way::ReserveMany => match tx.reserve_many(1).await {
                            Ok(permits) => permits.map(|it| it.send(message)).count() == 1,
                            Err(_) => false,
                        },
                        Way::SendTimeout => {
                            tx.send_timeout(message, Duration::from_secs(600)).await.is_ok()
                        }
                    }
                })
            }

            /// In a full channel: the place is the first, although a later sender has budget.
            #[test]
            fn a_sender_out_of_budget_has_its_place_in_line() {
                for way in WAYS {
                    without_budget(|cx| {
                        let (tx, mut rx) = channel::channel(1);
                        tx.try_send(0).unwrap();
                        let (mut first, mut second) = (sends(&tx, way, 1), sends(&tx, way, 2));
                        assert!(first.as_mut().poll(cx).is_pending());
                        assert!(poll_with_budget(second.as_mut(), cx).is_pending());
                        assert_eq!(take(&mut rx), 0);
                        assert!(tx.try_send(3).is_err(), "{way:?}");
                        assert!(poll_with_budget(second.as_mut(), cx).is_pending(), "{way:?}");
                        assert_eq!(poll_with_budget(first.as_mut(), cx), Poll::Ready(true));
                        assert_eq!(take(&mut rx), 1, "{way:?}");
                        assert_eq!(poll_with_budget(second.as_mut(), cx), Poll::Ready(true));
                        assert_eq!(take(&mut rx), 2, "{way:?}");
                    });
                }
            }

            /// With room: it is kept for the sender, and is free again if that is dropped.
            #[test]
            fn a_sender_out_of_budget_keeps_its_room() {
                for way in WAYS {
                    without_budget(|cx| {
                        let (tx, mut rx) = channel::channel(1);
                        let mut first = sends(&tx, way, 1);
                        assert!(first.as_mut().poll(cx).is_pending(), "{way:?}");
                        assert!(tx.try_send(2).is_err(), "{way:?}");
                        assert!(first.as_mut().poll(cx).is_pending(), "still no budget");
                        assert_eq!(poll_with_budget(first.as_mut(), cx), Poll::Ready(true));
                        assert_eq!(take(&mut rx), 1, "{way:?}");

                        let mut second = sends(&tx, way, 3);
                        assert!(second.as_mut().poll(cx).is_pending());
                        drop(second);
                        tx.try_send(4).unwrap();
                        assert_eq!(take(&mut rx), 4);
                    });
                }
            }

            /// A closed channel refuses at once, and for nothing.
            #[test]
            fn a_refusal_costs_no_budget() {
                for way in WAYS {
                    let (tx, rx) = channel::channel(1);
                    drop(rx);
                    without_budget(|cx| {
                        assert_eq!(sends(&tx, way, 1).as_mut().poll(cx), Poll::Ready(false));
                    });
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build()
                        .unwrap();
                    runtime.block_on(poll_fn(|cx| {
                        for _ in 0..1_000 {
                            let refused = sends(&tx, way, 1).as_mut().poll(cx);
                            assert_eq!(refused, Poll::Ready(false), "{way:?}");
                        }
                        assert!(coop::has_budget_remaining());
                        Poll::Ready(())
                    }));
                }
            }
        }
    };
}

/// tokio has no such channel: a receiver that is out of budget stands in line before one that comes
/// later, and a message that is there is its own.
#[test]
fn a_receiver_out_of_budget_has_its_place_in_line() {
    use levada::mpmc;

    without_budget(|cx| {
        let (tx, rx) = mpmc::channel(2);
        let (mut first, mut second) = (Box::pin(rx.recv()), Box::pin(rx.recv()));
        assert!(first.as_mut().poll(cx).is_pending());
        assert!(poll_with_budget(second.as_mut(), cx).is_pending());
        tx.try_send(1).unwrap();
        assert!(poll_with_budget(second.as_mut(), cx).is_pending());
        assert_eq!(poll_with_budget(first.as_mut(), cx), Poll::Ready(Some(1)));
        tx.try_send(2).unwrap();
        assert_eq!(poll_with_budget(second.as_mut(), cx), Poll::Ready(Some(2)));

        tx.try_send(3).unwrap();
        let mut buffer = Vec::new();
        let mut first = Box::pin(rx.recv_many(&mut buffer, 9));
        assert!(first.as_mut().poll(cx).is_pending());
        assert!(rx.try_recv().is_err(), "the message is promised");
        assert_eq!(poll_with_budget(first.as_mut(), cx), Poll::Ready(1));
        drop(first);
        assert_eq!(buffer, [3]);

        tx.try_send(4).unwrap();
        let mut dropped = Box::pin(rx.recv());
        assert!(dropped.as_mut().poll(cx).is_pending());
        drop(dropped);
        assert_eq!(rx.try_recv(), Ok(4));
    });
}

cases!(on_tokio, tokio::sync::mpsc);
cases!(mpsc, levada::mpsc);
cases!(mpmc, levada::mpmc);
