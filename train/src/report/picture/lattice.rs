//! A target on a lattice: a few samples as configurations, and an observable of the model beside its exact value.

use std::f64::consts::TAU;

use plotters::style::{Color, RGBColor};

use super::colour::Scale;
use super::figure::{Anchor, Figure, INK, Panel};
use super::heat::DOT;
use super::square::axis;
use super::{Head, LATTICE, Picture, PictureError};
use crate::estimate::Estimate;
use crate::evaluation::log_target;
use crate::report::Report;
use crate::target::{Lattice, Target, lattice_by_name};
use crate::weights::Weights;

const SIZE: (u32, u32) = (360, 360);
/// Spins of a chain in one row.
const ROW: usize = 16;
/// Largest distance that is shown.
const FARTHEST: usize = 32;
/// Colour of what is exact.
const EXACT: RGBColor = RGBColor(0xd0, 0x5a, 0x10);

/// Configurations and an observable; no picture where the target is on no lattice of two sites or more, or fewer than
/// two samples were solved.
pub(super) fn draw(
    target: &dyn Target,
    beta: f64,
    samples: &[f64],
    log_q: &[f64],
    report: &Report,
) -> Result<Option<Picture>, PictureError> {
    let Some(lattice) = lattice_by_name(target.name()) else { return Ok(None) };
    let ambient = target.manifold().ambient();
    if ambient < 2 || log_q.len() < 2 {
        return Ok(None);
    }
    let log_w: Vec<f64> =
        log_target(target, beta, samples)?.iter().zip(log_q).map(|(log_p, log_q)| log_p - log_q).collect();
    let largest = log_w.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights = Weights::of_mean_one(log_w.iter().map(|l| (l - largest).exp()).collect());

    let layout = Layout::new(&lattice, ambient);
    let mut figure = Figure::new(&Head::of(report), SIZE, 2, layout.panels.div_ceil(2), true);
    let mut points = samples.chunks_exact(ambient);
    let scale = Scale::turn();
    for i in 0..layout.panels - 1 {
        let shown: Vec<&[f64]> = points.by_ref().take(layout.samples).collect();
        figure.panel(i, &layout.title(i), |panel| layout.draw(panel, &lattice, &shown, &scale))?;
    }
    let last = layout.panels - 1;
    match &lattice {
        Lattice::Gauge(gauge) => {
            let charges: Vec<f64> = samples.chunks_exact(ambient).map(|y| gauge.charge(y)).collect();
            let squares: Vec<f64> = charges.iter().map(|charge| charge * charge).collect();
            let mean = weights.estimate(&squares);
            let most = charges.iter().fold(1.0, |most: f64, charge| most.max(charge.abs())) as i64;
            let probability = |charge: i64| {
                let is: Vec<f64> = charges.iter().map(|c| f64::from(*c as i64 == charge)).collect();
                weights.estimate(&is)
            };
            let shares = Series {
                first: -most,
                model: (-most..=most).map(probability).collect(),
                exact: gauge.charge_probabilities(beta, most as usize),
            };
            let exact = gauge.mean_square_charge(beta);
            let exact = exact.map_or_else(String::new, |exact| format!(", exact {exact:.4}"));
            let title = format!("⟨Q²⟩ = {:.4} ± {:.4}{exact}", mean.value, mean.standard_error);
            figure.panel(last, &title, |panel| shares.draw(panel, "topological charge Q", "probability"))?;
        }
        spins => {
            let pairs = pairs(spins, ambient);
            let correlation = |pairs: &Vec<(usize, usize)>| {
                let of_point = |y: &[f64]| {
                    pairs.iter().map(|&(i, j)| (y[i] - y[j]).cos()).sum::<f64>() / pairs.len() as f64
                };
                weights.estimate(&samples.chunks_exact(ambient).map(of_point).collect::<Vec<_>>())
            };
            let exact = match spins {
                Lattice::Chain(chain) => chain.correlations(beta),
                Lattice::Ring(ring) => ring.correlations(beta),
                Lattice::Square(square) => square.correlations(beta),
                Lattice::Gauge(_) => None,
            };
            let series = Series { first: 0, model: pairs.iter().map(correlation).collect(), exact };
            figure.panel(last, "correlation of spins", |panel| {
                series.draw(panel, "distance r", "⟨cos(θ₀ − θᵣ)⟩")
            })?;
        }
    }
    let unit = if matches!(lattice, Lattice::Gauge(_)) { "angle of a plaquette, rad" } else { "θ, rad" };
    figure.bar(&scale, unit)?;
    figure.finish(LATTICE).map(Some)
}

/// Pairs of spins at every distance that is shown: the first spin of an open chain and another; all pairs along a ring,
/// and along rows and columns of a square, because these are invariant under translations.
fn pairs(lattice: &Lattice, sites: usize) -> Vec<Vec<(usize, usize)>> {
    match lattice {
        Lattice::Chain(_) => (0..sites.min(FARTHEST + 1)).map(|r| vec![(0, r)]).collect(),
        Lattice::Square(square) => {
            let side = square.side();
            let at = |row: usize, column: usize| row % side * side + column % side;
            let of_site = |i: usize, r: usize| {
                let (row, column) = (i / side, i % side);
                [(i, at(row, column + r)), (i, at(row + r, column))]
            };
            (0..=side / 2).map(|r| (0..sites).flat_map(|i| of_site(i, r)).collect()).collect()
        }
        _ => {
            let farthest = (sites / 2).min(FARTHEST);
            (0..=farthest).map(|r| (0..sites).map(|i| (i, (i + r) % sites)).collect()).collect()
        }
    }
}

/// Where sites lie in a panel.
struct Layout {
    /// Sites of a row.
    columns: usize,
    /// Rows of one sample.
    rows: usize,
    /// Samples of a panel, one below the other.
    samples: usize,
    /// Panels of the figure, the last one for the observable.
    panels: usize,
    /// Whether the rows are pieces of one chain.
    is_chain: bool,
}

impl Layout {
    fn new(lattice: &Lattice, sites: usize) -> Self {
        let side = match lattice {
            Lattice::Square(square) => square.side(),
            Lattice::Gauge(gauge) => gauge.side,
            Lattice::Chain(_) | Lattice::Ring(_) => {
                let columns = sites.min(ROW.max((sites as f64).sqrt().ceil() as usize));
                let rows = sites.div_ceil(columns);
                let samples = (ROW.max(columns) / (rows + 1)).max(1);
                return Self {
                    columns,
                    rows,
                    samples,
                    panels: if samples > 3 { 2 } else { 4 },
                    is_chain: true,
                };
            }
        };
        Self { columns: side, rows: side, samples: 1, panels: 4, is_chain: false }
    }

    fn title(&self, panel: usize) -> String {
        let first = panel * self.samples + 1;
        let name = match self.samples {
            1 => format!("sample {first}"),
            n => format!("samples {first} to {}", first + n - 1),
        };
        match (self.is_chain, self.rows) {
            (true, 2..) => format!("{name}, a chain in {} rows", self.rows),
            _ => name,
        }
    }

    /// Samples below each other with a free row between them: plaquettes as squares of colour, spins as arrows, to the
    /// right at `θ = 0` and upwards at `π/2`.
    fn draw(
        &self,
        panel: &Panel<'_>,
        lattice: &Lattice,
        samples: &[&[f64]],
        scale: &Scale,
    ) -> Result<(), PictureError> {
        let colour = |angle: f64| scale.colour(angle - TAU * (angle / TAU + 0.5).floor());
        let rows = self.samples * (self.rows + 1) - 1;
        let cells = self.columns.max(rows) as f64;
        if let (Lattice::Gauge(gauge), [y]) = (lattice, samples) {
            let side = gauge.side;
            // The last angle follows from the others.
            let last = -y.iter().sum::<f64>();
            let cell = |t: f64| ((t * side as f64) as usize).min(side - 1);
            panel.fill(|x, up| {
                let i = cell(1.0 - up) * side + cell(x);
                colour(y.get(i).copied().unwrap_or(last)).into()
            })?;
            return panel.border();
        }
        let above = (cells - rows as f64) / 2.0;
        for (k, y) in samples.iter().enumerate() {
            for (i, &angle) in y.iter().enumerate() {
                let (row, column) = (k * (self.rows + 1) + i / self.columns, i % self.columns);
                let left = (cells - self.columns as f64) / 2.0;
                let centre = ((left + column as f64 + 0.5) / cells, 1.0 - (above + row as f64 + 0.5) / cells);
                arrow(panel, centre, angle, 0.45 / cells, colour(angle))?;
            }
        }
        panel.border()
    }
}

/// An arrow around a place, of that half length.
fn arrow(
    panel: &Panel<'_>,
    (x, y): (f64, f64),
    angle: f64,
    half: f64,
    colour: RGBColor,
) -> Result<(), PictureError> {
    let from =
        |(x, y): (f64, f64), angle: f64, length: f64| (x + length * angle.cos(), y + length * angle.sin());
    let (tail, tip) = (from((x, y), angle, -half), from((x, y), angle, half));
    let wing = |turn: f64| from(tip, angle + turn, -0.8 * half);
    panel.line(&[tail, tip], colour.into())?;
    panel.line(&[wing(0.5), tip, wing(-0.5)], colour.into())
}

/// A function of an integer: estimates from the model, and exact values where they are known.
struct Series {
    /// The first integer.
    first: i64,
    model: Vec<Estimate>,
    exact: Option<Vec<f64>>,
}

impl Series {
    fn draw(&self, panel: &Panel<'_>, x_name: &str, y_name: &str) -> Result<(), PictureError> {
        let ends = |e: &Estimate| {
            // Without an error of its own, where one sample has all the weight.
            let error = if e.standard_error.is_finite() { e.standard_error } else { 0.0 };
            [e.value - error, e.value + error]
        };
        let shown = self.exact.iter().flatten().take(self.model.len());
        let values = self.model.iter().flat_map(ends).chain(shown.clone().copied());
        let (low, high) = values.fold((0.0, 0.1), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
        let step = if high - low > 0.5 { 0.2 } else { 0.1 };
        let (low, high) = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
        let y = |value: f64| (value - low) / (high - low);
        let x = |i: usize| (i as f64 + 0.5) / self.model.len() as f64;
        let stride = self.model.len().div_ceil(9);
        let ticks = (0..self.model.len()).filter(|i| (self.first + *i as i64).rem_euclid(stride as i64) == 0);
        let label = |number: String| number.replace('-', "−");
        let ticks: Vec<_> = ticks.map(|i| (x(i), label((self.first + i as i64).to_string()))).collect();
        axis(panel, true, x_name, &ticks)?;
        let (first, last) = ((low / step).round() as i64, (high / step).round() as i64);
        let ticks = (first..=last).map(|k| (y(k as f64 * step), label(format!("{:.1}", k as f64 * step))));
        axis(panel, false, y_name, &ticks.collect::<Vec<_>>())?;
        panel.border()?;
        panel.line(&[(0.0, y(0.0)), (1.0, y(0.0))], INK.mix(0.3))?;
        for (i, exact) in shown.enumerate() {
            let wide = 0.5 / self.model.len() as f64;
            panel.line(&[(x(i) - wide, y(*exact)), (x(i) + wide, y(*exact))], EXACT.into())?;
        }
        for (i, estimate) in self.model.iter().enumerate() {
            let [lower, upper] = ends(estimate);
            panel.line(&[(x(i), y(lower)), (x(i), y(upper))], DOT.into())?;
            panel.disc((x(i), y(estimate.value)), DOT.into())?;
        }
        let right = panel.width() - 12;
        panel.text_at("model, reweighted, ± one error", (right, 16), Anchor::Right, 13.0, DOT)?;
        match self.exact {
            Some(_) => panel.text_at("exact", (right, 34), Anchor::Right, 13.0, EXACT),
            None => Ok(()),
        }
    }
}
