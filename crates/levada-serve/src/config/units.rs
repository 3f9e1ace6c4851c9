//! Durations, sizes and numbers as people write them: the same on the command line and in files.

use std::time::Duration;

/// One millisecond, the resolution of the timers.
const SHORTEST: Duration = Duration::from_millis(1);
/// One year: longer waits are mistakes, and no sum of them overflows a clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// With `--store memory` bodies and outputs are in memory: more than this is a mistake.
const LARGEST: u64 = 1 << 30;
/// More than any disk has.
const MOST_KEPT: u64 = 1 << 50;

/// `30s`, `1h30m`, `250ms`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    read_duration(text)
        .filter(|duration| (SHORTEST..=LONGEST).contains(duration))
        .ok_or_else(|| format!("give a duration from 1ms to 365days, {EXAMPLES}"))
}

/// Such a duration, or 0.
pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    read_duration(text)
        .filter(|duration| duration.is_zero() || (SHORTEST..=LONGEST).contains(duration))
        .ok_or_else(|| format!("give 0 or a duration from 1ms to 365days, {EXAMPLES}"))
}

const EXAMPLES: &str = "for example 30s, 1h30m, 250ms, or a number of seconds such as 0.5";

fn read_duration(text: &str) -> Option<Duration> {
    match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    }
}

/// A size of what one request or command may send, in bytes or with a unit.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    read_size(text)
        .filter(|bytes| (1..=LARGEST).contains(bytes))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "give a size from 1 to 1GiB, for example 65536, 64KiB or 8MiB".to_owned())
}

/// Such a size, or 0.
pub(crate) fn size_or_zero(text: &str) -> Result<usize, String> {
    if text == "0" { Ok(0) } else { size(text).map_err(|wanted| format!("{wanted}, or 0")) }
}

/// A size of what is kept on disk, in bytes or with a unit.
pub(crate) fn kept_size(text: &str) -> Result<u64, String> {
    read_size(text)
        .filter(|bytes| (1..=MOST_KEPT).contains(bytes))
        .ok_or_else(|| "give a size from 1 to 1024TiB, for example 512MiB or 20GiB".to_owned())
}

fn read_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1_u64 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// A whole number from 1 to `MAX`.
pub(crate) fn count<N: TryFrom<u32>, const MAX: u32>(text: &str) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX).contains(number));
    number
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| format!("give a whole number from 1 to {MAX}"))
}

/// A whole number from 0 to `MAX`.
pub(crate) fn count_or_zero<const MAX: u32>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (0..=MAX).contains(number));
    number
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| format!("give a whole number from 0 to {MAX}"))
}

/// A share, from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    number_within(text, 0.0, 1.0)
}

/// By how much something grows each time.
pub(crate) fn factor(text: &str) -> Result<f64, String> {
    number_within(text, 1.0, 100.0)
}

fn number_within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("give a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("1"), Ok(1));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("8MiB"), Ok(8 << 20));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(kept_size("2TiB"), Ok(2 << 40));
        for bad in ["", "0", "KiB", "8MB", "8 MiB", "-1", "99999999999999999999", "é8"] {
            assert!(size(bad).is_err(), "{bad:?} was accepted");
            assert!(kept_size(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(size_or_zero("0"), Ok(0));
        assert_eq!(size_or_zero("1KiB"), Ok(1024));
        assert!(size_or_zero("2GiB").is_err());
        assert!(size("2GiB").is_err());
        assert!(kept_size("1025TiB").is_err());
        assert!(kept_size("16777216TiB").is_err(), "more than 64 bits");
    }

    #[test]
    fn durations() {
        assert_eq!(duration("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("31536000"), Ok(LONGEST));
        assert_eq!(duration_or_zero("0"), Ok(Duration::ZERO));
        assert_eq!(duration_or_zero("0s"), Ok(Duration::ZERO));
        for bad in ["", "-1", "NaN", "inf", "1e300", "0.0001", "31536001", "2years", "5 x", "s"] {
            assert!(duration(bad).is_err(), "{bad:?} was accepted");
            assert!(duration_or_zero(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(duration("0").is_err());
    }

    #[test]
    fn numbers() {
        assert_eq!(count::<usize, 3>("3"), Ok(3));
        for bad in ["0", "4", "", "-1", "1.0", "x"] {
            assert!(count::<usize, 3>(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(share("0.5"), Ok(0.5));
        assert_eq!(factor("2"), Ok(2.0));
        for bad in ["-0.1", "NaN", "inf", "101", ""] {
            assert!(share(bad).is_err() && factor(bad).is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #![proptest_config(crate::config::tests::same_cases())]

        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[0-9.]{0,30}(ms|s|m|h|days|KiB|TiB|é)?") {
            let _ = (duration(&text), duration_or_zero(&text), size(&text), kept_size(&text));
            let _ = (share(&text), factor(&text), count::<u32, 5>(&text));
        }
    }
}
