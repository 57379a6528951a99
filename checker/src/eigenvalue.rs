//! Whether all symmetric matrices within a matrix of balls are positive definite.

use crate::ball::Ball;

/// Whether every symmetric matrix in `h` is known to be positive definite. Row-major, `n` rows.
///
/// A symmetric matrix is positive definite if and only if elimination meets positive pivots only. Elimination in ball
/// arithmetic shows it for all matrices at once. Where that is too wide, it may show it for the matrix of the centres
/// less `ε`, where `ε` bounds the row sums of the radii, and so the spectral norm of every symmetric deviation.
pub(crate) fn is_positive_definite(h: &[Ball], n: usize) -> bool {
    if has_positive_pivots(h.to_vec(), n) {
        return true;
    }
    let mut norm = 0.0_f64;
    for i in 0..n {
        // Elimination reads the lower triangle, whose radii may differ from those of the upper one.
        let radius = |j: usize| h[i.max(j) * n + i.min(j)].radius();
        let sum = (0..n).fold(Ball::ZERO, |sum, j| sum + radius(j)).upper();
        // A NaN stays.
        norm = if sum > norm || sum.is_nan() { sum } else { norm };
    }
    let mut centres: Vec<Ball> = h.iter().map(|entry| Ball::exact(entry.centre())).collect();
    (0..n).for_each(|i| centres[i * n + i] = centres[i * n + i] + -norm);
    n > 2 && has_positive_pivots(centres, n)
}

/// Whether elimination is known to meet positive pivots only.
fn has_positive_pivots(mut a: Vec<Ball>, n: usize) -> bool {
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
        let exceed = |h: &[Ball], n: usize, bound: f64| {
            let mut h = h.to_vec();
            (0..n).for_each(|i| h[i * n + i] = h[i * n + i] + -bound);
            is_positive_definite(&h, n)
        };
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

    #[test]
    fn bound_of_row_sums_is_that_of_the_triangle_which_is_eliminated() {
        // Among the symmetric matrices in it is one with the eigenvalue 1 − 0.8 √2. Above the diagonal all is known.
        let mut h = exact(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        (h[3], h[6]) = (Ball::new(0.0, 0.8), Ball::new(0.0, 0.8));
        assert!(!is_positive_definite(&h, 3));
        (h[3], h[6]) = (Ball::new(0.0, 0.4), Ball::new(0.0, 0.4));
        assert!(is_positive_definite(&h, 3));
    }
}
