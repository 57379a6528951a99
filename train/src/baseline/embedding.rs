//! Points as vectors whose squared distances are the exponents of kernels.

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::BaselineError;
use crate::quantiles::Sorted;
use crate::target::bessel::log_fisher_integral;
use crate::weights::{Sample, WeightedPoints};

/// The fewest points that anything can be chosen for by cross-validation.
pub(super) const FEWEST: usize = 4;

/// One factor of the manifold: how its coordinates become numbers of the embedding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Factor {
    /// The angle of a column, as cosine and sine.
    Angle { column: usize },
    /// A unit vector of so many columns, as it is.
    UnitVector { column: usize, len: usize },
    /// A real column, in units of its spread, from its median on.
    Real { column: usize, median: f64, spread: f64 },
}

impl Factor {
    /// Numbers of the embedding that belong to the factor.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Angle { .. } => 2,
            Self::UnitVector { len, .. } => len,
            Self::Real { .. } => 1,
        }
    }
}

/// An embedding in which `|a − b|²/2` is `1 − cos(a − b)` for angles, `1 − a·b` for unit vectors, and half the square of
/// a standardised difference for reals.
///
/// The kernels `exp(−κ |a − b|²/2) / C(κ)` are then products of von Mises, von Mises–Fisher and normal densities with
/// one concentration `κ`; a normal one has `κ = 1/h²` for a bandwidth of `h` spreads.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    pub(super) factors: Vec<Factor>,
    /// Numbers of the embedding per point.
    pub(super) width: usize,
    /// Dimension of the manifold.
    pub(super) dim: usize,
    /// Coordinates per point.
    ambient: usize,
    /// `Σ log spread` over the real columns: what a density in units of the spreads exceeds that in the user's.
    pub(super) log_scale: f64,
}

impl Embedding {
    /// The embedding for a sample of points.
    ///
    /// # Errors
    /// [`BaselineError`] for other coordinates, and real columns without a spread.
    fn new(manifold: &AnyManifold, sample: &Sample) -> Result<Self, BaselineError> {
        let ambient = manifold.ambient();
        let (mut factors, mut column) = (Vec::new(), 0);
        for run in manifold.coordinates() {
            let columns = column..column + run.len();
            match run {
                Coordinates::Angles(_) => factors.extend(columns.map(|column| Factor::Angle { column })),
                Coordinates::UnitVector(len) => factors.push(Factor::UnitVector { column, len }),
                Coordinates::Reals(_) => {
                    for column in columns {
                        factors.push(real(sample, ambient, column)?);
                    }
                }
                _ => return Err(BaselineError::Coordinates { manifold: manifold.to_string() }),
            }
            column += run.len();
        }
        let width = factors.iter().map(|factor| factor.width()).sum();
        let spread =
            |factor: &Factor| if let Factor::Real { spread, .. } = factor { spread.ln() } else { 0.0 };
        let log_scale = factors.iter().map(spread).sum();
        Ok(Self { factors, width, dim: manifold.dim(), ambient, log_scale })
    }

    /// The embedding for these points, which are checked, and those that count embedded.
    ///
    /// # Errors
    /// As [`Embedding::new`], and [`BaselineError::TooFew`] for fewer than [`FEWEST`] points of positive weight,
    /// [`BaselineError::Point`] for rows that are not points.
    ///
    /// # Panics
    /// If `points` are not whole points, or there is not one weight per point.
    pub(super) fn of_points(
        manifold: &AnyManifold,
        points: WeightedPoints<'_>,
    ) -> Result<(Self, Sample), BaselineError> {
        let ambient = manifold.ambient();
        assert!(points.points().len().is_multiple_of(ambient), "whole points of {ambient} coordinates");
        for (i, point) in points.points().chunks_exact(ambient).enumerate() {
            manifold.check_point(point).map_err(|source| BaselineError::Point {
                row: i + 1,
                manifold: manifold.to_string(),
                source,
            })?;
        }
        let sample = Sample::new(points, ambient);
        let embedding = Self::new(manifold, &sample)?;
        let rows = sample.points.len() / ambient;
        if rows < FEWEST {
            return Err(BaselineError::TooFew { rows, needed: FEWEST });
        }
        let points = embedding.embed(&sample.points);
        Ok((embedding, Sample { points, ..sample }))
    }

    /// Embeds points `[row][coordinate]` as `[row][number]`.
    ///
    /// # Panics
    /// If `points` are not whole points.
    pub(super) fn embed(&self, points: &[f64]) -> Vec<f64> {
        let ambient = self.ambient;
        assert!(points.len().is_multiple_of(ambient), "whole points of {ambient} coordinates");
        let mut embedded = Vec::with_capacity(points.len() / ambient * self.width);
        for point in points.chunks_exact(ambient) {
            for factor in &self.factors {
                match *factor {
                    Factor::Angle { column } => embedded.extend([point[column].cos(), point[column].sin()]),
                    Factor::UnitVector { column, len } => embedded.extend(&point[column..column + len]),
                    Factor::Real { column, median, spread } => {
                        embedded.push((point[column] - median) / spread);
                    }
                }
            }
        }
        embedded
    }

    /// `log C(κ) = log ∫ exp(−κ |a − b|²/2) db` over the manifold, in units of the spreads, for `κ > 0`.
    pub(super) fn log_normaliser(&self, kappa: f64) -> f64 {
        let (mut log, mut circle) = (0.0, None);
        for factor in &self.factors {
            log += match *factor {
                Factor::Angle { .. } => *circle.get_or_insert_with(|| log_fisher_integral(2, kappa) - kappa),
                Factor::UnitVector { len, .. } => log_fisher_integral(len, kappa) - kappa,
                Factor::Real { .. } => 0.5 * (std::f64::consts::TAU / kappa).ln(),
            };
        }
        log
    }
}

/// The factor of a real column.
fn real(sample: &Sample, ambient: usize, column: usize) -> Result<Factor, BaselineError> {
    let values: Vec<f64> = sample.points.iter().skip(column).step_by(ambient).copied().collect();
    if values.is_empty() {
        return Err(BaselineError::TooFew { rows: 0, needed: FEWEST });
    }
    let sorted = Sorted::weighted(values, &sample.weights);
    let ((low, high), spread) = (sorted.range(), sorted.spread());
    if low == high {
        return Err(BaselineError::Constant { column: column + 1, value: low });
    }
    // Squares of standardised differences must neither overflow nor vanish.
    let standardised = (high - low) / spread;
    if !(spread > 1e-150 && spread < 1e150 && standardised < 1e150) {
        return Err(BaselineError::Scale { column: column + 1, spread });
    }
    Ok(Factor::Real { column, median: sorted.quantile(0.5), spread })
}

/// Numbers `[row][number]` as `[number][row]`.
pub(super) fn columns(embedded: &[f64], width: usize) -> Vec<f64> {
    (0..width).flat_map(|i| embedded.iter().skip(i).step_by(width)).copied().collect()
}
