//! Whether all symmetric matrices within a matrix of balls have eigenvalues above a bound.

use crate::ball::Ball;

/// Whether all eigenvalues of every symmetric matrix in `h` are known to be above `bound`. Row-major, `n` rows.
///
/// A symmetric matrix is positive definite if and only if elimination meets positive pivots only. Elimination in ball
/// arithmetic shows it for all matrices at once. Where that is too wide, it may show it for the matrix of the centres
/// less `ε`, where `ε` bounds the row sums of the radii, and so the spectral norm of every symmetric deviation.
pub(crate) fn exceed(h: &[Ball], n: usize, bound: f64) -> bool {
    let shift = Ball::exact(-bound);
    if is_positive_definite(h.to_vec(), n, shift) {
        return true;
    }
    let mut norm = 0.0_f64;
    for row in h.chunks_exact(n) {
        let sum = row.iter().fold(Ball::ZERO, |sum, entry| sum + entry.radius()).upper();
        // A NaN stays.
        norm = if sum > norm || sum.is_nan() { sum } else { norm };
    }
    let centres = h.iter().map(|entry| Ball::exact(entry.centre())).collect();
    n > 2 && is_positive_definite(centres, n, shift + -norm)
}

/// Whether all symmetric matrices in `a`, plus `shift` times the unit matrix, are known to be positive definite.
fn is_positive_definite(mut a: Vec<Ball>, n: usize, shift: Ball) -> bool {
    for i in 0..n {
        a[i * n + i] = a[i * n + i] + shift;
    }
    for k in 0..n {
        let pivot = a[k * n + k];
        if !pivot.is_positive() {
            return false;
        }
        let recip = pivot.recip();
        for i in k + 1..n {
            for j in k + 1..=i {
                a[i * n + j] = a[i * n + j] - a[i * n + k] * a[j * n + k] * recip;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(entries: &[f64]) -> Vec<Ball> {
        entries.iter().map(|&x| Ball::exact(x)).collect()
    }

    #[test]
    fn eigenvalues_are_told_from_below() {
        // Eigenvalues 1 and 3; 2 − √2, 2, 2 + √2.
        let two = exact(&[2.0, 1.0, 1.0, 2.0]);
        let three = exact(&[2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0]);
        for (h, n, least) in [(two, 2, 1.0), (three, 3, 2.0 - std::f64::consts::SQRT_2)] {
            assert!(exceed(&h, n, least - 1e-12) && !exceed(&h, n, least) && !exceed(&h, n, least + 1e-12));
            let wide: Vec<Ball> = h.iter().map(|x| x.widened(0.01)).collect();
            assert!(exceed(&wide, n, least - 0.0301) && !exceed(&wide, n, least - 0.0199));
            let mut unknown = h.clone();
            unknown[1] = Ball::ALL;
            unknown[n] = Ball::ALL;
            assert!(!exceed(&unknown, n, -1e300));
            unknown[1] = Ball::exact(f64::NAN);
            unknown[n] = Ball::exact(f64::NAN);
            assert!(!exceed(&unknown, n, -1e300));
        }
    }
}
