//! Curves over a number that grows; both axes are logarithmic, so that what is flat stays flat and
//! twice as much is as far everywhere.

use crate::report::table::figure;
use crate::results::{AGAIN, Line};
use levada_bench_plot::{Canvas, GRID, INK, PALE, Result, Side, colour};

const WIDTH: u32 = 920;
const HEIGHT: u32 = 480;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 780.0;
const TOP: f64 = 72.0;
const BOTTOM: f64 = 424.0;
/// Between two names at the ends of the curves.
const BETWEEN_NAMES: f64 = 14.0;

pub(super) struct Curves<'a> {
    title: &'a str,
    axis: &'a str,
    fine_print: &'a str,
    numbers: Vec<u32>,
    curves: Vec<Curve>,
    /// The lowest and the highest value of the vertical axis.
    range: (f64, f64),
}

struct Curve {
    name: String,
    points: Vec<(u32, f64)>,
}

impl<'a> Curves<'a> {
    pub(super) fn of(
        title: &'a str,
        axis: &'a str,
        fine_print: &'a str,
        mut lines: Vec<(u32, &Line)>,
    ) -> Self {
        lines.sort_by_key(|(number, _)| *number);
        let mut curves = Vec::<Curve>::new();
        for (number, line) in &lines {
            for entry in line.entries.iter().filter(|entry| entry.contender != AGAIN) {
                let Some(median) = entry.median().filter(|median| *median > 0.0) else {
                    continue;
                };
                match curves.iter_mut().find(|curve| curve.name == entry.contender) {
                    Some(curve) => curve.points.push((*number, median)),
                    None => curves.push(Curve {
                        name: entry.contender.clone(),
                        points: vec![(*number, median)],
                    }),
                }
            }
        }
        // What has a colour is drawn last, above the others.
        curves.sort_by_key(|curve| rank(&curve.name));
        let values = || curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1));
        let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
        let numbers = lines.into_iter().map(|(number, _)| number).collect();
        Self { title, axis, fine_print, numbers, curves, range: (least / 1.3, most * 1.3) }
    }

    fn x(&self, number: u32) -> f64 {
        let log = |number: u32| f64::from(number.max(1)).ln();
        let first = self.numbers.first().copied().map_or(0.0, log);
        let last = self.numbers.last().copied().map_or(1.0, log);
        LEFT + (RIGHT - LEFT) * (log(number) - first) / (last - first)
    }

    fn y(&self, value: f64) -> f64 {
        let (least, most) = self.range;
        BOTTOM - (BOTTOM - TOP) * (value / least).ln() / (most / least).ln()
    }

    fn draw_axes(&self, canvas: &Canvas) -> Result {
        let (least, most) = self.range;
        let decades =
            (-3..9).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        for value in decades.filter(|value| (least..most).contains(value)) {
            canvas.line(&[(LEFT, self.y(value)), (RIGHT, self.y(value))], GRID, 1)?;
            let shown = if value < 1.0 { figure(value) } else { value.to_string() };
            canvas.text(&shown, (LEFT - 8.0, self.y(value)), Side::Right, 12, PALE)?;
        }
        for number in &self.numbers {
            let x = self.x(*number);
            canvas.line(&[(x, BOTTOM), (x, BOTTOM + 4.0)], PALE, 1)?;
            canvas.text(&number.to_string(), (x, BOTTOM + 14.0), Side::Middle, 12, PALE)?;
        }
        canvas.line(&[(LEFT, BOTTOM), (RIGHT, BOTTOM)], PALE, 1)?;
        let middle = f64::midpoint(LEFT, RIGHT);
        canvas.text(self.axis, (middle, BOTTOM + 34.0), Side::Middle, 13, INK)
    }

    /// The names at the right, each as near to the end of its curve as the others allow.
    fn draw_names(&self, canvas: &Canvas) -> Result {
        let mut ends: Vec<_> = self
            .curves
            .iter()
            .filter_map(|curve| Some((curve, self.y(curve.points.last()?.1))))
            .collect();
        ends.sort_by(|one, other| one.1.total_cmp(&other.1));
        let wanted: Vec<_> = ends.iter().map(|(_, y)| *y).collect();
        for ((curve, end), y) in ends.iter().zip(spread(&wanted)) {
            let ink = if rank(&curve.name) > 0 { colour(&curve.name) } else { PALE };
            let last = curve.points.last().map_or(RIGHT, |point| self.x(point.0));
            canvas.line(&[(last + 4.0, *end), (RIGHT + 18.0, y)], GRID, 1)?;
            canvas.text(&curve.name, (RIGHT + 22.0, y), Side::Left, 12, ink)?;
        }
        Ok(())
    }
}

/// What is drawn above what.
fn rank(name: &str) -> u8 {
    match name {
        "levada" => 2,
        name if name.starts_with("levada") || name == "tokio" => 1,
        _ => 0,
    }
}

/// Moves places that are too near to each other apart, within the plot; `wanted` is in order.
fn spread(wanted: &[f64]) -> Vec<f64> {
    let mut places = Vec::<f64>::new();
    for place in wanted {
        let least = places.last().map_or(TOP, |last| last + BETWEEN_NAMES);
        places.push(place.max(least));
    }
    let mut most = BOTTOM;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - BETWEEN_NAMES;
    }
    places
}

impl Curves<'_> {
    /// Width and height, in points.
    pub(super) fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    pub(super) fn draw(&self, canvas: &Canvas) -> Result {
        canvas.text(self.title, (LEFT - 40.0, 22.0), Side::Left, 18, INK)?;
        canvas.text(self.fine_print, (LEFT - 40.0, 44.0), Side::Left, 11, PALE)?;
        self.draw_axes(canvas)?;
        for curve in &self.curves {
            let points: Vec<_> = curve
                .points
                .iter()
                .map(|(number, value)| (self.x(*number), self.y(*value)))
                .collect();
            let (colour, width) = (colour(&curve.name), if rank(&curve.name) > 0 { 2 } else { 1 });
            canvas.line(&points, colour, width)?;
            for point in points {
                canvas.dot(point, if rank(&curve.name) > 0 { 3 } else { 2 }, colour)?;
            }
        }
        self.draw_names(canvas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apart_and_in_the_plot() {
        let crowd = [TOP, TOP + 1.0, 200.0, 201.0, 202.0, BOTTOM - 1.0, BOTTOM];
        let places = spread(&crowd);
        assert!(
            places.windows(2).all(|pair| pair[1] - pair[0] >= BETWEEN_NAMES - 1e-9),
            "{places:?}"
        );
        assert!(places[0] >= TOP && places[6] <= BOTTOM);
        assert_eq!(places[2], 200.0);
    }
}
