//! Runs of samples in packs, and how packs are filled from and written to plain slices.
//!
//! Points at the interface are `[sample][coordinate]`; packs exist only inside kernels.

use ircpm_ad::Real;

/// Number of samples in a tile, whose weight gradients are summed together.
///
/// Enough for long sums, and few enough that what is saved of them stays in the cache.
pub(crate) const TILE: usize = 32;

/// A run of samples of a batch that goes through a kernel together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Index of the first sample.
    pub start: usize,
    /// Number of samples.
    pub len: usize,
}

impl Span {
    /// The tiles of a batch.
    pub(crate) fn tiles(samples: usize) -> impl Iterator<Item = Span> {
        (0..samples).step_by(TILE).map(move |start| Span { start, len: TILE.min(samples - start) })
    }

    /// Number of packs that hold the samples.
    #[inline(always)]
    pub(crate) fn packs<R: Real>(self) -> usize {
        self.len.div_ceil(R::LANES)
    }

    /// Number `c` of the `n` numbers of every sample in pack `p`; lanes past the end repeat the last sample.
    ///
    /// A function of its own for each instruction set, because it is called everywhere.
    #[inline(always)]
    pub(crate) fn load<R: Real>(self, data: &[f64], n: usize, c: usize, p: usize) -> R {
        let last = self.len - 1;
        R::vectorized(
            #[inline(always)]
            move || R::from_fn(|lane| data[(self.start + (p * R::LANES + lane).min(last)) * n + c]),
        )
    }

    /// As [`Span::load`], but zero in lanes past the end: for cotangents.
    #[inline(always)]
    pub(crate) fn load_padded<R: Real>(self, data: &[f64], n: usize, c: usize, p: usize) -> R {
        R::vectorized(
            #[inline(always)]
            move || {
                R::from_fn(|lane| {
                    let i = p * R::LANES + lane;
                    if i < self.len { data[(self.start + i) * n + c] } else { 0.0 }
                })
            },
        )
    }

    /// One for the samples of pack `p` whose flag is set, zero for the others.
    #[inline(always)]
    pub(crate) fn mask<R: Real>(self, flags: &[bool], p: usize) -> R {
        R::from_fn(|lane| f64::from(flags[self.start + (p * R::LANES + lane).min(self.len - 1)]))
    }

    /// Calls `write(sample, lane)` for every sample in pack `p`.
    #[inline(always)]
    pub(crate) fn each<R: Real>(self, p: usize, mut write: impl FnMut(usize, usize)) {
        for lane in 0..R::LANES.min(self.len - p * R::LANES) {
            write(self.start + p * R::LANES + lane, lane);
        }
    }

    /// Writes `value` as number `c` of the `n` numbers of every sample in pack `p`.
    #[inline(always)]
    pub(crate) fn store<R: Real>(self, value: R, data: &mut [f64], n: usize, c: usize, p: usize) {
        R::vectorized(
            #[inline(always)]
            move || self.each::<R>(p, |sample, lane| data[sample * n + c] = value.lane(lane)),
        );
    }
}
