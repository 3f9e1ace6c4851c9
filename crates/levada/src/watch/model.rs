//! Models of the watch protocol: all interleavings under loom, stress natively.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

use super::{Sender, channel, channel_at};
use crate::observe::Name;
use crate::prim::{Arc, block_on, model, thread};
use crate::storage::latest::Version;

/// I2: a receiver learns of the last value and of the end, whenever they come.
#[test]
fn the_last_value_and_the_end_arrive() {
    model(|| {
        let (tx, mut rx) = channel(0);
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
        });
        let mut last = 0;
        while block_on(rx.changed()).is_ok() {
            let value = *rx.borrow_and_update();
            assert!(value > last, "{value} after {last}");
            last = value;
        }
        assert_eq!(last, 2);
        sender.join().unwrap();
    });
}

/// C53: the same across the wrap-around of the version.
#[test]
fn versions_wrap_around() {
    model(|| {
        let (tx, mut rx) = channel_at(0, Version::before_wrap(2), Name::none());
        let sender = thread::spawn(move || {
            for value in 1..=3 {
                tx.send(value).unwrap();
            }
        });
        assert_eq!(*block_on(rx.wait_for(|value| *value == 3)).unwrap(), 3);
        sender.join().unwrap();
        assert!(block_on(rx.changed()).is_err());
    });
}

/// A receiver that stops waiting does not keep another one from being woken.
#[test]
fn a_cancelled_wait_strands_nobody() {
    model(|| {
        let (tx, mut rx) = channel(0);
        let mut cancelled = rx.clone();
        let receiver = thread::spawn(move || {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = pin!(cancelled.changed()).poll(&mut cx);
            block_on(rx.changed()).unwrap();
            *rx.borrow()
        });
        tx.send(1).unwrap();
        assert_eq!(receiver.join().unwrap(), 1);
    });
}

/// I3: a writer waits for a `Ref`, a reader waits for a modification, and both get through.
#[test]
fn modifications_and_looks_exclude_each_other() {
    model(|| {
        let (tx, rx) = channel((0, 0));
        let sender = thread::spawn(move || {
            tx.send_modify(|value| {
                value.0 += 1;
                value.1 += 1;
            });
        });
        for _ in 0..2 {
            let look = rx.borrow();
            assert_eq!(look.0, look.1);
        }
        sender.join().unwrap();
        assert_eq!(*rx.borrow(), (1, 1));
    });
}

/// No modification is lost, and each has a version of its own.
#[test]
fn modifications_exclude_each_other() {
    model(|| {
        let (tx, rx) = channel(0);
        let other = tx.clone();
        let sender = thread::spawn(move || other.send_modify(|value| *value += 1));
        tx.send_modify(|value| *value += 1);
        sender.join().unwrap();
        assert_eq!(*rx.borrow(), 2);
        assert!(rx.has_changed().unwrap());
    });
}

/// C61: readers and a writer that wait for each other all get through, and each value is whole.
#[test]
fn a_writer_and_readers_get_through() {
    model(|| {
        let (tx, rx) = channel((0, 0));
        let other = rx.clone();
        let writer = thread::spawn(move || {
            tx.send_modify(|value| {
                value.0 += 1;
                value.1 += 1;
            });
            tx
        });
        let reader = thread::spawn(move || {
            let look = other.borrow();
            assert_eq!(look.0, look.1);
        });
        for _ in 0..2 {
            let look = rx.borrow();
            assert_eq!(look.0, look.1);
        }
        reader.join().unwrap();
        drop(writer.join().unwrap());
        assert_eq!(*rx.borrow(), (1, 1));
    });
}

/// C61: writers that come back and a reader all get through.
#[test]
fn writers_and_a_reader_get_through() {
    model(|| {
        let (tx, rx) = channel(0);
        let other = tx.clone();
        let writer = thread::spawn(move || {
            for _ in 0..2 {
                other.send_modify(|value| *value += 1);
            }
        });
        tx.send_modify(|value| *value += 1);
        assert!(*rx.borrow() >= 1);
        writer.join().unwrap();
        assert_eq!(*rx.borrow(), 3);
    });
}

/// C52: a thread that holds a `Ref` takes more of them, although a writer waits for it.
#[test]
fn a_look_is_taken_past_a_waiting_writer() {
    model(|| {
        let (tx, rx) = channel(0);
        let other = rx.clone();
        let writer = thread::spawn(move || {
            tx.send_modify(|value| *value += 1);
            tx
        });
        let look = rx.borrow();
        let seen = *look;
        for _ in 0..3 {
            assert_eq!(*other.borrow(), seen);
        }
        drop(look);
        drop(writer.join().unwrap());
        assert_eq!(*rx.borrow(), 1);
    });
}

/// `send_replace` returns the old value, once, although it is borrowed.
#[test]
fn a_replaced_value_is_returned() {
    model(|| {
        let (tx, rx) = channel(Arc::new(1));
        // Another receiver stays: the end of the last one would wake a thread that waits for the
        // value.
        let _other = rx.clone();
        let receiver = thread::spawn(move || {
            let look = rx.borrow();
            **look
        });
        let old = tx.send_replace(Arc::new(2));
        assert_eq!(*old, 1);
        assert!([1, 2].contains(&receiver.join().unwrap()));
    });
}

/// `send` overtakes a modification; readers see one value or the other, whole.
#[test]
fn a_send_passes_a_modification() {
    model(|| {
        let (tx, rx) = channel((0, 0));
        let other = tx.clone();
        let modifier = thread::spawn(move || {
            other.send_modify(|value| {
                value.0 += 1;
                value.1 += 1;
            });
        });
        tx.send((5, 5)).unwrap();
        let look = *rx.borrow();
        assert!([(5, 5), (6, 6)].contains(&look), "{look:?}");
        modifier.join().unwrap();
    });
}

/// The end of the receivers is noticed, whenever it comes.
#[test]
fn closed_ends() {
    model(|| {
        let (tx, rx) = channel(());
        let other = rx.clone();
        let receiver = thread::spawn(move || drop(other));
        drop(rx);
        block_on(tx.closed());
        receiver.join().unwrap();
        assert!(tx.is_closed() && tx.send(()).is_err());
    });
}

/// Whichever of two senders is the last to go closes the channel.
#[test]
fn the_last_sender_closes() {
    model(|| {
        let (tx, mut rx) = channel(());
        let other: Sender<()> = tx.clone();
        let sender = thread::spawn(move || drop(other));
        drop(tx);
        assert!(block_on(rx.changed()).is_err());
        sender.join().unwrap();
        assert!(rx.is_closed());
    });
}

/// I2: the value itself wakes a receiver, not the end of the channel.
#[test]
fn a_value_wakes_a_receiver() {
    model(|| {
        let (tx, mut rx) = channel(0);
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx
        });
        block_on(rx.changed()).unwrap();
        assert_eq!(*rx.borrow_and_update(), 1);
        drop(sender.join().unwrap());
    });
}

/// I2: so does a change in place, once it has its version.
#[test]
fn a_modification_wakes_a_receiver() {
    model(|| {
        let (tx, mut rx) = channel(0);
        let sender = thread::spawn(move || {
            tx.send_modify(|value| *value += 1);
            tx
        });
        block_on(rx.changed()).unwrap();
        assert_eq!(*rx.borrow_and_update(), 1);
        drop(sender.join().unwrap());
    });
}

/// I3: a thread that was rejected while the value is changed is notified of the next value; the
/// modification itself changes nothing, so its end would notify no thread.
#[test]
fn a_passing_send_tells_who_was_refused() {
    model(|| {
        let (tx, rx) = channel(0);
        // Another receiver stays: the end of the last one would wake a thread that waits for the
        // value.
        let _other = rx.clone();
        let sender = thread::spawn(move || {
            tx.send_if_modified(|_| {
                tx.send(5).unwrap();
                false
            });
            tx
        });
        assert!([0, 5].contains(&*rx.borrow()));
        drop(sender.join().unwrap());
    });
}

/// I2: the same, while another receiver waits for a change.
#[test]
fn a_passing_send_wakes_who_waits_for_a_change() {
    model(|| {
        let (tx, rx) = channel(0);
        let mut waiting = rx.clone();
        let receiver = thread::spawn(move || {
            block_on(waiting.changed()).unwrap();
            waiting
        });
        let sender = thread::spawn(move || {
            tx.send_if_modified(|_| {
                tx.send(5).unwrap();
                false
            });
            tx
        });
        assert!([0, 5].contains(&*rx.borrow()));
        drop((receiver.join().unwrap(), sender.join().unwrap()));
    });
}

/// Two senders of equal values: one of them is sent, and the receiver learns of it once.
#[test]
fn equal_values_meet() {
    model(|| {
        let (tx, mut rx) = channel(0);
        let other = tx.clone();
        let sender = thread::spawn(move || other.send_if_different(1));
        let sent = tx.send_if_different(1);
        assert!(sent != sender.join().unwrap(), "one of them");
        assert_eq!(*block_on(rx.recv()).unwrap(), 1);
        assert!(!rx.has_changed().unwrap());
    });
}

/// A comparison holds the value: a modification in place comes before it or after the exchange.
#[test]
fn a_comparison_meets_a_modification() {
    model(|| {
        let (tx, rx) = channel(0);
        let other = tx.clone();
        let sender = thread::spawn(move || other.send_modify(|value| *value += 1));
        let sent = tx.send_if_different(1);
        sender.join().unwrap();
        let last = *rx.borrow();
        assert!(matches!((sent, last), (false, 1) | (true, 2)), "{sent} {last}");
    });
}

/// A receiver of a projection learns of the last change, whatever it was polled for before.
#[test]
fn a_projection_changes() {
    model(|| {
        let (tx, rx) = channel(0);
        let mut half = rx.map(|value| value / 2);
        let sender = thread::spawn(move || {
            tx.publish(1);
            tx.publish(2);
        });
        block_on(half.changed()).unwrap();
        assert_eq!(*half.borrow_and_update(), 1);
        sender.join().unwrap();
        assert!(block_on(half.changed()).is_err());
    });
}
