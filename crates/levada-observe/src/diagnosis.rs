//! What is wrong, in sentences. The crate's documentation lists the rules.

use crate::limits::Limits;
use crate::report::{
    Blocked, Channel, Deadlock, Finding, Oneshots, Report, Shares, State, Subscriber, Waiters,
    Window,
};
use crate::trouble::growth;
use crate::words::{age, line, many};

/// A oneshot is late if others took this part of its time on average.
const LATE: f64 = 10.0;

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
    findings.extend(report.oneshots.iter().filter_map(|it| oneshot(it, report, limits)));
    findings
}

/// Those of one line are late if the others were answered, and much sooner. A signal to stop comes
/// once, and the right to something scarce when others give it back: both take as long as they
/// take.
fn oneshot(it: &Oneshots, report: &Report, limits: &Limits) -> Option<Finding> {
    if it.op != "recv" || it.oldest_seconds < limits.oneshot.as_secs_f64() {
        return None;
    }
    let of_line = |ended: &&Blocked| ended.op == it.op && ended.channel_site == it.site;
    let answered = report.blocked.iter().filter(of_line);
    let (count, sum) =
        answered.fold((0, 0.0), |all, it| (all.0 + it.count, all.1 + it.sum_seconds));
    let mean = sum / count as f64;
    if count == 0 || mean * LATE > it.oldest_seconds {
        return None;
    }
    let (tasks, what, is, has) = match it.count {
        1 => ("a task waits".to_owned(), "a oneshot", "its sender is", "has"),
        count => (format!("{count} tasks wait"), "oneshots", "their senders are", "have"),
    };
    let (line, oldest, mean) = (line(&it.site), age(it.oldest_seconds), age(mean));
    let text = format!(
        "{tasks} for {what} created at {line}, the first for {oldest}: {is} alive, but {has} not \
         answered; others took {mean}"
    );
    let (rule, site) = ("oneshot".to_owned(), Some(it.site.clone()));
    Some(Finding { rule, channel: None, site, text })
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
    (steps >= 3).then_some(steps as f64 * history.step_seconds)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{DeadlockKind, History, Rates, StuckTask, StuckWait};

    /// The findings about a row in a window of a minute, as rules and sentences.
    fn about(channel: Channel) -> Vec<(String, String)> {
        let window = Some(Window { seconds: 60.0, samples: 600 });
        let report = Report { window, channels: vec![channel], ..Report::default() };
        said(&report)
    }

    fn said(report: &Report) -> Vec<(String, String)> {
        let findings = findings(report, &Limits::default());
        findings.into_iter().map(|finding| (finding.rule, finding.text)).collect()
    }

    /// A queue that was full for most of a minute.
    fn full() -> Channel {
        let waiters = Waiters {
            op: "send".into(),
            site: "src/http.rs:88:17".into(),
            count: 14,
            oldest_seconds: 2.3,
            p95_seconds: 1.8,
            ..Waiters::default()
        };
        Channel {
            label: "jobs".into(),
            kind: "mpmc".into(),
            state: State::Full,
            receivers: 4,
            capacity: Some(100),
            depth: Some(100),
            rates: Some(Rates { sent: 800.0, received: Some(800.0), evicted: None }),
            shares: Some(Shares { full: 0.92, senders_waiting: 0.9, ..Shares::default() }),
            history: Some(History {
                step_seconds: 1.0,
                received: vec![800.0; 60],
                ..History::default()
            }),
            waiters: vec![waiters],
            ..Channel::default()
        }
    }

    const FULL: &str = "jobs was full 92 % of the last minute; 14 tasks at src/http.rs:88 wait to send, 1.8s (p95)";

    #[track_caller]
    fn assert_says(channel: Channel, rule: &str, text: &str) {
        assert_eq!(about(channel), [(rule.to_owned(), text.to_owned())]);
    }

    #[test]
    fn full_with_busy_receivers_wants_more_workers() {
        let end = "; its 4 receivers are never idle: add workers or refuse earlier";
        assert_says(full(), "full", &format!("{FULL}{end}"));
    }

    #[test]
    fn full_with_receivers_that_wait_is_bursts() {
        let mut channel = full();
        channel.shares.as_mut().unwrap().receivers_waiting = 0.3;
        let end = "; its 4 receivers have waited in 30 % of it: the load comes in bursts";
        assert_says(channel, "full", &format!("{FULL}{end}"));
    }

    #[test]
    fn full_with_receivers_that_take_nothing_says_so() {
        let mut channel = full();
        channel.receivers = 1;
        channel.history.as_mut().unwrap().received[50..].fill(0.0);
        let end = "; its 1 receiver has taken nothing for 10s or longer: see what they do";
        assert_says(channel, "full", &format!("{FULL}{end}"));
    }

    #[test]
    fn full_is_said_of_half_a_window_or_of_a_long_wait_only() {
        let mut channel = full();
        channel.shares.as_mut().unwrap().senders_waiting = 0.49;
        assert_eq!(about(channel.clone()), []);
        channel.waiters[0].oldest_seconds = 5.0;
        assert_eq!(about(channel.clone()).len(), 1);
        channel.waiters.clear();
        assert_eq!(about(channel), []);
    }

    #[test]
    fn full_without_a_window_says_what_is_known() {
        let mut channel = full();
        (channel.shares, channel.rates, channel.history) = (None, None, None);
        channel.waiters[0].oldest_seconds = 312.0;
        channel.waiters.push(Waiters {
            count: 2,
            site: "a.rs:1:1".into(),
            ..full().waiters[0].clone()
        });
        let report = Report { channels: vec![channel], ..Report::default() };
        let text =
            "jobs is full; 14 tasks at src/http.rs:88 wait to send, 1.8s (p95), and 2 elsewhere";
        assert_eq!(said(&report), [("full".to_owned(), text.to_owned())]);
    }

    #[test]
    fn unread_tells_never_from_not_any_more() {
        let unread = Channel { state: State::Unread, depth: Some(100), ..full() };
        let never = Channel { receivers: 1, receivers_unused: 1, ..unread.clone() };
        let text = "jobs has 100 messages, and its 1 receiver was never polled";
        assert_says(never, "unread", text);
        let text = "jobs has 100 messages, of which none was received in the last minute; no \
                    receiver waits: see what the tasks of its 4 receivers do";
        assert_says(unread, "unread", text);
    }

    #[test]
    fn growing_says_from_where_to_where_and_how_fast() {
        let mut channel = full();
        (channel.state, channel.capacity, channel.depth) = (State::Growing, None, Some(13_080));
        channel.waiters.clear();
        channel.rates = Some(Rates { sent: 801.2, received: Some(603.2), evicted: None });
        let history = channel.history.as_mut().unwrap();
        history.depth = (0..60).map(|second| f64::from(1_200 + 200 * second)).collect();
        let text = "jobs has no bound and grew from 2600 to 13080 messages in the last minute: 198 a \
                    second more are sent than received; give it a bound, or more receivers";
        assert_says(channel, "growing", text);
    }

    #[test]
    fn lagging_names_the_task_that_lost_most() {
        let subscriber =
            |task: &str, behind, missed| Subscriber { task: task.into(), behind, missed };
        let channel = Channel {
            label: "events".into(),
            state: State::Lagging,
            instances: 1,
            capacity: Some(600),
            receivers: 3,
            subscribers: vec![
                subscriber("task 30", 530, 0),
                subscriber("task 31", 512, 1_204),
                subscriber("task 32", 0, 0),
            ],
            ..Channel::default()
        };
        let text =
            "events: task 31 is 512 messages behind and has missed 1204; 1 of 3 receivers lags";
        assert_says(channel, "lagging", text);
    }

    #[test]
    fn oneshots_and_deadlocks_are_said_by_the_program() {
        let oneshot = |op: &str, oldest_seconds| Oneshots {
            op: op.into(),
            site: "src/ask.rs:20:34".into(),
            count: 2,
            oldest_seconds,
            ..Oneshots::default()
        };
        let answered = |count, sum_seconds| Blocked {
            op: "recv".into(),
            site: "src/ask.rs:20:34".into(),
            channel_site: "src/ask.rs:20:34".into(),
            count,
            sum_seconds,
            ..Blocked::default()
        };
        let stuck = |task: &str, channel: &str, holder: &str| StuckTask {
            task: task.into(),
            waits: vec![StuckWait {
                op: "send".into(),
                channel: channel.into(),
                held_by: vec![holder.into()],
                ..StuckWait::default()
            }],
        };
        let deadlock = Deadlock {
            kind: DeadlockKind::Cycle,
            seconds: 35.2,
            tasks: vec![stuck("task 1", "to_b", "task 2"), stuck("task 2", "to_a", "task 1")],
            ..Deadlock::default()
        };
        let report = Report {
            deadlocks: vec![deadlock],
            oneshots: vec![oneshot("recv", 250.4), oneshot("recv", 29.0), oneshot("closed", 99.0)],
            blocked: vec![answered(4, 1.0)],
            channels: vec![Channel { state: State::Deadlock, ..full() }],
            ..Report::default()
        };
        let said = said(&report);
        assert_eq!(said.len(), 2, "the full channel is not one more trouble: {said:?}");
        assert_eq!(
            said[0].1,
            "suspected deadlock for 35s: task 1 waits to send on to_b, whose other end task 2 used \
             last; task 2 waits to send on to_a, whose other end task 1 used last"
        );
        assert_eq!(
            said[1].1,
            "2 tasks wait for oneshots created at src/ask.rs:20, the first for 4m10s: their senders \
             are alive, but have not answered; others took 250ms"
        );
        // A signal to stop, and places that others have for minutes.
        for blocked in [vec![], vec![answered(4, 101.0)]] {
            let report =
                Report { oneshots: vec![oneshot("recv", 250.4)], blocked, ..Report::default() };
            assert!(findings(&report, &Limits::default()).is_empty(), "{:?}", report.blocked);
        }
    }
}
