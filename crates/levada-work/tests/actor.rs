//! What the two sides of an actor learn of each other.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::convert::identity;
use std::task::Poll;
use std::time::Duration;

use levada::mpsc;
use levada::mpsc::lanes::Serve;
use levada_work::actor::{self, Address, AskError, Request};
use support::{Ledger, Message, Task, within_deadline};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

const LIMIT: Duration = Duration::from_millis(100);

type Square = Request<u64, u64>;

fn square(request: Square) {
    let square = request.body * request.body;
    request.reply(square);
}

#[tokio::test]
async fn each_kind_has_its_own_answer() {
    enum Ask {
        Square(Square),
        Text(Request<u64, String>),
        Tick,
    }
    let (address, mut mailbox) = actor::mailbox(1);
    let actor = tokio::spawn(async move {
        let mut ticks = 0;
        while let Some(message) = mailbox.recv().await {
            match message {
                Ask::Square(request) => square(request),
                Ask::Text(request) => {
                    let (number, request) = request.split();
                    request.reply(number.to_string());
                }
                Ask::Tick => ticks += 1,
            }
        }
        ticks
    });
    let other = address.clone();
    assert_eq!(address.ask(Ask::Square, 12).await, Ok(144));
    assert_eq!(other.ask(Ask::Text, 7).await, Ok("7".to_owned()));
    assert_eq!(other.ask_timeout(Ask::Square, 3, LIMIT).await, Ok(9));
    address.tell(Ask::Tick).await.unwrap();
    assert!(!address.is_gone());
    drop((address, other));
    assert_eq!(actor.await.unwrap(), 1, "the last address ends it");
}

#[tokio::test]
async fn who_asks_an_actor_that_is_gone_gets_the_request_back() {
    let (address, mailbox) = actor::mailbox::<Square>(1);
    let mut accepted = Task::waiting(address.ask(identity, 1));
    let mut waiting = Task::waiting(address.ask(identity, 2));
    let mut waiting_in_time = Task::waiting(address.ask_timeout(identity, 3, LIMIT));
    drop(mailbox);
    assert_eq!(accepted.poll(), Poll::Ready(Err(AskError::Unanswered)));
    assert_eq!(waiting.poll(), Poll::Ready(Err(AskError::Gone(2))));
    assert_eq!(waiting_in_time.poll(), Poll::Ready(Err(AskError::Gone(3))));
    assert_eq!(address.ask(identity, 4).await, Err(AskError::Gone(4)));
    assert_eq!(address.ask_timeout(identity, 5, LIMIT).await, Err(AskError::Gone(5)));
    assert!(address.tell(request_of(6).await).await.is_err());
    assert!(address.is_gone());
}

/// A request that nobody waits for.
async fn request_of(body: u64) -> Square {
    let (address, mut mailbox) = actor::mailbox::<Square>(1);
    drop(Task::waiting(address.ask(identity, body)));
    mailbox.recv().await.unwrap()
}

#[tokio::test]
async fn an_actor_that_closes_answers_what_it_has() {
    let (address, mut mailbox) = actor::mailbox::<Square>(2);
    let mut first = Task::waiting(address.ask(identity, 1));
    let mut second = Task::waiting(address.ask(identity, 2));
    mailbox.close();
    assert_eq!(address.ask(identity, 3).await, Err(AskError::Gone(3)));
    while let Some(request) = mailbox.recv().await {
        square(request);
    }
    assert_eq!(first.poll(), Poll::Ready(Ok(1)));
    assert_eq!(second.poll(), Poll::Ready(Ok(4)));
}

#[tokio::test]
async fn a_request_that_is_dropped_is_unanswered() {
    let (address, mut mailbox) = actor::mailbox::<Square>(4);
    let actor = tokio::spawn(async move {
        drop(mailbox.recv().await);
        let request = mailbox.recv().await.unwrap();
        assert_ne!(request.body, 2, "it panics with the request in its hand");
    });
    let in_its_mailbox = address.clone();
    let in_its_mailbox = async move {
        tokio::task::yield_now().await;
        in_its_mailbox.ask(identity, 3).await
    };
    let (dropped, panicked, left) =
        tokio::join!(address.ask(identity, 1), address.ask(identity, 2), in_its_mailbox,);
    assert_eq!(dropped, Err(AskError::Unanswered));
    assert_eq!(panicked, Err(AskError::Unanswered));
    assert!(matches!(left, Err(AskError::Unanswered | AskError::Gone(3))), "{left:?}");
    assert!(actor.await.unwrap_err().is_panic());
}

#[tokio::test(start_paused = true)]
async fn the_limit_covers_both_waits() {
    let (address, mut mailbox) = actor::mailbox::<Square>(1);
    let start = Instant::now();
    assert_eq!(address.ask_timeout(identity, 1, LIMIT).await, Err(AskError::TimedOut));
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(address.ask_timeout(identity, 2, LIMIT).await, Err(AskError::Busy(2)));
    assert_eq!(start.elapsed(), LIMIT * 2);

    // Room after half of the time, an answer never.
    let actor = tokio::spawn(async move {
        sleep(LIMIT / 2).await;
        let timed_out = mailbox.recv().await.unwrap();
        assert!(timed_out.is_abandoned());
        drop(timed_out);
        let mut request = mailbox.recv().await.unwrap();
        assert!(!request.is_abandoned());
        request.abandoned().await;
        let left = Instant::now();
        assert_eq!(request.try_reply(9), Err(9));
        // Just in time, to the millisecond.
        let request = mailbox.recv().await.unwrap();
        sleep(LIMIT).await;
        square(request);
        left
    });
    assert_eq!(address.ask_timeout(identity, 3, LIMIT).await, Err(AskError::TimedOut));
    let timed_out = Instant::now();
    assert_eq!(start.elapsed(), LIMIT * 3);
    assert_eq!(address.ask_timeout(identity, 4, LIMIT * 2).await, Ok(16));
    assert_eq!(actor.await.unwrap(), timed_out);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_when_the_time_is_over_is_taken() {
    let (address, mut mailbox) = actor::mailbox::<Square>(1);
    let mut accepted = Task::waiting(address.ask_timeout(identity, 1, LIMIT));
    let mut waiting = Task::waiting(address.ask_timeout(identity, 2, LIMIT));
    advance(LIMIT * 2).await;
    square(mailbox.recv().await.unwrap()); // Makes room, too.
    assert_eq!(accepted.poll(), Poll::Ready(Ok(1)));
    assert_eq!(waiting.poll(), Poll::Ready(Err(AskError::TimedOut)));
    assert_eq!(mailbox.recv().await.unwrap().body, 2, "it was accepted");
}

#[tokio::test]
async fn a_caller_that_leaves_is_noticed_and_passes_its_turn_on() {
    let (address, mut mailbox) = actor::mailbox::<Square>(1);
    let accepted = Task::waiting(address.ask(identity, 1));
    let not_accepted = Task::waiting(address.ask(identity, 2));
    let mut next = Task::waiting(address.ask(identity, 3));
    drop(not_accepted);
    let mut request = mailbox.recv().await.unwrap();
    assert!(next.poll().is_pending());
    {
        let mut abandoned = Task::waiting(request.abandoned());
        drop(accepted);
        assert!(abandoned.is_woken() && abandoned.poll().is_ready());
    }
    request.reply(0); // Nobody gets it, and that is no error.
    let request = mailbox.recv().await.unwrap();
    assert_eq!(request.body, 3, "2 was never accepted");
    assert_eq!(request.try_reply(9), Ok(()));
    assert_eq!(next.poll(), Poll::Ready(Ok(9)));
}

/// An actor that keeps an address of itself ends with the last address of the others.
#[tokio::test]
async fn a_weak_address_does_not_keep_the_actor() {
    let (address, mut mailbox) = actor::mailbox::<Square>(2);
    let weak = address.downgrade();
    let own = weak.clone();
    let actor = tokio::spawn(async move {
        let mut upgraded = Vec::new();
        while let Some(request) = mailbox.recv().await {
            upgraded.push(own.upgrade().is_some());
            square(request);
        }
        upgraded
    });
    let upgraded = weak.upgrade().unwrap();
    assert_eq!(upgraded.ask(identity, 3).await, Ok(9));
    let mut last = Task::waiting(address.ask(identity, 4));
    assert!(last.poll().is_pending(), "it is in the mailbox");
    drop(last);
    drop((upgraded, address));
    assert!(weak.upgrade().is_none());
    assert_eq!(actor.await.unwrap(), [true, false]);
    assert_eq!(format!("{weak:?}"), "WeakAddress { .. }");
}

/// The actor is gone, and there is an address: that says so, and gives requests back.
#[tokio::test]
async fn a_weak_address_of_an_actor_that_is_gone() {
    let (address, mailbox) = actor::mailbox::<Square>(1);
    let weak = address.downgrade();
    drop(mailbox);
    let upgraded = weak.upgrade().unwrap();
    assert!(upgraded.is_gone());
    assert_eq!(upgraded.ask(identity, 5).await, Err(AskError::Gone(5)));
}

#[test]
fn errors_say_what_is_known() {
    assert_eq!(AskError::Busy(7).into_request(), Some(7));
    assert_eq!(AskError::<u64>::TimedOut.into_request(), None);
    let texts: Vec<_> =
        [AskError::Gone(1), AskError::Busy(1), AskError::TimedOut, AskError::Unanswered]
            .map(|error| error.to_string())
            .into();
    assert!(texts[..2].iter().all(|text| text.ends_with("the request was not accepted")));
    assert!(texts[2..].iter().all(|text| text.contains("the request was accepted")));
}

#[test]
#[should_panic(expected = "a mailbox for 0 messages")]
fn no_mailbox_is_without_room() {
    let _ = actor::mailbox::<Square>(0);
}

/// How many requests had which fate.
#[derive(Debug, Default)]
struct Fates {
    answered: usize,
    unanswered: usize,
    gone: usize,
    cancelled: usize,
}

const ROUNDS: usize = 200;
const CALLERS: usize = 4;
const PER_CALLER: usize = 30;

/// Asks; every third request is polled once, and dropped if it was not answered by then.
async fn call(address: Address<Request<Message, usize>>, ledger: Ledger) -> Fates {
    let mut fates = Fates::default();
    for number in 0..PER_CALLER {
        let body = ledger.message();
        let id = body.id();
        let answer = if number.is_multiple_of(3) {
            match Task::new(address.ask(identity, body)).poll() {
                Poll::Ready(answer) => answer,
                Poll::Pending => {
                    fates.cancelled += 1;
                    continue;
                }
            }
        } else {
            address.ask(identity, body).await
        };
        match answer {
            Ok(answer) => {
                assert_eq!(answer, id);
                fates.answered += 1;
            }
            Err(AskError::Gone(_)) => fates.gone += 1,
            Err(_) => fates.unanswered += 1,
        }
    }
    fates
}

/// Answers with the number of each message; drops some; ends after `life` requests.
async fn answer(mut mailbox: mpsc::Receiver<Request<Message, usize>>, life: usize) {
    for number in 0..life {
        let Some(request) = mailbox.recv().await else { return };
        if request.is_abandoned() || number % 7 == 6 {
            continue;
        }
        let id = request.body.id();
        request.reply(id);
    }
}

#[test]
fn every_request_is_accounted_for() {
    within_deadline(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        runtime.unwrap().block_on(async {
            let mut all = Fates::default();
            for round in 0..ROUNDS {
                let ledger = Ledger::new(CALLERS * PER_CALLER);
                let (address, mailbox) = actor::mailbox(1 + round % 4);
                let actor = tokio::spawn(answer(mailbox, 2 * round));
                let mut callers = JoinSet::new();
                for _ in 0..CALLERS {
                    callers.spawn(call(address.clone(), ledger.clone()));
                }
                drop(address);
                for fates in callers.join_all().await {
                    all.answered += fates.answered;
                    all.unanswered += fates.unanswered;
                    all.gone += fates.gone;
                    all.cancelled += fates.cancelled;
                }
                actor.await.unwrap();
                ledger.settle();
            }
            let Fates { answered, unanswered, gone, cancelled } = all;
            assert_eq!(answered + unanswered + gone + cancelled, ROUNDS * CALLERS * PER_CALLER);
            assert!(answered > 0 && unanswered > 0 && gone > 0 && cancelled > 0, "{all:?}");
        });
    });
}

/// Control before data, and a full lane of data does not hold control back.
#[tokio::test]
async fn strict_lanes_receive_control_before_data() {
    let ([control, data], mut mailbox) = actor::mailbox_with_lanes([2, 2], Serve::Strict);
    data.tell(10).await.unwrap();
    data.tell(11).await.unwrap();
    let mut waiting = Task::waiting(data.tell(12));
    control.tell(0).await.unwrap();
    control.tell(1).await.unwrap();
    for expected in [0, 1, 10] {
        assert_eq!(mailbox.recv().await, Some(expected));
    }
    assert!(waiting.poll().is_ready());
    control.tell(2).await.unwrap();
    for expected in [2, 11, 12] {
        assert_eq!(mailbox.recv().await, Some(expected));
    }
}

#[tokio::test]
async fn weighted_lanes_starve_no_data() {
    let ([control, data], mut mailbox) =
        actor::mailbox_with_lanes([64, 64], Serve::Weighted([2, 1]));
    for number in 0..30 {
        control.tell(number).await.unwrap();
    }
    data.tell(100).await.unwrap();
    let mut before = 0;
    while mailbox.recv().await.unwrap() < 100 {
        before += 1;
    }
    assert!(before <= 4, "{before}");
}

#[tokio::test]
async fn a_mailbox_ends_when_each_lane_has_ended() {
    let ([control, data], mut mailbox) =
        actor::mailbox_with_lanes::<Square, 2>([1, 1], Serve::Strict);
    let actor = tokio::spawn(async move {
        while let Some(request) = mailbox.recv().await {
            square(request);
        }
    });
    assert_eq!(control.ask(identity, 3).await, Ok(9));
    let weak = control.downgrade();
    drop(control);
    assert!(weak.upgrade().is_none());
    assert_eq!(data.ask(identity, 4).await, Ok(16));
    assert!(!data.is_gone());
    drop(data);
    actor.await.unwrap();
}

#[tokio::test]
async fn callers_of_all_lanes_learn_that_the_actor_is_gone() {
    let ([control, data], mailbox) = actor::mailbox_with_lanes::<Square, 2>([1, 1], Serve::Strict);
    drop(mailbox);
    assert_eq!(control.ask(identity, 3).await, Err(AskError::Gone(3)));
    assert_eq!(data.ask(identity, 4).await, Err(AskError::Gone(4)));
}

#[test]
#[should_panic(expected = "a lane for 0 messages")]
fn no_lane_is_without_room() {
    let _ = actor::mailbox_with_lanes::<u32, 2>([1, 0], Serve::Strict);
}
