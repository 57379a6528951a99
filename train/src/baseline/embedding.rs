//! Points as vectors whose squared distances are the exponents of kernels.

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::BaselineError;
use crate::quantiles::Sorted;
use crate::target::bessel::log_fisher_integral;

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
    /// The embedding for these points, which are checked.
    ///
    /// # Errors
    /// [`BaselineError`] for other coordinates, rows that are not points, and real columns without a spread.
    ///
    /// # Panics
    /// If `points` are not whole points.
    pub(super) fn new(manifold: &AnyManifold, points: &[f64]) -> Result<Self, BaselineError> {
        let ambient = manifold.ambient();
        assert!(points.len().is_multiple_of(ambient), "whole points of {ambient} coordinates");
        for (i, point) in points.chunks_exact(ambient).enumerate() {
            manifold.check_point(point).map_err(|source| BaselineError::Point {
                row: i + 1,
                manifold: manifold.to_string(),
                source,
            })?;
        }
        let (mut factors, mut column) = (Vec::new(), 0);
        for run in manifold.coordinates() {
            let columns = column..column + run.len();
            match run {
                Coordinates::Angles(_) => factors.extend(columns.map(|column| Factor::Angle { column })),
                Coordinates::UnitVector(len) => factors.push(Factor::UnitVector { column, len }),
                Coordinates::Reals(_) => {
                    for column in columns {
                        factors.push(real(points, ambient, column)?);
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

    /// The embedding for a sample, and the sample embedded.
    ///
    /// # Errors
    /// As [`Embedding::new`], and [`BaselineError::TooFew`] for fewer than [`FEWEST`] points.
    ///
    /// # Panics
    /// As [`Embedding::new`].
    pub(super) fn of_sample(
        manifold: &AnyManifold,
        points: &[f64],
    ) -> Result<(Self, Vec<f64>), BaselineError> {
        let embedding = Self::new(manifold, points)?;
        let rows = points.len() / manifold.ambient();
        if rows < FEWEST {
            return Err(BaselineError::TooFew { rows, needed: FEWEST });
        }
        let embedded = embedding.embed(points);
        Ok((embedding, embedded))
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
fn real(points: &[f64], ambient: usize, column: usize) -> Result<Factor, BaselineError> {
    let values: Vec<f64> = points.iter().skip(column).step_by(ambient).copied().collect();
    if values.is_empty() {
        return Err(BaselineError::TooFew { rows: 0, needed: FEWEST });
    }
    let sorted = Sorted::new(values);
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

/// Numbers `[row][number]` as `[number][row]`, for the rows that are named.
pub(super) fn columns(embedded: &[f64], width: usize, rows: &[usize]) -> Vec<f64> {
    (0..width).flat_map(|i| rows.iter().map(move |row| embedded[row * width + i])).collect()
}
