//! Pictures of a trained map: densities, potentials, samples.
//!
//! A surface with a chart (the torus T², the sphere S²) gets heat maps; any other manifold gets projections of the
//! samples onto pairs of coordinates. A target on a lattice gets configurations and an observable as well.

mod chart;
mod colour;
mod figure;
mod grid;
mod heat;
mod lattice;
mod mollweide;
mod pairs;
mod square;
mod surface;
mod turn;

use ircpm_manifolds::{AnyManifold, Coordinates};

use crate::data::Notation;
use crate::evaluation::{EvaluationError, log_target, seed_of_run};
use crate::points::{Generator, Sequence, Spread, base_points};
use crate::report::Report;
use crate::training::{Problem, Source};
use crate::weights::{WeightedPoints, partial_sums};
use chart::Chart;
use colour::Scale;
use figure::Figure;
use grid::Grid;
use mollweide::Mollweide;
use square::Square;
pub use surface::{Kind, Surface, nodes, surfaces};

const DENSITY: &str = "density.png";
const POTENTIAL: &str = "potential.png";
const SAMPLES: &str = "samples.png";
const LATTICE: &str = "lattice.png";

/// Names of all files that [`draw`] may make.
pub const FILES: [&str; 4] = [DENSITY, POTENTIAL, SAMPLES, LATTICE];

/// A drawn picture.
pub struct Picture {
    /// Name of the file.
    pub name: String,
    /// Bytes of the PNG file.
    pub png: Vec<u8>,
}

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The drawing library fails.
    #[error("cannot draw {name}: {message}")]
    Drawing {
        /// The picture's file.
        name: String,
        /// What the drawing library says.
        message: String,
    },
    /// The target is not finite somewhere.
    #[error(transparent)]
    Target(#[from] EvaluationError),
}

/// Points in a scatter plot.
const DOTS: usize = 6000;
/// Most potentials in one picture.
const LAYERS: usize = 4;

/// Draws all pictures that the manifold has.
///
/// # Errors
/// [`PictureError::Drawing`] if the drawing library fails, [`PictureError::Target`] if the target is not finite
/// somewhere.
pub fn draw(problem: &Problem, theta: &[f64], report: &Report) -> Result<Vec<Picture>, PictureError> {
    let (samples, log_q) = samples(problem, theta);
    let notation = problem.config.notation();
    let mut pictures = match chart(problem.manifold(), &notation) {
        None => vec![pairs::draw(problem.manifold(), &samples, &notation, report)?],
        Some(chart) => vec![
            densities(problem, theta, report, chart.as_ref())?,
            potentials(problem, theta, report, chart.as_ref())?,
            scatter(problem, &samples, report, chart.as_ref())?,
        ],
    };
    if let Some((target, beta)) = problem.source().target() {
        pictures.extend(lattice::draw(target, beta, &samples, &log_q, report)?);
    }
    Ok(pictures)
}

/// The plane chart of a surface, `None` if it has none; its axes are as points are written.
fn chart(manifold: &AnyManifold, notation: &Notation) -> Option<Box<dyn Chart>> {
    match manifold.coordinates()[..] {
        [Coordinates::Angles(2)] => Some(Box::new(Square::new(manifold, notation))),
        [Coordinates::UnitVector(3)] => Some(Box::new(Mollweide::new(notation))),
        _ => None,
    }
}

/// Points of the model with their `log q`, those that were solved.
fn samples(problem: &Problem, theta: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let manifold = problem.manifold();
    let sequence = Sequence::new(Spread::Random, DOTS, manifold.cube_dim());
    let seed = seed_of_run(problem.config.evaluation.seed, problem.config.seed);
    let x = base_points(manifold, &sequence, &mut Generator::from_seed(seed));
    let pushed = problem.flow.forward(theta, &x);
    let solved = || (0..pushed.ok.len()).filter(|&i| pushed.ok[i]);
    let ambient = manifold.ambient();
    let points = solved().flat_map(|i| &pushed.y[i * ambient..(i + 1) * ambient]).copied().collect();
    (points, solved().map(|i| pushed.log_q[i]).collect())
}

/// Target and model side by side, in one scale of colours; grey where the model folds.
fn densities(
    problem: &Problem,
    theta: &[f64],
    report: &Report,
    chart: &dyn Chart,
) -> Result<Picture, PictureError> {
    let nodes = chart.nodes();
    let pulled = problem.flow.inverse(theta, &nodes);
    let log_q = pulled.log_q.iter().zip(&pulled.ok);
    let model = Grid::new(chart.shape(), log_q.map(|(l, &ok)| if ok { l.exp() } else { f64::NAN }).collect());
    let mut panels = vec![("model density q", model)];
    if let (Some((target, beta)), Some(log_z)) =
        (problem.source().target(), report.log_z_exact.or(report.log_z))
    {
        let log_p = log_target(target, beta, &nodes)?;
        let density = Grid::new(chart.shape(), log_p.iter().map(|l| (l - log_z).exp()).collect());
        panels.insert(0, ("target density p", density));
    }
    let high = panels.iter().map(|(_, grid)| grid.range().1).fold(0.0, f64::max);
    let scale = Scale::density(high);
    let mut figure = Figure::new(&Head::of(report), chart.size(), panels.len(), 1, true);
    for (i, (title, grid)) in panels.iter().enumerate() {
        figure.panel(i, title, |panel| heat::draw(panel, chart, grid, &scale))?;
    }
    figure.bar(&scale, "per unit of volume")?;
    figure.finish(DENSITY)
}

/// The potential of each layer; the layers that share one are drawn once.
fn potentials(
    problem: &Problem,
    theta: &[f64],
    report: &Report,
    chart: &dyn Chart,
) -> Result<Picture, PictureError> {
    let flow = &problem.flow;
    let layers = if flow.is_shared() { 1 } else { flow.layers().min(LAYERS) };
    let nodes = chart.nodes();
    let grids: Vec<Grid> = (0..layers)
        .map(|layer| {
            let psi = flow.potential(theta, layer, &nodes);
            // A potential is known up to a constant, so the mean over the picture is subtracted.
            let mean = psi.iter().sum::<f64>() / psi.len() as f64;
            Grid::new(chart.shape(), psi.iter().map(|p| p - mean).collect())
        })
        .collect();
    let range = grids
        .iter()
        .map(Grid::range)
        .fold((0.0, 0.0), |(l, h), (low, high)| (f64::min(l, low), f64::max(h, high)));
    let scale = Scale::potential(range);
    let mut figure = Figure::new(&Head::of(report), chart.size(), layers.min(2), layers.div_ceil(2), true);
    for (layer, grid) in grids.iter().enumerate() {
        let title = match (flow.is_shared(), flow.layers()) {
            (_, 1) => "potential ψ".to_owned(),
            (true, n) => format!("potential ψ, shared by {n} layers"),
            (false, n) => format!("potential ψ, layer {} of {n}", layer + 1),
        };
        figure.panel(layer, &title, |panel| heat::draw(panel, chart, grid, &scale))?;
    }
    figure.bar(&scale, "rad², up to a constant")?;
    figure.finish(POTENTIAL)
}

/// Samples of the model, beside the data if there are any.
fn scatter(
    problem: &Problem,
    samples: &[f64],
    report: &Report,
    chart: &dyn Chart,
) -> Result<Picture, PictureError> {
    let mut panels = vec![("model samples", samples)];
    let data;
    if let Source::Points { train, .. } = problem.source() {
        data = evenly(train, problem.manifold().ambient());
        panels.insert(0, ("data", &data));
    }
    let mut figure = Figure::new(&Head::of(report), chart.size(), panels.len(), 1, false);
    for (i, (title, points)) in panels.into_iter().enumerate() {
        figure.panel(i, title, |panel| heat::dots(panel, chart, points))?;
    }
    figure.finish(SAMPLES)
}

/// All points, or as many as a picture has dots, evenly from the first to the last: files are often sorted. Of weighted
/// points one per equal part of the sum of weights, so that dots are dense where the weights are large.
fn evenly(given: WeightedPoints<'_>, ambient: usize) -> Vec<f64> {
    let points = given.points();
    let count = points.len() / ambient;
    let shown = count.min(DOTS);
    let rows: Vec<usize> = match given.weights() {
        None => (0..shown).map(|i| i * count / shown).collect(),
        Some(weights) => {
            let sums = partial_sums(weights);
            let middle = |i: usize| (i as f64 + 0.5) / shown as f64 * sums[count - 1];
            (0..shown).map(|i| sums.partition_point(|sum| *sum <= middle(i)).min(count - 1)).collect()
        }
    };
    rows.iter().flat_map(|row| &points[row * ambient..][..ambient]).copied().collect()
}

/// What stands above the panels of every picture of a run.
struct Head {
    title: String,
    /// What a reader must know first: that the map folds, that training was interrupted.
    mark: Option<String>,
}

impl Head {
    fn of(report: &Report) -> Self {
        let mark = report.mark();
        let quality = match (&mark, report.ess, report.kl) {
            (None, Some(ess), Some(kl)) => format!("   ESS {:.2} %, KL {kl:.1e}", 100.0 * ess),
            _ => String::new(),
        };
        Self { title: report.title() + &quality, mark }
    }
}

#[cfg(test)]
mod tests;
