//! Sums, products, quotients and roots of doubles, rounded down or up.
//!
//! The processor rounds to nearest, by at most half a unit in the last place, so the neighbour of a rounded result
//! bounds the exact one. A sum's rounding error is a double itself (Knuth's two-sum), whose sign says on which side the
//! exact sum lies.

/// `a + b`, and whether the exact sum is known to be no smaller, and no larger, than that.
#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, bool, bool) {
    let s = a + b;
    let c = s - a;
    let error = (a - (s - c)) + (b - c);
    // Where something overflowed the error is not finite and says nothing.
    (s, (0.0..=f64::MAX).contains(&error), (f64::MIN..=0.0).contains(&error))
}

/// A lower bound of `a + b`, the best one but for overflow.
#[inline(always)]
pub(super) fn add_down(a: f64, b: f64) -> f64 {
    let (s, below, _) = two_sum(a, b);
    if below { s } else { s.next_down() }
}

/// An upper bound of `a + b`, the best one but for overflow.
#[inline(always)]
pub(super) fn add_up(a: f64, b: f64) -> f64 {
    let (s, _, above) = two_sum(a, b);
    if above { s } else { s.next_up() }
}

/// A lower bound of `a − b`.
#[inline(always)]
pub(super) fn sub_down(a: f64, b: f64) -> f64 {
    add_down(a, -b)
}

/// An upper bound of `a − b`.
#[inline(always)]
pub(super) fn sub_up(a: f64, b: f64) -> f64 {
    add_up(a, -b)
}

/// A lower bound of `a · b`; zero times infinity is zero.
#[inline(always)]
pub(super) fn mul_down(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 {
        return 0.0;
    }
    let p = a * b;
    // A positive product that underflows to zero is above zero.
    if p == 0.0 && (a > 0.0) == (b > 0.0) { 0.0 } else { p.next_down() }
}

/// An upper bound of `a · b`; zero times infinity is zero.
#[inline(always)]
pub(super) fn mul_up(a: f64, b: f64) -> f64 {
    -mul_down(-a, b)
}

/// A lower bound of `a / b` for `b ≠ 0`; zero by an infinite `b`.
#[inline(always)]
pub(super) fn div_down(a: f64, b: f64) -> f64 {
    if a == 0.0 || b.is_infinite() {
        return 0.0;
    }
    let q = a / b;
    if q == 0.0 && (a > 0.0) == (b > 0.0) { 0.0 } else { q.next_down() }
}

/// An upper bound of `a / b` for `b ≠ 0`; zero by an infinite `b`.
#[inline(always)]
pub(super) fn div_up(a: f64, b: f64) -> f64 {
    -div_down(-a, b)
}

/// A lower bound of `√a` for `a ≥ 0`; exact where the root is.
#[inline(always)]
pub(super) fn sqrt_down(a: f64) -> f64 {
    let root = a.sqrt();
    if is_exact_root(a, root) { root } else { root.next_down() }
}

/// An upper bound of `√a` for `a ≥ 0`; exact where the root is.
#[inline(always)]
pub(super) fn sqrt_up(a: f64) -> f64 {
    let root = a.sqrt();
    if is_exact_root(a, root) { root } else { root.next_up() }
}

/// Whether `root` is zero, or a number of at most 26 bits whose square is `a`.
#[inline(always)]
fn is_exact_root(a: f64, root: f64) -> bool {
    const LOW_HALF: u64 = (1 << 27) - 1;
    a == 0.0 || (root.to_bits() & LOW_HALF == 0 && root > 1e-150 && root * root == a)
}

/// The sum `Σ cᵢ xⁱ`, rounded to nearest at every step (Horner's scheme).
#[inline(always)]
pub(super) fn horner<const N: usize>(x: f64, c: &[f64; N]) -> f64 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum * x + c[i];
    }
    sum
}

/// A bound of the error of [`horner`] for `|x| ≤ largest`, where each coefficient is a real number rounded to nearest.
///
/// Coefficient `i` is rounded once, added once, and multiplied and added at each of the `i` steps that follow: that are
/// `2i + 2` relative errors of at most `2⁻⁵³` each. The factor covers their products, the rounding of this sum, and the
/// underflow of tiny terms beside a first coefficient that is not tiny.
pub(super) const fn horner_error<const N: usize>(c: &[f64; N], largest: f64) -> f64 {
    let (mut sum, mut power, mut i) = (0.0, 1.0, 0);
    while i < N {
        sum += (2 * i + 2) as f64 * c[i].abs() * power;
        power *= largest;
        i += 1;
    }
    1.01 * 0.5 * f64::EPSILON * sum
}
