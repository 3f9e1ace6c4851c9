//! Room was promised to a sender that does not come.

use super::channel::{Channel, Receiving, Sending, Way};
use super::mpmc::Mpmc;
use super::mpsc::Mpsc;
use std::task::Poll;
use support::GRACE;

/// What becomes of the stalled sender.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It stays where it is, and nobody polls it.
    NeverPolled,
    /// As [`NeverPolled`](Self::NeverPolled), for ever.
    Forgotten,
    /// It is polled when the others have gone on.
    Late,
}

const FATES: [Fate; 3] = [Fate::NeverPolled, Fate::Forgotten, Fate::Late];

/// A channel of capacity 1 whose only room is promised to a sender that does not come.
struct Stalled<C> {
    channel: C,
    stalled: Option<Sending>,
    fate: Fate,
}

/// The stalled sender's message.
const LATE: u32 = 1;

impl<C: Channel> Stalled<C> {
    /// With senders in line behind the stalled one.
    fn new(way: Way, fate: Fate, behind: &[Way]) -> (Self, Vec<Sending>) {
        let channel = C::new(1);
        assert!(channel.try_send(0));
        let mut stalled = channel.send(way, LATE);
        assert!(stalled.poll().is_pending());
        let mut line: Vec<_> = behind.iter().map(|way| channel.send(*way, 2)).collect();
        assert!(line.iter_mut().all(|send| send.poll().is_pending()));
        assert_eq!(channel.try_recv(), Some(0));
        assert!(stalled.is_woken() && line.iter().all(|send| !send.is_woken()));
        let stalled = if fate == Fate::Forgotten {
            stalled.forget();
            None
        } else {
            Some(stalled)
        };
        (Self { channel, stalled, fate }, line)
    }

    /// The others have gone on: message 2 is in the channel. A sender that comes late is next.
    fn ends(mut self, recv: Option<Receiving>) {
        if let Some(mut recv) = recv {
            assert_eq!(recv.run().1, Poll::Ready(Some(2)));
        } else {
            assert_eq!(self.channel.try_recv(), Some(2));
        }
        if self.fate == Fate::Late {
            let mut stalled = self.stalled.take().unwrap();
            assert_eq!(stalled.poll(), Poll::Ready(true));
            assert_eq!(self.channel.try_recv(), Some(LATE));
        }
        assert_eq!(self.channel.try_recv(), None, "each message once");
        assert!(self.channel.try_send(3), "the room is free again");
    }
}

/// Runs `case` for every stalled sender, on both channels; answers how often.
fn for_all(mut mpsc: impl FnMut(Way, Fate), mut mpmc: impl FnMut(Way, Fate)) -> usize {
    let mut cases = 0;
    for way in Way::ALL {
        for fate in FATES {
            mpsc(way, fate);
            mpmc(way, fate);
            cases += 2;
        }
    }
    cases
}

/// A newcomer that does not wait: the eighth try.
#[test]
fn a_loop_of_try_send() {
    fn case<C: Channel>(way: Way, fate: Fate) {
        let (stalled, _) = Stalled::<C>::new(way, fate, &[]);
        let tries = (1..=GRACE).find(|_| stalled.channel.try_send(2));
        assert_eq!(tries, Some(GRACE), "{} {way:?} {fate:?}", C::name());
        stalled.ends(None);
    }
    assert_eq!(for_all(case::<Mpsc>, case::<Mpmc>), 24);
}

/// A newcomer that waits: eight polls of it, and it wakes itself for them.
#[test]
fn a_newcomer_that_waits() {
    fn case<C: Channel>(way: Way, fate: Fate) {
        for newcomer in Way::ALL {
            let (stalled, _) = Stalled::<C>::new(way, fate, &[]);
            let mut send = stalled.channel.send(newcomer, 2);
            assert!(send.poll().is_pending());
            let (polls, sent) = send.run();
            assert_eq!(sent, Poll::Ready(true), "{} {way:?} {fate:?} {newcomer:?}", C::name());
            assert!(polls < GRACE, "{polls} more polls");
            stalled.ends(None);
        }
    }
    assert_eq!(for_all(case::<Mpsc>, case::<Mpmc>), 24);
}

/// A select loop that makes its send anew each time around: eight times, also for those before it.
#[test]
fn a_new_send_for_each_poll() {
    fn case<C: Channel>(way: Way, fate: Fate) {
        let (stalled, mut line) = Stalled::<C>::new(way, fate, &[way]);
        let polls = (1..=GRACE).find(|_| {
            assert!(stalled.channel.send(way, 9).poll().is_pending());
            line[0].is_woken()
        });
        assert_eq!(polls, Some(GRACE), "{} {way:?} {fate:?}", C::name());
        assert_eq!(line[0].poll(), Poll::Ready(true));
        stalled.ends(None);
    }
    assert_eq!(for_all(case::<Mpsc>, case::<Mpmc>), 24);
}

/// A sender that sleeps in line behind it: eight polls of a receiver that waits.
#[test]
fn a_receiver_that_waits() {
    fn case<C: Channel>(way: Way, fate: Fate) {
        for second in Way::ALL {
            let (stalled, mut line) = Stalled::<C>::new(way, fate, &[second]);
            let mut recv = stalled.channel.recv();
            let polls = (1..=GRACE).find(|_| {
                assert!(recv.poll().is_pending());
                assert!(recv.is_woken(), "it must be polled again");
                line[0].is_woken()
            });
            assert_eq!(polls, Some(GRACE), "{} {way:?} {fate:?} {second:?}", C::name());
            assert_eq!(line[0].poll(), Poll::Ready(true));
            stalled.ends(Some(recv));
        }
    }
    assert_eq!(for_all(case::<Mpsc>, case::<Mpmc>), 24);
}

/// The same with a receiver that only tries: eight calls.
#[test]
fn a_receiver_that_tries() {
    fn case<C: Channel>(way: Way, fate: Fate) {
        let (stalled, mut line) = Stalled::<C>::new(way, fate, &[way]);
        let tries = (1..=GRACE).find(|_| {
            assert_eq!(stalled.channel.try_recv(), None);
            line[0].is_woken()
        });
        assert_eq!(tries, Some(GRACE), "{} {way:?} {fate:?}", C::name());
        assert_eq!(line[0].poll(), Poll::Ready(true));
        stalled.ends(None);
    }
    assert_eq!(for_all(case::<Mpsc>, case::<Mpmc>), 24);
}

/// Several stalled senders in a row: eight polls for each.
#[test]
fn several_in_a_row() {
    fn case<C: Channel>(way: Way, fate: Fate) {
        let (stalled, mut line) = Stalled::<C>::new(way, fate, &Way::ALL);
        let mut last = line.pop().unwrap();
        let stalled_too = line.len();
        let mut recv = stalled.channel.recv();
        assert!(recv.poll().is_pending());
        let (polls, nothing) = recv.run();
        assert!(nothing.is_pending() && last.is_woken(), "{} {way:?} {fate:?}", C::name());
        assert!(polls <= GRACE * (1 + stalled_too), "{polls} polls");
        assert_eq!(last.poll(), Poll::Ready(true));
        drop(line);
        stalled.ends(Some(recv));
    }
    assert_eq!(for_all(case::<Mpsc>, case::<Mpmc>), 24);
}

/// The end after `close`: eight polls of a receiver that waits, or calls of one that tries.
#[test]
fn the_end() {
    fn case<C: Channel>(way: Way, fate: Fate) {
        let (stalled, _) = Stalled::<C>::new(way, fate, &[]);
        stalled.channel.close();
        let tries = (1..=GRACE).find(|_| stalled.channel.has_ended());
        assert_eq!(tries, Some(GRACE), "{} {way:?} {fate:?}", C::name());

        let (mut stalled, _) = Stalled::<C>::new(way, fate, &[]);
        stalled.channel.close();
        let mut recv = stalled.channel.recv();
        let first = recv.poll();
        let (polls, end) = if first.is_ready() { (0, first) } else { recv.run() };
        assert_eq!(end, Poll::Ready(None), "{} {way:?} {fate:?}", C::name());
        assert!(polls < GRACE, "{polls} more polls");
        if let Some(mut late) = stalled.stalled.take() {
            assert_eq!(late.poll(), Poll::Ready(false));
        }
    }
    assert_eq!(for_all(case::<Mpsc>, case::<Mpmc>), 24);
}

/// A permit that is held is capacity in use, and stays so; the rest of the capacity goes on.
/// Whoever waits meanwhile sleeps, and does not poll in circles.
#[test]
fn a_permit_that_is_held() {
    fn case<C: Channel>(way: Way) {
        let channel = C::new(2);
        channel.hold();
        for message in 0..100 {
            assert_eq!(channel.send(way, message).poll(), Poll::Ready(true));
            let mut second = channel.send(way, 200);
            assert!(second.poll().is_pending() && !second.is_woken() && !channel.try_send(201));
            drop(second);
            assert_eq!(channel.try_recv(), Some(message));
            let mut recv = channel.recv();
            assert!(recv.poll().is_pending() && !recv.is_woken());
        }
        channel.close();
        let mut recv = channel.recv();
        assert!(recv.poll().is_pending() && !recv.is_woken(), "the permit may be used");
        assert!(!channel.has_ended());
    }
    Way::ALL.into_iter().for_each(case::<Mpsc>);
    Way::ALL.into_iter().for_each(case::<Mpmc>);
}
