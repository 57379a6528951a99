//! Ascent on the largest eigenvalue of `−Hess psi`, a pool of points in lanes.

use std::f64::consts::TAU;

use ircpm_ad::{Kernel, Real};
use rand::RngExt;
use rand_pcg::Pcg64;

use crate::factor::Ldl;
use crate::lanes::{Batch, resize};
use crate::map::{LatticeMap, Lowest, along};
use crate::program::{At, Contraction, Program};

/// Points with the vectors that stand for their eigenvectors.
#[derive(Clone, Debug)]
pub(super) struct Points {
    sites: usize,
    /// `[point][site]`.
    pub points: Vec<f64>,
    /// Unit vectors, `[point][site]`.
    pub vectors: Vec<f64>,
}

impl Points {
    /// Random points and vectors.
    pub(super) fn random(sites: usize, points: usize, rng: &mut Pcg64) -> Self {
        let mut pool = Self { sites, points: vec![0.0; points * sites], vectors: vec![0.0; points * sites] };
        (0..points).for_each(|point| pool.replace(point, rng));
        pool
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.points.len() / self.sites
    }

    /// Puts a random point in the place of one.
    pub(super) fn replace(&mut self, point: usize, rng: &mut Pcg64) {
        let range = point * self.sites..(point + 1) * self.sites;
        self.points[range.clone()].iter_mut().for_each(|y| *y = rng.random_range(0.0..TAU));
        let vector = &mut self.vectors[range];
        vector.iter_mut().for_each(|v| *v = rng.random_range(-1.0..1.0));
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        vector.iter_mut().for_each(|v| *v /= norm);
    }
}

/// How one point moves in one step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// Along the gradient, so far in radians for the angle that moves most.
    Ascent(f64),
    /// To another angle at one site.
    Jump(usize, f64),
}

/// Moves a pool by as many steps as there are moves for, and writes `λ_max(−Hess psi)` at its points; and, where it is
/// asked for, the derivatives of these in the parameters, `[point][parameter]`.
pub(super) struct Ascent<'a> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
    pub pool: &'a mut Points,
    /// `[step][point]`.
    pub moves: &'a [Move],
    pub out: &'a mut [f64],
    pub theta: Option<&'a mut [f64]>,
}

/// One pack of points on its way up.
struct Climb<R: Real> {
    search: Lowest<R>,
    square: Ldl<R>,
    contraction: Contraction<R>,
    /// The best points, their vectors and the gradients there.
    y: Vec<R>,
    vector: Vec<R>,
    gradient: Vec<R>,
    curvature: R,
}

impl Kernel for Ascent<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Ascent { map, a, pool, moves, out, mut theta } = self;
        let (program, n) = (map.program(), map.program().sites);
        let batch = Batch { samples: pool.len() };
        let mut climb = Climb::<R>::new(program);
        for p in 0..batch.packs::<R>() {
            for c in 0..n {
                climb.search.y[c] = batch.load(&pool.points, n, c, p);
                climb.search.vector[c] = batch.load(&pool.vectors, n, c, p);
            }
            climb.begin(program, a);
            if let Some(theta) = &mut theta {
                for class in 0..program.classes {
                    batch.store(climb.contraction.theta[class], theta, program.classes, class, p);
                }
            }
            for moves in moves.chunks_exact(pool.len()) {
                climb.propose(program, |lane| moves[batch.sample::<R>(p, lane)]);
                climb.accept(program, a);
            }
            for c in 0..n {
                batch.store(climb.y[c], &mut pool.points, n, c, p);
                batch.store(climb.vector[c], &mut pool.vectors, n, c, p);
            }
            batch.store(climb.curvature, out, 1, 0, p);
        }
    }
}

impl<R: Real> Climb<R> {
    fn new(program: &Program) -> Self {
        let zeros = vec![R::zero(); program.sites];
        let mut search = Lowest::default();
        (search.y, search.vector) = (zeros.clone(), zeros.clone());
        Self {
            search,
            square: Ldl::default(),
            contraction: Contraction::default(),
            y: zeros.clone(),
            vector: zeros.clone(),
            gradient: zeros,
            curvature: R::zero(),
        }
    }

    /// Evaluates at the points that were loaded, and takes them as the best.
    #[inline(always)]
    fn begin(&mut self, program: &Program, a: &[f64]) {
        let found = self.evaluate(program, a);
        self.take(program, found, R::one());
    }

    /// Puts the points of the search where their moves lead from the best ones.
    #[inline(always)]
    fn propose(&mut self, program: &Program, of: impl Fn(usize) -> Move) {
        let length = R::from_fn(|lane| if let Move::Ascent(length) = of(lane) { length } else { 0.0 });
        let site = R::from_fn(|lane| if let Move::Jump(site, _) = of(lane) { site as f64 } else { -1.0 });
        let angle = R::from_fn(|lane| if let Move::Jump(_, angle) = of(lane) { angle } else { 0.0 });
        let mut largest = R::constant(f64::MIN_POSITIVE);
        for c in 0..program.sites {
            largest = largest.max(self.gradient[c].abs());
        }
        let scale = length / largest;
        for c in 0..program.sites {
            let moved = self.gradient[c].mul_add(scale, self.y[c]);
            let elsewhere = (site - c as f64).abs();
            self.search.y[c] = R::select_gt(R::constant(0.5), elsewhere, angle, moved);
            self.search.vector[c] = self.vector[c];
        }
    }

    /// Takes the points of the search where they lie higher.
    #[inline(always)]
    fn accept(&mut self, program: &Program, a: &[f64]) {
        let found = self.evaluate(program, a);
        let higher = R::select_gt(found, self.curvature, R::one(), R::zero());
        self.take(program, found, higher);
    }

    /// `λ_max(−Hess psi)` at the points of the search, with the contraction of its derivatives.
    #[inline(always)]
    fn evaluate(&mut self, program: &Program, a: &[f64]) -> R {
        let Self { search, square, contraction, .. } = self;
        search.evaluate(program, a);
        let lowest = search.eigenvector(program);
        R::vectorized(
            #[inline(always)]
            || {
                write_square(program, &search.vector, square);
                contraction.begin(program);
                let at = At { program, a, harmonics: &search.harmonics, y: &search.y };
                contraction.add_curvature_of_square(&at, &search.vector, square);
            },
        );
        R::one() - lowest
    }

    /// Takes the points of the search as the best ones where the mask is set.
    #[inline(always)]
    fn take(&mut self, program: &Program, found: R, mask: R) {
        for c in 0..program.sites {
            self.y[c] = R::select_gt(mask, R::zero(), self.search.y[c], self.y[c]);
            self.vector[c] = R::select_gt(mask, R::zero(), self.search.vector[c], self.vector[c]);
            self.gradient[c] = R::select_gt(mask, R::zero(), self.contraction.points[c], self.gradient[c]);
        }
        self.curvature = R::select_gt(mask, R::zero(), found, self.curvature);
    }
}

/// Writes the entries of `v vᵀ` in the places of `H`; behind the diagonal `(u·v)²` of every combination `u`.
#[inline(always)]
fn write_square<R: Real>(program: &Program, v: &[R], into: &mut Ldl<R>) {
    let (n, s) = (program.sites, &program.symbolic);
    resize(&mut into.diagonal, n + program.combinations.len());
    resize(&mut into.lower, s.len());
    for j in 0..n {
        let of = v[s.order[j] as usize];
        into.diagonal[j] = of * of;
        for e in s.columns[j]..s.columns[j + 1] {
            into.lower[e] = of * v[s.order[s.rows[e] as usize] as usize];
        }
    }
    for k in 0..program.combinations.len() {
        let sum = along(program, k, v);
        into.diagonal[n + k] = sum * sum;
    }
}
