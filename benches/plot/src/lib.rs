//! The paper of all plots: rectangles, lines, dots and texts on a page of fixed size, as SVG, in the
//! colours of all plots.
//!
//! A page has a background of its own, so that it can be read on a light page and on a dark one.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The result of drawing; the error is a sentence for the person who asked for it.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
pub use plotters::style::RGBColor;

/// The background.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// What is read first.
pub const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
/// What is read after that.
pub const PALE: RGBColor = RGBColor(0x6e, 0x77, 0x81);
/// Axes.
pub const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
const LEVADA: RGBColor = RGBColor(0x0b, 0x69, 0xc7);
const TOKIO: RGBColor = RGBColor(0xd0, 0x6a, 0x1c);
const PEER: RGBColor = RGBColor(0xb0, 0xb8, 0xc1);

/// The colour of a contender: levada has one, and the crate whose channels it stands in for.
#[must_use]
pub fn colour(contender: &str) -> RGBColor {
    match contender {
        name if name.starts_with("levada") => LEVADA,
        "tokio" => TOKIO,
        _ => PEER,
    }
}

/// Which side of a text its place is.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    Left,
    Middle,
    Right,
}

/// A page while it is drawn. Places are in points, from the upper left corner.
pub struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// Draws a page of `size`, width and height, and returns it.
///
/// # Errors
/// If `draw` fails, or the library does.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Canvas) -> Result) -> Result<String> {
    let mut svg = String::new();
    let canvas = Canvas(SVGBackend::with_string(&mut svg, size).into_drawing_area());
    canvas.0.fill(&PAPER).map_err(failed)?;
    draw(&canvas)?;
    drop(canvas);
    Ok(svg)
}

/// Writes a page as `NAME.svg`.
///
/// # Errors
/// If the file cannot be written.
pub fn write(svg: &str, dir: &Path, name: &str) -> Result {
    let file = dir.join(name).with_extension("svg");
    fs::write(&file, svg)
        .map_err(|error| format!("cannot write {}: {error}", file.display()).into())
}

impl Canvas<'_> {
    /// A filled rectangle.
    ///
    /// # Errors
    /// If the library fails.
    pub fn rectangle(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Result {
        let corners = [pixels(from), pixels(to)];
        self.0.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)
    }

    /// A line through `points`.
    ///
    /// # Errors
    /// If the library fails.
    pub fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: u32) -> Result {
        let points: Vec<_> = points.iter().map(|point| pixels(*point)).collect();
        self.0.draw(&PathElement::new(points, colour.stroke_width(width))).map_err(failed)
    }

    /// A filled circle.
    ///
    /// # Errors
    /// If the library fails.
    pub fn dot(&self, at: (f64, f64), radius: i32, colour: RGBColor) -> Result {
        self.0.draw(&Circle::new(pixels(at), radius, colour.filled())).map_err(failed)
    }

    /// One line of text, whose height's middle is at `at`.
    ///
    /// # Errors
    /// If the library fails.
    pub fn text(
        &self,
        text: &str,
        at: (f64, f64),
        side: Side,
        size: i32,
        colour: RGBColor,
    ) -> Result {
        let horizontal = match side {
            Side::Left => HPos::Left,
            Side::Middle => HPos::Center,
            Side::Right => HPos::Right,
        };
        let style = TextStyle::from(("sans-serif", size).into_font())
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Center));
        self.0.draw_text(text, &style, pixels(at)).map_err(failed)
    }
}

fn pixels((x, y): (f64, f64)) -> (i32, i32) {
    (x.round() as i32, y.round() as i32)
}

fn failed(error: impl Display) -> Box<dyn Error + Send + Sync> {
    format!("cannot draw: {error}").into()
}
