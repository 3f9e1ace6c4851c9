//! The walks, and what holds of each.

use super::*;

#[test]
#[cfg_attr(miri, ignore = "many rounds of safe code; the list below it has tests of its own")]
fn walks_as_the_model_does() {
    let seeds = 3_000;
    let mut expired = 0;
    for seed in 0..seeds {
        let mut walk = Walk::new(seed, 1 + usize::try_from(seed % 12).unwrap());
        for _ in 0..150 {
            walk.step();
            walk.check();
            expired += walk.waiters.iter().filter(|w| w.state == State::Expired).count();
        }
    }
    assert!(expired as u64 > 3 * seeds, "the walk met {expired} expired grants only");
}

/// After any walk, all waiters but one are forgotten and the channel is empty. The one that is left
/// gets its turn within the most polls that a grant can last, for each waiter in line.
#[test]
fn whoever_is_left_gets_its_turn() {
    for seed in 0..if cfg!(miri) { 3 } else { 1_000 } {
        let mut walk = Walk::new(seed, 6);
        for _ in 0..100 {
            walk.step();
        }
        if walk.closed {
            continue;
        }
        // A thread that blocks is not forgotten.
        for i in (0..walk.waiters.len()).filter(|i| walk.waiters[*i].blocking).collect::<Vec<_>>() {
            walk.dequeue(i);
        }
        (walk.queued, walk.permits.reserved, walk.reserved) = (0, 0, 0);
        walk.grant();
        let others = walk.line.len();
        let polls = 1 + (0..).take_while(|_| !walk.poll_and_grant(0)).count();
        // The promises of threads are kept, and taken.
        let limit = 1 + usize::from(MAX_LEARNED_POLLS << MAX_EXPIRIES) * others;
        assert!(polls <= limit, "seed {seed}: {polls} polls, {others} in line");
    }
}

/// As long as each waiter is polled when it is woken, waiters are served in FIFO order.
#[test]
fn first_come_first_served() {
    for seed in 0..if cfg!(miri) { 3 } else { 1_000 } {
        let mut walk = Walk::new(seed, 10);
        // What is in the channel, or taken from it, belongs to those who came before.
        walk.queued = walk.capacity;
        let mut asked = Vec::new();
        let mut served = Vec::new();
        while served.len() < 10 {
            if asked.len() < 10 && walk.dice.below(2) == 0 {
                let newcomer = asked.len();
                asked.push(newcomer);
                if walk.poll_and_grant(newcomer) {
                    served.push(newcomer);
                }
            } else if walk.queued > 0 {
                walk.queued -= 1;
            } else if walk.reserved > 0 {
                walk.reserved -= 1;
                walk.permits.release(1);
            }
            walk.grant();
            loop {
                let Some(i) = walk.in_state(State::Granted).next() else {
                    break;
                };
                assert!(walk.poll_and_grant(i));
                served.push(i);
            }
        }
        assert_eq!(asked, served, "seed {seed}");
    }
}
