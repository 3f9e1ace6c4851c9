//! Times, places and channels as people read them: the words of the dump, for other ways to show a
//! [`Report`](crate::report::Report).

/// How long: `40µs`, `1.2ms`, `340ms`, `1.8s`, `35s`, `5m12s`, `3h05m`, `2d04h`.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::words::age(312.4), "5m12s");
/// ```
#[must_use]
pub fn age(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3_600, whole / 86_400);
    if (0.000_000_5..0.000_999_5).contains(&seconds) {
        format!("{:.0}µs", seconds * 1e6)
    } else if (0.000_999_5..0.009_95).contains(&seconds) {
        format!("{:.1}ms", seconds * 1e3)
    } else if seconds < 0.9995 {
        format!("{:.0}ms", seconds.max(0.0) * 1_000.0)
    } else if seconds < 9.95 {
        format!("{seconds:.1}s")
    } else if minutes == 0 {
        format!("{whole}s")
    } else if hours == 0 {
        format!("{minutes}m{:02}s", whole % 60)
    } else if days == 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else {
        format!("{days}d{:02}h", hours % 24)
    }
}

/// `src/http.rs:88` of `src/http.rs:88:17`: a line of the source, without the column.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::words::line("src/http.rs:88:17"), "src/http.rs:88");
/// ```
#[must_use]
pub fn line(site: &str) -> &str {
    site.rsplit_once(':').map_or(site, |(line, _column)| line)
}

/// `1 task`, `14 tasks`.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::words::many(14, "task"), "14 tasks");
/// ```
#[must_use]
pub fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// How much is in a channel, or in a row of them, and how much may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) depth: Option<usize>,
    pub(crate) capacity: Option<usize>,
    pub(crate) weight: Option<usize>,
    pub(crate) max_weight: Option<usize>,
}

/// What a channel, or a row of them, is: `mpsc, 100 of 100, full`.
pub(crate) fn about(kind: &str, instances: usize, full: usize, filled: Filled) -> String {
    let mut words = kind.to_owned();
    if instances > 1 {
        words += &format!(", {instances} channels");
    }
    words += &match filled {
        Filled { depth: Some(depth), weight: Some(weight), max_weight: Some(max), .. } => {
            format!(", {}, weight {weight} of {max}", many(depth, "message"))
        }
        // A rendezvous.
        Filled { capacity: Some(0), .. } | Filled { depth: None, .. } => String::new(),
        Filled { depth: Some(depth), capacity: Some(capacity), .. } => {
            format!(", {depth} of {capacity}")
        }
        Filled { depth: Some(depth), .. } => format!(", {depth}, unbounded"),
    };
    match full {
        0 => {}
        _ if instances == 1 => words += ", full",
        full => words += &format!(", {full} full"),
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_long_as_needed() {
        let cases = [
            (-1.0, "0ms"),
            (0.0, "0ms"),
            (0.000_000_1, "0ms"),
            (0.000_04, "40µs"),
            (0.000_999_6, "1.0ms"),
            (0.001_24, "1.2ms"),
            (0.009_96, "10ms"),
            (0.0123, "12ms"),
            (0.9996, "1.0s"),
            (1.84, "1.8s"),
            (9.96, "9s"),
            (35.2, "35s"),
            (312.0, "5m12s"),
            (11_100.0, "3h05m"),
            (187_200.0, "2d04h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(age(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn places_and_channels_are_short() {
        assert_eq!(line("src/http.rs:88:17"), "src/http.rs:88");
        assert_eq!(line(r"C:\src\http.rs:88:17"), r"C:\src\http.rs:88");
        let of = |depth, capacity| Filled { depth, capacity, ..Filled::default() };
        let one = |depth, capacity| about("mpsc", 1, 0, of(depth, capacity));
        assert_eq!(one(Some(3), Some(8)), "mpsc, 3 of 8");
        assert_eq!(one(Some(3), None), "mpsc, 3, unbounded");
        assert_eq!(one(None, None), "mpsc");
        assert_eq!(about("mpmc", 1, 1, of(Some(8), Some(8))), "mpmc, 8 of 8, full");
        let nine = about("mpsc", 9, 2, of(Some(20), Some(72)));
        assert_eq!(nine, "mpsc, 9 channels, 20 of 72, 2 full");
        let weighed = Filled { weight: Some(52), max_weight: Some(64), ..of(Some(3), None) };
        let weighed = about("mpsc weighted", 1, 0, weighed);
        assert_eq!(weighed, "mpsc weighted, 3 messages, weight 52 of 64");
        assert_eq!(about("mpsc rendezvous", 1, 1, of(Some(0), Some(0))), "mpsc rendezvous, full");
        assert_eq!((many(1, "task"), many(2, "task")), ("1 task".into(), "2 tasks".into()));
    }
}
