//! AVX-512.

use std::arch::x86_64::*;

use super::super::instruction_set::InstructionSet;
use super::avx2::Avx2;
use super::avx512_single::Avx512Single;
use super::register;
use crate::precision::Lane;

/// AVX-512, its foundation, DQ and VL: eight doubles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512;

impl Avx512 {
    /// Whether this processor has AVX-512 with DQ and VL.
    #[inline]
    pub(crate) fn available() -> bool {
        Avx2::available()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
    }
}

#[expect(unsafe_code, reason = "intrinsics")]
impl InstructionSet for Avx512 {
    register!(__m512d, [f64; 8], Avx512Single, 32, "avx2,fma,avx512f,avx512dq,avx512vl", _mm512_set1_pd _mm512_add_pd _mm512_sub_pd
        _mm512_mul_pd _mm512_div_pd _mm512_fmadd_pd _mm512_sqrt_pd _mm512_min_pd
        _mm512_max_pd);

    #[inline(always)]
    fn abs(a: __m512d) -> __m512d {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm512_abs_pd(a) }
    }
    #[inline(always)]
    fn select_gt(a: __m512d, b: __m512d, if_greater: __m512d, otherwise: __m512d) -> __m512d {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(a, b), otherwise, if_greater) }
    }
    #[inline(always)]
    fn exponent_from_low_bits(a: __m512d) -> __m512d {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(a))) }
    }
    #[inline(always)]
    fn sum(a: __m512d) -> f64 {
        // SAFETY: see the documentation of `x86`.
        let half = unsafe { _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a)) };
        Avx2::sum(half)
    }
    #[inline(always)]
    fn sum_four(packs: [__m512d; 4]) -> [f64; 4] {
        let mut halves = [Avx2::splat(0.0); 4];
        for (half, a) in halves.iter_mut().zip(packs) {
            // SAFETY: see the documentation of `x86`.
            *half = unsafe { _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a)) };
        }
        Avx2::sum_four(halves)
    }
}
