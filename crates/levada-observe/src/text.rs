//! The report as text, as Go prints its goroutines: one line for each group of tasks that wait.

use core::fmt::{self, Write as _};

use crate::report::{Blocked, Channel, Deadlock, Oneshots, Report, StuckWait, Waiters};
use crate::words::{Filled, about, age, line, many};

/// At most so many rows that nothing is wrong with.
const MAX_ROWS: usize = 200;

/// The whole report.
pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(report, &mut out);
    out
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    let program = &report.program;
    let waiting: usize = report.channels.iter().flat_map(|it| &it.waiters).map(|it| it.count).sum();
    let oneshots: usize = report.oneshots.iter().map(|it| it.count).sum();
    writeln!(
        out,
        "levada: {} (pid {}): {}, {}, {}",
        program.name,
        program.pid,
        many(report.channels.iter().map(|it| it.instances).sum(), "channel"),
        many(waiting + oneshots, "wait"),
        many(report.deadlocks.len(), "suspected deadlock")
    )?;
    for deadlock in &report.deadlocks {
        write_deadlock(deadlock, out)?;
    }
    let findings: Vec<_> = report.findings.iter().filter(|it| it.rule != "deadlock").collect();
    if !findings.is_empty() {
        writeln!(out, "\nfindings")?;
        findings.iter().try_for_each(|finding| writeln!(out, "  {}", finding.text))?;
    }
    write_waits(report, out)?;
    write_channels(&report.channels, out)?;
    write_blocked(&report.blocked, out)?;
    if !report.ended.is_empty() {
        writeln!(out, "\nended channels")?;
    }
    for it in report.ended.iter().take(MAX_ROWS) {
        let (kind, site, count) = (&it.kind, line(&it.site), it.channels);
        match &it.name {
            Some(name) => write!(out, "  {count} x {name} ({kind})")?,
            None => write!(out, "  {count} x {kind}")?,
        }
        writeln!(out, " at {site}, sent {}", it.sent)?;
    }
    Ok(())
}

fn write_deadlock(deadlock: &Deadlock, out: &mut String) -> fmt::Result {
    writeln!(out, "\nsuspected deadlock for {}: {}", age(deadlock.seconds), deadlock.reason)?;
    for task in &deadlock.tasks {
        for (index, wait) in task.waits.iter().enumerate() {
            let who = if index == 0 { task.task.as_str() } else { "  or" };
            let StuckWait { op, channel, about, site, .. } = wait;
            let (age, line, by) = (age(wait.seconds), line(site), wait.held_by.join(", "));
            writeln!(out, "  {who}: {op} on {channel} ({about}), {age}, {line}; held by {by}")?;
        }
    }
    match deadlock.others {
        0 => Ok(()),
        1 => writeln!(out, "  1 more task waits for these"),
        others => writeln!(out, "  {others} more tasks wait for these"),
    }
}

/// The tasks that wait: those that wait for capacity first, then the others.
fn write_waits(report: &Report, out: &mut String) -> fmt::Result {
    let groups = report
        .channels
        .iter()
        .flat_map(|channel| channel.waiters.iter().map(move |waiters| (channel, waiters)));
    let mut groups: Vec<(&Channel, &Waiters)> = groups.collect();
    groups.sort_by(|(_, a), (_, b)| {
        let normal = |waiters: &Waiters| waiters.op != "send";
        normal(a).cmp(&normal(b)).then(b.oldest_seconds.total_cmp(&a.oldest_seconds))
    });
    if !groups.is_empty() || !report.oneshots.is_empty() {
        writeln!(out, "\nwaiting")?;
    }
    for (channel, waiters) in groups {
        let Waiters { op, site, count, oldest_seconds, .. } = waiters;
        let (label, about) = (&channel.label, describe(channel));
        write!(out, "  {count} x {op} on {label} ({about})")?;
        write_age(*count, *oldest_seconds, site, &waiters.tasks, out)?;
    }
    for Oneshots { op, site, message, count, oldest_seconds, tasks, .. } in &report.oneshots {
        write!(out, "  {count} x {op} on oneshot of {message}")?;
        write_age(*count, *oldest_seconds, site, tasks, out)?;
    }
    Ok(())
}

/// `, oldest 5m12s, src/http.rs:88`; and the task, if there is one only.
fn write_age(
    count: usize,
    oldest: f64,
    site: &str,
    tasks: &[String],
    out: &mut String,
) -> fmt::Result {
    let (oldest, line) = (age(oldest), line(site));
    match (count, tasks) {
        (1, [task]) => writeln!(out, ", {oldest}, {line}, {task}"),
        _ => writeln!(out, ", oldest {oldest}, {line}"),
    }
}

fn describe(channel: &Channel) -> String {
    let Channel { kind, instances, instances_full, .. } = channel;
    let Channel { depth, capacity, weight, max_weight, .. } = *channel;
    about(kind, *instances, *instances_full, Filled { depth, capacity, weight, max_weight })
}

fn write_channels(channels: &[Channel], out: &mut String) -> fmt::Result {
    if !channels.is_empty() {
        writeln!(out, "\nchannels")?;
    }
    for channel in channels.iter().take(MAX_ROWS) {
        let Channel { label, message, state, sent, senders, receivers, .. } = channel;
        write!(out, "  {label} ({}) of {message}: {state}", describe(channel))?;
        if let Some(high_water) = channel.high_water {
            write!(out, ", high water {high_water}")?;
        }
        write!(out, ", {}, {}", many(*senders, "sender"), many(*receivers, "receiver"))?;
        if channel.receivers_unused > 0 {
            write!(out, " ({} never polled)", channel.receivers_unused)?;
        }
        write!(out, ", sent {sent}")?;
        if let Some(received) = channel.received {
            write!(out, ", received {received}")?;
        }
        if let Some(rates) = channel.rates {
            write!(out, ", {:.0}/s", rates.sent)?;
        }
        if let Some(evicted) = channel.evicted {
            write!(out, ", evicted {evicted}")?;
        }
        if let Some(time) = &channel.queue_time {
            let [p50, p99] = [time.p50_seconds, time.p99_seconds].map(age);
            write!(out, ", queued p50 {p50}, p99 {p99}")?;
        }
        writeln!(out)?;
        for lag in channel.subscribers.iter().filter(|it| it.behind > 0 || it.missed > 0) {
            let (task, behind, missed) = (&lag.task, lag.behind, lag.missed);
            writeln!(out, "    {task} is {behind} behind, missed {missed}")?;
        }
    }
    match channels.len().saturating_sub(MAX_ROWS) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

fn write_blocked(blocked: &[Blocked], out: &mut String) -> fmt::Result {
    let senders: Vec<_> = blocked.iter().filter(|it| it.op == "send").take(MAX_ROWS).collect();
    if !senders.is_empty() {
        writeln!(out, "\nblocked before")?;
    }
    for Blocked { op, site, channel, count, sum_seconds, max_seconds, .. } in senders {
        let (sum, max, line) = (age(*sum_seconds), age(*max_seconds), line(site));
        writeln!(out, "  {count} x {op} on {channel}, {sum} in all, longest {max}, {line}")?;
    }
    Ok(())
}

/// Blocked time as folded stacks, in microseconds: what flame graph tools read.
///
/// A stack is the channel, then what was waited for, then the line. Waits that last are included
/// with the time that they have lasted.
pub(crate) fn folded(report: &Report) -> String {
    let mut stacks = std::collections::BTreeMap::<String, f64>::new();
    let mut add = |channel: &str, op: &str, site: &str, seconds: f64| {
        // Semicolons separate frames, and the last space the number.
        let frame = |text: &str| text.replace(';', ",");
        let stack = format!("{};{};{}", frame(channel), frame(op), frame(line(site)));
        *stacks.entry(stack).or_default() += seconds;
    };
    for it in &report.blocked {
        add(&it.channel, &it.op, &it.site, it.sum_seconds);
    }
    for channel in &report.channels {
        for it in &channel.waiters {
            add(&channel.label, &it.op, &it.site, it.sum_seconds);
        }
    }
    for it in &report.oneshots {
        add(line(&it.site), &it.op, &it.site, it.sum_seconds);
    }
    let line = |(stack, seconds): (String, f64)| format!("{stack} {:.0}\n", seconds * 1e6);
    stacks.into_iter().map(line).collect()
}
