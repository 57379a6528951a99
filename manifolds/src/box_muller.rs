//! Standard normal numbers as an image of the unit cube.

use std::f64::consts::TAU;

/// Number of uniform numbers that `n` normal ones are made of: they come in pairs.
pub(crate) fn cube_dim(n: usize) -> usize {
    n.next_multiple_of(2)
}

/// Fills `out` with independent standard normal numbers from `cube_dim(out.len())` uniform ones (Box and Muller, 1958).
pub(crate) fn fill(u: &[f64], out: &mut [f64]) {
    for (pair, out) in u.chunks_exact(2).zip(out.chunks_mut(2)) {
        // Low-discrepancy sequences begin at 0, where the logarithm is infinite; 2⁻⁵⁴ is half the least random number.
        let radius = (-2.0 * pair[0].max(0.5_f64.powi(54)).ln()).sqrt();
        let (sine, cosine) = (TAU * pair[1]).sin_cos();
        out[0] = radius * cosine;
        if let Some(second) = out.get_mut(1) {
            *second = radius * sine;
        }
    }
}
