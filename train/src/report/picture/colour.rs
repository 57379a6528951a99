//! Numbers to colours, by perceptually uniform maps: equal steps of the value look equal.

use std::f64::consts::PI;

use colorgrad::Gradient;
use plotters::style::RGBColor;

/// A range of values and its colours.
pub(super) struct Scale {
    /// Value of the first colour.
    pub(super) low: f64,
    /// Value of the last colour.
    pub(super) high: f64,
    colours: Vec<RGBColor>,
}

/// Colour of places without a value: light grey, which is in neither map.
const NO_VALUE: RGBColor = RGBColor(0xc8, 0xc8, 0xc8);
const STEPS: usize = 512;

impl Scale {
    /// Colours of a density from zero to `high`: black to light (magma).
    pub(super) fn density(high: f64) -> Self {
        Self::new(0.0, high, &colorgrad::preset::magma())
    }

    /// Colours of a potential from low to high: blue to yellow (viridis).
    pub(super) fn potential((low, high): (f64, f64)) -> Self {
        Self::new(low, high, &colorgrad::preset::viridis())
    }

    /// Colours of an angle from −π to π, the same at both ends: a rainbow without a seam (sinebow).
    pub(super) fn turn() -> Self {
        Self::new(-PI, PI, &colorgrad::preset::sinebow())
    }

    fn new(low: f64, high: f64, gradient: &dyn Gradient) -> Self {
        // A constant function still needs a scale.
        let high = if high > low { high } else { low + 1.0 };
        let colour = |i: usize| {
            let [r, g, b, _] = gradient.at(i as f32 / (STEPS - 1) as f32).to_rgba8();
            RGBColor(r, g, b)
        };
        Self { low, high, colours: (0..STEPS).map(colour).collect() }
    }

    /// The colour of a value; grey for NaN.
    pub(super) fn colour(&self, x: f64) -> RGBColor {
        if x.is_nan() {
            return NO_VALUE;
        }
        let t = ((x - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.colours[(t * (STEPS - 1) as f64).round() as usize]
    }

    /// Four to nine round numbers within the range.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let span = self.high - self.low;
        let power = 10f64.powf((span / 4.0).log10().floor());
        let step = [5.0, 2.0, 1.0].map(|m| m * power).into_iter().find(|s| span / s >= 4.0).unwrap_or(power);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step * (1.0 + 1e-12)).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }

    /// Tick labels with as many decimals as the ticks need.
    pub(super) fn label(&self, tick: f64) -> String {
        let decimals = (2.0 - (self.high - self.low).log10().floor()).clamp(0.0, 12.0) as usize;
        let text = format!("{tick:.decimals$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        if text == "-0" { "0".into() } else { text.replace('-', "−") }
    }
}
