//! Numbers of many digits that tests compare enclosures with.

use astro_float_num::{BigFloat, RoundingMode};

/// Bits of the references, and a rounding mode that matters only for the last of them.
pub(crate) const BITS: usize = 256;
pub(crate) const NEAREST: RoundingMode = RoundingMode::ToEven;

pub(crate) fn big(x: f64) -> BigFloat {
    BigFloat::from_f64(x, BITS)
}
