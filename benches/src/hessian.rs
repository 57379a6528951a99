//! Gradient and Hessian of psi at given points, by packs, by nested duals and by a tape.

use std::array::from_fn;

use ircpm_ad::{Dual, Isa, Jet, Kernel, Real, Scalar};
use ircpm_flow::{Expression, Network, Potential, Workspace};
use ircpm_manifolds::{Block, BlockMut, Manifold};

use crate::case::Case;
use crate::tape::{self, TapeScalar, Var};
use crate::tile::{self, TILE_SAMPLES};

/// Floating-point operations per weight and sample: one multiply-add each for the value, `D` tangents and the reverse
/// sweep.
pub const fn flops(dim: usize) -> usize {
    2 * (dim + 2)
}

/// A number with first and second derivatives in `D` variables, as duals of duals.
pub type NestedDual<S, const D: usize> = Dual<Dual<S, D>, D>;

/// The sum of all entries of all Hessians, by the network's jets over packs.
///
/// # Panics
/// If the points do not fill whole tiles, or `D` is not the manifold's dimension.
pub fn in_lanes<const D: usize>(case: &Case, isa: Isa, points: &[f64]) -> f64 {
    assert_eq!(case.manifold.dim(), D, "dimension of {}", case.manifold);
    Workspace::with(|work| isa.dispatch(Hessians::<D> { case, points, work }))
}

struct Hessians<'a, const D: usize> {
    case: &'a Case,
    points: &'a [f64],
    work: &'a mut Workspace,
}

/// Buffers that a thread keeps for [`Hessians`].
struct Buffers<R: Real, const D: usize> {
    y: Vec<R>,
    frame: Vec<R>,
    z: Vec<Jet<R, D>>,
    jets: <Network as Potential>::JetWorkspace<R, D>,
}

impl<R: Real, const D: usize> Default for Buffers<R, D> {
    fn default() -> Self {
        Self { y: vec![], frame: vec![], z: vec![], jets: Default::default() }
    }
}

impl<const D: usize> Kernel for Hessians<'_, D> {
    type Output = f64;

    #[inline(always)]
    fn run<R: Real>(self) -> f64 {
        let Hessians { case, points, work } = self;
        let (m, n, packs) = (&case.manifold, case.manifold.ambient(), TILE_SAMPLES / R::LANES);
        let Buffers { y, frame, z, jets } = work.get::<Buffers<R, D>>();
        frame.resize(n * D, R::zero());
        z.resize(n * packs, Jet::zero());
        let mut t = [Jet::zero(); D];
        for i in 0..D {
            t[i] = Jet::variable(R::zero(), i);
        }
        let mut sum = R::zero();
        for start in (0..points.len() / n).step_by(TILE_SAMPLES) {
            for p in 0..packs {
                tile::load(points, n, start + p * R::LANES, y);
                m.frame(y, BlockMut::dense(frame, n));
                m.lift(y, Block::dense(frame, n), &t, &mut z[p * n..(p + 1) * n]);
            }
            for p in 0..packs {
                let psi = case.network.jets(&case.theta[..], &z[p * n..(p + 1) * n], jets, None);
                for i in 0..D {
                    for j in 0..D {
                        sum += psi.hess[i][j];
                    }
                }
            }
        }
        sum.sum()
    }
}

/// The sum of all entries of all Hessians, by nested duals.
pub fn nested<const D: usize>(case: &Case, points: &[f64]) -> f64 {
    let theta: Vec<NestedDual<f64, D>> = case.theta.iter().map(|&w| Scalar::constant(w)).collect();
    points.chunks_exact(case.manifold.ambient()).map(|y| sum(&nested_jet(case, &theta, y).hess)).sum()
}

/// psi, its gradient and its Hessian at one point, by nested duals.
pub fn nested_jet<const D: usize>(case: &Case, theta: &[NestedDual<f64, D>], y: &[f64]) -> Jet<f64, D> {
    let psi = case.network.value(theta, &case.lift(y, &variables::<f64, D>()));
    Jet { re: psi.re.re, grad: psi.re.eps, hess: from_fn(|i| psi.eps[i].eps) }
}

/// Normal coordinates at zero, as variables of both levels of nesting.
pub fn variables<S: Scalar, const D: usize>() -> [NestedDual<S, D>; D] {
    from_fn(|i| Dual::variable(Dual::variable(S::zero(), i), i))
}

/// The sum of all entries of all Hessians, by reverse sweeps of the tape over duals.
pub fn on_tape<const D: usize>(case: &Case, points: &[f64]) -> f64
where
    Dual<f64, D>: TapeScalar,
{
    let theta: Vec<Var<Dual<f64, D>>> = case.theta.iter().map(|&w| Var::constant(w)).collect();
    let hessian = |y: &[f64]| {
        tape::clear::<Dual<f64, D>>();
        let t: [Var<Dual<f64, D>>; D] = from_fn(|i| Var::input(Dual::variable(0.0, i)));
        let psi = case.network.value(&theta, &case.lift(y, &t));
        let gradient = tape::gradient(psi, &t);
        sum::<D>(&from_fn(|i| gradient[i].eps))
    };
    points.chunks_exact(case.manifold.ambient()).map(hessian).sum()
}

fn sum<const D: usize>(m: &[[f64; D]; D]) -> f64 {
    m.as_flattened().iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values are sums of some 1e2 entries of order one, and each entry is a sum of some 1e2 products.
    #[test]
    fn hessians_agree_between_contenders_on_every_instruction_set() {
        for case in [Case::torus(2, 9), Case::sphere(9, 1)] {
            let points = case.points(TILE_SAMPLES);
            let (nested, tape) = (nested::<2>(&case, &points), on_tape::<2>(&case, &points));
            assert!((nested - tape).abs() < 1e-11, "{}: {nested} {tape}", case.name);
            for isa in Isa::available() {
                let lanes = in_lanes::<2>(&case, isa, &points);
                assert!((nested - lanes).abs() < 1e-11, "{}: {nested} {lanes}", case.name);
            }
        }
    }
}
