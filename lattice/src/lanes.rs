//! How packs are filled from plain slices, `[sample][coordinate]`, and written to them.

use ircpm_ad::Real;

/// Samples of a batch in packs; lanes past the end repeat the last sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// Number of samples.
    pub samples: usize,
}

impl Batch {
    /// Number of packs.
    #[inline(always)]
    pub(crate) fn packs<R: Real>(self) -> usize {
        self.samples.div_ceil(R::LANES)
    }

    /// The sample in a lane of pack `p`.
    #[inline(always)]
    pub(crate) fn sample<R: Real>(self, p: usize, lane: usize) -> usize {
        (p * R::LANES + lane).min(self.samples - 1)
    }

    /// Number of lanes of pack `p` that hold samples of their own.
    #[inline(always)]
    pub(crate) fn lanes<R: Real>(self, p: usize) -> usize {
        R::LANES.min(self.samples - p * R::LANES)
    }

    /// Number `c` of the `n` numbers of every sample in pack `p`.
    #[inline(always)]
    pub(crate) fn load<R: Real>(self, data: &[f64], n: usize, c: usize, p: usize) -> R {
        R::from_fn(|lane| data[self.sample::<R>(p, lane) * n + c])
    }

    /// As [`Batch::load`], but zero in lanes past the end: for cotangents.
    #[inline(always)]
    pub(crate) fn load_padded<R: Real>(self, data: &[f64], n: usize, c: usize, p: usize) -> R {
        R::from_fn(|lane| {
            let sample = p * R::LANES + lane;
            if sample < self.samples { data[sample * n + c] } else { 0.0 }
        })
    }

    /// Writes `value` as number `c` of the `n` numbers of every sample in pack `p`.
    #[inline(always)]
    pub(crate) fn store<R: Real>(self, value: R, data: &mut [f64], n: usize, c: usize, p: usize) {
        for lane in 0..self.lanes::<R>(p) {
            data[(p * R::LANES + lane) * n + c] = value.lane(lane);
        }
    }
}

/// Sets the length of a buffer.
#[inline(always)]
pub(crate) fn resize<R: Real>(buffer: &mut Vec<R>, len: usize) {
    if buffer.len() != len {
        resize_to(buffer, len);
    }
}

/// A function of its own, because it is rarely called.
#[inline(never)]
fn resize_to<R: Real>(buffer: &mut Vec<R>, len: usize) {
    buffer.truncate(len);
    while buffer.len() < len {
        buffer.push(R::zero());
    }
}
