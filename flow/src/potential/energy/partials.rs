//! All partial derivatives of a function up to the third order, of many points at once.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::derivative::ScalarField;
use ircpm_ad::{Dual, HyperDual, Isa, Kernel, Real};

/// Number of partial derivatives of a function of `n` coordinates from order 0 to `order`, each once.
pub const fn partials(n: usize, order: usize) -> usize {
    let (mut count, mut of_order, mut k) = (1, 1, 1);
    while k <= order {
        of_order = of_order * (n + k - 1) / k;
        count += of_order;
        k += 1;
    }
    count
}

/// Writes the partial derivatives of `f` up to `order`, 0 to 3, at `samples` points, by nested dual numbers.
///
/// `points` is `[coordinate][sample]`, and `out` is `[partial][sample]`: `f`, then `∂f/∂z_c`, then `∂²f/∂z_c∂z_d` with
/// `c ≤ d`, then `∂³f/∂z_c∂z_d∂z_e` with `c ≤ d ≤ e`, all in lexicographic order.
///
/// Mark [`ScalarField::eval`] of `f` `#[inline(always)]`, so that it is compiled for the instruction set.
///
/// # Panics
/// If a slice has another length, or the order is above 3.
pub fn partial_derivatives<F: ScalarField>(
    f: &F,
    isa: Isa,
    order: usize,
    samples: usize,
    points: &[f64],
    out: &mut [f64],
) {
    assert!(order <= 3, "partial derivatives of order {order}: at most 3");
    assert!(points.len().is_multiple_of(samples.max(1)), "points of {samples} samples");
    let n = points.len() / samples.max(1);
    assert_eq!(out.len(), partials(n, order) * samples, "partial derivatives of {samples} samples");
    if samples > 0 {
        isa.dispatch(Partials { f, order, samples, points, out });
    }
}

struct Partials<'a, F> {
    f: &'a F,
    order: usize,
    samples: usize,
    points: &'a [f64],
    out: &'a mut [f64],
}

impl<F: ScalarField> Kernel for Partials<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Self { f, order, samples, points, out } = self;
        let n = points.len() / samples;
        let mut z = vec![R::zero(); n];
        for start in (0..samples).step_by(R::LANES) {
            for c in 0..n {
                z[c] = R::from_fn(|lane| points[c * samples + (start + lane).min(samples - 1)]);
            }
            let mut to = Columns { out, samples, start };
            match order {
                0 => to.write(0, f.eval(&z)),
                1 | 2 => second(f, &z, order, &mut to),
                _ => third(f, &z, &mut to),
            }
        }
    }
}

/// Place of `∂²f/∂z_c∂z_d` among the partial derivatives of a function of `n` coordinates, `c ≤ d`.
#[inline(always)]
pub(super) fn pair(n: usize, c: usize, d: usize) -> usize {
    1 + n + rank(n, c, d)
}

/// Place of `∂³f/∂z_c∂z_d∂z_e`, `c ≤ d ≤ e`.
#[inline(always)]
pub(super) fn triple(n: usize, c: usize, d: usize, e: usize) -> usize {
    let triples = |n: usize| n * (n + 1) * (n + 2) / 6;
    partials(n, 2) + triples(n) - triples(n - c) + rank(n - c, d - c, e - c)
}

/// Place of the pair `c ≤ d` among those below `n`, in lexicographic order.
#[inline(always)]
fn rank(n: usize, c: usize, d: usize) -> usize {
    c * (2 * n + 1 - c) / 2 + d - c
}

/// Where the derivatives of a pack go.
pub(super) struct Columns<'a> {
    /// `[partial][sample]`.
    pub(super) out: &'a mut [f64],
    pub(super) samples: usize,
    /// First sample of the pack.
    pub(super) start: usize,
}

impl Columns<'_> {
    #[inline(always)]
    pub(super) fn write<R: Real>(&mut self, partial: usize, x: R) {
        for lane in 0..R::LANES.min(self.samples - self.start) {
            self.out[partial * self.samples + self.start + lane] = x.lane(lane);
        }
    }
}

/// Partial derivatives up to order 1 or 2, one pair of coordinates at a time.
#[inline(always)]
fn second<F: ScalarField, R: Real>(f: &F, z: &[R], order: usize, to: &mut Columns<'_>) {
    let n = z.len();
    let mut seeded: Vec<HyperDual<R>> = z.iter().map(|&z| Dual::fixed(Dual::fixed(z))).collect();
    let mut pair = 1 + n;
    for c in 0..n {
        seeded[c].re.eps[0] = R::one();
        let last = if order == 1 { c + 1 } else { n };
        for d in c..last {
            seeded[d].eps[0].re = R::one();
            let y = f.eval(&seeded);
            seeded[d].eps[0].re = R::zero();
            to.write(0, y.re.re);
            to.write(1 + c, y.re.eps[0]);
            if order == 2 {
                to.write(pair, y.eps[0].eps[0]);
                pair += 1;
            }
        }
        seeded[c].re.eps[0] = R::zero();
    }
}

/// Partial derivatives up to order 3, one triple of coordinates at a time.
#[inline(always)]
fn third<F: ScalarField, R: Real>(f: &F, z: &[R], to: &mut Columns<'_>) {
    let n = z.len();
    let mut seeded: Vec<Dual<HyperDual<R>, 1>> =
        z.iter().map(|&z| Dual::fixed(Dual::fixed(Dual::fixed(z)))).collect();
    let (mut pair, mut triple) = (1 + n, partials(n, 2));
    for c in 0..n {
        seeded[c].re.re.eps[0] = R::one();
        for d in c..n {
            seeded[d].re.eps[0].re = R::one();
            for e in d..n {
                seeded[e].eps[0].re.re = R::one();
                let y = f.eval(&seeded);
                seeded[e].eps[0].re.re = R::zero();
                to.write(0, y.re.re.re);
                to.write(1 + c, y.re.re.eps[0]);
                to.write(pair, y.re.eps[0].eps[0]);
                to.write(triple, y.eps[0].eps[0].eps[0]);
                triple += 1;
            }
            pair += 1;
            seeded[d].re.eps[0].re = R::zero();
        }
        seeded[c].re.re.eps[0] = R::zero();
    }
}
