//! Waiters that come, but late: a channel learns how long its senders take, and each of them gets
//! through. A thread that blocks loses nothing.

use super::channel::{Channel, Receiving, Sending, Way};
use super::mpmc::Mpmc;
use super::mpsc::Mpsc;
use std::task::Poll;
use std::thread;
use support::GRACE;

/// As `levada::wait::permits::MOST_LEARNED` and `MOST_LAPSES`.
const MOST_LEARNED: usize = 1024;
const MOST_LAPSES: u32 = 5;

/// Frees the only room for `late`, which does not come, and answers how many sends are refused
/// before one gets through.
fn tries_until_a_grant_lapses<C: Channel>(channel: &C, late: &Sending) -> usize {
    assert!(channel.try_recv().is_some());
    assert!(late.is_woken(), "the room is its own");
    let refused = (0..).take_while(|_| !channel.try_send(2)).count();
    1 + refused
}

/// A new sender each time: the channel learns, up to a bound.
#[test]
fn a_channel_learns_that_its_senders_come_late() {
    fn case<C: Channel>(way: Way) {
        let channel = C::new(1);
        assert!(channel.try_send(0));
        let mut expected = GRACE;
        for _ in 0..12 {
            let mut late = channel.send(way, 1);
            assert!(late.poll().is_pending());
            let tries = tries_until_a_grant_lapses(&channel, &late);
            assert_eq!(tries, expected, "{} {way:?}", C::name());
            // Message 2 has its room; when that is received the late one is first.
            assert!(late.poll().is_pending());
            assert_eq!(channel.try_recv(), Some(2));
            assert_eq!(late.poll(), Poll::Ready(true));
            expected = MOST_LEARNED.min(2 * expected);
        }
        assert_eq!(expected, MOST_LEARNED);
    }
    Way::ALL.into_iter().for_each(case::<Mpsc>);
    Way::ALL.into_iter().for_each(case::<Mpmc>);
}

/// A sender that never comes teaches a channel nothing.
#[test]
fn a_forgotten_sender_changes_nothing() {
    fn case<C: Channel>(way: Way) {
        let channel = C::new(1);
        assert!(channel.try_send(0));
        for _ in 0..12 {
            let mut lost = channel.send(way, 1);
            assert!(lost.poll().is_pending());
            assert_eq!(tries_until_a_grant_lapses(&channel, &lost), GRACE, "{}", C::name());
            lost.forget();
        }
    }
    Way::ALL.into_iter().for_each(case::<Mpsc>);
    Way::ALL.into_iter().for_each(case::<Mpmc>);
}

/// The same sender, late each time: its turn lasts twice as long each time, for its own sake and by
/// what the channel learned.
#[test]
fn a_sender_that_is_late_again_and_again_gets_longer() {
    fn case<C: Channel>(way: Way) {
        let channel = C::new(1);
        assert!(channel.try_send(0));
        let mut late = channel.send(way, 1);
        assert!(late.poll().is_pending());
        for lapses in 0..10 {
            let learned = MOST_LEARNED.min(GRACE << lapses);
            let expected = learned << MOST_LAPSES.min(lapses);
            let tries = tries_until_a_grant_lapses(&channel, &late);
            assert_eq!(tries, expected, "{} {way:?}", C::name());
            assert!(late.poll().is_pending(), "message 2 has its room");
        }
        assert_eq!(channel.try_recv(), Some(2));
        assert_eq!(late.poll(), Poll::Ready(true), "it is first all the same");
    }
    Way::ALL.into_iter().for_each(case::<Mpsc>);
    Way::ALL.into_iter().for_each(case::<Mpmc>);
}

/// A receiver that waits lets a grant lapse no sooner than a sender that tries.
#[test]
fn a_receiver_that_waits_is_as_patient() {
    fn case<C: Channel>(way: Way) {
        let channel = C::new(1);
        assert!(channel.try_send(0));
        let (mut late, mut behind) = (channel.send(way, 1), channel.send(way, 2));
        assert!(late.poll().is_pending() && behind.poll().is_pending());
        assert!(channel.try_recv().is_some() && late.is_woken());
        let polls = |recv: &mut Receiving, behind: &Sending| {
            (1..).find(|_| recv.poll().is_pending() && behind.is_woken()).unwrap()
        };
        let mut recv = channel.recv();
        assert_eq!(polls(&mut recv, &behind), GRACE, "{} {way:?}", C::name());
        assert!(late.poll().is_pending(), "the room is promised to the other");
        assert_eq!(behind.poll(), Poll::Ready(true));
        let mut last = channel.send(way, 3);
        assert!(last.poll().is_pending());
        assert_eq!(recv.run().1, Poll::Ready(Some(2)));
        assert!(late.is_woken());
        let mut recv = channel.recv();
        assert_eq!(polls(&mut recv, &last), 4 * GRACE, "{} {way:?}", C::name());
    }
    Way::ALL.into_iter().for_each(case::<Mpsc>);
    Way::ALL.into_iter().for_each(case::<Mpmc>);
}

/// A thread that blocks needs far longer to wake up than others need for a few tries, and does
/// nothing else meanwhile: what it was granted is its own.
#[test]
fn a_thread_that_blocks_keeps_its_turn() {
    const TRIES: usize = if cfg!(miri) { 100 } else { 10_000 };
    /// Whether the thread was in line when room was freed.
    fn was_in_line<C: Channel>() -> bool {
        let channel = C::new(1);
        assert!(channel.try_send(0));
        let send = channel.blocking_send(1);
        let thread = thread::spawn(send);
        assert_eq!(channel.try_recv(), Some(0));
        // Until the thread is in line, room that is freed is anybody's.
        while channel.try_send(2) {
            if channel.try_recv() == Some(1) {
                assert!(thread.join().unwrap());
                return false;
            }
        }
        // The room is the thread's now, or its message is there.
        let overtaken = (0..TRIES).filter(|_| channel.try_send(3)).count();
        assert_eq!(overtaken, 0, "{}: the thread lost its turn", C::name());
        assert!(thread.join().unwrap());
        assert_eq!(channel.try_recv(), Some(1));
        true
    }
    let rounds = if cfg!(miri) { 3 } else { 100 };
    for case in [was_in_line::<Mpsc>, was_in_line::<Mpmc>] {
        assert_eq!((0..100 * rounds).filter(|_| case()).take(rounds).count(), rounds);
    }
}
