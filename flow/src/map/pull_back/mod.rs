//! Implicit gradients of one layer: cotangents through the solution, by the implicit function theorem.
//!
//! For a loss `f(y, ℓ)` write `ω = ∂f/∂ℓ`. Since `ℓ` depends on `(grad psi, Hess psi)` at `y` alone, everything is the
//! gradient of one contraction `A : Hess psi + b · grad psi`, with `A` and `b` held fixed, which collapsed jets carry:
//! with `H = C Cᵀ` the directions `uₖ = C⁻ᵀ eₖ` turn `H⁻¹ : Hess psi` into a trace, and `b` into the output's
//! cotangent.
//!
//! - Forward: `v = ∂f/∂y + ω grad ℓ`, `w = H⁻¹ v`; the parameters get `∂θ [ω ℓ − w · grad psi]`, the preimage `−B w`.
//! - Inverse, `x = exp_y(grad psi(y))` with cotangent `x̄`: `w′ = (−B)⁻¹ x̄`; the parameters get
//!   `∂θ [ω ℓ + w′ · grad psi]`, the image `ω grad ℓ + H w′`. There is no solve at all.
//!
//! `docs/mathematics.md` derives both. A record of an inverse run may be pulled back in the forward direction, which
//! gives the derivatives of `T` at a given image.

mod geometry;

use std::ops::Range;

use geometry::{Pack, Scratch, Tile};
use ircpm_ad::{Kernel, Lap, Real};
use ircpm_manifolds::Cost;

use super::run::saved_packs;
use super::{Direction, Record};
use crate::lanes::{Span, TILE, Workspace};
use crate::potential::{EvaluatedPack, Potential, resize};

/// Cotangents of what a layer's run returned, per sample.
#[derive(Clone, Copy, Debug)]
pub struct Cotangents<'a> {
    /// Cotangents of the points that the run ended at: ambient coordinates, `[sample][coordinate]`. Components normal
    /// to the manifold are ignored.
    pub points: &'a [f64],
    /// Cotangents of `ℓ = log|det DT|` at the image, for both directions.
    pub log_det: &'a [f64],
}

/// Where a pull-back leaves its results.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// The gradient in the parameters, which is added to.
    pub theta: ThetaGradient<'a>,
    /// The gradient in the points that the run started from, as [`Cotangents::points`], which is overwritten.
    pub points: &'a mut [f64],
}

impl Gradients<'_> {
    /// Checks the lengths of what a pull-back of a map of so many parameters reads and writes.
    ///
    /// # Panics
    /// If one of them is wrong, or the record is not for gradients.
    pub(super) fn check_lengths(&self, parameters: usize, record: &Record, cotangents: Cotangents<'_>) {
        let samples = record.samples();
        match &self.theta {
            ThetaGradient::Sum(sum) => {
                assert_eq!(sum.len(), parameters, "gradient in the parameters of a map");
            }
            ThetaGradient::Each(columns) => {
                assert_eq!(columns.len(), parameters * samples, "gradients of every sample of a map");
            }
        }
        assert_eq!(self.points.len(), record.y.len(), "cotangents of the points that the run started from");
        assert_eq!(cotangents.points.len(), record.y.len(), "cotangents of the points that the run ended at");
        assert_eq!(cotangents.log_det.len(), samples, "cotangents of log-determinants");
        assert!(record.saves(), "a record to pull back through is `Record::for_gradients()`");
    }
}

/// A gradient in the parameters, over the samples of a run or for each of them.
#[derive(Debug)]
pub enum ThetaGradient<'a> {
    /// The sum over samples, one number per parameter.
    Sum(&'a mut [f64]),
    /// Sample by sample, `[parameter][sample]`: a block of a Jacobian's columns.
    Each(&'a mut [f64]),
}

impl ThetaGradient<'_> {
    /// Where the gradient in some of the parameters belongs, for `samples` samples.
    pub(crate) fn part(&mut self, parameters: Range<usize>, samples: usize) -> ThetaGradient<'_> {
        match self {
            Self::Sum(sum) => ThetaGradient::Sum(&mut sum[parameters]),
            Self::Each(columns) => {
                ThetaGradient::Each(&mut columns[parameters.start * samples..parameters.end * samples])
            }
        }
    }
}

/// The kernel: see [`crate::map::Map::pull_back`].
pub(crate) struct PullBack<'a, M, P, const D: usize> {
    pub manifold: &'a M,
    /// Some point of the manifold, where failed samples are read.
    pub origin: &'a [f64],
    pub potential: &'a P,
    pub direction: Direction,
    pub theta: &'a [f64],
    pub record: &'a Record,
    pub cotangents: Cotangents<'a>,
    pub into: Gradients<'a>,
    pub work: &'a mut Workspace,
}

/// Buffers of a thread.
struct Buffers<P: Potential, R: Real, const D: usize> {
    pack: Pack<R, D>,
    scratch: Scratch<R, D>,
    /// Coordinates of one pack along its directions, and their cotangents.
    z: Vec<Lap<R, D>>,
    z_bar: Vec<Lap<R, D>>,
    sweep: P::SweepWorkspace<Lap<R, D>>,
    /// Gradients of every sample, `[pack][parameter]`.
    rows: Vec<R>,
}

impl<P: Potential, R: Real, const D: usize> Default for Buffers<P, R, D> {
    fn default() -> Self {
        Self {
            pack: Pack::default(),
            scratch: Scratch::default(),
            z: vec![],
            z_bar: vec![],
            sweep: Default::default(),
            rows: vec![],
        }
    }
}

impl<M: Cost, P: Potential, const D: usize> Kernel for PullBack<'_, M, P, D> {
    type Output = ();

    /// The packs of a tile go one after the other through the geometry, the contraction and, forward, its second
    /// cotangents. The gradient in the parameters is then summed over the tile.
    #[inline(always)]
    fn run<R: Real>(self) {
        let PullBack { manifold: m, origin, potential, direction, theta, record, cotangents, into, work } =
            self;
        let Gradients { theta: mut theta_bar, points: points_bar } = into;
        let Buffers { pack, scratch, z, z_bar, sweep, rows } = work.get::<Buffers<P, R, D>>();
        resize(z, m.ambient());
        resize(z_bar, m.ambient());
        scratch.resize(m.ambient());
        let saved = saved_packs::<P, R, D>(record);
        for span in Span::tiles(record.samples()) {
            potential.begin(span.packs::<R>(), sweep);
            let mut tile = Tile::new(m, span, (record, origin), cotangents, points_bar);
            for p in 0..span.packs::<R>() {
                R::vectorized(
                    #[inline(always)]
                    || {
                        tile.seed(p, pack, z);
                        if direction == Direction::Inverse {
                            tile.pull_back_exponential(p, pack, scratch);
                        }
                    },
                );
                let saved = &saved[span.start / R::LANES + p];
                let at = EvaluatedPack { p, z, directions: &pack.directions, saved };
                R::vectorized(
                    #[inline(always)]
                    || potential.contract(theta, at, pack.psi_bar, z_bar, sweep),
                );
                match direction {
                    Direction::Forward => {
                        let psi_bar = R::vectorized(
                            #[inline(always)]
                            || tile.pull_back_minimum(p, pack, z_bar, scratch),
                        );
                        let at = EvaluatedPack { p, z, directions: &pack.directions, saved };
                        R::vectorized(
                            #[inline(always)]
                            || potential.replace_cotangents(theta, at, psi_bar, z_bar, sweep),
                        );
                    }
                    Direction::Inverse => R::vectorized(
                        #[inline(always)]
                        || tile.add_point_gradient(p, pack, z_bar, scratch),
                    ),
                }
            }
            match &mut theta_bar {
                ThetaGradient::Sum(sum) => R::vectorized(
                    #[inline(always)]
                    || potential.accumulate(sweep, sum),
                ),
                ThetaGradient::Each(columns) => R::vectorized(
                    #[inline(always)]
                    || accumulate_each(potential, sweep, span, columns, rows),
                ),
            }
        }
    }
}

/// Adds the gradient of every sample of a tile to its place in `columns`, `[parameter][sample]`.
#[inline(always)]
fn accumulate_each<P: Potential, R: Real, const D: usize>(
    potential: &P,
    sweep: &P::SweepWorkspace<Lap<R, D>>,
    span: Span,
    columns: &mut [f64],
    rows: &mut Vec<R>,
) {
    let (parameters, packs) = (potential.parameters(), span.packs::<R>());
    if parameters == 0 {
        return;
    }
    let samples = columns.len() / parameters;
    resize(rows, packs * parameters);
    rows.fill(R::zero());
    potential.accumulate_each(sweep, rows);
    for (p, row) in rows.chunks_exact(parameters).enumerate() {
        let start = span.start + p * R::LANES;
        let lanes = R::LANES.min(samples - start);
        for (k, &row) in row.iter().enumerate() {
            let out = &mut columns[k * samples + start..][..lanes];
            if lanes == R::LANES {
                (R::load(out) + row).store(out);
            } else {
                for lane in 0..lanes {
                    out[lane] += row.lane(lane);
                }
            }
        }
    }
}

/// Number of samples in a tile is a multiple of the lanes of every instruction set, so that packs do not cross tiles.
const _: () = assert!(TILE.is_multiple_of(16));
