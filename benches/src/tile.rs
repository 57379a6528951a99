//! Samples in packs, as the flow's own kernels hold them.

use ircpm_ad::Real;

/// Samples that go through a network together.
pub const TILE_SAMPLES: usize = 32;

/// The pack of samples that begins with number `start`; all its lanes must be there.
#[inline(always)]
pub fn load<R: Real>(points: &[f64], n: usize, start: usize, y: &mut Vec<R>) {
    y.resize(n, R::zero());
    for c in 0..n {
        y[c] = R::from_fn(|lane| points[(start + lane) * n + c]);
    }
}
