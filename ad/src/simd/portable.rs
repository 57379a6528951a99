//! The instruction set of every processor of the target.

use super::instruction_set::InstructionSet;
use crate::real::Real;

/// Two doubles at a time, in plain Rust: SSE2 on x86-64, NEON on aarch64. There is no single precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

impl InstructionSet for Portable {
    type Lane = f64;
    type Pack = [f64; 2];
    type Register = Self;
    type Single = Self;
    const LANES: usize = 2;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat(x: f64) -> [f64; 2] {
        [x, x]
    }
    #[inline(always)]
    fn as_slice(x: &[f64; 2]) -> &[f64] {
        x
    }
    #[inline(always)]
    fn as_mut_slice(x: &mut [f64; 2]) -> &mut [f64] {
        x
    }
    #[inline(always)]
    fn add(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        [a[0] + b[0], a[1] + b[1]]
    }
    #[inline(always)]
    fn sub(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        [a[0] - b[0], a[1] - b[1]]
    }
    #[inline(always)]
    fn mul(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        [a[0] * b[0], a[1] * b[1]]
    }
    #[inline(always)]
    fn div(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        [a[0] / b[0], a[1] / b[1]]
    }
    #[inline(always)]
    fn mul_add(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> [f64; 2] {
        [Real::mul_add(a[0], b[0], c[0]), Real::mul_add(a[1], b[1], c[1])]
    }
    #[inline(always)]
    fn abs(a: [f64; 2]) -> [f64; 2] {
        [a[0].abs(), a[1].abs()]
    }
    #[inline(always)]
    fn sqrt(a: [f64; 2]) -> [f64; 2] {
        [a[0].sqrt(), a[1].sqrt()]
    }
    #[inline(always)]
    fn select_gt(a: [f64; 2], b: [f64; 2], if_greater: [f64; 2], otherwise: [f64; 2]) -> [f64; 2] {
        let select = |i: usize| if a[i] > b[i] { if_greater[i] } else { otherwise[i] };
        [select(0), select(1)]
    }
    #[inline(always)]
    fn exponent_from_low_bits(a: [f64; 2]) -> [f64; 2] {
        [a[0].exponent_from_low_bits(), a[1].exponent_from_low_bits()]
    }
    #[inline(always)]
    fn sum(a: [f64; 2]) -> f64 {
        a[0] + a[1]
    }
    #[inline(never)]
    fn vectorized<O>(stage: impl FnOnce() -> O) -> O {
        stage()
    }
}
