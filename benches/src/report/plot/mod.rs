//! Plots, as SVG: bars for the main shapes of each kind, and curves where the cost
//! of an operation should stay the same as the work grows.

mod bars;
mod curves;

use super::record::Record;
use crate::Result;
use levada_bench_plot::{svg, write};
use std::path::Path;

/// A file of bars: its name, its title and the lines it shows.
const BARS: &[(&str, &str, &[&str])] = &[
    (
        "mpsc",
        "mpsc: ns per message, less is better",
        &[
            "mpsc/bounded/same-task/ct/cap-128/u64",
            "mpsc/bounded/ct-4-1/cap-128/u64",
            "mpsc/bounded/mt-1-1/cap-128/u64",
            "mpsc/bounded/mt-4-1/cap-128/u64",
            "mpsc/bounded/mt-100-1/cap-128/u64",
            "mpsc/bounded/mt-4-1/cap-1/u64",
            "mpsc/bounded/mt-50-1/cap-8/u64",
            "mpsc/bounded/recv-many/mt-4-1/cap-128/u64",
            "mpsc/blocking/threads-4-1/cap-128/u64",
            "mpsc/unbounded/mt-4-1/u64",
        ],
    ),
    (
        "mpmc",
        "mpmc: ns per message, less is better",
        &[
            "mpmc/bounded/same-task/ct/cap-128/u64",
            "mpmc/bounded/ct-4-4/cap-128/u64",
            "mpmc/bounded/mt-4-4/cap-128/u64",
            "mpmc/bounded/mt-1-4/cap-128/u64",
            "mpmc/bounded/mt-4-4/cap-1/u64",
            "mpmc/blocking/threads-2-2/cap-128/u64",
        ],
    ),
    (
        "oneshot",
        "oneshot, and request and reply: ns per message, less is better",
        &[
            "oneshot/same-task/ct/u64",
            "oneshot/create-drop",
            "oneshot/awaited-first/ct/u64",
            "oneshot/awaited-first/mt/u64",
            "request-reply/ct-1-1/cap-128",
            "request-reply/mt-16-1/cap-128",
        ],
    ),
    (
        "broadcast",
        "broadcast: ns per message sent, less is better",
        &[
            "broadcast/send/ct-1-8/cap-128/u64",
            "broadcast/send/mt-1-8/cap-128/u64",
            "broadcast/send/mt-1-64/cap-128/u64",
            "broadcast/send/mt-4-8/cap-128/u64",
        ],
    ),
    (
        "watch",
        "watch: ns per operation, less is better",
        &[
            "watch/read/none/u64",
            "watch/read-while-written/threads-2/u64",
            "watch/write-while-read/threads-2/u64",
            "watch/wake/ct-1-1/u64",
            "watch/wake/ct-1-100/u64",
            "watch/send/none-1-0/u64",
        ],
    ),
    (
        "creation",
        "making and dropping a channel: ns, less is better",
        &[
            "creation/mpsc-bounded-128/idle",
            "creation/mpsc-unbounded/idle",
            "oneshot/create-drop",
            "watch/create-drop",
        ],
    ),
    (
        "full-queues",
        "full queues whose senders do not wait: ns per message sent, less is better",
        &[
            "overflow/evict-oldest/idle/ct-1-1/cap-128/u64",
            "overflow/evict-oldest/active/mt-1-1/cap-128/u64",
            "overflow/evict-oldest/active/mt-4-1/cap-128/u64",
            "overflow/discard-incoming/active/mt-4-1/cap-128/u64",
        ],
    ),
    (
        "batches",
        "batches: ns per message, less is better",
        &[
            "batches/alone/ct/cap-2048/of-128/u64",
            "batches/alone/ct/cap-2048/of-16/u64",
            "batches/mt-1-1/cap-1024/of-128/u64",
            "batches/mt-4-1/cap-1024/of-128/u64",
        ],
    ),
    (
        "queues",
        "weights, lanes, rendezvous: ns per message, less is better",
        &[
            "weighted/same-task/ct/room-128/u64",
            "weighted/full/mt-4-1/room-8/u64",
            "lanes/idle-high/mt-0+1-1/cap-128/u64",
            "lanes/both-busy/mt-2+2-1/cap-128/u64",
            "rendezvous/mt-4-1/u64",
            "rendezvous/threads-1-1/u64",
        ],
    ),
];

/// A file of curves: its name, its title, its horizontal axis, and what stands before and behind
/// the number in the names of its lines.
const CURVES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "mpsc-producers",
        "mpsc, capacity 128, two workers: ns per message",
        "sending tasks",
        "mpsc/bounded/mt-",
        "-1/cap-128/u64",
    ),
    (
        "mpsc-capacities",
        "mpsc, four sending tasks, two workers: ns per message",
        "capacity",
        "mpsc/bounded/mt-4-1/cap-",
        "/u64",
    ),
    (
        "broadcast-receivers",
        "broadcast, capacity 128, two workers: ns per delivery",
        "receivers",
        "broadcast/per-delivery/mt-1-",
        "/cap-128/u64",
    ),
    (
        "watch-receivers",
        "watch, one thread: ns to wake a receiver that waits",
        "receivers",
        "watch/wake/ct-1-",
        "/u64",
    ),
];

/// Draws all plots of `record` into `dir`, but those that none of its lines is for.
pub(crate) fn draw(record: &Record, dir: &Path) -> Result {
    let fine_print = record.environment.machine();
    for (file, title, names) in BARS {
        let lines = names.iter().filter_map(|name| {
            let line = record.lines.iter().find(|line| line.name == *name)?;
            Some(bars::Panel::of(line))
        });
        let panels: Vec<_> = lines.collect();
        if !panels.is_empty() {
            let bars = bars::Bars { title, fine_print: &fine_print, panels };
            write(&svg(bars.size(), |canvas| bars.draw(canvas))?, dir, file)?;
        }
    }
    for &(file, title, axis, before, behind) in CURVES {
        let points = record.lines.iter().filter_map(|line| {
            let number = line.name.strip_prefix(before)?.strip_suffix(behind)?;
            Some((number.parse().ok()?, line))
        });
        let points: Vec<(u32, _)> = points.collect();
        if points.len() > 1 {
            let curves = curves::Curves::of(title, axis, &fine_print, points);
            write(&svg(curves.size(), |canvas| curves.draw(canvas))?, dir, file)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn every_line_that_is_drawn_is_a_cell() {
        let cells = registry::cells();
        for (file, _, names) in BARS {
            for name in *names {
                assert!(cells.iter().any(|cell| cell.name == *name), "{name} in {file}");
            }
        }
        for (file, _, _, before, behind) in CURVES {
            let is_of = |name: &str| name.starts_with(before) && name.ends_with(behind);
            let count = cells.iter().filter(|cell| is_of(&cell.name)).count();
            assert!(count >= 4, "{count} cells in {file}");
        }
    }
}
