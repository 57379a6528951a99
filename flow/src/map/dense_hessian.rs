//! What a concave map saves of every sample at its image: the gradient of psi and the dense matrix `H`.

use ircpm_manifolds::Cost;
use nalgebra::DMatrix;

use super::Record;
use crate::small::{Spectrum, smallest_eigenvalue};

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

/// Clamps the eigenvalues of every sample's `H` from below: see [`super::Map::clamp_eigenvalues`].
///
/// `log det H` is `Σ log λ`. Below the floor `ε` the logarithm is continued by its tangent, `log ε + (λ − ε)/ε`. The score is
/// then finite and once differentiable wherever `H` is finite, so that training can raise an eigenvalue that is below zero at
/// some point. Its derivative is `1/max(λ, ε)`: every formula of [`super::pull_back`] stays as it is, with the clamped matrix
/// `V max(Λ, ε) Vᵀ` in place of `H`.
pub(crate) fn clamp_eigenvalues<M: Cost>(m: &M, floor: f64, record: &mut Record, lowest: &mut [f64]) {
    let (n, d) = (m.ambient(), m.dim());
    let mut scratch = vec![0.0; d * d];
    let mut dense = std::mem::take(record.saved_mut().get_mut::<DenseHessian>());
    for (s, lowest) in lowest.iter_mut().enumerate() {
        *lowest = floor;
        let h = &mut dense.matrix[s * d * d..(s + 1) * d * d];
        if record.ok[s] && all_exceed(h, d, floor, &mut scratch) {
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
        *lowest = smallest.min(floor);
    }
    *record.saved_mut().get_mut::<DenseHessian>() = dense;
}

/// Whether all eigenvalues exceed `floor`, by Cholesky's test of `H − floor`, which is ten times cheaper than the eigenvalues.
fn all_exceed(h: &[f64], d: usize, floor: f64, lower: &mut [f64]) -> bool {
    for j in 0..d {
        let square: f64 = lower[j * d..j * d + j].iter().map(|l| l * l).sum();
        let pivot = h[j * d + j] - floor - square;
        if pivot.is_nan() || pivot <= 0.0 {
            return false;
        }
        let root = pivot.sqrt();
        lower[j * d + j] = root;
        for i in j + 1..d {
            let product: f64 = (0..j).map(|k| lower[i * d + k] * lower[j * d + k]).sum();
            lower[i * d + j] = (h[j * d + i] - product) / root;
        }
    }
    true
}

/// Clamps the eigenvalues of `h` in place; returns the smallest one, and `log det` with the continued logarithm.
fn clamp(h: &mut [f64], d: usize, floor: f64) -> (f64, f64) {
    let spectrum = Spectrum::new(h, d);
    let log = |l: f64| if l < floor { floor.ln() + (l - floor) / floor } else { l.ln() };
    spectrum.apply(|l| l.max(floor), h);
    (spectrum.smallest(), spectrum.values().map(log).sum())
}
