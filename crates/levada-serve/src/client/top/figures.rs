//! Figures and texts in little room. Widths are columns of a terminal: a wide character has two.

use console::{measure_text_width, truncate_str};

/// What stands where a figure is not known, or does not apply.
pub(super) const NONE: &str = "–";
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Three figures at most: `9120`, `98.1k`, `1.2M`.
pub(super) fn short(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value < 9999.5 {
        return format!("{value:.0}");
    }
    let mut scaled = value;
    let mut unit = "";
    for next in ["k", "M", "G", "T"] {
        (scaled, unit) = (scaled / 1000.0, next);
        if scaled < 999.5 {
            break;
        }
    }
    if scaled < 99.95 { format!("{scaled:.1}{unit}") } else { format!("{scaled:.0}{unit}") }
}

/// A count, which may be missing.
pub(super) fn count(value: Option<usize>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| short(number(value)))
}

#[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
pub(super) fn number(value: usize) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
pub(super) fn total(value: u64) -> f64 {
    value as f64
}

/// How many in a second.
pub(super) fn rate(value: Option<f64>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(value) if value > 0.0 && value < 0.05 => "<0.1".to_owned(),
        Some(value) if value > 0.0 && value < 9.95 => format!("{value:.1}"),
        Some(value) => short(value),
    }
}

/// A share in per cent. What is nearly all, or nearly nothing, is neither.
pub(super) fn share(value: Option<f64>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(value) if value > 0.0 && value < 0.005 => "<1%".to_owned(),
        Some(value) if value < 1.0 && value > 0.995 => "99%".to_owned(),
        Some(value) => format!("{:.0}%", value * 100.0),
    }
}

/// The last of these values as bars; the highest bar is `top`.
pub(super) fn bars(values: &[f64], top: f64, width: usize) -> String {
    let last = &values[values.len().saturating_sub(width)..];
    let bar = |value: &f64| {
        let part = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let index = (part * 7.0).round() as usize;
        BARS[index.min(7)]
    };
    last.iter().map(bar).collect()
}

/// The beginning of a text.
pub(super) fn cut(text: &str, width: usize) -> String {
    match width {
        0 => String::new(),
        width => truncate_str(text, width, "…").into_owned(),
    }
}

/// The end of a text: of a path, that is the file and the line.
pub(super) fn cut_start(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let mut rest = text.chars();
    while measure_text_width(rest.as_str()) >= width && rest.next().is_some() {}
    if width == 0 { String::new() } else { format!("…{}", rest.as_str()) }
}

/// The lines of a text that is broken between words, and within those that are too long.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let mut word = word;
        loop {
            let last = lines.len() - 1;
            let gap = usize::from(used > 0);
            let needs = measure_text_width(word);
            if used + gap + needs <= width {
                if gap > 0 {
                    lines[last].push(' ');
                }
                lines[last].push_str(word);
                used += gap + needs;
                break;
            }
            if used == 0 {
                let (head, tail) = word.split_at(fitting(word, width));
                lines[last].push_str(head);
                word = tail;
            }
            lines.push(String::new());
            used = 0;
        }
    }
    lines
}

/// How many bytes of a word fit; at least one character.
fn fitting(word: &str, width: usize) -> usize {
    let ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
    let mut fits = 0;
    for end in ends {
        if fits > 0 && measure_text_width(&word[..end]) > width {
            break;
        }
        fits = end;
    }
    fits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::text::tests::same_cases;

    #[test]
    fn figures_are_short() {
        let cases = [
            (0.0, "0"),
            (9999.0, "9999"),
            (9999.6, "10.0k"),
            (98_123.0, "98.1k"),
            (123_456.0, "123k"),
            (1.2e6, "1.2M"),
            (9.99e18, "9990000T"),
            (f64::NAN, "–"),
        ];
        for (value, expected) in cases {
            assert_eq!(short(value), expected, "{value}");
        }
        assert_eq!(
            [None, Some(0.0), Some(0.01), Some(3.12), Some(250.4)].map(rate),
            ["–", "0", "<0.1", "3.1", "250"]
        );
        assert_eq!(
            [None, Some(0.0), Some(0.001), Some(0.92), Some(0.999), Some(1.0)].map(share),
            ["–", "0%", "<1%", "92%", "99%", "100%"]
        );
    }

    #[test]
    fn bars_are_the_last_values() {
        assert_eq!(bars(&[9.0, 0.0, 5.0, 10.0], 10.0, 3), "▁▅█");
        assert_eq!(bars(&[1.0, f64::NAN], 0.0, 9), "▁▁");
        assert_eq!(bars(&[f64::INFINITY, f64::NAN], 1.0, 9).chars().count(), 2);
        assert_eq!(bars(&[], 1.0, 3), "");
    }

    #[test]
    fn texts_fit() {
        assert_eq!(cut("src/http.rs:88", 8), "src/htt…");
        assert_eq!(cut_start("src/http.rs:88", 8), "…p.rs:88");
        assert_eq!(cut_start("漢字漢字", 5), "…漢字");
        assert_eq!(cut_start("ab", 0), "");
        assert_eq!(wrap("jobs was full 92 %", 9), ["jobs was", "full 92 %"]);
        assert_eq!(wrap("a bcdefgh i", 4), ["a", "bcde", "fgh", "i"]);
        assert_eq!(wrap("", 4), [""]);
    }

    proptest! {
        #![proptest_config(same_cases())]

        #[test]
        fn nothing_is_wider_than_its_place(text in "\\PC{0,30}", width in 2_usize..20) {
            prop_assert!(measure_text_width(&cut(&text, width)) <= width);
            prop_assert!(measure_text_width(&cut_start(&text, width)) <= width);
            for line in wrap(&text, width) {
                prop_assert!(measure_text_width(&line) <= width, "{line:?}");
            }
        }
    }
}
