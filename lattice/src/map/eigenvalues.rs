//! Smallest eigenvalues of `H`, and determinants with their signs.

use ircpm_ad::{Kernel, Real};
use ircpm_flow::Record;

use super::LatticeMap;
use super::factored::Factored;
use crate::lanes::{Batch, resize};
use crate::program::{Harmonics, Local, Program};

/// Steps of bisection for an eigenvalue that is reported: a billionth of the width of the bounds is left.
const BISECTIONS: usize = 30;
/// Steps of bisection before an eigenvector is found by inverse iteration: eigenvalues that are closer to each other
/// than a millionth of the width are not told apart.
const ROUGH: usize = 20;
/// Steps of inverse iteration.
const ITERATIONS: usize = 4;

/// The evaluation of `H` and the search for its smallest eigenvalue, one pack at a time.
#[derive(Debug)]
pub(crate) struct Lowest<R: Real> {
    /// The points.
    pub y: Vec<R>,
    pub harmonics: Harmonics<R>,
    pub local: Local<R>,
    pub factored: Factored<R>,
    /// Unit vectors, near the eigenvectors of the smallest eigenvalue after [`Lowest::eigenvector`].
    pub vector: Vec<R>,
    next: Vec<R>,
    pulled: Vec<R>,
    /// Sum over a row of absolute values off the diagonal, in the order of elimination.
    rows: Vec<R>,
}

impl<R: Real> Default for Lowest<R> {
    fn default() -> Self {
        Self {
            y: vec![],
            harmonics: Harmonics::default(),
            local: Local::default(),
            factored: Factored::default(),
            vector: vec![],
            next: vec![],
            pulled: vec![],
            rows: vec![],
        }
    }
}

impl<R: Real> Lowest<R> {
    /// Evaluates `H` at the points in `y`.
    #[inline(always)]
    pub(crate) fn evaluate(&mut self, program: &Program, a: &[f64]) {
        let Self { y, harmonics, local, .. } = self;
        R::vectorized(
            #[inline(always)]
            || {
                harmonics.evaluate(program, y);
                local.evaluate(program, a, harmonics, y);
            },
        );
    }

    /// Evaluates `H` at pack `p` of a batch of points, `[sample][site]`.
    #[inline(always)]
    fn evaluate_pack(&mut self, program: &Program, a: &[f64], batch: Batch, points: &[f64], p: usize) {
        let n = program.sites;
        resize(&mut self.y, n);
        for c in 0..n {
            self.y[c] = batch.load(points, n, c, p);
        }
        self.evaluate(program, a);
    }

    /// The factors of `H − shift G`.
    #[inline(always)]
    fn eliminate(&mut self, program: &Program, shift: R) {
        let Self { factored, local, .. } = self;
        R::vectorized(
            #[inline(always)]
            || factored.eliminate(program, &local.h, shift),
        );
    }

    /// Writes `G v` over [`Lowest::pulled`], with the vectors `v` in `next` or in `vector`.
    #[inline(always)]
    fn pull(&mut self, program: &Program, next: bool) {
        let n = program.sites;
        resize(&mut self.pulled, n);
        let v = if next { &self.next } else { &self.vector };
        match &program.metric {
            None => self.pulled[..n].copy_from_slice(&v[..n]),
            Some(metric) => metric.multiply(v, &mut self.pulled),
        }
    }

    /// The smallest eigenvalue; NaN where `H` is not finite.
    #[inline(always)]
    pub(crate) fn eigenvalue(&mut self, program: &Program) -> R {
        let (low, high) = self.bisect(program, BISECTIONS);
        (low + high) * 0.5
    }

    /// The smallest eigenvalue by inverse iteration from the vectors in `vector`, which are replaced. It is the Rayleigh
    /// quotient of the new vectors, so that the true one is not larger.
    #[inline(always)]
    pub(crate) fn eigenvector(&mut self, program: &Program) -> R {
        let n = program.sites;
        let (low, high) = self.bisect(program, ROUGH);
        // Strictly below the eigenvalue, though the bounds may have met.
        let shift = low - (high - low + 1e-5) * 0.1;
        self.factored.eliminate(program, &self.local.h, shift);
        resize(&mut self.next, n);
        let mut value = low;
        for _ in 0..ITERATIONS {
            self.pull(program, false);
            for i in 0..n {
                self.next[i] = self.pulled[i];
            }
            self.factored.solve(program, &mut self.next);
            let (mut along, mut square) = (R::zero(), R::zero());
            for i in 0..n {
                along = self.next[i].mul_add(self.pulled[i], along);
            }
            self.pull(program, true);
            for i in 0..n {
                square = self.next[i].mul_add(self.pulled[i], square);
            }
            value = along / square + shift;
            let scale = R::one() / square.sqrt();
            for i in 0..n {
                self.vector[i] = self.next[i] * scale;
            }
        }
        value
    }

    /// Bounds on the smallest eigenvalue: Gershgorin's circles and the least entry of the diagonal, halved so many times
    /// by the inertia of `H − σ`.
    #[inline(always)]
    fn bisect(&mut self, program: &Program, steps: usize) -> (R, R) {
        let (mut low, mut high) = self.bounds(program);
        for _ in 0..steps {
            let middle = (low + high) * 0.5;
            self.eliminate(program, middle);
            let above = R::select_gt(self.factored.negative, R::constant(0.5), R::one(), R::zero());
            high = R::select_gt(above, R::zero(), middle, high);
            low = R::select_gt(above, R::zero(), low, middle);
        }
        (low, high)
    }

    #[inline(always)]
    fn bounds(&mut self, program: &Program) -> (R, R) {
        let (n, s, h) = (program.sites, &program.symbolic, &self.local.h);
        resize(&mut self.rows, n);
        for i in 0..n {
            self.rows[i] = R::zero();
        }
        for j in 0..n {
            for e in s.columns[j]..s.columns[j + 1] {
                let (row, size) = (s.rows[e] as usize, h.lower[e].abs());
                self.rows[j] += size;
                self.rows[row] += size;
            }
        }
        let (mut shift, mut all) = (R::zero(), R::zero());
        resize(&mut self.next, n);
        for i in 0..n {
            self.next[s.place[i] as usize] = h.diagonal[s.place[i] as usize];
        }
        for k in 0..program.ranks() {
            let weight = h.diagonal[n + k];
            let mut square = 0.0;
            for &(site, q) in &program.combinations[k].entries {
                square += q * q;
                let place = s.place[site] as usize;
                self.next[place] = weight.mul_add(R::constant(q * q), self.next[place]);
            }
            shift += weight.min(R::zero()) * square;
        }
        let (mut low, mut high) = (R::constant(f64::INFINITY), R::constant(f64::INFINITY));
        for i in 0..n {
            low = low.min(h.diagonal[i] - self.rows[i]);
            high = high.min(match &program.metric {
                None => self.next[i],
                Some(metric) => self.next[i] / metric.entries.diagonal[i],
            });
            all += self.next[i].abs() + self.rows[i];
        }
        if program.metric.is_some() {
            // `G ≽ I`, so that a negative bound of the eigenvalues of `H` is one of those of `G⁻¹H`.
            (low, shift) = ((low + shift).min(R::zero()), R::zero());
        }
        // NaN where an entry is not finite, and else zero.
        let nothing = all * 0.0;
        (low + shift + nothing, high + nothing)
    }
}

/// Writes the smallest eigenvalue of `H` at every point.
pub(super) struct SmallestEigenvalues<'a> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
    pub points: &'a [f64],
    pub out: &'a mut [f64],
}

impl Kernel for SmallestEigenvalues<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Self { map, a, points, out } = self;
        let program = map.program();
        let batch = Batch { samples: out.len() };
        let mut search = Lowest::<R>::default();
        for p in 0..batch.packs::<R>() {
            search.evaluate_pack(program, a, batch, points, p);
            batch.store(search.eigenvalue(program), out, 1, 0, p);
        }
    }
}

/// Says of every point whether all eigenvalues of `H` exceed a floor: whether `H` less the floor has positive pivots.
pub(super) struct Exceeding<'a> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
    pub points: &'a [f64],
    pub floor: f64,
    pub out: &'a mut [bool],
}

impl Kernel for Exceeding<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Self { map, a, points, floor, out } = self;
        let program = map.program();
        let batch = Batch { samples: out.len() };
        let mut search = Lowest::<R>::default();
        for p in 0..batch.packs::<R>() {
            search.evaluate_pack(program, a, batch, points, p);
            search.eliminate(program, R::constant(floor));
            let exceeds = search.factored.definite();
            for lane in 0..batch.lanes::<R>(p) {
                out[p * R::LANES + lane] = exceeds.lane(lane) > 0.0;
            }
        }
    }
}

/// Writes `log|det DT| = −log|det H|` and the sign of the determinant at every image of a record.
pub(super) struct SignedLogDets<'a> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
    pub record: &'a Record,
    pub log_det: &'a mut [f64],
    pub sign: &'a mut [f64],
}

impl Kernel for SignedLogDets<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Self { map, a, record, log_det, sign } = self;
        let (program, n) = (map.program(), map.program().sites);
        let batch = Batch { samples: record.samples() };
        let mut search = Lowest::<R>::default();
        for p in 0..batch.packs::<R>() {
            search.evaluate_pack(program, a, batch, &record.y, p);
            search.eliminate(program, R::zero());
            let Lowest { factored, local, .. } = &search;
            for lane in 0..batch.lanes::<R>(p) {
                let sample = p * R::LANES + lane;
                let negative = factored.negative.lane(lane) as usize;
                let (of_h, regular) = (factored.log_det.lane(lane), factored.regular.lane(lane) > 0.0);
                let finite = record.y[sample * n..(sample + 1) * n].iter().all(|y| y.is_finite());
                (log_det[sample], sign[sample]) = if record.ok[sample] {
                    (record.log_det[sample], 1.0)
                } else if !finite || !local.psi.lane(lane).is_finite() {
                    (f64::NAN, 0.0)
                } else if !regular {
                    (f64::INFINITY, 0.0)
                } else {
                    (map.log_det_of_metric() - of_h, if negative.is_multiple_of(2) { 1.0 } else { -1.0 })
                };
            }
        }
    }
}
