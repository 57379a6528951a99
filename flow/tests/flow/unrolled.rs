//! The oracle for gradients: differentiation straight through an unrolled solve, and through its Jacobian.
//!
//! Uses nothing of the flow but the definition of psi and the manifold's exponential map, logarithm and frame.

use ircpm_ad::{Dual, Scalar};
use ircpm_flow::Expression;
use ircpm_manifolds::{BlockMut, Manifold};

/// Descent steps: at a contraction of 0.9 per step this leaves 1e-18.
const STEPS: usize = 400;

/// Gradient of psi in ambient coordinates.
fn ambient_gradient<P: Expression, S: Scalar>(psi: &P, theta: &[S], y: &[S]) -> Vec<S> {
    let theta: Vec<Dual<S, 1>> = theta.iter().map(|&w| Dual::fixed(w)).collect();
    (0..y.len())
        .map(|c| {
            let z: Vec<Dual<S, 1>> = y
                .iter()
                .enumerate()
                .map(|(i, &y)| if i == c { Dual::variable(y, 0) } else { Dual::fixed(y) })
                .collect();
            psi.value(&theta, &z).eps[0]
        })
        .collect()
}

/// `T(x)` by gradient descent `y ← exp_y(log_y x − grad psi(y))`.
pub(crate) fn image<M: Manifold, P: Expression, S: Scalar>(m: &M, psi: &P, theta: &[S], x: &[S]) -> Vec<S> {
    let (n, d) = (m.ambient(), m.dim());
    let mut y = x.to_vec();
    let (mut frame, mut v, mut next) = (vec![S::zero(); n * d], vec![S::zero(); n], vec![S::zero(); n]);
    for _ in 0..STEPS {
        let gradient = ambient_gradient(psi, theta, &y);
        m.log_on_cover(&y, x, &mut v);
        m.frame(&y, BlockMut::dense(&mut frame, y.len()));
        for row in frame.chunks(n) {
            let along = row.iter().zip(&gradient).fold(S::zero(), |sum, (&e, &g)| sum + e * g);
            for (v, &e) in v.iter_mut().zip(row) {
                *v -= along * e;
            }
        }
        m.exp(&y, &v, &mut next);
        y.copy_from_slice(&next);
    }
    y
}

/// `T(x)` of a stack and `log|det DT(x)|`, the Jacobian by duals through all the steps; `D` is the dimension.
pub(crate) fn image_and_log_det<const D: usize, M: Manifold, P: Expression, S: Scalar<Base = f64>>(
    m: &M,
    psi: &P,
    layers: &[&[S]],
    x: &[f64],
) -> (Vec<S>, S) {
    let n = m.ambient();
    let x: Vec<S> = x.iter().map(|&x| S::constant(x)).collect();
    let mut frame = vec![S::zero(); n * D];
    m.frame(&x, BlockMut::dense(&mut frame, x.len()));
    let moved: Vec<Dual<S, D>> =
        (0..n).map(|c| Dual { re: x[c], eps: std::array::from_fn(|k| frame[k * n + c]) }).collect();
    let y = layers.iter().fold(moved, |x, theta| {
        let theta: Vec<Dual<S, D>> = theta.iter().map(|&w| Dual::fixed(w)).collect();
        image(m, psi, &theta, &x)
    });
    let values: Vec<S> = y.iter().map(|y| y.re).collect();
    m.frame(&values, BlockMut::dense(&mut frame, values.len()));
    let mut jacobian = [[S::zero(); D]; D];
    for i in 0..D {
        for k in 0..D {
            jacobian[i][k] = (0..n).fold(S::zero(), |sum, c| sum + frame[i * n + c] * y[c].eps[k]);
        }
    }
    (values, log_abs_det(jacobian))
}

/// By elimination without pivoting: the Jacobians here are near the identity up to a rotation of frames, so the largest
/// entry of each column is exchanged to the diagonal.
fn log_abs_det<S: Scalar<Base = f64>, const D: usize>(mut a: [[S; D]; D]) -> S {
    let mut log = S::zero();
    for k in 0..D {
        let pivot = (k..D).max_by(|&i, &j| a[i][k].value().abs().total_cmp(&a[j][k].value().abs())).unwrap();
        a.swap(k, pivot);
        let diagonal = a[k][k];
        log += (diagonal * diagonal).ln() * 0.5;
        for i in k + 1..D {
            let factor = a[i][k] / diagonal;
            for j in k..D {
                a[i][j] -= factor * a[k][j];
            }
        }
    }
    log
}
