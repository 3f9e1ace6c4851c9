//! Readers and writers that wait for each other, step by step. Only threads that hold no snapshot
//! of the value wait for a writer that waits, so each newcomer is a thread of its own.

use super::tests::Desktop;
use super::turns::{BUDGET, OVERLAP};
use super::*;
use std::thread;

const OVERLAPPING: usize = (BUDGET / OVERLAP) as usize;

/// What `f` gives on a thread that holds nothing.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join().unwrap())
}

/// How many snapshots threads that hold none take, one after the other, until one is refused.
fn newcomers<T: Send + Sync>(keeper: &Desktop<T>) -> usize {
    elsewhere(|| (0..1 << 20).take_while(|_| Snapshot::take(keeper).is_some()).count())
}

#[test]
fn a_writer_is_overtaken_by_so_many_reads() {
    let keeper = Desktop::new(0);
    let (look, _) = keeper.look();
    let mut turn = WriteTurn::new(&keeper);
    assert!(turn.take().is_none());
    assert_eq!(newcomers(&keeper), OVERLAPPING);
    // Whoever holds one may take another, however many: the writer waits for this thread.
    for _ in 0..2 * BUDGET {
        drop(keeper.look());
    }
    drop(look);
    assert_eq!(
        (newcomers(&keeper), keeper.told()),
        (0, 1),
        "the writer is told, and it is its turn"
    );
    let mut writing = turn.take().unwrap();
    *writing = 1;
    assert_eq!(newcomers(&keeper), 0);
    drop(writing);
    assert_eq!(*keeper.look().0, 1);
    assert_eq!(keeper.latest.desk.lock().mode, Mode::Calm);
}

/// The same where the writer is told at once, and late to come.
#[test]
fn a_writer_that_is_slow_to_come_is_overtaken_by_so_many_reads() {
    let keeper = Desktop::new(0);
    let (look, _) = keeper.look();
    let mut turn = WriteTurn::new(&keeper);
    assert!(turn.take().is_none());
    drop(look);
    assert_eq!(newcomers(&keeper), BUDGET as usize);
    assert!(Writing::take(&keeper).is_none(), "newcomers among the writers count as well");
    assert!(turn.take().is_some());
}

/// It is the current value that counts, not an earlier one or that of another channel.
#[test]
#[expect(clippy::mem_forget, reason = "a snapshot that another thread keeps")]
fn a_thread_that_holds_something_else_waits_as_others_do() {
    let (keeper, other) = (Desktop::new(0), Desktop::new(0));
    let (_earlier, _) = keeper.look();
    keeper.publish(1);
    elsewhere(|| mem::forget(keeper.look()));
    let mut turn = WriteTurn::new(&keeper);
    assert!(turn.take().is_none());
    let _others = (other.look(), other.look());
    let mut looks = 0;
    while Snapshot::take(&keeper).is_some() {
        looks += 1;
    }
    assert_eq!(looks, OVERLAPPING);
    // What supersedes the value lets the writer in.
    keeper.publish(2);
    *turn.take().unwrap() += 1;
    assert_eq!(*keeper.look().0, 3);
}

/// The same for a snapshot taken without the lock.
#[test]
fn a_thread_that_holds_an_open_look_takes_another() {
    let keeper = Desktop::new(0);
    keeper.open();
    let (look, _) = keeper.look();
    let mut turn = WriteTurn::new(&keeper);
    assert!(turn.take().is_none());
    assert_eq!(newcomers(&keeper), OVERLAPPING);
    for _ in 0..2 * BUDGET {
        drop(keeper.look());
    }
    drop(look);
    assert_eq!(newcomers(&keeper), 0);
    assert!(turn.take().is_some());
}

/// A reader that finds the value written again and again gets its turn.
#[test]
fn a_reader_is_overtaken_by_so_many_writes() {
    let keeper = Desktop::new(0);
    let mut turn = None;
    let mut looks = 0;
    while let Some(mut writing) = Writing::take(&keeper) {
        *writing += 1;
        assert!(turn.get_or_insert_with(|| LookTurn::new(&keeper)).take().is_none());
        looks += 1;
        assert!(looks < 10, "there is no end");
    }
    assert!(looks > 1, "newcomers are let in while the reader wakes up");
    let mut writer = WriteTurn::new(&keeper);
    assert!(writer.take().is_none());
    let mut turn = turn.unwrap();
    let (look, _) = turn.take().unwrap();
    assert!(writer.take().is_none() && *look == looks);
    drop(look);
    assert!(writer.take().is_some());
}

/// A snapshot that never ends keeps the writer out for ever, but readers only for a while.
#[test]
#[expect(clippy::mem_forget, reason = "what it does is what is tested")]
fn readers_pass_a_writer_that_waits_for_too_long() {
    let keeper = Desktop::new(0);
    elsewhere(|| mem::forget(keeper.look()));
    let mut turn = WriteTurn::new(&keeper);
    assert!(turn.take().is_none());
    let mut before = newcomers(&keeper);
    for round in 1..=2 {
        let mut reader = LookTurn::new(&keeper);
        assert!(reader.take().is_none());
        reader.lapse();
        assert_eq!(keeper.told(), round, "other readers are told");
        assert!(reader.take().is_some());
        let now = newcomers(&keeper);
        assert!(now > 10 * before, "{now} after {before}");
        before = now;
    }
    assert!(turn.take().is_none());
}

#[test]
fn a_turn_may_be_given_up() {
    let keeper = Desktop::new(0);
    let (look, _) = keeper.look();
    let mut turn = WriteTurn::new(&keeper);
    assert!(turn.take().is_none());
    assert_eq!(newcomers(&keeper), OVERLAPPING);
    drop(turn);
    assert_eq!((keeper.told(), keeper.latest.desk.lock().mode), (1, Mode::Calm));
    drop(look);
    let writing = Writing::take(&keeper).unwrap();
    let mut reader = LookTurn::new(&keeper);
    assert!((0..10).all(|_| reader.take().is_none()));
    drop(writing);
    assert!(Writing::take(&keeper).is_none(), "it is the reader's turn");
    drop(reader);
    assert!(Writing::take(&keeper).is_some());
}

/// While a writer waits the value is not opened, and counted as often looked at from then on.
#[test]
fn a_contended_value_is_not_opened() {
    let keeper = Desktop::new(0);
    let (look, _) = keeper.look();
    let mut turn = WriteTurn::new(&keeper);
    assert!(turn.take().is_none());
    keeper.latest.open_up();
    assert_eq!(keeper.latest.desk.lock().mode, Mode::Contended);
    drop(look);
    drop(turn.take().unwrap());
    let desk = keeper.latest.desk.lock();
    assert_eq!((desk.mode, desk.credit), (Mode::Calm, MANY));
}
