//! Gradient in the parameters of the contraction `A : Hess psi + b · grad psi` at given points: third derivatives.
//!
//! `A` is the identity and `b` is the same at every point. Other values would cost the same.

use std::array::from_fn;

use ircpm_ad::{Dual, Isa, Kernel, Lap, Real, Scalar};
use ircpm_flow::{Expression, Network, Potential, Workspace};
use ircpm_manifolds::{Block, BlockMut, Manifold};

use crate::case::Case;
use crate::hessian::{NestedDual, variables};
use crate::tape::{self, TapeScalar, Var};
use crate::tile::{self, TILE_SAMPLES};

/// Floating-point operations per weight and sample: forward, backward and accumulate take `D + 2` multiply-adds each.
pub const fn flops(dim: usize) -> usize {
    3 * 2 * (dim + 2)
}

/// Component `i` of the vector `b`.
fn slope(i: usize) -> f64 {
    0.5 + i as f64
}

/// The gradient by collapsed jets over packs, summed over the points.
///
/// # Panics
/// If the points do not fill whole tiles, or `D` is not the manifold's dimension.
pub fn in_lanes<const D: usize>(case: &Case, isa: Isa, points: &[f64]) -> Vec<f64> {
    assert_eq!(case.manifold.dim(), D, "dimension of {}", case.manifold);
    Workspace::with(|work| isa.dispatch(Contractions::<D> { case, points, work }))
}

struct Contractions<'a, const D: usize> {
    case: &'a Case,
    points: &'a [f64],
    work: &'a mut Workspace,
}

/// Buffers that a thread keeps for [`Contractions`].
struct Buffers<R: Real, const D: usize> {
    y: Vec<R>,
    frame: Vec<R>,
    z: Vec<Lap<R, D>>,
    z_bar: Vec<Lap<R, D>>,
    sweep: <Network as Potential>::SweepWorkspace<Lap<R, D>>,
}

impl<R: Real, const D: usize> Default for Buffers<R, D> {
    fn default() -> Self {
        Self { y: vec![], frame: vec![], z: vec![], z_bar: vec![], sweep: Default::default() }
    }
}

impl<const D: usize> Kernel for Contractions<'_, D> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<R: Real>(self) -> Vec<f64> {
        let Contractions { case, points, work } = self;
        let (m, n, packs) = (&case.manifold, case.manifold.ambient(), TILE_SAMPLES / R::LANES);
        let Buffers { y, frame, z, z_bar, sweep } = work.get::<Buffers<R, D>>();
        frame.resize(n * D, R::zero());
        z.resize(n, Lap::zero());
        z_bar.resize(n, Lap::zero());
        let mut cotangent = Lap { re: R::zero(), grad: [R::zero(); D], lap: R::one() };
        let mut t = [Lap::zero(); D];
        for i in 0..D {
            t[i].grad[i] = R::one();
            cotangent.grad[i] = R::constant(slope(i));
        }
        let mut gradient = vec![0.0; case.theta.len()];
        for start in (0..points.len() / n).step_by(TILE_SAMPLES) {
            case.network.begin(packs, sweep);
            for p in 0..packs {
                tile::load(points, n, start + p * R::LANES, y);
                m.frame(y, BlockMut::dense(frame, n));
                m.lift(y, Block::dense(frame, n), &t, z);
                case.network.forward(&case.theta, p, z, sweep);
                case.network.backward(&case.theta, p, cotangent, z_bar, sweep);
            }
            case.network.accumulate(sweep, &mut gradient);
        }
        gradient
    }
}

/// The cotangent of psi as a nested dual, from those of its Hessian, `a`, and of its gradient, `b`.
pub fn cotangent<const D: usize>(a: &[[f64; D]; D], b: &[f64; D]) -> NestedDual<f64, D> {
    Dual::new(Dual::new(0.0, *b), from_fn(|i| Dual::new(0.0, a[i])))
}

/// The gradient by forward-over-reverse: a reverse sweep of the tape over nested duals, summed over the points.
pub fn on_tape<const D: usize>(case: &Case, points: &[f64]) -> Vec<f64>
where
    NestedDual<f64, D>: TapeScalar,
{
    let a = from_fn(|i| from_fn(|j| f64::from(u8::from(i == j))));
    let psi_bar = cotangent::<D>(&a, &from_fn(slope));
    let mut sum = vec![0.0; case.theta.len()];
    for y in points.chunks_exact(case.manifold.ambient()) {
        add_pull_back(case, y, psi_bar, &mut sum);
    }
    sum
}

/// Adds to `sum` the cotangents of the parameters for the cotangent `psi_bar` of psi at `y`; returns the tape's bytes.
pub fn add_pull_back<const D: usize>(
    case: &Case,
    y: &[f64],
    psi_bar: NestedDual<f64, D>,
    sum: &mut [f64],
) -> usize
where
    NestedDual<f64, D>: TapeScalar,
{
    tape::clear::<NestedDual<f64, D>>();
    let theta: Vec<Var<NestedDual<f64, D>>> =
        case.theta.iter().map(|&w| Var::input(Scalar::constant(w))).collect();
    let psi = case.network.value(&theta, &case.lift(y, &variables::<f64, D>().map(Var::fixed)));
    for (sum, g) in sum.iter_mut().zip(tape::pull_back(&[(psi, psi_bar)], &theta)) {
        *sum += g.re.re;
    }
    tape::bytes::<NestedDual<f64, D>>()
}

/// The first `parameters` entries of the gradient by pure forward mode: one pass of triply nested duals per entry.
pub fn forward<const D: usize>(case: &Case, points: &[f64], parameters: usize) -> Vec<f64> {
    let mut theta: Vec<NestedDual<Dual<f64, 1>, D>> =
        case.theta.iter().map(|&w| Scalar::constant(w)).collect();
    let mut pass = |k: usize| {
        let constant = theta[k];
        theta[k].re.re.eps[0] = 1.0;
        let mut sum = 0.0;
        for y in points.chunks_exact(case.manifold.ambient()) {
            let psi = case.network.value(&theta, &case.lift(y, &variables::<Dual<f64, 1>, D>()));
            for i in 0..D {
                sum += psi.eps[i].eps[i].eps[0] + slope(i) * psi.re.eps[i].eps[0];
            }
        }
        theta[k] = constant;
        sum
    };
    (0..parameters).map(&mut pass).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values are sums over 32 points of products of some 1e2 terms of order one.
    #[test]
    fn contractions_agree_between_contenders_on_every_instruction_set() {
        for case in [Case::torus(2, 9), Case::sphere(9, 1)] {
            let points = case.points(TILE_SAMPLES);
            let tape = on_tape::<2>(&case, &points);
            let all = std::iter::once(forward::<2>(&case, &points, case.theta.len()))
                .chain(Isa::available().into_iter().map(|isa| in_lanes::<2>(&case, isa, &points)));
            for (contender, gradient) in all.enumerate() {
                for (a, b) in gradient.iter().zip(&tape) {
                    assert!((a - b).abs() < 1e-11, "{}, contender {contender}: {a} {b}", case.name);
                }
            }
        }
    }
}
