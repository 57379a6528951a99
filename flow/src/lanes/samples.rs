//! Runs of samples in packs, and how packs are filled from and written to plain slices.
//!
//! Points at the interface are `[sample][coordinate]`; packs exist only inside kernels.

use std::marker::PhantomData;

use ircpm_ad::Real;
use ircpm_ad::simd::Task;

/// Samples in a tile, whose weight gradients are summed together: enough for long sums, few enough to stay in the cache.
pub(crate) const TILE: usize = 32;

/// A run of samples of a batch that goes through a kernel together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub start: usize,
    pub len: usize,
}

impl Span {
    /// The spans of a batch.
    pub(crate) fn all(samples: usize) -> impl Iterator<Item = Span> {
        (0..samples).step_by(TILE).map(move |start| Span { start, len: TILE.min(samples - start) })
    }

    /// Packs that hold it.
    #[inline(always)]
    pub(crate) fn packs<R: Real>(self) -> usize {
        self.len.div_ceil(R::LANES)
    }

    /// Number `c` of `n` of every sample in pack `p`; lanes past the end repeat the last sample.
    #[inline(always)]
    pub(crate) fn load<R: Real>(self, data: &[f64], n: usize, c: usize, p: usize) -> R {
        R::vectorized(Load { at: At { span: self, n, c, p }, data, pad: None, pack: PhantomData })
    }

    /// As [`Span::load`], zero in lanes past the end: for cotangents.
    #[inline(always)]
    pub(crate) fn load_padded<R: Real>(self, data: &[f64], n: usize, c: usize, p: usize) -> R {
        R::vectorized(Load { at: At { span: self, n, c, p }, data, pad: Some(0.0), pack: PhantomData })
    }

    /// 1 for the samples of pack `p` whose flag is set, 0 for the others.
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

    /// Writes `value` as number `c` of `n` of every sample in pack `p`.
    #[inline(always)]
    pub(crate) fn store<R: Real>(self, value: R, data: &mut [f64], n: usize, c: usize, p: usize) {
        R::vectorized(Store { at: At { span: self, n, c, p }, data, value });
    }
}

/// Number `c` of `n` of the samples in pack `p`.
struct At {
    span: Span,
    n: usize,
    c: usize,
    p: usize,
}

/// [`Span::load`], a function of its own: it is called everywhere.
struct Load<'a, R> {
    at: At,
    data: &'a [f64],
    /// What lanes past the end hold, if not the last sample's.
    pad: Option<f64>,
    pack: PhantomData<R>,
}

impl<R: Real> Task for Load<'_, R> {
    type Output = R;

    #[inline(always)]
    fn run(self) -> R {
        let At { span, n, c, p } = self.at;
        let last = span.len - 1;
        R::from_fn(|lane| {
            let i = p * R::LANES + lane;
            match self.pad {
                Some(pad) if i > last => pad,
                _ => self.data[(span.start + i.min(last)) * n + c],
            }
        })
    }
}

/// [`Span::store`], likewise.
struct Store<'a, R> {
    at: At,
    data: &'a mut [f64],
    value: R,
}

impl<R: Real> Task for Store<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let At { span, n, c, p } = self.at;
        span.each::<R>(p, |sample, lane| self.data[sample * n + c] = self.value.lane(lane));
    }
}
