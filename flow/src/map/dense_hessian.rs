//! What a concave map saves of every sample at its image: the gradient of psi and the dense matrix `H`.

use ircpm_manifolds::{BlockMut, Cost};
use nalgebra::DMatrix;

use super::Record;
use crate::small::{Cholesky, Spectrum, smallest_eigenvalue};

/// `grad psi` and `H` at the images of a batch, in their frames.
#[derive(Clone, Debug, Default)]
pub(crate) struct DenseHessian {
    /// `[sample][D]`.
    pub gradient: Vec<f64>,
    /// `[sample][D × D]`, symmetric.
    pub matrix: Vec<f64>,
}

impl DenseHessian {
    /// What `record` holds.
    ///
    /// # Panics
    /// If no concave map has run into it.
    #[inline(always)]
    pub(crate) fn of(record: &Record) -> &Self {
        record.saved().get().expect("a record is read by the map that made it")
    }

    /// Makes room for `samples` samples.
    pub(crate) fn resize(&mut self, samples: usize, dim: usize) {
        self.gradient.resize(samples * dim, 0.0);
        self.matrix.resize(samples * dim * dim, 0.0);
    }

    /// `H` of one sample.
    pub(crate) fn sample(&self, s: usize, dim: usize) -> &[f64] {
        &self.matrix[s * dim * dim..(s + 1) * dim * dim]
    }

    /// `H` of one sample as a matrix.
    pub(crate) fn to_matrix(&self, s: usize, dim: usize) -> DMatrix<f64> {
        DMatrix::from_row_slice(dim, dim, self.sample(s, dim))
    }

    /// Smallest eigenvalue of every sample's `H`; NaN where it is not finite.
    pub(crate) fn smallest_eigenvalues(&self, dim: usize, out: &mut [f64]) {
        for (s, out) in out.iter_mut().enumerate() {
            *out = smallest_eigenvalue(self.sample(s, dim), dim);
        }
    }
}

/// `grad psi` and `Hess psi = H − Hess_y c` of every sample: see [`super::Map::potential_derivatives`].
pub(crate) fn potential_derivatives<M: Cost, const D: usize>(
    m: &M,
    record: &Record,
    gradient: &mut [f64],
    hessian: &mut [f64],
) {
    let dense = DenseHessian::of(record);
    gradient.copy_from_slice(&dense.gradient);
    let mut cost = [[0.0; D]; D];
    for s in 0..record.samples() {
        let entries = s * D * D..(s + 1) * D * D;
        m.cost_hessian(&dense.gradient[s * D..(s + 1) * D], BlockMut::dense(cost.as_flattened_mut(), D));
        for ((out, h), c) in hessian[entries].iter_mut().zip(dense.sample(s, D)).zip(cost.as_flattened()) {
            *out = h - c;
        }
    }
}

/// `log|det DT|` and the sign of `det DT` of every sample: see [`super::Map::signed_log_dets`].
pub(crate) fn signed_log_dets<M: Cost, const D: usize>(
    m: &M,
    record: &Record,
    log_det: &mut [f64],
    sign: &mut [f64],
) {
    let (n, dense) = (m.ambient(), DenseHessian::of(record));
    for s in 0..record.samples() {
        if record.ok[s] {
            (log_det[s], sign[s]) = (record.log_det[s], 1.0);
            continue;
        }
        let (h, g) = (dense.sample(s, D), &dense.gradient[s * D..(s + 1) * D]);
        let finite = h.iter().chain(&record.x[s * n..(s + 1) * n]).all(|v| v.is_finite());
        (log_det[s], sign[s]) = if finite && m.domain_margin(g) > 0.0 {
            let spectrum = Spectrum::new(h, D);
            let of_h = spectrum.values().map(|l| l.abs().ln()).sum::<f64>();
            (m.mixed_log_det(g) - of_h, spectrum.values().map(sign_of).product())
        } else {
            (f64::NAN, 0.0)
        };
    }
}

/// The sign of a number, 0 for zero.
fn sign_of(l: f64) -> f64 {
    if l == 0.0 { 0.0 } else { l.signum() }
}

/// Clamps the eigenvalues of every sample's `H` from below: see [`super::Map::clamp_eigenvalues`].
///
/// `log det H` is `Σ log λ`. Below the floor `ε` the logarithm is continued by its tangent, `log ε + (λ − ε)/ε`. The
/// score is then finite and once differentiable wherever `H` is finite, so that training can raise an eigenvalue that
/// is below zero at some point. Its derivative is `1/max(λ, ε)`: every formula of [`super::pull_back`] stays as it is,
/// with the clamped matrix `V max(Λ, ε) Vᵀ` in place of `H`.
pub(crate) fn clamp_eigenvalues<M: Cost, const D: usize>(
    m: &M,
    floor: f64,
    record: &mut Record,
    lowest: &mut [f64],
) {
    let (n, d) = (m.ambient(), D);
    let mut dense = std::mem::take(record.saved_mut().get_mut::<DenseHessian>());
    for (s, lowest) in lowest.iter_mut().enumerate() {
        *lowest = floor;
        let h = &mut dense.matrix[s * d * d..(s + 1) * d * d];
        if record.ok[s] && all_exceed::<D>(h, floor) {
            continue;
        }
        let (x, g) = (&record.x[s * n..(s + 1) * n], &dense.gradient[s * d..(s + 1) * d]);
        let finite = h.iter().chain(x).all(|v| v.is_finite());
        record.ok[s] = finite && m.domain_margin(g) > 0.0;
        if !record.ok[s] {
            *lowest = f64::NAN;
            continue;
        }
        let (smallest, log_det) = clamp(h, d, floor);
        record.log_det[s] = m.mixed_log_det(g) - log_det;
        record.ok[s] = record.log_det[s].is_finite();
        *lowest = if record.ok[s] { smallest.min(floor) } else { f64::NAN };
    }
    *record.saved_mut().get_mut::<DenseHessian>() = dense;
}

/// Whether all eigenvalues exceed `floor`: whether `H − floor` has a Cholesky factor, which is far cheaper to find.
fn all_exceed<const D: usize>(h: &[f64], floor: f64) -> bool {
    let mut shifted = [[0.0; D]; D];
    shifted.as_flattened_mut().copy_from_slice(h);
    for i in 0..D {
        shifted[i][i] -= floor;
    }
    Cholesky::new(&shifted).definite > 0.0
}

/// Clamps the eigenvalues of `h` in place; returns the smallest one, and `log det` with the continued logarithm.
fn clamp(h: &mut [f64], d: usize, floor: f64) -> (f64, f64) {
    let spectrum = Spectrum::new(h, d);
    let log = |l: f64| if l < floor { floor.ln() + (l - floor) / floor } else { l.ln() };
    spectrum.apply(|l| l.max(floor), h);
    (spectrum.smallest(), spectrum.values().map(log).sum())
}
