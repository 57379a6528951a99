//! Implicit gradients of one layer: cotangents through the solution, by the implicit function theorem.
//!
//! For a loss `f(y, ℓ)` write `ω = ∂f/∂ℓ`. Since `ℓ` depends on `(grad psi, Hess psi)` at `y` alone, everything is the
//! gradient of one contraction `A : Hess psi + b · grad psi`, `A` and `b` held fixed, which collapsed jets carry: with
//! `H = C Cᵀ` the directions `uₖ = C⁻ᵀ eₖ` turn `H⁻¹ : Hess psi` into a record, and `b` into the output's cotangent.
//!
//! - Forward: `v = ∂f/∂y + ω grad ℓ`, `w = H⁻¹ v`; the parameters get `∂θ [ω ℓ − w · grad psi]`, the preimage `−B w`.
//! - Inverse, `x = exp_y(grad psi(y))` with cotangent `p`: `w′ = (−B)⁻¹ p`; the parameters get
//!   `∂θ [ω ℓ + w′ · grad psi]`, the image `ω grad ℓ + H w′`. No solve at all.

mod geometry;

use std::ops::Range;

use ircpm_ad::simd::Task;
use ircpm_ad::{Kernel, Lap, Real};
use ircpm_manifolds::Manifold;

use geometry::{AddPointGradient, Pack, Scratch, Seed, ThroughExponential, ThroughMinimum, Tile};

use super::{ConcaveMap, Direction, Record};
use crate::lanes::{Span, TILE, Workspace};
use crate::potential::{EvaluatedTile, NextCotangents, Potential, resize, resize_to};

/// Cotangents of what a layer's run returned, per sample.
#[derive(Clone, Copy, Debug)]
pub struct Cotangents<'a> {
    /// Of the points that the run ended at: ambient coordinates, `[sample][coordinate]`; components normal to the
    /// manifold are ignored.
    pub points: &'a [f64],
    /// Of `ℓ = log|det DT|` at the image, for both directions.
    pub log_det: &'a [f64],
}

/// Where a pull-back leaves its results.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// In the parameters: added to.
    pub theta: ThetaGradient<'a>,
    /// In the points that the run started from, as [`Cotangents::points`]: overwritten.
    pub points: &'a mut [f64],
}

/// A gradient in the parameters, over the samples of a run or for each of them.
#[derive(Debug)]
pub enum ThetaGradient<'a> {
    /// The sum over samples: one number a parameter.
    Sum(&'a mut [f64]),
    /// Sample by sample, `[parameter][sample]`: a block of a Jacobian's columns.
    Each(&'a mut [f64]),
}

impl ThetaGradient<'_> {
    /// Where the gradient in some of the parameters belongs, of `samples` samples.
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
    pub map: &'a ConcaveMap<M, P, D>,
    pub direction: Direction,
    pub theta: &'a [f64],
    pub record: &'a Record,
    pub cotangents: Cotangents<'a>,
    pub into: Gradients<'a>,
    pub work: &'a mut Workspace,
}

/// Buffers of a thread.
struct Buffers<P: Potential, R: Real, const D: usize> {
    packs: Vec<Pack<R, D>>,
    scratch: Scratch<R, D>,
    /// Coordinates, directions and cotangents of all packs: the contraction reads them while its turns have the packs.
    z: Vec<Lap<R, D>>,
    directions: Vec<[[R; D]; D]>,
    psi_bar: Vec<Lap<R, D>>,
    sweep: P::SweepWorkspace<Lap<R, D>>,
    /// Gradients of every sample, `[pack][parameter]`.
    rows: Vec<R>,
}

impl<P: Potential, R: Real, const D: usize> Default for Buffers<P, R, D> {
    fn default() -> Self {
        Self {
            packs: vec![],
            scratch: Scratch::default(),
            z: vec![],
            directions: vec![],
            psi_bar: vec![],
            sweep: Default::default(),
            rows: vec![],
        }
    }
}

impl<M: Manifold, P: Potential, const D: usize> Kernel for PullBack<'_, M, P, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let PullBack { map, direction, theta, record, cotangents, into, work } = self;
        let Gradients { theta: mut theta_bar, points: points_bar } = into;
        let ConcaveMap { manifold: m, potential, .. } = map;
        let n = m.ambient();
        let Buffers { packs, scratch, z, directions, psi_bar, sweep, rows } = work.get::<Buffers<P, R, D>>();
        packs.resize_with(TILE / R::LANES, Pack::default);
        scratch.resize(n);
        let saved = record.saved.packs::<P::Saved<R, D>>();
        for span in Span::all(record.ok.len()) {
            let count = span.packs::<R>();
            resize(z, n * count);
            resize(psi_bar, count);
            if directions.len() != count {
                resize_to(directions, count, &[[R::zero(); D]; D]);
            }
            let points_bar = &mut *points_bar;
            let mut tile = Tile { m, span, record, cotangents, points_bar, packs, scratch };
            for p in 0..count {
                R::vectorized(Seed(&mut tile, p, &mut z[p * n..][..n]));
                if direction == Direction::Inverse {
                    R::vectorized(ThroughExponential(&mut tile, p));
                }
                (directions[p], psi_bar[p]) = (tile.packs[p].directions, tile.packs[p].psi_bar);
            }
            let turn = &mut |p: usize, z_bar: &[Lap<R, D>]| match direction {
                Direction::Forward => Some(R::vectorized(ThroughMinimum(&mut tile, p, z_bar))),
                Direction::Inverse => {
                    R::vectorized(AddPointGradient(&mut tile, p, z_bar));
                    None
                }
            };
            let seen = EvaluatedTile { z, directions, saved: &saved[span.start / R::LANES..][..count] };
            R::vectorized(Contract { potential, theta, seen, psi_bar, turn, sweep });
            match &mut theta_bar {
                ThetaGradient::Sum(sum) => R::vectorized(Accumulate { potential, sweep, sum }),
                ThetaGradient::Each(columns) => {
                    R::vectorized(AccumulateEach { potential, sweep, span, columns, rows });
                }
            }
        }
    }
}

/// [`Potential::contract`].
struct Contract<'a, P: Potential, R: Real, const D: usize> {
    potential: &'a P,
    theta: &'a [f64],
    seen: EvaluatedTile<'a, P::Saved<R, D>, R, D>,
    psi_bar: &'a [Lap<R, D>],
    turn: NextCotangents<'a, R, D>,
    sweep: &'a mut P::SweepWorkspace<Lap<R, D>>,
}

impl<P: Potential, R: Real, const D: usize> Task for Contract<'_, P, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.potential.contract(self.theta, self.seen, self.psi_bar, self.turn, self.sweep);
    }
}

/// [`Potential::accumulate`].
struct Accumulate<'a, P: Potential, R: Real, const D: usize> {
    potential: &'a P,
    sweep: &'a P::SweepWorkspace<Lap<R, D>>,
    sum: &'a mut [f64],
}

impl<P: Potential, R: Real, const D: usize> Task for Accumulate<'_, P, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.potential.accumulate(self.sweep, self.sum);
    }
}

/// Adds the gradient of every sample of a tile to its place in `columns`, `[parameter][sample]`.
struct AccumulateEach<'a, P: Potential, R: Real, const D: usize> {
    potential: &'a P,
    sweep: &'a P::SweepWorkspace<Lap<R, D>>,
    span: Span,
    columns: &'a mut [f64],
    rows: &'a mut Vec<R>,
}

impl<P: Potential, R: Real, const D: usize> Task for AccumulateEach<'_, P, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { potential, sweep, span, columns, rows } = self;
        let (parameters, packs) = (potential.parameters(), span.packs::<R>());
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
}
