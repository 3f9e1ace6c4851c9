//! What a receiver gets, and what becomes of it.

use crate::receiving::{Setup, next};
use levada_nats::OpenError;
use levada_nats::queue::{RecvError, SettleError, TryRecvError};
use levada_nats_test::until;
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};
use std::time::Duration;

#[tokio::test]
async fn each_message_goes_to_one_receiver_when_nothing_fails() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receivers = [queue.receiver(8).await.unwrap(), queue.receiver(3).await.unwrap()];
    setup.plain.send(0..200).await;
    let got = Mutex::new(BTreeSet::new());
    let work = |receiver: levada_nats::queue::Receiver<u32>| {
        let got = &got;
        async move {
            while got.lock().unwrap().len() < 200 {
                let Ok(delivery) =
                    tokio::time::timeout(Duration::from_millis(100), receiver.recv()).await
                else {
                    continue;
                };
                let delivery = delivery.unwrap();
                assert_eq!(delivery.attempt(), 1);
                assert_eq!(delivery.id(), Some(&*format!("job-{}", *delivery)));
                assert_eq!(delivery.seq(), u64::from(*delivery) + 1);
                assert!(delivery.queued_for() < Duration::from_secs(60));
                assert!(got.lock().unwrap().insert(*delivery), "{} came twice", *delivery);
                delivery.ack().await.unwrap();
            }
        }
    };
    let [first, second] = &receivers;
    tokio::join!(work(first.clone()), work(first.clone()), work(second.clone()));
    assert_eq!(got.lock().unwrap().len(), 200);
    setup.plain.has("queue", 0).await;
    assert_eq!(setup.plain.consumer().await.num_ack_pending, 0);
}

#[tokio::test]
async fn no_more_messages_are_leased_than_there_are_seats() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(4).await.unwrap();
    assert_eq!(receiver.seats(), 4);
    setup.plain.send(0..60).await;
    setup.plain.leased(4).await;
    for number in 0..60 {
        let delivery = next(&receiver).await;
        assert_eq!(*delivery, number);
        assert!(setup.plain.consumer().await.num_ack_pending <= 4);
        delivery.ack().await.unwrap();
        assert!(setup.plain.consumer().await.num_ack_pending <= 4);
    }
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_dropped_delivery_is_delivered_again_at_once() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(Duration::from_secs(600)).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let delivery = next(&receiver).await;
    assert_eq!((*delivery, delivery.attempt(), delivery.max_attempts()), (7, 1, 5));
    drop(delivery);
    // Not after the lease, which is longer than this test waits.
    let delivery = next(&receiver).await;
    assert_eq!((*delivery, delivery.attempt()), (7, 2));
    delivery.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_short_retry_comes_after_its_delay() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(2).await.unwrap();
    setup.plain.send([7, 8]).await;
    let first = next(&receiver).await;
    let delay = Duration::from_millis(700);
    let began = std::time::Instant::now();
    first.retry(delay).await.unwrap();
    // It holds up nothing.
    let second = next(&receiver).await;
    assert_eq!(*second, 8);
    second.ack().await.unwrap();
    let again = next(&receiver).await;
    assert_eq!((*again, again.attempt()), (7, 2));
    assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
    let (number, receipt) = again.into_parts();
    assert_eq!(number, 7);
    receipt.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn messages_in_back_off_hold_up_no_others() {
    let setup = Setup::start().await;
    let queue = setup.queue().capacity(levada_nats::queue::Capacity::Messages(2000));
    let queue = queue.open::<u32>().await.unwrap();
    let receiver = queue.receiver(16).await.unwrap();
    // More than the server's own bound on pending acknowledgements, which is 1,000.
    setup.plain.send(0..1100).await;
    for _ in 0..1099 {
        next(&receiver).await.retry(Duration::from_secs(10)).await.unwrap();
    }
    let last = next(&receiver).await;
    assert_eq!((*last, last.attempt()), (1099, 1));
    last.ack().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_recv_loses_nothing() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(2).await.unwrap();
    for number in 0..20 {
        {
            let mut waiting = pin!(receiver.recv());
            let polled = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            setup.plain.send([number]).await;
            // It may have been given to the future by now, which is dropped.
            setup.plain.leased(1).await;
        }
        let delivery = next(&receiver).await;
        assert_eq!((*delivery, delivery.attempt()), (number, 1));
        delivery.ack().await.unwrap();
    }
}

#[tokio::test]
async fn try_recv_takes_what_is_in_the_buffer() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(2).await.unwrap();
    assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
    setup.plain.send([7]).await;
    let delivery = until("a message in the buffer", async || receiver.try_recv()).await;
    delivery.ack().await.unwrap();
    receiver.close().await;
    let ended = TryRecvError::Ended(RecvError::Closed);
    assert_eq!(receiver.try_recv().unwrap_err(), ended);
}

#[tokio::test]
async fn a_closed_receiver_gives_its_buffer_back() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(Duration::from_secs(600)).open::<u32>().await.unwrap();
    let receiver = queue.receiver(5).await.unwrap();
    setup.plain.send(0..5).await;
    setup.plain.leased(5).await;
    let delivery = next(&receiver).await;
    let waiting = tokio::spawn({
        let receiver = receiver.clone();
        async move {
            let mut others = Vec::new();
            // What it got before the close is in its hands.
            while let Ok(delivery) = receiver.recv().await {
                others.push(delivery);
                if others.len() == 1 {
                    break;
                }
            }
            others
        }
    });
    let others = waiting.await.unwrap();
    receiver.close().await;
    assert_eq!(receiver.recv().await.unwrap_err(), RecvError::Closed);
    // What is in hands stays valid.
    assert!(!delivery.is_lost());
    delivery.ack().await.unwrap();
    for other in others {
        other.ack().await.unwrap();
    }
    // The lease is longer than this waits.
    let next_receiver = queue.receiver(5).await.unwrap();
    for _ in 0..3 {
        let again = next(&next_receiver).await;
        assert_eq!(again.attempt(), 2);
        again.ack().await.unwrap();
    }
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_dropped_receiver_gives_its_buffer_back() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(Duration::from_secs(600)).open::<u32>().await.unwrap();
    let receiver = queue.receiver(3).await.unwrap();
    setup.plain.send(0..3).await;
    setup.plain.leased(3).await;
    let held = next(&receiver).await;
    drop(receiver);
    let other = queue.receiver(3).await.unwrap();
    for _ in 0..2 {
        next(&other).await.ack().await.unwrap();
    }
    held.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn receivers_with_another_lease_are_refused() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let _receiver = queue.receiver(1).await.unwrap();
    let _again = queue.receiver(2).await.unwrap();
    let other = setup.queue().lease(Duration::from_secs(7)).open::<u32>().await.unwrap();
    let error = other.receiver(1).await.unwrap_err();
    assert!(matches!(error, OpenError::Differs { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("30s") && text.contains("7s"), "{text}");
    let error = queue.receiver(0).await.unwrap_err();
    assert!(matches!(error, OpenError::Settings(_)), "{error}");
}

#[tokio::test]
async fn a_closed_connection_ends_receivers() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let delivery = next(&receiver).await;
    setup.connection.close().await;
    assert_eq!(delivery.ack().await.unwrap_err(), SettleError::Disconnected);
    let end = tokio::time::timeout(levada_nats_test::PATIENCE, receiver.recv()).await.unwrap();
    assert_eq!(end.unwrap_err(), RecvError::Disconnected);
}

#[tokio::test]
async fn a_send_that_waits_goes_on_when_a_message_is_acknowledged() {
    let setup = Setup::start().await;
    let queue = setup.queue().capacity(levada_nats::queue::Capacity::Messages(1));
    let queue = queue.open::<u32>().await.unwrap();
    let (sender, receiver) = (queue.sender(), queue.receiver(1).await.unwrap());
    let sending = tokio::spawn(async move {
        for number in 0..20 {
            sender.send(number).await.unwrap();
        }
    });
    for number in 0..20 {
        let delivery = next(&receiver).await;
        assert_eq!((*delivery, delivery.attempt()), (number, 1));
        delivery.ack().await.unwrap();
    }
    sending.await.unwrap();
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn senders_that_wait_hear_of_room() {
    use futures_util::StreamExt;
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let client = &setup.plain.client;
    let mut room = client.subscribe("levada.room.jobs").await.unwrap();
    client.flush().await.unwrap();
    let mut number = 0;
    until("a sign of room", async || {
        client.publish("levada.wanted.jobs", "".into()).await.unwrap();
        client.flush().await.unwrap();
        number += 1;
        setup.plain.send([number]).await;
        next(&receiver).await.ack().await.unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(200), room.next()).await;
        heard.map(|message| message.unwrap())
    })
    .await;
}
