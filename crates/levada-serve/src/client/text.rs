//! Text for people: without what a terminal would obey, and in units that are read at a glance.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// One line of text from elsewhere. What a terminal takes for a command, and what changes the
/// direction of writing, is shown instead of obeyed.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    replaced(text, |_| false)
}

/// The same for several lines.
pub(super) fn clean_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| matches!(c, '\n' | '\t'))
}

fn replaced(text: &str, leave: fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| obeyed(c) && !leave(c)) {
        return Cow::Borrowed(text);
    }
    let shown = |c| match c {
        c if !obeyed(c) || leave(c) => c,
        // The pictures of control characters are in the same order.
        '\0'..='\x1f' => {
            char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\x7f' => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    };
    text.chars().map(shown).collect()
}

fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// How long ago that was: `5s`, `3m`, `2h`, `4d`.
pub(super) fn age(rfc3339: Option<&str>) -> String {
    let Some(time) = rfc3339.and_then(|text| humantime::parse_rfc3339(text).ok()) else {
        return "-".to_owned();
    };
    short(SystemTime::now().duration_since(time).unwrap_or_default())
}

/// In how long that is.
pub(super) fn ahead(rfc3339: &str) -> String {
    let time = humantime::parse_rfc3339(rfc3339).unwrap_or(SystemTime::UNIX_EPOCH);
    short(time.duration_since(SystemTime::now()).unwrap_or_default())
}

/// From one time to the other; to now, if there is no other.
pub(super) fn between(from: &str, to: Option<&str>) -> Option<String> {
    let from = humantime::parse_rfc3339(from).ok()?;
    let to = match to {
        Some(to) => humantime::parse_rfc3339(to).ok()?,
        None => SystemTime::now(),
    };
    Some(short(to.duration_since(from).unwrap_or_default()))
}

/// The two digits of a duration that matter.
pub(super) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..10 => format!("{:.1}s", (duration.as_secs_f64() * 10.0).floor() / 10.0),
        10..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A size: `17 B`, `1.5 KiB`.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub(super) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = "B";
    for next in units {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

/// How much of a whole: `███░░░░░`.
pub(super) fn bar(part: u64, whole: u64, width: usize) -> String {
    let width = u64::try_from(width).unwrap_or_default();
    let full = if whole == 0 { 0 } else { part.min(whole).saturating_mul(width).div_ceil(whole) };
    (0..width).map(|place| if place < full { '█' } else { '░' }).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same cases in every run.
    pub(crate) fn same_cases() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        }
    }

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(clean("plain é 漢"), "plain é 漢");
        assert_eq!(clean("\x1b[31mred\r\n\t\x07"), "␛[31mred␍␊␉␇");
        assert_eq!(clean("\u{9b}2J\u{7f}\u{202e}abc"), "\u{fffd}2J␡\u{fffd}abc");
        assert_eq!(clean_lines("a\tb\nc\x1b]0;title\x07"), "a\tb\nc␛]0;title␇");
    }

    proptest! {
        #![proptest_config(same_cases())]

        #[test]
        fn no_text_gets_through(text in "(\\PC|[\\x00-\\x1f\\x7f-\\x9f\\u{2028}-\\u{202e}]){0,40}") {
            prop_assert!(!clean(&text).chars().any(obeyed));
            prop_assert_eq!(clean(&text).chars().count(), text.chars().count());
        }
    }

    #[test]
    fn durations() {
        let of = |millis| short(Duration::from_millis(millis));
        assert_eq!(of(0), "0ms");
        assert_eq!(of(999), "999ms");
        assert_eq!(of(1500), "1.5s");
        assert_eq!(of(9999), "9.9s");
        assert_eq!(of(119_000), "119s");
        assert_eq!(of(121_000), "2m");
        assert_eq!(of(7_200_000), "2h");
        assert_eq!(of(259_200_000), "3d");
        assert_eq!(age(None), "-");
        assert_eq!(age(Some("nonsense")), "-");
        let day = between("2026-11-28T00:00:00Z", Some("2026-11-28T00:01:00.5Z"));
        assert_eq!(day.as_deref(), Some("60s"));
    }

    #[test]
    fn sizes_and_bars() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
        assert_eq!(bar(0, 10, 4), "░░░░");
        assert_eq!(bar(1, 1000, 4), "█░░░", "something is not nothing");
        assert_eq!(bar(20, 10, 4), "████");
        assert_eq!(bar(1, 0, 2), "░░");
        assert_eq!(bar(u64::MAX, u64::MAX, 2).chars().count(), 2);
    }
}
