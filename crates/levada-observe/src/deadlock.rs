//! Which tasks wait for each other, so that none of them can go on.
//!
//! # The rule
//! A wait can be ended by handles of the channel's other end. What is known of them:
//!
//! - the channel may be able to end it at once, or something that is not known may: see
//!   [`Other::holders`]. The wait is then *open*.
//! - else, each handle of the other end was used last by some task. The tasks *hold* the wait.
//!
//! A task is **stuck** if each of its waits is held by stuck tasks only. That is the greatest
//! fixpoint: at first all tasks that wait are taken for stuck, then each that has an open wait, or
//! a wait with a holder that is not stuck, is removed, until there is none. A `select!` is several
//! waits of one task: one open wait is enough.
//!
//! Follow a stuck task to a holder of one of its waits, another task if there is one, again and
//! again: the walk comes to a cycle of stuck tasks, which is the suspected deadlock.
//!
//! # What is not seen
//! A timer, a socket or another lock that the task waits for beside a channel, and a handle that
//! has moved to another task and has not been used there. So a deadlock is suspected only, and only
//! after a time (`Limits::deadlock`).
//!
//! Two kinds of deadlocks are never suspected, since programs that go on would be suspected too:
//!
//! - **one of a task that has no number**: the future of `block_on`, as is `main` with
//!   `#[tokio::main]`, and the tasks of other executors. A record has the thread only. A thread may
//!   run an executor, inside the context of a tokio runtime as well, of which one task waits for
//!   another, which sleeps: by the records that task waits for itself. tokio does not tell a thread
//!   whether it runs `block_on`. What `main` spawns has a number.
//! - **one by way of a oneshot**: its sender is used once, which ends the wait. Before that no
//!   record says which task has it, and the task that created it is most often the one that waits
//!   for the answer.

use std::time::Duration;

/// A task that waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Its waits, the oldest first.
    pub(crate) waits: Vec<Wait>,
}

/// One wait of a task.
#[derive(Debug)]
pub(crate) struct Wait {
    /// For how long it was not polled, and nothing has changed at its channel.
    pub(crate) age: Duration,
    /// The tasks that alone can end it, as positions in the list of tasks that wait; `None` if it
    /// is open.
    pub(crate) held_by: Option<Vec<usize>>,
}

/// What is known of the end of a channel whose handles could end a wait.
#[derive(Debug, Default)]
pub(crate) struct Other {
    /// How many handles there are.
    pub(crate) handles: usize,
    /// The tasks that used them last, one for each handle that was used; `None` for a task that
    /// does not wait.
    pub(crate) users: Vec<Option<usize>>,
    /// Whether the wait can end without them: there is a message, or capacity, or a permit is out.
    pub(crate) is_open: bool,
}

impl Other {
    /// The tasks that alone can end the wait; `None` if it may end otherwise:
    ///
    /// 1. the channel can end it now;
    /// 2. there is no handle left: the channel closes, which ends the wait;
    /// 3. a handle was never used, or by several tasks, so that it is not known which has it;
    /// 4. the last user of a handle does not wait.
    pub(crate) fn holders(&self) -> Option<Vec<usize>> {
        if self.is_open || self.handles == 0 || self.users.len() < self.handles {
            return None;
        }
        let mut holders = self.users.iter().copied().collect::<Option<Vec<_>>>()?;
        holders.sort_unstable();
        holders.dedup();
        Some(holders)
    }
}

/// A suspected deadlock, as positions in the list of tasks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// Each waits for the next, and the last one for the first.
    pub(crate) tasks: Vec<usize>,
    /// The stuck tasks that wait for those, directly or not.
    pub(crate) others: Vec<usize>,
}

/// The suspected deadlocks among tasks that wait: of waits that are `at_least` so old.
pub(crate) fn find(tasks: &[Waiting], at_least: Duration) -> Vec<Cycle> {
    let stuck = stuck(tasks, at_least);
    // A stuck task has a wait, and that has a holder: each of the walks below goes on.
    let next = |task: usize| {
        let holders = || tasks[task].waits.iter().flat_map(|wait| wait.held_by.iter().flatten());
        holders().find(|holder| **holder != task).or_else(|| holders().next()).copied()
    };
    // The number of the walk that has visited a task, and of the cycle that it leads to.
    let mut walk_of = vec![usize::MAX; tasks.len()];
    let mut cycle_of = vec![usize::MAX; tasks.len()];
    let mut cycles: Vec<Cycle> = Vec::new();
    for start in (0..tasks.len()).filter(|task| stuck[*task]) {
        let (mut path, mut at) = (Vec::new(), start);
        while walk_of[at] == usize::MAX {
            walk_of[at] = start;
            path.push(at);
            let Some(following) = next(at) else { break };
            at = following;
        }
        let cycle = if walk_of[at] == start {
            let begin = path.iter().position(|task| *task == at).unwrap_or(0);
            cycles.push(Cycle { tasks: path.split_off(begin), others: Vec::new() });
            cycles.len() - 1
        } else {
            cycle_of[at]
        };
        if let Some(found) = cycles.get_mut(cycle) {
            found.tasks.iter().chain(&path).for_each(|task| cycle_of[*task] = cycle);
            found.others.extend(path);
        }
    }
    cycles
}

/// Whether each task is stuck.
fn stuck(tasks: &[Waiting], at_least: Duration) -> Vec<bool> {
    let mut waited_for_by = vec![Vec::new(); tasks.len()];
    let mut stuck = vec![true; tasks.len()];
    let mut free = Vec::new();
    for (task, waiting) in tasks.iter().enumerate() {
        let is_held = |wait: &Wait| {
            wait.age >= at_least && wait.held_by.as_ref().is_some_and(|held_by| !held_by.is_empty())
        };
        if waiting.waits.is_empty() || !waiting.waits.iter().all(is_held) {
            stuck[task] = false;
            free.push(task);
        }
        for holder in waiting.waits.iter().flat_map(|wait| wait.held_by.iter().flatten()) {
            waited_for_by[*holder].push(task);
        }
    }
    while let Some(task) = free.pop() {
        for waiting in &waited_for_by[task] {
            if core::mem::replace(&mut stuck[*waiting], false) {
                free.push(*waiting);
            }
        }
    }
    stuck
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Duration = Duration::from_secs(60);
    const LIMIT: Duration = Duration::from_secs(10);

    /// A task of which each wait is held by so many others, or open.
    fn task(waits: &[Option<&[usize]>]) -> Waiting {
        let wait = |held: &Option<&[usize]>| Wait { age: OLD, held_by: held.map(<[_]>::to_vec) };
        Waiting { waits: waits.iter().map(wait).collect() }
    }

    fn cycles(tasks: &[Waiting]) -> Vec<Vec<usize>> {
        find(tasks, LIMIT).into_iter().map(|cycle| cycle.tasks).collect()
    }

    #[test]
    fn a_cycle_is_found_with_those_that_wait_for_it() {
        let tasks = [
            task(&[Some(&[1])]),
            task(&[Some(&[2])]),
            task(&[Some(&[0])]),
            task(&[Some(&[0])]),
            task(&[Some(&[3])]),
        ];
        let found = find(&tasks, LIMIT);
        assert_eq!(found, [Cycle { tasks: vec![0, 1, 2], others: vec![3, 4] }]);
    }

    #[test]
    fn two_cycles_are_two_deadlocks_wherever_the_walk_begins() {
        let tasks = [
            task(&[Some(&[2])]),
            task(&[Some(&[3])]),
            task(&[Some(&[4])]),
            task(&[Some(&[1])]),
            task(&[Some(&[2])]),
            task(&[Some(&[5])]),
        ];
        let found = find(&tasks, LIMIT);
        assert_eq!(found[0], Cycle { tasks: vec![2, 4], others: vec![0] });
        assert_eq!(found[1], Cycle { tasks: vec![1, 3], others: vec![] });
        assert_eq!(found[2], Cycle { tasks: vec![5], others: vec![] });
    }

    #[test]
    fn a_live_branch_of_a_select_frees_all_that_wait_for_it() {
        let live: &[usize] = &[3];
        for branch in [None, Some(live)] {
            let tasks = [
                task(&[Some(&[1])]),
                task(&[Some(&[0]), branch]),
                task(&[Some(&[0])]),
                task(&[None]),
            ];
            assert_eq!(cycles(&tasks), [[0_usize; 0]; 0]);
        }
    }

    #[test]
    fn a_select_is_stuck_if_each_branch_is() {
        let tasks = [task(&[Some(&[1]), Some(&[2])]), task(&[Some(&[0])]), task(&[Some(&[0])])];
        assert_eq!(cycles(&tasks), [[0, 1]]);
        assert_eq!(find(&tasks, LIMIT)[0].others, [2]);
    }

    #[test]
    fn a_task_waits_for_itself_only_if_it_waits_for_no_other() {
        let tasks = [task(&[Some(&[0]), Some(&[1])]), task(&[Some(&[0])]), task(&[Some(&[2])])];
        assert_eq!(cycles(&tasks), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn one_holder_of_several_that_lives_is_enough() {
        let tasks = [task(&[Some(&[1, 2])]), task(&[Some(&[0])]), task(&[None])];
        assert_eq!(cycles(&tasks), [[0_usize; 0]; 0]);
    }

    #[test]
    fn a_young_wait_is_not_reported_and_frees_the_others() {
        let mut tasks = [task(&[Some(&[1])]), task(&[Some(&[0])])];
        assert_eq!(cycles(&tasks).len(), 1);
        tasks[1].waits[0].age = LIMIT - Duration::from_millis(1);
        assert_eq!(cycles(&tasks).len(), 0);
        assert_eq!(find(&tasks, Duration::ZERO).len(), 1);
    }

    #[test]
    fn what_is_not_known_keeps_a_wait_open() {
        let held = || Other { handles: 2, users: vec![Some(4), Some(4)], is_open: false };
        assert_eq!(held().holders(), Some(vec![4]));
        assert_eq!(Other { is_open: true, ..held() }.holders(), None);
        assert_eq!(Other { handles: 3, ..held() }.holders(), None, "one was never used");
        assert_eq!(Other { users: vec![Some(4), None], ..held() }.holders(), None, "one runs");
        assert_eq!(Other::default().holders(), None, "it closes");
    }

    /// Compares with the definition, applied until nothing changes, over many small programs.
    #[test]
    fn stuck_is_the_greatest_fixpoint() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below) as usize
        };
        let mut found = 0;
        for _program in 0..5_000 {
            let count = 1 + random(6);
            let mut tasks = Vec::new();
            for _task in 0..count {
                let waits = (0..1 + random(2)).map(|_| Wait {
                    age: OLD,
                    held_by: (random(5) > 0)
                        .then(|| (0..1 + random(2)).map(|_| random(count as u64)).collect()),
                });
                tasks.push(Waiting { waits: waits.collect() });
            }
            let mut expected = vec![true; count];
            for _round in 0..=count {
                let holds = |wait: &Wait, expected: &[bool]| {
                    wait.held_by.as_ref().is_some_and(|held| held.iter().all(|it| expected[*it]))
                };
                for (index, task) in tasks.iter().enumerate() {
                    expected[index] &= task.waits.iter().all(|wait| holds(wait, &expected));
                }
            }
            assert_eq!(stuck(&tasks, LIMIT), expected, "{tasks:?}");
            let cycles = find(&tasks, LIMIT);
            let mut reported: Vec<usize> = cycles
                .iter()
                .flat_map(|cycle| cycle.tasks.iter().chain(&cycle.others))
                .copied()
                .collect();
            reported.sort_unstable();
            assert!(reported.iter().copied().eq((0..count).filter(|task| expected[*task])));
            found += cycles.len();
        }
        assert!(found > 500, "{found}");
    }
}
