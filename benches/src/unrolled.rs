//! Unrolled backpropagation: the map by `K` gradient steps per layer, all of them on a tape.
//!
//! Each step `y ← exp_y(log_y x − grad psi(y))` takes the gradient of psi by a reverse sweep, which is recorded too.
//! The tape is over duals, which carry the Jacobian `DT(x)` for the log-determinant. Samples go one by one through the
//! same memory, which is the least that the method needs; a framework that records a batch at once needs as many tapes.

use ircpm_ad::derivative::{self, ScalarField};
use ircpm_ad::{Dual, Scalar};
use ircpm_flow::{Expression, Network};
use ircpm_manifolds::{BlockMut, Manifold, Product};

use crate::case::Case;
use crate::energy::CosineEnergy;
use crate::tape::{self, TapeScalar, Var};

/// A stack of maps with shared parameters, each by a fixed number of gradient steps.
#[derive(Clone, Copy, Debug)]
pub struct Unrolled<'a, M, P> {
    /// The manifold `M`.
    pub manifold: &'a M,
    /// The potential psi of every layer.
    pub psi: &'a P,
    /// Number of layers.
    pub layers: usize,
    /// Number of gradient steps per layer.
    pub steps: usize,
}

/// Loss and gradient of one sample by unrolled backpropagation, and the size of its tape.
#[derive(Clone, Debug)]
pub struct UnrolledStep {
    /// `u(y) − log|det DT(x)|`.
    pub loss: f64,
    /// Gradient of the loss in the parameters.
    pub gradient: Vec<f64>,
    /// Bytes on the tape when the reverse sweep began.
    pub tape: usize,
}

impl<'a> Unrolled<'a, Product, Network> {
    /// The flow of `case`, by `steps` gradient steps per layer.
    pub fn new(case: &'a Case, steps: usize) -> Self {
        Self { manifold: &case.manifold, psi: &case.network, layers: case.flow.layers(), steps }
    }
}

impl<M: Manifold, P: Expression> Unrolled<'_, M, P> {
    /// Loss and gradient of the sample with base point `x`, in `D` dimensions.
    pub fn step<const D: usize>(&self, theta: &[f64], x: &[f64], energy: CosineEnergy) -> UnrolledStep
    where
        Dual<f64, D>: TapeScalar,
        Var<Dual<f64, D>>: TapeScalar,
    {
        tape::clear::<Dual<f64, D>>();
        let inputs: Vec<Var<Dual<f64, D>>> = theta.iter().map(|&w| Var::input(Dual::constant(w))).collect();
        let start: Vec<_> = self.seeded(x).into_iter().map(Var::fixed).collect();
        let y = self.image(&start, |y| self.reverse_gradient(&inputs, y));
        let values: Vec<f64> =
            y.iter().flat_map(|y| [y.primal().re].into_iter().chain(y.primal().eps)).collect();
        let (loss, slope) = derivative::gradient(&Loss::<M, D> { manifold: self.manifold, energy }, &values);
        let cotangents = slope.chunks(1 + D).map(|s| Dual::new(s[0], std::array::from_fn(|k| s[1 + k])));
        let outputs: Vec<_> = y.iter().copied().zip(cotangents).collect();
        let tape = tape::bytes::<Dual<f64, D>>();
        let gradient = tape::pull_back(&outputs, &inputs).into_iter().map(|g| g.re).collect();
        UnrolledStep { loss, gradient, tape }
    }

    /// `log|det DT(x)|` by duals through all steps, without a gradient.
    pub fn log_det<const D: usize>(&self, theta: &[f64], x: &[f64]) -> f64
    where
        Dual<f64, D>: TapeScalar,
    {
        let theta: Vec<Dual<f64, D>> = theta.iter().map(|&w| Dual::constant(w)).collect();
        let y = self.image(&self.seeded(x), |y| self.reverse_gradient(&theta, y));
        let image: Vec<f64> = y.iter().flat_map(|y| [y.re].into_iter().chain(y.eps)).collect();
        log_det::<_, _, D>(self.manifold, &image)
    }

    /// The point `x` as duals, whose tangents are the frame at `x`.
    fn seeded<const D: usize>(&self, x: &[f64]) -> Vec<Dual<f64, D>> {
        let n = self.manifold.ambient();
        let mut frame = vec![0.0; n * D];
        self.manifold.frame(x, BlockMut::dense(&mut frame, x.len()));
        (0..n).map(|c| Dual::new(x[c], std::array::from_fn(|k| frame[k * n + c]))).collect()
    }

    /// `T(x)`, where `gradient` is the ambient gradient of psi.
    pub fn image<S: Scalar>(&self, x: &[S], gradient: impl Fn(&[S]) -> Vec<S>) -> Vec<S> {
        let (m, n, d) = (self.manifold, self.manifold.ambient(), self.manifold.dim());
        let mut y = x.to_vec();
        let (mut frame, mut v, mut next) = (vec![S::zero(); n * d], vec![S::zero(); n], vec![S::zero(); n]);
        for _ in 0..self.layers {
            let x = y.clone();
            for _ in 0..self.steps {
                let g = gradient(&y);
                m.log_on_cover(&y, &x, &mut v);
                m.frame(&y, BlockMut::dense(&mut frame, y.len()));
                for row in frame.chunks(n) {
                    let along = row.iter().zip(&g).fold(S::zero(), |sum, (&e, &g)| sum + e * g);
                    for (v, &e) in v.iter_mut().zip(row) {
                        *v -= along * e;
                    }
                }
                m.exp(&y, &v, &mut next);
                y.copy_from_slice(&next);
            }
        }
        y
    }

    /// Ambient gradient of psi by a reverse sweep over `S`.
    pub fn reverse_gradient<S: TapeScalar>(&self, theta: &[S], y: &[S]) -> Vec<S> {
        tape::clear::<S>();
        let theta: Vec<Var<S>> = theta.iter().map(|&w| Var::fixed(w)).collect();
        let inputs: Vec<Var<S>> = y.iter().map(|&y| Var::input(y)).collect();
        tape::gradient(self.psi.value(&theta, &inputs), &inputs)
    }
}

/// `u(y) − log|det DT(x)|` as a function of the image and its Jacobian.
struct Loss<'a, M, const D: usize> {
    manifold: &'a M,
    energy: CosineEnergy,
}

impl<M: Manifold, const D: usize> ScalarField for Loss<'_, M, D> {
    fn eval<S: Scalar>(&self, image: &[S]) -> S {
        let y: Vec<S> = image.iter().step_by(1 + D).copied().collect();
        self.energy.eval(&y) - log_det::<_, _, D>(self.manifold, image)
    }
}

/// `log|det DT(x)|` from `image`: for each coordinate its value, then its derivatives along the frame at `x`.
fn log_det<M: Manifold, S: Scalar, const D: usize>(manifold: &M, image: &[S]) -> S {
    let n = manifold.ambient();
    let y: Vec<S> = image.iter().step_by(1 + D).copied().collect();
    let mut frame = vec![S::zero(); n * D];
    manifold.frame(&y, BlockMut::dense(&mut frame, y.len()));
    let mut jacobian = [[S::zero(); D]; D];
    for i in 0..D {
        for k in 0..D {
            for c in 0..n {
                jacobian[i][k] += frame[i * n + c] * image[c * (1 + D) + 1 + k];
            }
        }
    }
    log_abs_det(jacobian)
}

/// `log|det a|` by Gaussian elimination with partial pivoting.
fn log_abs_det<S: Scalar, const D: usize>(mut a: [[S; D]; D]) -> S {
    let size = |x: S| ircpm_ad::Real::lane(ircpm_ad::Real::abs(x.value()), 0);
    let mut log = S::zero();
    for k in 0..D {
        let pivot = (k..D).fold(k, |best, i| if size(a[i][k]) > size(a[best][k]) { i } else { best });
        a.swap(k, pivot);
        log += (a[k][k] * a[k][k]).ln() * 0.5;
        for i in k + 1..D {
            let factor = a[i][k] / a[k][k];
            for j in k..D {
                let share = factor * a[k][j];
                a[i][j] -= share;
            }
        }
    }
    log
}
