//! What is wrong, in sentences. The crate's documentation lists the rules.

use crate::limits::Limits;
use crate::report::{
    Channel, Deadlock, Finding, Report, Shares, State, Subscriber, Waiters, Window,
};
use crate::trouble::growth;
use crate::words::{age, line, many};

/// All findings, the worst first: deadlocks, then channels as the report has them, then oneshots.
pub(crate) fn findings(report: &Report, limits: &Limits) -> Vec<Finding> {
    let window = report.window.as_ref();
    let mut findings: Vec<_> = report.deadlocks.iter().map(deadlock).collect();
    for channel in &report.channels {
        let found = [
            full(channel, window, limits),
            unread(channel, window).map(|text| ("unread", &channel.site, text)),
            growing(channel, window).map(|text| ("growing", &channel.site, text)),
            lagging(channel).map(|text| ("lagging", &channel.site, text)),
        ];
        findings.extend(found.into_iter().flatten().map(|(rule, site, text)| Finding {
            rule: rule.to_owned(),
            channel: Some(channel.id.clone()),
            site: Some(site.clone()),
            text,
        }));
    }
    let late = |it: &&crate::report::Oneshots| {
        it.op == "recv" && it.oldest_seconds >= limits.oneshot.as_secs_f64()
    };
    findings.extend(report.oneshots.iter().filter(late).map(|it| Finding {
        rule: "oneshot".to_owned(),
        channel: None,
        site: Some(it.site.clone()),
        text: format!(
            "{} for {} created at {}, the first for {}: {} alive, but {} not answered",
            if it.count == 1 { "a task waits".into() } else { format!("{} tasks wait", it.count) },
            if it.count == 1 { "a oneshot" } else { "oneshots" },
            line(&it.site),
            age(it.oldest_seconds),
            if it.count == 1 { "its sender is" } else { "their senders are" },
            if it.count == 1 { "has" } else { "have" },
        ),
    }));
    findings
}

/// `minute`, or `12s`.
fn last(window: &Window) -> String {
    let Window { seconds, .. } = *window;
    if (55.0..65.0).contains(&seconds) { "minute".to_owned() } else { age(seconds) }
}

fn deadlock(it: &Deadlock) -> Finding {
    let waits = it.tasks.iter().filter_map(|task| {
        let wait = task.waits.first()?;
        let (task, verb) = (&task.task, verb(&wait.op));
        let holders = wait.held_by.join(" and ");
        Some(format!("{task} {verb} {}, whose other end {holders} used last", wait.channel))
    });
    let waits: Vec<_> = waits.collect();
    let first = it.tasks.first().and_then(|task| task.waits.first());
    Finding {
        rule: "deadlock".to_owned(),
        channel: first.map(|wait| wait.channel_id.clone()),
        site: first.map(|wait| wait.site.clone()),
        text: format!("suspected deadlock for {}: {}", age(it.seconds), waits.join("; ")),
    }
}

fn verb(op: &str) -> &'static str {
    match op {
        "send" => "waits to send on",
        "changed" => "waits for a new value of",
        "closed" => "waits for the receivers to leave",
        _ => "waits for a message of",
    }
}

/// Senders wait in half of the window or more; or one has waited for longer than the limit.
fn full<'a>(
    channel: &'a Channel,
    window: Option<&Window>,
    limits: &Limits,
) -> Option<(&'static str, &'a String, String)> {
    if matches!(channel.state, State::Deadlock | State::Unread) {
        return None; // Its finding says more.
    }
    let senders: Vec<_> = channel.waiters.iter().filter(|it| it.op == "send").collect();
    let largest = senders.iter().max_by_key(|waiters| waiters.count)?;
    let oldest = senders.iter().map(|it| it.oldest_seconds).fold(0.0, f64::max);
    let often = window.is_some_and(|window| window.seconds >= limits.full.as_secs_f64())
        && channel.shares.is_some_and(|shares| shares.senders_waiting >= 0.5);
    if !often && oldest < limits.full.as_secs_f64() {
        return None;
    }
    let label = &channel.label;
    let was_full = match (channel.shares, window) {
        (Some(shares), Some(window)) => {
            let (share, last) = (shares.full * 100.0, last(window));
            format!("{label} was full {share:.0} % of the last {last}")
        }
        _ => format!("{label} is full"),
    };
    let all: usize = senders.iter().map(|waiters| waiters.count).sum();
    let waiting = waiting(largest, all - largest.count);
    let receivers = receivers(channel, window);
    Some(("full", &largest.site, format!("{was_full}; {waiting}{receivers}")))
}

fn waiting(largest: &Waiters, elsewhere: usize) -> String {
    let Waiters { count, site, p95_seconds, .. } = largest;
    let verb = if *count == 1 { "waits" } else { "wait" };
    let more = if elsewhere > 0 { format!(", and {elsewhere} elsewhere") } else { String::new() };
    let (tasks, line, p95) = (many(*count, "task"), line(site), age(*p95_seconds));
    format!("{tasks} at {line} {verb} to send, {p95} (p95){more}")
}

/// What its receivers did, and what to do about it.
fn receivers(channel: &Channel, window: Option<&Window>) -> String {
    let (Some(Shares { receivers_waiting, .. }), Some(_)) = (channel.shares, window) else {
        return String::new();
    };
    let one = channel.receivers == 1;
    let [has, is] = if one { ["has", "is"] } else { ["have", "are"] };
    let receivers = many(channel.receivers, "receiver");
    let idle = receivers_waiting * 100.0;
    if let Some(seconds) = stalled(channel) {
        let time = age(seconds);
        format!("; its {receivers} {has} taken nothing for {time} or longer: see what they do")
    } else if receivers_waiting < 0.05 {
        format!("; its {receivers} {is} never idle: add workers or refuse earlier")
    } else {
        format!("; its {receivers} {has} waited in {idle:.0} % of it: the load comes in bursts")
    }
}

/// For how long nothing was received, if that is three steps or more.
fn stalled(channel: &Channel) -> Option<f64> {
    let history = channel.history.as_ref()?;
    let steps = history.received.iter().rev().take_while(|rate| **rate == 0.0).count();
    (steps >= 3).then(|| steps as f64 * history.step_seconds)
}

fn unread(channel: &Channel, window: Option<&Window>) -> Option<String> {
    let depth = channel.depth.filter(|_| channel.state == State::Unread)?;
    let (label, messages) = (&channel.label, many(depth, "message"));
    let receivers = many(channel.receivers, "receiver");
    Some(match window {
        _ if channel.receivers_unused == channel.receivers => {
            let was = if channel.receivers == 1 { "was" } else { "were" };
            format!("{label} has {messages}, and its {receivers} {was} never polled")
        }
        window => format!(
            "{label} has {messages}, of which none was received in the last {}; no receiver waits: \
             see what the tasks of its {receivers} do",
            window.map_or_else(|| "samples".to_owned(), last)
        ),
    })
}

fn growing(channel: &Channel, window: Option<&Window>) -> Option<String> {
    let (from, to) = growth(channel).filter(|_| channel.state == State::Growing)?;
    let (rates, window) = (channel.rates?, last(window?));
    let more = (rates.sent - rates.received.unwrap_or(0.0)).max(0.0);
    Some(format!(
        "{} has no bound and grew from {from:.0} to {to:.0} messages in the last {window}: {more:.0} \
         a second more are sent than received; give it a bound, or more receivers",
        channel.label
    ))
}

fn lagging(channel: &Channel) -> Option<String> {
    let slowest = channel.subscribers.first().filter(|_| channel.state == State::Lagging)?;
    // The slowest one may have lost nothing yet, and one that was slow may have caught up.
    let missed = channel.subscribers.iter().max_by_key(|subscriber| subscriber.missed)?;
    let at = if slowest.behind > missed.behind && missed.missed == 0 { slowest } else { missed };
    let each = channel.capacity.map_or(0, |capacity| capacity / channel.instances.max(1)) as u64;
    let lags = |it: &&Subscriber| it.missed > 0 || it.behind > each;
    let lagging = channel.subscribers.iter().filter(lags).count();
    let verb = if lagging == 1 { "lags" } else { "lag" };
    Some(format!(
        "{}: {} is {} behind and has missed {}; {lagging} of {} {verb}",
        channel.label,
        at.task,
        many(usize::try_from(at.behind).unwrap_or(usize::MAX), "message"),
        at.missed,
        many(channel.receivers, "receiver"),
    ))
}
