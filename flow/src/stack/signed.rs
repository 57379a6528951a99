//! Densities of given points with the sign of the determinant, on maps that fold as well.
//!
//! Write `S = T⁻¹` for the closed-form inverse, which is a smooth map of degree one whatever psi is. So
//! `∫ base(S) det DS = 1` always, and `∫ base(S) |det DS|` exceeds one by twice the part where the determinant is
//! negative (`docs/mathematics.md`, section 15). Both integrands are here, the second by its logarithm.

use super::{Flow, Records, least};

/// Densities of given points, with signs.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SignedDensities {
    /// Preimages `S(y)`, `[sample][coordinate]`.
    pub x: Vec<f64>,
    /// `log(base(S(y)) |det DS(y)|)` with respect to the Riemannian volume: `log q` where no layer folds, `−∞` where
    /// `DS` is singular. NaN where a point is not on the manifold, or a layer's preimage is not finite or beyond the
    /// injectivity radius.
    pub log_q: Vec<f64>,
    /// Sign of `det DS(y)`; 0 where it is singular or not known.
    pub sign: Vec<f64>,
    /// Smallest eigenvalue of `H` over the layers, as of [`Flow::inverse_with_eigenvalues`].
    pub min_eigenvalue: Vec<f64>,
    /// Whether the flow is one-to-one near the point: see [`super::Pulled::ok`].
    pub ok: Vec<bool>,
}

/// Numbers of a sample: `log|det DT|` over all layers, its sign, and the smallest eigenvalue.
const NUMBERS: usize = 3;

impl Flow {
    /// Densities of given points `y`, `[sample][coordinate]`, with the sign of the determinant.
    ///
    /// # Panics
    /// As [`Flow::inverse`].
    pub fn signed_densities(&self, theta: &[f64], y: &[f64]) -> SignedDensities {
        let n = self.manifold.ambient();
        let (pulled, numbers) = self.pull(theta, y, |records| self.determinants(records));
        let mut out = SignedDensities { x: pulled.x, ok: pulled.ok, ..SignedDensities::default() };
        for (s, numbers) in numbers.chunks_exact(NUMBERS).enumerate() {
            let (y, x) = (&y[s * n..(s + 1) * n], &out.x[s * n..(s + 1) * n]);
            let known = !numbers[0].is_nan() && self.manifold.check_point(y).is_ok();
            let log_q = if out.ok[s] {
                pulled.log_q[s]
            } else if known {
                self.manifold.log_base(x) - numbers[0]
            } else {
                f64::NAN
            };
            out.log_q.push(log_q);
            out.sign.push(if known { numbers[1] } else { 0.0 });
            out.min_eigenvalue.push(numbers[2]);
        }
        out
    }

    /// [`NUMBERS`] of every sample.
    fn determinants(&self, records: &Records) -> Vec<f64> {
        let samples = records[0].samples();
        let mut out: Vec<f64> = [0.0, 1.0, f64::INFINITY].repeat(samples);
        let (mut log_det, mut sign, mut lowest) =
            (vec![0.0; samples], vec![0.0; samples], vec![0.0; samples]);
        for (map, record) in self.maps.iter().zip(records) {
            map.signed_log_dets(record, &mut log_det, &mut sign);
            map.smallest_eigenvalues(record, &mut lowest);
            for (s, out) in out.chunks_exact_mut(NUMBERS).enumerate() {
                out[0] += log_det[s];
                out[1] *= sign[s];
                out[2] = least(out[2], lowest[s]);
            }
        }
        out
    }
}
