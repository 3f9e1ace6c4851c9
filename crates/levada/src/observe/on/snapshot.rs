//! What all channels are doing at one moment.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::Location;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::queue_time::QueueTime;
use super::record::{ChannelRecord, Reading};
use super::registry::{self, Site};
use super::waits::{self, WaitsFor};
use super::{handles, task::Task};
use crate::observe::{Kind, Op, Side};

/// What all channels of the program are doing at about one moment; made by [`snapshot`].
///
/// The channels are read one after the other, so that two of them may not be of one moment.
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
///
/// let (tx, _rx) = mpsc::channel::<u32>(16);
/// tx.try_send(1).unwrap();
/// let snapshot = observe::snapshot();
/// assert_eq!(snapshot.channels[0].capacity, Some(16));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was made.
    pub taken: Instant,
    /// The channels that are alive and were used, without oneshots, in the order of their numbers.
    pub channels: Vec<Channel>,
    /// The oneshots that a task waits for, by the line that created them.
    pub oneshots: Vec<Oneshots>,
    /// The waits that ended since the program began, by line.
    pub blocked: Vec<Blocked>,
    /// The channels that ended since the program began, by the line that created them and by name,
    /// without oneshots.
    pub ended: Vec<Ended>,
}

/// Where a channel comes from: what all channels have in common that are shown in one row.
///
/// # Examples
/// ```
/// use levada::{observe, watch};
///
/// let (tx, _rx) = watch::channel(0_u32);
/// tx.send(1).unwrap();
/// let origin = observe::snapshot().channels[0].origin.clone();
/// assert_eq!((origin.message(), origin.message_size()), ("u32", 4));
/// assert!(origin.to_string().starts_with("watch at "));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    kind: Kind,
    location: &'static Location<'static>,
    message: &'static str,
    message_size: usize,
    name: Option<Arc<str>>,
}

/// A channel that is alive.
///
/// # Examples
/// ```
/// use levada::{broadcast, observe};
///
/// let (tx, mut slow) = broadcast::channel(4);
/// assert!(slow.try_recv().is_err(), "nothing yet");
/// for event in 0..6 {
///     tx.send(event).unwrap();
/// }
/// let channel = &observe::snapshot().channels[0];
/// assert_eq!((channel.sent, channel.receivers), (6, 1));
/// assert_eq!(channel.behind().max(), Some(6));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Channel {
    /// Unlike all other channels since the program began.
    pub id: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// How many messages it can hold; `None` if their number has no bound, and for watch. 0 for a
    /// rendezvous.
    pub capacity: Option<usize>,
    /// How many messages are in it. For broadcast: those that the slowest receiver has yet to get,
    /// of those that were used; for a lossless one, the slowest member, used or not. `None` for
    /// watch, which has one value always.
    pub depth: Option<usize>,
    /// The largest depth that was seen: see the table in the [module](crate::observe).
    pub high_water: Option<usize>,
    /// Messages sent since it was created; for watch, values. Without those that an overflow policy
    /// evicted or discarded.
    pub sent: u64,
    /// Messages received since it was created. `None` for broadcast and watch, where each receiver
    /// has a [`Position`].
    pub received: Option<u64>,
    /// Messages that an overflow policy or `force_send` evicted or discarded since it was created,
    /// as [`evicted`](crate::mpsc::Sender::evicted) of a sender counts them. `None` if it has no
    /// policy and `force_send` was never called.
    pub evicted: Option<u64>,
    /// Capacity that is reserved by permits or granted to senders that have not taken it yet.
    /// `None` where there is none, or if the channel was locked at that moment.
    pub reserved: Option<usize>,
    /// What its messages weigh, with the permits that are out and what was granted to senders that
    /// have not taken it yet. `None` if it does not weigh them.
    pub weight: Option<usize>,
    /// How much they may weigh.
    pub max_weight: Option<usize>,
    /// Senders, without weak ones.
    pub senders: usize,
    /// Weak senders.
    pub weak_senders: usize,
    /// Receivers.
    pub receivers: usize,
    /// Whether it was closed, or all senders are gone.
    pub closed: bool,
    /// The tasks that wait, those that began first at the front.
    pub waiters: Vec<Waiter>,
    /// The handles that were used so far.
    pub handles: Vec<Handle>,
    /// How long messages were in the queue; `None` before the 64th message.
    pub queue_time: Option<QueueTime>,
}

/// Oneshots that a task waits for, all created by one line.
///
/// # Examples
/// ```
/// use levada::{observe, oneshot};
/// use std::{pin::pin, task::{Context, Waker}};
///
/// let (_tx, rx) = oneshot::channel::<u32>();
/// let mut rx = pin!(rx);
/// assert!(rx.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// let oneshots = observe::snapshot().oneshots;
/// assert_eq!(oneshots[0].waiters.len(), 1);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Oneshots {
    /// Where they come from.
    pub origin: Origin,
    /// The tasks that wait, those that began first at the front.
    pub waiters: Vec<Waiter>,
}

/// A task that waits.
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
/// use std::{pin::pin, task::{Context, Waker}};
///
/// let (_tx, mut rx) = mpsc::channel::<u32>(1);
/// let mut recv = pin!(rx.recv());
/// assert!(recv.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// let waiter = &observe::snapshot().channels[0].waiters[0];
/// assert_eq!(waiter.op, observe::Op::Recv);
/// println!("{} waits at {} since {:?}", waiter.task, waiter.location, waiter.waited);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waiter {
    /// What it waits for.
    pub op: Op,
    /// The line that waits: where the method was called. For a receiver that is a stream, and for a
    /// oneshot, where that was created.
    pub location: &'static Location<'static>,
    /// The task.
    pub task: Task,
    /// For how long.
    pub waited: Duration,
    /// How often the future was polled and had to wait: more than once if its task was woken for
    /// something else, as in a `select!`.
    pub polls: u32,
    /// Whether a thread sleeps until the wait ends, in a method such as `blocking_recv`.
    pub blocking: bool,
}

/// A handle that was used at least once.
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
///
/// let (tx, _rx) = mpsc::channel(1);
/// tx.try_send(()).unwrap();
/// assert_eq!(observe::snapshot().channels[0].handles[0].side, observe::Side::Sender);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Handle {
    /// Unlike all other handles since the program began.
    pub id: u64,
    /// Which end.
    pub side: Side,
    /// The task that used it last: see the table in the [module](crate::observe).
    pub task: Task,
    /// Whether another task used it before: the handle was moved, or is shared.
    pub moved: bool,
    /// Where a receiver of broadcast or watch is.
    pub position: Option<Position>,
}

/// Where a receiver is that has a position of its own.
///
/// # Examples
/// ```
/// use levada::{broadcast, observe};
///
/// let (tx, mut rx) = broadcast::channel(2);
/// assert!(rx.try_recv().is_err(), "nothing yet");
/// for event in 0..5 {
///     tx.send(event).unwrap();
/// }
/// assert!(rx.try_recv().is_err(), "it has lagged");
/// let position = observe::snapshot().channels[0].handles[0].position.unwrap();
/// assert_eq!((position.behind, position.missed), (2, 3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// Messages that were sent and that it has yet to get, those included that it will miss; for
    /// watch, values that it has not seen.
    pub behind: u64,
    /// Messages that it has missed, as `Lagged` has reported to it.
    pub missed: u64,
}

/// The waits of one line that ended.
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
///
/// let (tx, mut rx) = mpsc::channel(1);
/// let sender = std::thread::spawn(move || {
///     (0..100).for_each(|message| tx.blocking_send(message).unwrap());
/// });
/// while rx.blocking_recv().is_some() {}
/// sender.join().unwrap();
/// for blocked in observe::snapshot().blocked {
///     println!("{} at {}: {:?}", blocked.op, blocked.location, blocked.sum);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocked {
    /// What was waited for.
    pub op: Op,
    /// The line that waited.
    pub location: &'static Location<'static>,
    /// The line that created the channel.
    pub channel: &'static Location<'static>,
    /// How many waits.
    pub count: u64,
    /// How long they were together.
    pub sum: Duration,
    /// How long the longest was.
    pub max: Duration,
}

/// The channels that were used and ended, all created by one line and with one name.
///
/// While a program has fewer than 256 lines and names, each has a total of its own. Since a program
/// may make up names without end, those that are too many are in the total of their line, without a
/// name.
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
///
/// for _request in 0..3 {
///     let (tx, mut rx) = mpsc::channel(1);
///     tx.try_send(()).unwrap();
///     rx.try_recv().unwrap();
/// }
/// let ended = &observe::snapshot().ended[0];
/// assert_eq!((ended.channels, ended.sent), (3, 3));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// Where they came from.
    pub origin: Origin,
    /// How many.
    pub channels: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages that an overflow policy or `force_send` evicted or discarded.
    pub evicted: u64,
}

impl Origin {
    fn new(site: Site, name: Option<Arc<str>>) -> Self {
        let Site { location, message } = site;
        Self {
            kind: message.kind,
            location,
            message: (message.name)(),
            message_size: message.size,
            name,
        }
    }

    /// Which channel it is.
    ///
    /// # Examples
    /// ```
    /// # use levada::{observe::{self, Kind}, watch};
    /// let (tx, _rx) = watch::channel(());
    /// tx.send(()).unwrap();
    /// assert_eq!(observe::snapshot().channels[0].origin.kind(), Kind::Watch);
    /// ```
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name that was given to its builder.
    ///
    /// # Examples
    /// ```
    /// # use levada::{observe, watch};
    /// let (tx, _rx) = watch::channel(());
    /// tx.send(()).unwrap();
    /// assert_eq!(observe::snapshot().channels[0].origin.name(), None);
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The line that created it.
    ///
    /// # Examples
    /// ```
    /// # use levada::{observe, watch};
    /// let (tx, _rx) = watch::channel(());
    /// tx.send(()).unwrap();
    /// println!("{}", observe::snapshot().channels[0].origin.location());
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The type of its messages.
    ///
    /// # Examples
    /// ```
    /// # use levada::{observe, watch};
    /// let (tx, _rx) = watch::channel(1_u8);
    /// tx.send(2).unwrap();
    /// assert_eq!(observe::snapshot().channels[0].origin.message(), "u8");
    /// ```
    pub fn message(&self) -> &'static str {
        self.message
    }

    /// The size of that type in bytes, without what a message has on the heap.
    ///
    /// # Examples
    /// ```
    /// # use levada::{observe, watch};
    /// let (tx, _rx) = watch::channel([0_u64; 4]);
    /// tx.send([1; 4]).unwrap();
    /// assert_eq!(observe::snapshot().channels[0].origin.message_size(), 32);
    /// ```
    pub fn message_size(&self) -> usize {
        self.message_size
    }
}

/// `jobs`, or `mpsc at src/main.rs:10:20` without a name.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{} at {}", self.kind(), self.location()),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("kind", &self.kind())
            .field("name", &self.name())
            .field("location", &format_args!("{}", self.location()))
            .field("message", &self.message())
            .finish()
    }
}

impl Channel {
    /// How far each receiver is behind that has a position of its own and was used.
    ///
    /// # Examples
    /// ```
    /// # use levada::{broadcast, observe};
    /// let (tx, mut rx) = broadcast::channel(4);
    /// tx.send(()).unwrap();
    /// tx.send(()).unwrap();
    /// rx.try_recv().unwrap();
    /// assert!(observe::snapshot().channels[0].behind().eq([1]));
    /// ```
    pub fn behind(&self) -> impl Iterator<Item = u64> + '_ {
        self.handles.iter().filter_map(|handle| handle.position).map(|position| position.behind)
    }

    fn new(record: &ChannelRecord, reading: Reading) -> Self {
        Self {
            id: record.id(),
            origin: Origin::new(record.site(), record.name()),
            capacity: reading.capacity,
            depth: reading.depth,
            high_water: reading.depth.map(|depth| record.high_water(depth)),
            sent: reading.sent,
            received: reading.received,
            evicted: reading.evicted,
            reserved: reading.reserved,
            weight: reading.weight.map(|weight| weight.held),
            max_weight: reading.weight.map(|weight| weight.max),
            senders: reading.senders,
            weak_senders: reading.weak_senders,
            receivers: reading.receivers,
            closed: reading.closed,
            waiters: Vec::new(),
            handles: Vec::new(),
            queue_time: None,
        }
    }

    fn add_handle(&mut self, handle: handles::Handle) {
        let position = handle.position.as_ref().map(|position| Position {
            behind: self.sent.saturating_sub(position.next()),
            missed: position.missed(),
        });
        let handles::Handle { id, side, task, moved, .. } = handle;
        self.handles.push(Handle { id, side, task, moved, position });
    }

    /// The depth of a broadcast channel is what its slowest receiver has yet to get. A lossless one
    /// knows it, of its members.
    fn set_broadcast_depth(&mut self) {
        let kind = self.origin.kind();
        if let (Kind::Broadcast | Kind::Lossless, Some(capacity)) = (kind, self.capacity) {
            let slowest = self.behind().max().unwrap_or(0);
            let slowest = || usize::try_from(slowest).unwrap_or(usize::MAX);
            let depth = self.depth.unwrap_or_else(slowest).min(capacity);
            self.depth = Some(depth);
            self.high_water = self.high_water.max(Some(depth)).map(|depth| depth.min(capacity));
        }
    }
}

/// Reads all channels of the program.
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
///
/// let (tx, _rx) = mpsc::builder(8).named("jobs").build();
/// tx.try_send(1).unwrap();
/// for channel in observe::snapshot().channels {
///     println!("{}: {:?} of {:?}", channel.origin, channel.depth, channel.capacity);
/// }
/// ```
pub fn snapshot() -> Snapshot {
    // Waits and handles before the channels: what they refer to has been registered by then.
    let (waits, handles) = (waits::now(), handles::all());
    let taken = Instant::now();
    let mut channels = Vec::new();
    registry::visit(
        &mut channels,
        |channels, room| channels.reserve(room),
        |channels, record, reading| {
            channels.push((Channel::new(record, reading), record.measured()));
        },
    );
    let mut channels: Vec<_> = channels
        .into_iter()
        .map(|(channel, measured)| {
            let queue_time = measured.map(|measured| measured.times());
            Channel { queue_time, ..channel }
        })
        .collect();
    channels.sort_unstable_by_key(|channel| channel.id);
    let numbers: HashMap<u64, usize> =
        channels.iter().enumerate().map(|(index, channel)| (channel.id, index)).collect();
    let mut oneshots: HashMap<Origin, Vec<Waiter>> = HashMap::new();
    for wait in waits {
        let waiter = Waiter {
            op: wait.place.op,
            location: wait.place.location,
            task: wait.task,
            waited: taken.saturating_duration_since(wait.since),
            polls: wait.polls,
            blocking: wait.blocking,
        };
        match wait.channel {
            WaitsFor::Oneshot(site) => {
                oneshots.entry(Origin::new(site, None)).or_default().push(waiter);
            }
            WaitsFor::Channel(id) => {
                // Without a channel it is that of a future that was forgotten.
                if let Some(index) = numbers.get(&id) {
                    channels[*index].waiters.push(waiter);
                }
            }
        }
    }
    for handle in handles {
        if let Some(index) = numbers.get(&handle.channel) {
            channels[*index].add_handle(handle);
        }
    }
    for channel in &mut channels {
        longest_first(&mut channel.waiters);
        channel.set_broadcast_depth();
    }
    Snapshot { taken, channels, oneshots: by_origin(oneshots), blocked: blocked(), ended: ended() }
}

fn longest_first(waiters: &mut [Waiter]) {
    waiters.sort_by_key(|waiter| core::cmp::Reverse(waiter.waited));
}

fn by_origin(oneshots: HashMap<Origin, Vec<Waiter>>) -> Vec<Oneshots> {
    let mut oneshots: Vec<_> = oneshots
        .into_iter()
        .map(|(origin, mut waiters)| {
            longest_first(&mut waiters);
            Oneshots { origin, waiters }
        })
        .collect();
    oneshots.sort_by_key(|oneshots| oneshots.origin.location());
    oneshots
}

fn blocked() -> Vec<Blocked> {
    let mut sums: HashMap<_, waits::Sum> = HashMap::new();
    for (place, sum) in waits::ended() {
        let all = sums.entry((place.op, place.location, place.channel)).or_default();
        all.count += sum.count;
        all.sum += sum.sum;
        all.max = all.max.max(sum.max);
    }
    let mut blocked: Vec<_> = sums
        .into_iter()
        .map(|((op, location, channel), sum)| Blocked {
            op,
            location,
            channel,
            count: sum.count,
            sum: sum.sum,
            max: sum.max,
        })
        .collect();
    blocked.sort_by_key(|blocked| (blocked.location, blocked.op, blocked.channel));
    blocked
}

fn ended() -> Vec<Ended> {
    let mut totals: HashMap<_, registry::Total> = HashMap::new();
    for (source, total) in registry::ended() {
        let all = totals.entry(Origin::new(source.site, source.name)).or_default();
        all.channels += total.channels;
        all.sent = all.sent.wrapping_add(total.sent);
        all.evicted = all.evicted.wrapping_add(total.evicted);
    }
    let mut ended: Vec<_> = totals
        .into_iter()
        .map(|(origin, registry::Total { channels, sent, evicted })| Ended {
            origin,
            channels,
            sent,
            evicted,
        })
        .collect();
    ended.sort_by(|a, b| {
        let order = |ended: &Ended| (ended.origin.location(), ended.origin.name.clone());
        order(a).cmp(&order(b))
    });
    ended
}
