//! What the writer has of changes that are not on the disk yet.

use levada::oneshot;
use tokio::sync::OwnedSemaphorePermit;

use super::{Change, Store, StoreError};
use crate::job::Record;

/// How many bytes of a job one of several changes in a commit has at most, when there is little
/// room.
const SMALL: usize = 64 * 1024;

/// Changes that are made together, all or none.
pub(super) struct Command {
    pub(super) changes: Vec<Change>,
    /// `None` for notes.
    pub(super) waiter: Option<Waiter>,
    /// It only asks for room to be looked for.
    pub(super) retries: bool,
}

pub(super) struct Waiter {
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
    /// Until it is answered.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

/// How soon a change is made when there is little room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// There is more room when it is made.
    Frees,
    Small,
    /// There may be room for one that is smaller.
    Large(usize),
}

/// What waits for room.
pub(super) struct Backlog {
    /// What was committed for later since the last commit that reached the disk: when the store is
    /// opened again, it is as if that had not been.
    pub(super) noted: Vec<Change>,
    pub(super) waiting: Vec<Command>,
    /// What brings jobs, and was in the commit that failed: it is there or not.
    pub(super) unsure: Vec<Command>,
    /// Those who ask for room to be looked for.
    asking: Vec<Command>,
    /// The store has to be opened again.
    pub(super) poisoned: bool,
    /// How many go into one commit: half as many as there was no room for.
    most: usize,
}

impl Command {
    /// A command of changes for which no caller waits.
    pub(super) fn notes(changes: Vec<Change>) -> Self {
        Self { changes, waiter: None, retries: false }
    }

    pub(super) fn bytes(&self) -> usize {
        self.changes.iter().map(Change::bytes).sum()
    }

    /// It brings a job that is not to wait for room.
    pub(super) fn brings_jobs(&self) -> bool {
        brings_jobs(&self.changes)
    }

    pub(super) fn answer(self, result: Result<(), StoreError>) {
        if let Some(waiter) = self.waiter {
            // An error means that the caller has stopped waiting.
            let _ = waiter.done.send(result);
        }
    }

    fn urgency(&self) -> Urgency {
        let frees =
            |change: &Change| matches!(change, Change::Empty { .. } | Change::Forget { .. });
        match self.bytes() {
            _ if !self.changes.is_empty() && self.changes.iter().all(frees) => Urgency::Frees,
            0..=SMALL => Urgency::Small,
            bytes => Urgency::Large(bytes),
        }
    }
}

pub(super) fn brings_jobs(changes: &[Change]) -> bool {
    changes.iter().any(|change| job_of(change).is_some())
}

/// The job that a change brings.
fn job_of(change: &Change) -> Option<&Record> {
    match change {
        Change::Accept { record, .. } | Change::Again { record } => Some(record),
        _ => None,
    }
}

/// Whether the jobs are there that these changes bring. If one is, all are.
pub(super) fn are_there(changes: &[Change], store: &dyn Store) -> Result<bool, StoreError> {
    let Some(job) = changes.iter().find_map(job_of) else { return Ok(false) };
    Ok(store.record(job.id)?.is_some_and(|kept| kept.revision >= job.revision))
}

impl Default for Backlog {
    fn default() -> Self {
        let (noted, waiting) = (Vec::new(), Vec::new());
        let (unsure, asking) = (Vec::new(), Vec::new());
        Self { noted, waiting, unsure, asking, poisoned: false, most: usize::MAX }
    }
}

impl Backlog {
    /// The store is as it was after the last commit that was to survive: what is gone is to be done
    /// again.
    pub(super) fn reopened(&mut self) {
        self.poisoned = false;
        let noted = std::mem::take(&mut self.noted);
        if !noted.is_empty() {
            self.waiting.insert(0, Command::notes(noted));
        }
    }

    /// Sets aside what brings jobs: the commit that it was in has failed.
    pub(super) fn doubt(&mut self) {
        self.unsure.extend(self.waiting.extract_if(.., |command| command.brings_jobs()));
    }

    /// Takes those commands that only ask for room to be looked for.
    pub(super) fn ask(&mut self, commands: &mut Vec<Command>) {
        self.asking.extend(commands.extract_if(.., |command| command.retries));
    }

    /// What goes into the next commit: what frees room, then what is small, then one after the
    /// other.
    pub(super) fn next(&mut self) -> Vec<Command> {
        // It keeps the order of those that are as urgent.
        self.waiting.sort_by_key(Command::urgency);
        let Some(first) = self.waiting.first().map(Command::urgency) else { return Vec::new() };
        let count = match first {
            Urgency::Large(_) => 1,
            urgency => self.waiting.iter().take_while(|it| it.urgency() == urgency).count(),
        };
        self.waiting.drain(..count.min(self.most)).collect()
    }

    /// There was room for as many as that.
    pub(super) fn made(&mut self) {
        self.most = self.most.saturating_mul(2);
    }

    /// There was no room for this.
    pub(super) fn put_back(&mut self, commands: Vec<Command>) {
        self.most = (commands.len() / 2).max(1);
        self.waiting.splice(..0, commands);
        self.poisoned = true;
    }

    /// Room was looked for.
    pub(super) fn looked(&mut self) {
        for command in self.asking.drain(..) {
            command.answer(Ok(()));
        }
    }

    /// Whether a command waits that has a waiting caller: notes have none.
    pub(super) fn holds_up(&self) -> bool {
        self.waiting.iter().any(|command| command.waiter.is_some())
    }

    /// Room is to be looked for, or there is more soon.
    pub(super) fn wants_room(&self) -> bool {
        let frees = |command: &Command| command.urgency() == Urgency::Frees;
        !self.asking.is_empty() || self.waiting.iter().any(frees)
    }

    pub(super) fn answer_all(&mut self, result: &Result<(), StoreError>) {
        let asking = self.asking.drain(..).chain(self.unsure.drain(..));
        for command in self.waiting.drain(..).chain(asking) {
            command.answer(result.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::accept;
    use super::*;
    use crate::job::JobId;

    fn command(change: Change) -> Command {
        Command::notes(vec![change])
    }

    #[test]
    fn what_frees_room_comes_first_and_what_is_large_last_and_alone() {
        let forget = || command(Change::Forget { id: JobId::next() });
        let of = |bytes: usize| command(accept(JobId::next(), &vec![0; bytes]));
        let mut backlog = Backlog::default();
        backlog.waiting.extend([of(SMALL + 2), of(5), forget(), of(SMALL + 1), of(3), forget()]);
        let mut next = || backlog.next().iter().map(Command::bytes).collect::<Vec<_>>();
        let portions = [next(), next(), next(), next()];
        assert!(next().is_empty());
        assert_eq!(portions, [vec![0, 0], vec![5, 3], vec![SMALL + 1], vec![SMALL + 2]]);
    }

    #[test]
    fn what_was_noted_comes_before_what_waits() {
        let ids = [JobId::next(), JobId::next()];
        let mut backlog = Backlog::default();
        backlog.noted.push(accept(ids[0], b""));
        backlog.put_back(vec![command(accept(ids[1], b""))]);
        assert!(backlog.poisoned);
        backlog.reopened();
        let next = [backlog.next(), backlog.next()].into_iter().flatten();
        let next: Vec<_> = next.collect();
        let order: Vec<_> = next.iter().flat_map(|it| &it.changes).map(Change::id).collect();
        assert_eq!(order, ids);
        assert!(!backlog.poisoned && backlog.noted.is_empty());
    }

    #[test]
    fn what_there_was_no_room_for_is_tried_in_halves() {
        let mut backlog = Backlog::default();
        backlog.waiting.extend((0..8).map(|_| command(accept(JobId::next(), b""))));
        for expected in [8, 4, 2, 1, 1] {
            let next = backlog.next();
            assert_eq!(next.len(), expected);
            backlog.put_back(next);
        }
        for expected in [1, 2, 4, 1] {
            assert_eq!(backlog.next().len(), expected);
            backlog.made();
        }
    }
}
