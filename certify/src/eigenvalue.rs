//! Bounds of the smallest eigenvalue of all symmetric matrices within an interval matrix.

use ircpm_ad::interval::Interval;
use ircpm_ad::{Real, Scalar};

/// A symmetric matrix of intervals.
pub(crate) type Matrix<const D: usize> = [[Interval; D]; D];

/// A lower bound of the smallest eigenvalue of every symmetric matrix in `h`; −∞ if an entry is undefined.
pub(crate) fn lower_bound<const D: usize>(h: &Matrix<D>) -> f64 {
    let bound = match D {
        1 => h[0][0].lo(),
        2 => of_two(h[0][0], h[0][1], h[1][1]),
        _ => by_middle(h),
    };
    if bound.is_nan() { f64::NEG_INFINITY } else { bound }
}

/// For two rows: the eigenvalue rises with both diagonal entries and falls with the size of the other, so the least
/// one is that of `[[a, b], [b, d]]` at ends.
fn of_two(a: Interval, b: Interval, d: Interval) -> f64 {
    if a.is_undefined() || b.is_undefined() || d.is_undefined() {
        return f64::NAN;
    }
    let (a, b, d) = (Interval::point(a.lo()), Interval::point(b.magnitude()), Interval::point(d.lo()));
    let root = ((a - d).square() + b.square() * 4.0).sqrt();
    ((a + d - root) * 0.5).lo()
}

/// By Weyl's theorem: the eigenvalue of the middle, less the norm of the radii, which their row sums bound.
fn by_middle<const D: usize>(h: &Matrix<D>) -> f64 {
    let middle = h.map(|row| row.map(|entry| Interval::point(entry.middle())));
    let mut norm = 0.0_f64;
    for row in h {
        let sum: Interval = row.iter().map(|entry| Interval::point(entry.radius())).sum();
        if sum.is_undefined() {
            return f64::NAN;
        }
        norm = norm.max(sum.hi());
    }
    (Interval::point(by_discs(&middle)) - norm).lo()
}

/// By Gershgorin's discs of `B = VᵀHV`, where the columns of `V` are approximate eigenvectors of the middle.
///
/// By Ostrowski's theorem the eigenvalues of `B` are those of `H` times factors between the squared singular values of
/// `V`, which are within `1 ± ‖VᵀV − 1‖`.
fn by_discs<const D: usize>(h: &Matrix<D>) -> f64 {
    let vectors = eigenvectors(&h.map(|row| row.map(Interval::middle)));
    let v = vectors.map(|row| row.map(Interval::point));
    let (mut least, mut error) = (f64::INFINITY, 0.0_f64);
    for i in 0..D {
        let (mut centre, mut radius, mut deviation) = (Interval::UNDEFINED, Interval::ZERO, Interval::ZERO);
        for j in 0..D {
            let entry = congruent(h, &v, i, j);
            if i == j {
                centre = entry;
            } else {
                radius += entry.abs();
            }
            let product: Interval = (0..D).map(|k| v[k][i] * v[k][j]).sum();
            deviation += (product - f64::from(u8::from(i == j))).abs();
        }
        let bound = (centre - radius).lo();
        if bound.is_nan() || deviation.is_undefined() {
            return f64::NAN;
        }
        least = least.min(bound);
        error = error.max(deviation.hi());
    }
    if error.is_nan() || error >= 0.5 {
        return f64::NAN;
    }
    let error = Interval::new(-error, error);
    (Interval::point(least) / (error + 1.0)).lo()
}

/// Entry `(i, j)` of `VᵀHV`.
fn congruent<const D: usize>(h: &Matrix<D>, v: &Matrix<D>, i: usize, j: usize) -> Interval {
    let mut sum = Interval::ZERO;
    for k in 0..D {
        for l in 0..D {
            sum += v[k][i] * v[l][j] * h[k][l];
        }
    }
    sum
}

/// Whether a vector proves that every symmetric matrix in `h` has an eigenvalue below zero: an upper bound of
/// `vᵀHv / vᵀv`, which the smallest eigenvalue does not exceed.
pub(crate) fn upper_bound<const D: usize>(h: &Matrix<D>) -> f64 {
    let middle = h.map(|row| row.map(Interval::middle));
    if middle.iter().flatten().any(|x| !x.is_finite()) {
        return f64::INFINITY;
    }
    let vectors = eigenvectors(&middle);
    let v = vectors.map(|row| row.map(Interval::point));
    let quotient = |i: usize| {
        let length: Interval = (0..D).map(|k| v[k][i].square()).sum();
        congruent(h, &v, i, i) / length
    };
    let bounds = (0..D).map(|i| quotient(i).hi()).filter(|x| !x.is_nan());
    bounds.fold(f64::INFINITY, f64::min)
}

/// Approximate eigenvectors of a symmetric matrix, as columns, by Jacobi's rotations.
fn eigenvectors<const D: usize>(h: &[[f64; D]; D]) -> [[f64; D]; D] {
    let mut h = *h;
    let mut v = [[0.0; D]; D];
    (0..D).for_each(|i| v[i][i] = 1.0);
    for _sweep in 0..12 {
        for p in 0..D {
            for q in p + 1..D {
                rotate(&mut h, &mut v, p, q);
            }
        }
    }
    v
}

/// Makes entry `(p, q)` zero by a rotation in that plane.
fn rotate<const D: usize>(h: &mut [[f64; D]; D], v: &mut [[f64; D]; D], p: usize, q: usize) {
    let angle = 0.5 * (2.0 * h[p][q]).atan2(h[p][p] - h[q][q]);
    let (s, c) = angle.sin_cos();
    for row in h.iter_mut().chain(v.iter_mut()) {
        (row[p], row[q]) = (c * row[p] + s * row[q], c * row[q] - s * row[p]);
    }
    for k in 0..D {
        (h[p][k], h[q][k]) = (c * h[p][k] + s * h[q][k], c * h[q][k] - s * h[p][k]);
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    /// `QΛQᵀ` for a random rotation, and its smallest eigenvalue, which is known by construction.
    fn matrix<const D: usize>(rng: &mut Pcg64) -> ([[f64; D]; D], f64) {
        let values: [f64; D] = std::array::from_fn(|_| rng.random_range(-1.0..2.0));
        let mut random = [[0.0; D]; D];
        for i in 0..D {
            for j in i..D {
                random[i][j] = rng.random_range(-1.0..1.0);
                random[j][i] = random[i][j];
            }
        }
        let q = eigenvectors(&random);
        let mut h = [[0.0; D]; D];
        for i in 0..D {
            for j in 0..D {
                h[i][j] = (0..D).map(|k| q[i][k] * values[k] * q[j][k]).sum();
            }
        }
        (h, values.into_iter().fold(f64::INFINITY, f64::min))
    }

    fn bounds_hold<const D: usize>() {
        let mut rng = Pcg64::seed_from_u64(D as u64);
        for _ in 0..500 {
            let (h, least) = matrix::<D>(&mut rng);
            let exact = h.map(|row| row.map(Interval::point));
            let (low, high) = (lower_bound(&exact), upper_bound(&exact));
            // The matrix is rounded, so that its eigenvalue is off by a few ulps.
            assert!(low <= least + 1e-14 && low > least - 1e-12, "{low} of {least}");
            assert!(high >= least - 1e-14 && high < least + 1e-12, "{high} of {least}");
            // Whatever symmetric matrix within: its eigenvalue is above the bound.
            let radius: f64 = 10_f64.powf(rng.random_range(-6.0..-0.5));
            let wide = h.map(|row| row.map(|x| Interval::new(x - radius, x + radius)));
            let low = lower_bound(&wide);
            assert!(low <= least && low > least - 2.0 * D as f64 * radius - 1e-12);
            for _ in 0..20 {
                let mut inner = h;
                for i in 0..D {
                    for j in i..D {
                        let change = if rng.random_range(0.0..1.0) < 0.5 { -radius } else { radius };
                        inner[i][j] += change;
                        inner[j][i] = inner[i][j];
                    }
                }
                let eigenvalue = upper_bound(&inner.map(|row| row.map(Interval::point)));
                assert!(eigenvalue >= low - 1e-14, "{eigenvalue} below {low}");
            }
        }
    }

    #[test]
    fn bounds_hold_for_all_matrices_within() {
        bounds_hold::<1>();
        bounds_hold::<2>();
        bounds_hold::<3>();
        bounds_hold::<5>();
    }

    #[test]
    fn the_bound_of_two_rows_is_attained() {
        let [a, b, d] = [(1.0, 1.5), (-0.3, 0.2), (0.5, 2.0)].map(|(lo, hi)| Interval::new(lo, hi));
        let exact = 0.5 * (1.5 - (0.25_f64 + 4.0 * 0.09).sqrt());
        let bound = lower_bound(&[[a, b], [b, d]]);
        assert!(bound <= exact && bound > exact - 1e-14);
    }

    #[test]
    fn undefined_entries_prove_nothing() {
        let (u, x) = (Interval::UNDEFINED, Interval::ONE);
        assert_eq!(lower_bound(&[[u, x], [x, x]]), f64::NEG_INFINITY);
        assert_eq!(lower_bound(&[[u, x, x], [x, x, x], [x, x, x]]), f64::NEG_INFINITY);
        assert_eq!(upper_bound(&[[u, x], [x, x]]), f64::INFINITY);
    }
}
