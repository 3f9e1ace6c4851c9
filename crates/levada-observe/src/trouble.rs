//! How much is wrong with a row.

use crate::report::{Channel, State};

/// What is most wrong with a row. `missed`: how many messages its receivers missed during the
/// window.
///
/// 1. **unread**: it has messages, and none of its receivers was ever used; or none was received
///    during the whole window, and its receivers do not wait.
/// 2. **full**: one of its channels is full and a task waits to send.
/// 3. **growing**: see [`growth`].
/// 4. **lagging**: a receiver of a broadcast missed messages during the window (without one: ever),
///    or is so far behind that it will.
/// 5. **closed**: all of its channels are closed.
pub(crate) fn state(row: &Channel, missed: Option<u64>) -> State {
    let sends = row.waiters.iter().any(|waiters| waiters.op == "send");
    if row.instances_closed == row.instances && !sends {
        State::Closed
    } else if is_unread(row) {
        State::Unread
    } else if row.instances_full > 0 && sends {
        State::Full
    } else if growth(row).is_some() {
        State::Growing
    } else if row.kind.starts_with("broadcast") && lags(row, missed) {
        State::Lagging
    } else {
        State::Ok
    }
}

fn is_unread(row: &Channel) -> bool {
    let (Some(depth), Some(_)) = (row.depth, row.received) else { return false };
    let never =
        row.receivers > 0 && row.receivers_unused == row.receivers && row.received == Some(0);
    let not_now = row.rates.as_ref().is_some_and(|rates| rates.received == Some(0.0))
        && row.history.as_ref().is_some_and(|history| {
            history.depth.len() > 2 && history.depth.iter().skip(1).all(|depth| *depth > 0.0)
        })
        && !row.waiters.iter().any(|waiters| waiters.op == "recv");
    depth > 0 && (never || not_now)
}

fn lags(row: &Channel, missed: Option<u64>) -> bool {
    let ever = || row.subscribers.iter().map(|subscriber| subscriber.missed).sum();
    let each = row.capacity.map(|capacity| capacity as u64 / row.instances.max(1) as u64);
    let will = row.subscribers.iter().any(|subscriber| Some(subscriber.behind) > each);
    missed.unwrap_or_else(ever) > 0 || (each.is_some() && will)
}

/// Whether it has messages, and neither their number nor their weight has a bound.
fn is_unbounded(row: &Channel) -> bool {
    row.depth.is_some() && row.capacity.is_none() && row.max_weight.is_none()
}

/// From which depth to which an unbounded row grew during the window: if each quarter of it was
/// deeper than the one before, and the last is 100 messages deeper than the first, and twice as
/// deep.
pub(crate) fn growth(row: &Channel) -> Option<(f64, f64)> {
    const QUARTERS: usize = 4;
    let history = row.history.as_ref().filter(|_| is_unbounded(row))?;
    let length = history.depth.len() / QUARTERS;
    let quarter = |number: usize| {
        let depths = &history.depth[history.depth.len() - (QUARTERS - number) * length..][..length];
        depths.iter().sum::<f64>() / length.max(1) as f64
    };
    let means: [f64; QUARTERS] = core::array::from_fn(quarter);
    let grows = means.windows(2).all(|pair| pair[0] < pair[1]);
    let enough = means[3] >= means[0] + 100.0 && means[3] >= 2.0 * means[0];
    (grows && enough).then(|| (means[0], row.depth.unwrap_or(0) as f64))
}

/// How much is wrong, from 0 to 100: by the state, and within it by the share of time that senders
/// wait, or by how full the row is.
pub(crate) fn of(row: &Channel) -> u32 {
    let filled = row.weight.zip(row.max_weight).or(row.depth.zip(row.capacity));
    let filled = filled.map_or(
        0.0,
        |(filled, room)| {
            if room == 0 { 0.0 } else { filled as f64 / room as f64 }
        },
    );
    let waiting = row.shares.as_ref().map_or(1.0, |shares| shares.senders_waiting);
    let (base, more, share) = match row.state {
        State::Deadlock => (100, 0, 0.0),
        State::Full => (70, 29, waiting),
        State::Unread => (55, 10, filled),
        State::Growing => (45, 0, 0.0),
        State::Lagging => (30, 10, filled),
        State::Ok => (0, 20, filled),
        State::Closed => (0, 0, 0.0),
    };
    base + (f64::from(more) * share.clamp(0.0, 1.0)) as u32
}
