//! The registers of [`Avx2`] full of single-precision numbers.

use std::arch::x86_64::*;

use super::super::instruction_set::InstructionSet;
use super::avx2::Avx2;
use super::register;
use crate::precision::Lane;

/// [`Avx2`] in single precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Single;

impl Avx2Single {
    #[inline]
    fn available() -> bool {
        Avx2::available()
    }
}

#[expect(unsafe_code, reason = "intrinsics")]
impl InstructionSet for Avx2Single {
    register!(__m256, [f32; 8], Self, 16, "avx2,fma", _mm256_set1_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps
        _mm256_div_ps _mm256_fmadd_ps _mm256_sqrt_ps _mm256_min_ps
        _mm256_max_ps);

    #[inline(always)]
    fn abs(a: __m256) -> __m256 {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }
    #[inline(always)]
    fn select_gt(a: __m256, b: __m256, if_greater: __m256, otherwise: __m256) -> __m256 {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm256_blendv_ps(otherwise, if_greater, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b)) }
    }
    #[inline(always)]
    fn exponent_from_low_bits(a: __m256) -> __m256 {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(a))) }
    }
}
