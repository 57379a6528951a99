//! A figure: panels in a grid under one headline, with a bar of colours at the right.

use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, register_font};

use super::Head;
use super::Picture;
use super::PictureError;
use super::colour::Scale;

/// The font DejaVu Sans; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../../assets/DejaVuSans.ttf");
const FAMILY: &str = "sans-serif";

/// Ink of text and axes.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x2a);

/// Ink of what a reader must know before looking at a picture.
pub(super) const WARNING: RGBColor = RGBColor(0xb0, 0x10, 0x20);

pub(super) const HEAD: u32 = 52;
const TITLE: u32 = 34;
const LEFT: u32 = 70;
const BOTTOM: u32 = 62;
const GAP: u32 = 24;
const BAR: u32 = 118;

/// A figure under construction.
pub(super) struct Figure {
    pixels: Vec<u8>,
    size: (u32, u32),
    /// Width and height of one panel's rectangle in pixels.
    panel: (u32, u32),
    columns: usize,
    rows: usize,
}

/// The drawing area of a figure, and where a panel's rectangle lies in it.
pub(super) struct Panel<'a> {
    area: DrawingArea<BitMapBackend<'a>, Shift>,
    left: i32,
    top: i32,
    width: u32,
    height: u32,
}

type Drawn = Result<(), PictureError>;

impl Figure {
    /// Room for `columns × rows` panels of that size in pixels, and for a bar of colours.
    pub(super) fn new(head: &Head, panel: (u32, u32), columns: usize, rows: usize, bar: bool) -> Self {
        register();
        let width = columns as u32 * (LEFT + panel.0 + GAP) + if bar { BAR } else { GAP };
        let height = HEAD + rows as u32 * (TITLE + panel.1 + BOTTOM);
        let mut figure = Self {
            pixels: vec![0xff; (3 * width * height) as usize],
            size: (width, height),
            panel,
            columns,
            rows,
        };
        // Text on white fails only if the font is missing, and then every panel returns the error.
        let _ = figure.within((0, 0), (width, HEAD), |area| {
            let (title, size) = (&head.title, 20.0);
            match &head.mark {
                None => area.text(title, (0.5, 0.35), Anchor::Middle, size, INK),
                Some(mark) => {
                    area.text(title, (0.5, 0.68), Anchor::Middle, size, INK)?;
                    area.text(mark, (0.5, 0.22), Anchor::Middle, 15.0, WARNING)
                }
            }
        });
        figure
    }

    /// Draws panel number `i`, counted along the rows.
    pub(super) fn panel(&mut self, i: usize, title: &str, draw: impl FnOnce(&Panel<'_>) -> Drawn) -> Drawn {
        let (column, row) = ((i % self.columns) as u32, (i / self.columns) as u32);
        let (width, height) = self.panel;
        let left = LEFT + column * (LEFT + width + GAP);
        let top = HEAD + TITLE + row * (TITLE + height + BOTTOM);
        self.within((left, top), self.panel, |panel| {
            panel.text_at(title, (width as i32 / 2, -(TITLE as i32) / 2), Anchor::Middle, 16.0, INK)?;
            draw(panel)
        })
    }

    /// Draws the bar of colours beside the panels.
    pub(super) fn bar(&mut self, scale: &Scale, unit: &str) -> Drawn {
        let height = self.rows as u32 * (TITLE + self.panel.1 + BOTTOM) - TITLE - BOTTOM;
        let left = self.columns as u32 * (LEFT + self.panel.0 + GAP) + 10;
        self.within((left, HEAD + TITLE), (18, height), |bar| {
            bar.fill(|_, y| scale.colour(scale.low + y * (scale.high - scale.low)).into())?;
            bar.border()?;
            for tick in scale.ticks() {
                let y = (tick - scale.low) / (scale.high - scale.low);
                bar.line(&[(1.0, y), (1.3, y)], INK.into())?;
                bar.text(&scale.label(tick), (1.5, y), Anchor::Left, 13.0, INK)?;
            }
            bar.vertical_text(unit, (18 + 66, height as i32 / 2))
        })
    }

    /// Encodes the figure.
    pub(super) fn finish(self, name: &str) -> Result<Picture, PictureError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.size.0, self.size.1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let encoded = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.pixels)?;
            writer.finish()
        });
        encoded.map_err(|e| PictureError::Drawing { name: name.to_owned(), message: e.to_string() })?;
        Ok(Picture { name: name.to_owned(), png: file })
    }

    fn within(
        &mut self,
        (left, top): (u32, u32),
        (width, height): (u32, u32),
        draw: impl FnOnce(&Panel<'_>) -> Drawn,
    ) -> Drawn {
        let area = BitMapBackend::with_buffer(&mut self.pixels, self.size).into_drawing_area();
        let panel = Panel { area, left: left as i32, top: top as i32, width, height };
        draw(&panel)?;
        panel.area.present().map_err(|e| failure(&e))
    }
}

/// Which part of a text lies at its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    /// The middle of the text's left edge.
    Left,
    /// The centre of the text.
    Middle,
    /// The middle of the text's right edge.
    Right,
}

impl Panel<'_> {
    /// Pixel of a place in the unit square, from the lower left corner.
    fn pixel(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let (width, height) = (f64::from(self.width - 1), f64::from(self.height - 1));
        (self.left + (x * width).round() as i32, self.top + ((1.0 - y) * height).round() as i32)
    }

    /// Colours every pixel by its place; a transparent colour leaves it as it is.
    pub(super) fn fill(&self, colour: impl Fn(f64, f64) -> RGBAColor) -> Drawn {
        for j in 0..self.height {
            let y = 1.0 - (f64::from(j) + 0.5) / f64::from(self.height);
            for i in 0..self.width {
                let x = (f64::from(i) + 0.5) / f64::from(self.width);
                let pixel = (self.left + i as i32, self.top + j as i32);
                self.area.draw_pixel(pixel, &colour(x, y)).map_err(|e| failure(&e))?;
            }
        }
        Ok(())
    }

    /// A frame around the rectangle.
    pub(super) fn border(&self) -> Drawn {
        self.line(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)], INK.into())
    }

    /// A line through places.
    pub(super) fn line(&self, places: &[(f64, f64)], colour: RGBAColor) -> Drawn {
        let path: Vec<_> = places.iter().map(|&place| self.pixel(place)).collect();
        self.area.draw(&PathElement::new(path, colour)).map_err(|e| failure(&e))
    }

    /// A small disc.
    pub(super) fn dot(&self, place: (f64, f64), colour: RGBAColor) -> Drawn {
        self.area.draw(&Circle::new(self.pixel(place), 1, colour.filled())).map_err(|e| failure(&e))
    }

    /// A disc that ends a curve.
    pub(super) fn disc(&self, place: (f64, f64), colour: RGBAColor) -> Drawn {
        self.area.draw(&Circle::new(self.pixel(place), 2, colour.filled())).map_err(|e| failure(&e))
    }

    /// A ring around a place, seen on light and on dark.
    pub(super) fn ring(&self, place: (f64, f64)) -> Drawn {
        for (radius, colour) in [(5, WHITE), (6, WHITE), (7, BLACK)] {
            let circle = Circle::new(self.pixel(place), radius, colour.stroke_width(1));
            self.area.draw(&circle).map_err(|e| failure(&e))?;
        }
        Ok(())
    }

    /// Text at a place.
    pub(super) fn text(
        &self,
        text: &str,
        place: (f64, f64),
        anchor: Anchor,
        size: f64,
        ink: RGBColor,
    ) -> Drawn {
        let (x, y) = self.pixel(place);
        self.text_at(text, (x - self.left, y - self.top), anchor, size, ink)
    }

    /// Text at an offset in pixels from the upper left corner of the rectangle.
    pub(super) fn text_at(
        &self,
        text: &str,
        at: (i32, i32),
        anchor: Anchor,
        size: f64,
        ink: RGBColor,
    ) -> Drawn {
        let h = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = TextStyle::from((FAMILY, size).into_font()).color(&ink).pos(Pos::new(h, VPos::Center));
        self.area.draw_text(text, &style, (self.left + at.0, self.top + at.1)).map_err(|e| failure(&e))
    }

    /// Text that reads upwards, centred at an offset in pixels from the upper left corner of the rectangle.
    pub(super) fn vertical_text(&self, text: &str, at: (i32, i32)) -> Drawn {
        let font = (FAMILY, 14.0).into_font().transform(FontTransform::Rotate270);
        let style = TextStyle::from(font).color(&INK).pos(Pos::new(HPos::Center, VPos::Center));
        self.area.draw_text(text, &style, (self.left + at.0, self.top + at.1)).map_err(|e| failure(&e))
    }

    /// Height of the rectangle in pixels.
    pub(super) fn height(&self) -> i32 {
        self.height as i32
    }

    /// Width of the rectangle in pixels.
    pub(super) fn width(&self) -> i32 {
        self.width as i32
    }
}

/// Makes the embedded font known, once per process: no system font is needed.
fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A font that cannot be read shows up as an error of every text.
        let _ = register_font(FAMILY, FontStyle::Normal, FONT);
    });
}

fn failure(error: &dyn std::error::Error) -> PictureError {
    PictureError::Drawing { name: "a panel".into(), message: error.to_string() }
}
