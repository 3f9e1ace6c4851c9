//! Which task runs now.
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::fmt;
use core::hash::{Hash, Hasher};
use std::sync::Arc;
use std::thread;

/// The task that a wait belongs to, or that used a handle last.
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
///
/// let (tx, _rx) = mpsc::channel(1);
/// tx.try_send(()).unwrap();
/// let snapshot = observe::snapshot();
/// let handle = &snapshot.channels[0].handles[0];
/// // Outside of a runtime it is the thread.
/// assert!(handle.task.to_string().starts_with("thread "));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Task(Key);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    #[cfg(feature = "tokio")]
    Tokio(tokio::task::Id),
    Thread(ThreadRef),
    /// The thread is ending, and its variables are gone.
    Unknown,
}

/// A thread, from its first use of a channel on.
#[derive(Clone)]
struct ThreadRef(Arc<Thread>);

struct Thread {
    id: thread::ThreadId,
    name: Option<String>,
}

impl PartialEq for ThreadRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ThreadRef {}

impl Hash for ThreadRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

thread_local! {
    /// This thread, from its first use of a channel.
    static THREAD: Cell<Option<ThreadRef>> = const { Cell::new(None) };
}

impl Task {
    /// The task that calls this.
    #[inline]
    pub(super) fn current() -> Self {
        #[cfg(feature = "tokio")]
        if let Some(id) = tokio::task::try_id() {
            return Self(Key::Tokio(id));
        }
        Self::of_thread()
    }

    /// Whether it is a thread, outside of a tokio task: one that blocks, or that runs an executor
    /// of which levada does not know the tasks.
    ///
    /// # Examples
    /// ```
    /// use levada::{mpsc, observe};
    ///
    /// let (tx, _rx) = mpsc::channel(1);
    /// tx.try_send(()).unwrap();
    /// assert!(observe::snapshot().channels[0].handles[0].task.is_thread());
    /// ```
    pub fn is_thread(&self) -> bool {
        matches!(self.0, Key::Thread(_))
    }

    fn of_thread() -> Self {
        let thread = THREAD.try_with(|cell| {
            let thread = cell.take().unwrap_or_else(|| {
                let current = thread::current();
                let name = current.name().map(str::to_owned);
                ThreadRef(Arc::new(Thread { id: current.id(), name }))
            });
            cell.set(Some(thread.clone()));
            thread
        });
        Self(thread.map_or(Key::Unknown, Key::Thread))
    }
}

/// `task 42`, or `thread main`, or `thread 7` if that has no name.
impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            #[cfg(feature = "tokio")]
            Key::Tokio(id) => write!(f, "task {id}"),
            Key::Thread(ThreadRef(thread)) => match &thread.name {
                Some(name) => write!(f, "thread {name}"),
                None => {
                    let id = format!("{:?}", thread.id);
                    let number = id.trim_start_matches("ThreadId(").trim_end_matches(')');
                    write!(f, "thread {number}")
                }
            },
            Key::Unknown => f.write_str("a thread that ends"),
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({self})")
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_known_by_its_name() {
        let named = thread::Builder::new().name("flusher".to_owned());
        let named = named.spawn(|| Task::current().to_string()).unwrap();
        assert_eq!(named.join().unwrap(), "thread flusher");
        let unnamed = thread::spawn(|| (Task::current(), Task::current()));
        let (once, again) = unnamed.join().unwrap();
        assert_eq!(once, again);
        let number = once.to_string();
        assert!(number.strip_prefix("thread ").unwrap().parse::<u64>().is_ok(), "{number}");
        assert_ne!(once, Task::current());
    }

    #[cfg(feature = "tokio")]
    #[tokio::test]
    async fn a_tokio_task_is_known_by_its_id() {
        let spawned = tokio::spawn(async { (Task::current(), tokio::task::id()) });
        let (task, id) = spawned.await.unwrap();
        assert_eq!(task.to_string(), format!("task {id}"));
        assert!(!task.is_thread());
    }
}
