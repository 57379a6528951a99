//! Reading plain samples into packs, as the flow's own kernels do.

use ircpm_ad::Real;

/// Number of samples that go through a network together.
pub const TILE_SAMPLES: usize = 32;

/// Reads the samples from number `start` on into one pack, `y[coordinate]`, where `n` is the number of coordinates.
///
/// # Panics
/// If `points`, `[sample][coordinate]`, ends within the pack.
#[inline(always)]
pub fn load<R: Real>(points: &[f64], n: usize, start: usize, y: &mut Vec<R>) {
    y.resize(n, R::zero());
    for c in 0..n {
        y[c] = R::from_fn(|lane| points[(start + lane) * n + c]);
    }
}
