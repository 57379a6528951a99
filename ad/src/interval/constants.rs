//! Enclosures of the constants that elementary functions need.

use super::Interval;

/// π.
pub(super) const PI: Interval = Interval::around(std::f64::consts::PI);

/// π/2.
pub(super) const HALF_PI: Interval = Interval::around(std::f64::consts::FRAC_PI_2);

/// 2/π.
pub(super) const TWO_OVER_PI: Interval = Interval::around(std::f64::consts::FRAC_2_PI);

/// The first 33 bits of π/2, and the next 33: products with integers below 2²⁰ are exact.
pub(super) const HALF_PI_PARTS: [f64; 2] = [1.570_796_326_734_125_6, 6.077_100_506_303_966e-11];

/// π/2 less both parts.
pub(super) const HALF_PI_REST: Interval = Interval::around(2.022_266_248_795_950_6e-21);

/// ln 2.
pub(super) const LN_2: Interval = Interval::around(std::f64::consts::LN_2);

/// The first 33 bits of ln 2: products with integers below 2²⁰ are exact.
pub(super) const LN_2_PART: f64 = 6.931_471_803_691_238e-1;

/// ln 2 less that.
pub(super) const LN_2_REST: Interval = Interval::around(1.908_214_929_270_587_7e-10);

/// log₂ e.
pub(super) const LOG2_E: Interval = Interval::around(std::f64::consts::LOG2_E);

/// log₁₀ e.
pub(super) const LOG10_E: Interval = Interval::around(std::f64::consts::LOG10_E);
