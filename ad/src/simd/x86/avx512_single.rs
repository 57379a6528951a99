//! The registers of [`Avx512`] full of single-precision numbers.

use std::arch::x86_64::*;

use super::super::instruction_set::InstructionSet;
use super::avx512::Avx512;
use super::register;
use crate::precision::Lane;

/// [`Avx512`] in single precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Single;

impl Avx512Single {
    #[inline]
    fn available() -> bool {
        Avx512::available()
    }
}

#[expect(unsafe_code, reason = "intrinsics")]
impl InstructionSet for Avx512Single {
    register!(__m512, [f32; 16], Self, 32, "avx2,fma,avx512f,avx512dq,avx512vl", _mm512_set1_ps _mm512_add_ps
        _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_fmadd_ps _mm512_sqrt_ps _mm512_min_ps
        _mm512_max_ps);

    #[inline(always)]
    fn abs(a: __m512) -> __m512 {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm512_abs_ps(a) }
    }
    #[inline(always)]
    fn select_gt(a: __m512, b: __m512, if_greater: __m512, otherwise: __m512) -> __m512 {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), otherwise, if_greater) }
    }
    #[inline(always)]
    fn exponent_from_low_bits(a: __m512) -> __m512 {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(a))) }
    }
}
