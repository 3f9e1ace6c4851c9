//! Medians, ratios, geometric means.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// What some rounds gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Summary {
    /// `None` of no values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), min, max })
    }
}

/// How many times `other` it is. Nothing is as much as nothing.
pub(crate) fn ratio(value: f64, other: f64) -> f64 {
    if value == other { 1.0 } else { value / other }
}

/// `None` of no values.
pub(crate) fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (count, sum) =
        values.into_iter().fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value.ln()));
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

/// For nanoseconds, up to a minute, with three digits.
pub(crate) fn nanoseconds() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("these bounds are in order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries() {
        assert_eq!(Summary::of([]), None);
        let of = |values: &[f64]| Summary::of(values.iter().copied()).unwrap();
        assert_eq!(of(&[5.0]), Summary { median: 5.0, min: 5.0, max: 5.0 });
        assert_eq!(of(&[9.0, 1.0, 4.0]), Summary { median: 4.0, min: 1.0, max: 9.0 });
        assert_eq!(of(&[4.0, 1.0, 9.0, 2.0]), Summary { median: 3.0, min: 1.0, max: 9.0 });
    }

    #[test]
    fn ratios() {
        assert_eq!(ratio(3.0, 2.0), 1.5);
        assert_eq!(ratio(0.0, 0.0), 1.0);
        assert_eq!(ratio(1.0, 0.0), f64::INFINITY);
    }

    #[test]
    fn histograms_keep_three_digits() {
        let mut histogram = nanoseconds();
        for value in [5, 1_234_567, 30_000_000_000] {
            histogram.saturating_record(value);
        }
        assert_eq!(histogram.value_at_quantile(0.0), 5);
        for (quantile, value) in [(0.5, 1_234_567.0), (1.0, 3e10)] {
            let found = histogram.value_at_quantile(quantile) as f64;
            assert!((found / value - 1.0).abs() < 0.001, "{found} for {value}");
        }
    }

    #[test]
    fn geometric_means() {
        assert_eq!(geometric_mean([]), None);
        let mean = geometric_mean([0.5, 2.0, 4.0, 0.25]).unwrap();
        assert!((mean - 1.0).abs() < 1e-12);
    }
}
