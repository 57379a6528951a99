//! Small helpers on slices: dot products, blocks of a matrix, the least of several margins.
//!
//! Loops run over indices: a closure over packs might be compiled without the caller's instruction set.

use ircpm_ad::{Real, Scalar};

/// Block of a block within a row-major matrix: a factor's share of a product's frame.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a, S> {
    entries: &'a [S],
    stride: usize,
}

impl<'a, S> Block<'a, S> {
    /// The block that begins at the first entry of `entries`, in a matrix with `stride` columns.
    #[inline(always)]
    pub(crate) fn new(entries: &'a [S], stride: usize) -> Self {
        Self { entries, stride }
    }

    /// Row `i`, from the block's first column on.
    #[inline(always)]
    pub(crate) fn row(self, i: usize) -> &'a [S] {
        &self.entries[i * self.stride..]
    }
}

/// `Σ aᵢ bᵢ` over the length of `a`.
#[inline(always)]
pub(crate) fn dot<S: Scalar>(a: &[S], b: &[S]) -> S {
    let mut sum = S::zero();
    for i in 0..a.len() {
        sum += a[i] * b[i];
    }
    sum
}

/// The lesser margin; −∞ if `b` is NaN, which [`Real::min`] would pass over.
#[inline(always)]
pub(crate) fn least<B: Real>(a: B, b: B) -> B {
    let none = B::constant(f64::NEG_INFINITY);
    a.min(B::select_gt(b, none, b, none))
}

/// First coordinate that is not finite, or a wrong number of them.
pub(crate) fn check_finite(p: &[f64], expected: usize) -> Result<(), crate::InvalidPoint> {
    if p.len() != expected {
        return Err(crate::InvalidPoint::Length { expected, found: p.len() });
    }
    match p.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(crate::InvalidPoint::NotFinite { index, value: p[index] }),
        None => Ok(()),
    }
}
