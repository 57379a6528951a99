//! Eigenvalues of small symmetric matrices.

use nalgebra::{DMatrix, SymmetricEigen};

/// Smallest eigenvalue of a symmetric `n × n` matrix; NaN if an entry is not finite.
pub(crate) fn smallest_eigenvalue(h: &[f64], n: usize) -> f64 {
    if h.iter().any(|x| !x.is_finite()) {
        return f64::NAN;
    }
    match n {
        1 => h[0],
        2 => {
            // The branch of the closed form that does not cancel for the small root: det / larger.
            let (mean, half) = (0.5 * (h[0] + h[3]), 0.5 * (h[0] - h[3]));
            let radius = half.hypot(h[1]);
            if mean > 0.0 {
                let larger = mean + radius;
                h[0] / larger * h[3] - h[1] / larger * h[1]
            } else {
                mean - radius
            }
        }
        _ => {
            let (scaled, unit) = scaled(h, n);
            scaled.symmetric_eigenvalues().min() * unit
        }
    }
}

/// Operator norm of a symmetric `n × n` matrix: its largest absolute eigenvalue; NaN if an entry is not finite.
pub(crate) fn operator_norm(h: &[f64], n: usize) -> f64 {
    let negative: Vec<f64> = h.iter().map(|x| -x).collect();
    let (lowest, highest) = (smallest_eigenvalue(h, n), -smallest_eigenvalue(&negative, n));
    if lowest.is_nan() { f64::NAN } else { highest.max(-lowest) }
}

/// Eigenvalues and eigenvectors of a symmetric matrix.
pub(crate) struct Spectrum {
    scaled: SymmetricEigen<f64, nalgebra::Dyn>,
    /// Largest entry of the matrix, by which it was divided.
    unit: f64,
}

impl Spectrum {
    /// The spectrum of a symmetric `n × n` matrix of finite numbers.
    pub(crate) fn new(h: &[f64], n: usize) -> Self {
        let (scaled, unit) = scaled(h, n);
        Self { scaled: scaled.symmetric_eigen(), unit }
    }

    /// The eigenvalues, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.scaled.eigenvalues.iter().map(|l| l * self.unit)
    }

    /// The smallest eigenvalue.
    pub(crate) fn smallest(&self) -> f64 {
        self.scaled.eigenvalues.min() * self.unit
    }

    /// Writes `Σ f(λ) v vᵀ`, a function of the matrix.
    pub(crate) fn apply(&self, f: impl Fn(f64) -> f64, out: &mut [f64]) {
        let n = self.scaled.eigenvalues.len();
        out.fill(0.0);
        for (value, v) in self.values().zip(self.scaled.eigenvectors.column_iter()) {
            let f = f(value);
            for i in 0..n {
                for j in 0..n {
                    out[i * n + j] += f * (v[i] * v[j]);
                }
            }
        }
    }
}

/// Entries below this share of the largest one are no digit of any eigenvalue, and their squares would underflow.
const NEGLIGIBLE: f64 = 1e-140;

/// The matrix divided by its largest entry, and that entry: differences of the largest numbers would overflow.
fn scaled(h: &[f64], n: usize) -> (DMatrix<f64>, f64) {
    let size = h.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let unit = if size > 0.0 { size } else { 1.0 };
    let scale = |x: &f64| if (x / unit).abs() < NEGLIGIBLE { 0.0 } else { x / unit };
    (DMatrix::from_row_iterator(n, n, h.iter().map(scale)), unit)
}
