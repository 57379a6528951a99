//! A floor under the eigenvalues of `H`, where densities are scored in training.
//!
//! `log det H` is `Σ log λ`; below a floor `ε` the logarithm is continued by its tangent, `log ε + (λ − ε)/ε`. The score is
//! then finite and once differentiable wherever `H` is finite, so that training can push an eigenvalue back up that
//! some point has below zero. Its derivative is `1/max(λ, ε)`: every formula of [`crate::map::pull_back`] stays as it is, with
//! the clamped matrix `V max(Λ, ε) Vᵀ` in place of `H`.

use ircpm_manifolds::Manifold;

use super::Record;
use crate::small::Spectrum;

/// Applies the floor to a layer's record of given points; returns, sample by sample, the smallest eigenvalue where it is
/// below the floor, else the floor; NaN where `H` is not finite.
///
/// Afterwards `ok` says that the sample is finite and within the injectivity radius; `h` is the clamped matrix.
pub(crate) fn clamp_layer<M: Manifold>(m: &M, floor: f64, record: &mut Record) -> Vec<f64> {
    let (n, d) = (m.ambient(), m.dim());
    let mut lowest = vec![floor; record.ok.len()];
    let mut scratch = vec![0.0; d * d];
    for (s, lowest) in lowest.iter_mut().enumerate() {
        let h = &mut record.h[s * d * d..(s + 1) * d * d];
        if record.ok[s] && all_exceed(h, d, floor, &mut scratch) {
            continue;
        }
        let (x, g) = (&record.x[s * n..(s + 1) * n], &record.g[s * d..(s + 1) * d]);
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
    lowest
}

/// Whether all eigenvalues exceed `floor`: Cholesky's test of `H − floor`, ten times cheaper than the eigenvalues.
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
