//! The paper: points on a page of fixed size, drawn as SVG, or as PNG with twice as many pixels.

use crate::Result;
use epaint_default_fonts::UBUNTU_LIGHT;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::path::Path;

/// The font of the PNGs is in the program, as no system has the same; an SVG's reader brings one.
const FONT: &str = "sans-serif";

pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(super) const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
pub(super) const PALE: RGBColor = RGBColor(0x6e, 0x77, 0x81);
pub(super) const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
const LEVADA: RGBColor = RGBColor(0x0b, 0x69, 0xc7);
const TOKIO: RGBColor = RGBColor(0xd0, 0x6a, 0x1c);
const PEER: RGBColor = RGBColor(0xb0, 0xb8, 0xc1);

/// Who has a colour: levada and the one whose channels it stands in for.
pub(super) fn colour(contender: &str) -> RGBColor {
    match contender {
        name if name.starts_with(crate::results::LEVADA) => LEVADA,
        "tokio" => TOKIO,
        _ => PEER,
    }
}

/// Something that can be drawn on any [`Canvas`].
pub(super) trait Figure {
    /// Width and height, in points.
    fn size(&self) -> (u32, u32);

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result
    where
        DB::ErrorType: 'static;

    /// Writes `NAME.svg` and `NAME.png`.
    fn write(&self, dir: &Path, name: &str) -> Result {
        register_font(FONT, FontStyle::Normal, UBUNTU_LIGHT)
            .map_err(|_| "the font of the plots cannot be read")?;
        let (width, height) = self.size();
        let path = dir.join(name);
        let svg = path.with_extension("svg");
        self.draw(&Canvas::on(SVGBackend::new(&svg, (width, height)), 1, 0.0)?)?;
        let png = path.with_extension("png");
        self.draw(&Canvas::on(BitMapBackend::new(&png, (2 * width, 2 * height)), 2, 0.14)?)
    }
}

/// Which side of a text its place is.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Left,
    Middle,
    Right,
}

pub(super) struct Canvas<DB: DrawingBackend> {
    area: DrawingArea<DB, Shift>,
    /// Pixels in a point.
    scale: i32,
    /// How much lower a text has to be to stand in the middle, in parts of its size: the two
    /// backends place it differently.
    sink: f64,
}

impl<DB: DrawingBackend> Canvas<DB>
where
    DB::ErrorType: 'static,
{
    fn on(backend: DB, scale: i32, sink: f64) -> Result<Self> {
        let area = backend.into_drawing_area();
        area.fill(&PAPER).map_err(boxed)?;
        Ok(Self { area, scale, sink })
    }

    fn pixels(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let scale = f64::from(self.scale);
        ((x * scale).round() as i32, (y * scale).round() as i32)
    }

    /// A filled one.
    pub(super) fn rectangle(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Result {
        let corners = [self.pixels(from), self.pixels(to)];
        self.area.draw(&Rectangle::new(corners, colour.filled())).map_err(boxed)
    }

    pub(super) fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: u32) -> Result {
        let points: Vec<_> = points.iter().map(|point| self.pixels(*point)).collect();
        let style = colour.stroke_width(width * self.scale.unsigned_abs());
        self.area.draw(&PathElement::new(points, style)).map_err(boxed)
    }

    pub(super) fn dot(&self, at: (f64, f64), radius: i32, colour: RGBColor) -> Result {
        let circle = Circle::new(self.pixels(at), radius * self.scale, colour.filled());
        self.area.draw(&circle).map_err(boxed)
    }

    /// One line of text, whose height's middle is at `at`.
    pub(super) fn text(
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
        let style = TextStyle::from((FONT, size * self.scale).into_font())
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Center));
        let (x, y) = (at.0, at.1 + self.sink * f64::from(size));
        self.area.draw_text(text, &style, self.pixels((x, y))).map_err(boxed)
    }
}

fn boxed(error: impl Error + 'static) -> Box<dyn Error> {
    format!("cannot draw: {error}").into()
}
