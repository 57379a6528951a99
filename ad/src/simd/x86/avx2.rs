//! AVX2 with fused multiply-add.

use std::arch::x86_64::*;

use super::super::instruction_set::InstructionSet;
use super::super::register_pair::RegisterPair;
use super::avx2_single::Avx2Single;
use super::register;
use crate::precision::Lane;

/// AVX2 with fused multiply-add: four doubles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2;

impl Avx2 {
    /// Whether this processor has AVX2 and fused multiply-add.
    #[inline]
    pub(crate) fn available() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }
}

#[expect(unsafe_code, reason = "intrinsics")]
impl InstructionSet for Avx2 {
    register!(__m256d, [f64; 4], RegisterPair<Avx2Single>, 16, "avx2,fma", _mm256_set1_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd
        _mm256_div_pd _mm256_fmadd_pd _mm256_sqrt_pd _mm256_min_pd
        _mm256_max_pd);

    #[inline(always)]
    fn abs(a: __m256d) -> __m256d {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), a) }
    }
    #[inline(always)]
    fn select_gt(a: __m256d, b: __m256d, if_greater: __m256d, otherwise: __m256d) -> __m256d {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm256_blendv_pd(otherwise, if_greater, _mm256_cmp_pd::<_CMP_GT_OQ>(a, b)) }
    }
    #[inline(always)]
    fn exponent_from_low_bits(a: __m256d) -> __m256d {
        // SAFETY: see the documentation of `x86`.
        unsafe { _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(a))) }
    }
    #[inline(always)]
    fn sum(a: __m256d) -> f64 {
        // SAFETY: see the documentation of `x86`.
        let half = unsafe { _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd::<1>(a)) };
        // SAFETY: SSE2 is part of the target.
        unsafe { _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half))) }
    }
    /// Adds upper halves to lower ones, two packs per register, and then neighbours.
    #[inline(always)]
    fn sum_four([a, b, c, d]: [__m256d; 4]) -> [f64; 4] {
        // SAFETY: see the documentation of `x86`.
        let fold = |x: __m256d, y: __m256d| unsafe {
            _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(x, y), _mm256_permute2f128_pd::<0x31>(x, y))
        };
        let (ac, bd) = (fold(a, c), fold(b, d));
        // SAFETY: see the documentation of `x86`.
        let sums = unsafe { _mm256_hadd_pd(ac, bd) };
        // Each half now holds two sums: (a, b) and (c, d).
        let sums = Self::as_slice(&sums);
        [sums[0], sums[1], sums[2], sums[3]]
    }
}
