//! The processes of the system, as `/proc` shows them, and which of them come from a command.
//!
//! A process can leave its group and its session, but not its parent. When the parent ends, the
//! service is the next one ([`orphans`](super::orphans)); then the environment says which command
//! the process comes from. A process that was seen as one of a command's counts as that from then
//! on.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid};

use crate::sync::lock;

/// The variable that says which command a process comes from.
pub(super) const MARK: &str = "LEVADA_RUN";

/// A process that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: Pid,
    /// When it started, in ticks since the system did. A later process with the same number has
    /// another value.
    started: u64,
    /// `None` for a number of another PID namespace, here and in the next two: a service in a
    /// container can have its own session there (`docker exec`, `unshare --pid`).
    parent: Option<Pid>,
    pub(super) group: Option<Pid>,
    pub(super) session: Option<Pid>,
}

impl Process {
    /// A process whose number cannot go to another one, as it has not been reaped.
    pub(super) fn unreaped(id: Pid, group: Option<Pid>) -> Self {
        Self { id, started: 0, parent: Some(getpid()), group, session: None }
    }

    /// What tells it from all other processes.
    pub(super) fn key(&self) -> (Pid, u64) {
        (self.id, self.started)
    }

    /// The process of this number; `None` if it has ended or is hidden.
    fn look(id: Pid) -> io::Result<Option<Self>> {
        // The fields that count are at the beginning, and one call reads them all.
        let mut stat = [0; 1024];
        let read = File::open(path(id, "stat")).and_then(|mut file| file.read(&mut stat));
        match read {
            Ok(length) => Ok(Self::parse(&stat[..length])),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// From `/proc/PID/stat`; see proc_pid_stat(5), whose numbers of fields these are.
    fn parse(stat: &[u8]) -> Option<Self> {
        // The second field, the name, is in parentheses and may have any byte in it.
        let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
        let fields: Vec<_> =
            str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        let id = |text: &str| text.parse().ok().filter(|id| *id > 0).and_then(Pid::from_raw);
        let first = stat.split(|byte| *byte == b' ').next()?;
        let threads: u32 = field(20)?.parse().ok()?;
        // A process whose first thread has ended looks like a zombie, too.
        if matches!(field(3)?, "Z" | "X") && threads < 2 {
            return None;
        }
        Some(Self {
            id: id(str::from_utf8(first).ok()?)?,
            started: field(22)?.parse().ok()?,
            parent: id(field(4)?),
            group: id(field(5)?),
            session: id(field(6)?),
        })
    }

    /// The command that its environment names.
    fn mark(&self) -> Option<String> {
        let environment = fs::read(path(self.id, "environ")).ok()?;
        let mark = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="))?;
        String::from_utf8(mark.to_vec()).ok()
    }

    /// Whose it is: the number of the real user.
    pub(super) fn user(&self) -> Option<u32> {
        let status = fs::read_to_string(path(self.id, "status")).ok()?;
        let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        users.split_ascii_whitespace().next()?.parse().ok()
    }

    /// Sends it this signal, and never to another process that got its number.
    #[cfg(target_os = "linux")]
    pub(super) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};
        match pidfd_open(self.id, PidfdFlags::empty()) {
            Ok(process) => match Self::look(self.id) {
                Ok(Some(now)) if now.started == self.started => pidfd_send_signal(process, signal),
                _ => Err(Errno::SRCH),
            },
            Err(Errno::SRCH) => Err(Errno::SRCH),
            // The system is older than 5.3, a filter denies the call, or descriptors ran out.
            Err(_) => kill_process(self.id, signal),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        rustix::process::kill_process(self.id, signal)
    }
}

fn path(id: Pid, file: &str) -> String {
    format!("/proc/{id}/{file}")
}

/// The process has ended meanwhile, or the system hides it.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied)
        || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// Processes that were seen, by their keys.
pub(super) type Seen = HashSet<(Pid, u64)>;

/// The processes of the system.
#[derive(Debug)]
pub(super) struct Table {
    /// What happened before this moment is in it.
    begun: Instant,
    processes: HashMap<Pid, Process>,
    children: HashMap<Pid, Vec<Pid>>,
    groups: HashMap<Pid, Vec<Pid>>,
    /// Children of this process, by the command that they come from.
    marked: HashMap<String, Vec<Pid>>,
}

impl Table {
    /// The processes at some moment after this one. Commands that are stopped at the same time
    /// share what is read.
    ///
    /// # Errors
    /// Those of `/proc`, for example that there is none.
    pub(super) fn since(moment: Instant) -> io::Result<Arc<Self>> {
        static LAST: Mutex<Option<Arc<Table>>> = Mutex::new(None);
        let mut last = lock(&LAST);
        if let Some(table) = last.as_ref().filter(|table| table.begun >= moment) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(Self::read()?);
        *last = Some(Arc::clone(&table));
        Ok(table)
    }

    fn read() -> io::Result<Self> {
        let mut table = Self::empty();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            let Some(id) = id else { continue };
            if let Some(process) = Process::look(id)? {
                let is_child = process.parent == Some(getpid());
                let mark = is_child.then(|| process.mark()).flatten();
                table.add(process, mark);
            }
        }
        Ok(table)
    }

    fn empty() -> Self {
        Self {
            begun: Instant::now(),
            processes: HashMap::new(),
            children: HashMap::new(),
            groups: HashMap::new(),
            marked: HashMap::new(),
        }
    }

    fn add(&mut self, process: Process, mark: Option<String>) {
        let id = process.id;
        if let Some(parent) = process.parent {
            self.children.entry(parent).or_default().push(id);
        }
        if let Some(group) = process.group {
            self.groups.entry(group).or_default().push(id);
        }
        if let Some(mark) = mark {
            self.marked.entry(mark).or_default().push(id);
        }
        self.processes.insert(id, process);
    }

    /// The session of this process.
    pub(super) fn own_session(&self) -> Option<Pid> {
        self.processes.get(&getpid()).and_then(|own| own.session)
    }

    /// The command with this number and mark, and what comes from it.
    pub(super) fn of(&self, command: Pid, mark: &str, seen: &Seen) -> Vec<Process> {
        let mut next = vec![command];
        next.extend(self.groups.get(&command).into_iter().flatten());
        next.extend(self.marked.get(mark).into_iter().flatten());
        let is_same = |(id, started): &&(Pid, u64)| {
            self.processes.get(id).is_some_and(|process| process.started == *started)
        };
        next.extend(seen.iter().filter(is_same).map(|(id, _)| *id));
        let mut met = HashSet::new();
        let mut found = Vec::new();
        while let Some(id) = next.pop() {
            if let Some(process) = self.processes.get(&id)
                && met.insert(id)
            {
                found.push(*process);
                next.extend(self.children.get(&id).into_iter().flatten());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number).unwrap()
    }

    fn process(id: i32, parent: i32, group: i32, started: u64) -> Process {
        let (parent, group) = (Pid::from_raw(parent), Pid::from_raw(group));
        Process { id: pid(id), started, parent, group, session: group }
    }

    #[test]
    fn stat_is_parsed() {
        let stat = |name: &str, state: &str, threads: u32| {
            format!(
                "17 ({name}) {state} 5 16 15 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 {threads} 0 99 1 2"
            )
        };
        let expected = Process {
            id: pid(17),
            started: 99,
            parent: Some(pid(5)),
            group: Some(pid(16)),
            session: Some(pid(15)),
        };
        for name in ["sh", "a b", "x) Z 1 2 (y", ")", "new\nline"] {
            let parsed = Process::parse(stat(name, "S", 1).as_bytes());
            assert_eq!(parsed, Some(expected), "{name:?}");
        }
        assert_eq!(Process::parse(stat("sh", "Z", 1).as_bytes()), None);
        assert_eq!(Process::parse(stat("sh", "Z", 2).as_bytes()), Some(expected));
        let outside = Process { parent: None, group: None, session: None, ..expected };
        let stat = stat("sh", "S", 1).replace(" 5 16 15 ", " 0 0 0 ");
        assert_eq!(Process::parse(stat.as_bytes()), Some(outside), "of another namespace");
        for bad in ["", "17", "17 (sh)", "17 (sh) S 5 16", "x (sh) S 5 16 15"] {
            assert_eq!(Process::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn what_comes_from_a_command_is_found() {
        let mut table = Table::empty();
        for (process, mark) in [
            // The command, a child in its group, a grandchild in another one.
            (process(10, 1, 10, 0), Some("a")),
            (process(11, 10, 10, 0), None),
            (process(12, 11, 12, 0), None),
            // An orphan in the group; one that left it, and its child; one that says nothing.
            (process(13, 1, 10, 0), None),
            (process(14, 1, 14, 0), Some("a")),
            (process(15, 14, 15, 0), None),
            (process(16, 1, 16, 7), None),
            // Another command's.
            (process(20, 1, 20, 0), Some("b")),
            (process(21, 20, 21, 0), None),
        ] {
            table.add(process, mark.map(str::to_owned));
        }
        let found = |mark: &str, command: i32, seen: &[(i32, u64)]| {
            let seen = seen.iter().map(|(id, started)| (pid(*id), *started)).collect();
            let of = table.of(pid(command), mark, &seen);
            let mut ids: Vec<_> =
                of.into_iter().map(|process| process.id.as_raw_nonzero().get()).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(found("a", 10, &[]), [10, 11, 12, 13, 14, 15]);
        assert_eq!(found("b", 20, &[]), [20, 21]);
        assert_eq!(found("b", 20, &[(16, 7)]), [16, 20, 21], "seen before");
        assert_eq!(found("b", 20, &[(16, 6), (99, 0)]), [20, 21], "another one, or none");
        assert_eq!(found("c", 30, &[]), [0; 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_there() {
        let now = Instant::now();
        let table = Table::since(now).unwrap();
        let found = table.of(getpid(), "none", &Seen::new());
        let own = found.iter().find(|process| process.id == getpid()).unwrap();
        assert_eq!(table.own_session(), own.session);
        assert_eq!(own.user(), Some(rustix::process::getuid().as_raw()));
        assert!(Arc::ptr_eq(&table, &Table::since(now).unwrap()), "it was read again");
        let later = Table::since(Instant::now()).unwrap();
        assert!(!Arc::ptr_eq(&table, &later), "it is too old");
        let other = Process { started: own.started + 1, ..*own };
        assert_eq!(other.signal(Signal::KILL), Err(Errno::SRCH));
    }
}
