//! Eigenvalues of small symmetric matrices.

use nalgebra::DMatrix;

/// Smallest eigenvalue of a symmetric `n × n` matrix; NaN if an entry is not finite.
pub(crate) fn smallest_eigenvalue(h: &[f64], n: usize) -> f64 {
    if h.iter().any(|x| !x.is_finite()) {
        return f64::NAN;
    }
    match n {
        1 => h[0],
        2 => {
            // Of the closed form, the branch that does not cancel for the small root: det / larger.
            let (mean, half) = (0.5 * (h[0] + h[3]), 0.5 * (h[0] - h[3]));
            let radius = half.hypot(h[1]);
            if mean > 0.0 { (h[0] * h[3] - h[1] * h[1]) / (mean + radius) } else { mean - radius }
        }
        _ => DMatrix::from_row_slice(n, n, h).symmetric_eigenvalues().min(),
    }
}
