//! Eigenvalues of symmetric matrices against those that they were made from: sizes at both ends of the range, equal
//! eigenvalues, functions of a matrix.

use nalgebra::{DMatrix, DVector};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

#[path = "../../src/small/eigen.rs"]
mod ours;

use ours::{Spectrum, operator_norm, smallest_eigenvalue};

/// A random symmetric matrix with the given eigenvalues.
fn matrix(values: &[f64], rng: &mut Pcg64) -> DMatrix<f64> {
    let n = values.len();
    let q = DMatrix::from_fn(n, n, |_, _| rng.random_range(-1.0..1.0)).qr().q();
    let h = &q * DMatrix::from_diagonal(&DVector::from_row_slice(values)) * q.transpose();
    DMatrix::from_fn(n, n, |i, j| h[(i.min(j), i.max(j))])
}

/// Spectra of one to eight dimensions: spread over decades, both signs, all equal, all zero.
fn spectra(rng: &mut Pcg64) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for n in 1..=8 {
        for _ in 0..20 {
            all.push((0..n).map(|_| rng.random_range(-1.0..1.0)).collect());
            all.push((0..n).map(|k| 10.0_f64.powi(-2 * k)).collect());
        }
        all.push(vec![0.7; n as usize]);
        all.push(vec![0.0; n as usize]);
    }
    all
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn eigenvalues_are_those_that_a_matrix_was_made_from_at_every_scale() {
    let mut rng = Pcg64::seed_from_u64(3);
    for values in spectra(&mut rng) {
        let h = matrix(&values, &mut rng);
        let size = values.iter().fold(f64::MIN_POSITIVE, |max: f64, l| max.max(l.abs()));
        let n = values.len();
        let expected = sorted(values.iter().copied());
        for scale in [1.0, 1e-300, 1e300, 1e308] {
            let scaled = h.map(|x| x * scale);
            let found = Spectrum::new(scaled.as_slice(), n);
            let least = smallest_eigenvalue(scaled.as_slice(), n);
            assert_eq!(found.smallest(), sorted(found.values())[0]);
            let norm = operator_norm(scaled.as_slice(), n) / scale;
            let largest = expected.iter().fold(0.0, |max: f64, l| max.max(l.abs()));
            assert!(scale > 1e300 || (norm - largest).abs() < 1e-14 * size, "{norm:e} in {scaled}");
            if scale < 1e308 {
                assert!((least / scale - expected[0]).abs() < 1e-14 * size, "{least:e} in {scaled}");
            }
            for (a, b) in sorted(found.values()).iter().zip(&expected) {
                assert!((a / scale - b).abs() < 1e-14 * size, "{a:e} is not {scale:e} × {b:e} in {scaled}");
            }
        }
    }
}

#[test]
fn functions_of_a_matrix_are_symmetric_and_match_their_definition() {
    let mut rng = Pcg64::seed_from_u64(4);
    for values in spectra(&mut rng) {
        let h = matrix(&values, &mut rng);
        // Rounding is relative to the norm, which the largest entry may fall short of by a factor of n.
        let (n, norm) = (values.len(), values.iter().fold(0.0, |max: f64, l| max.max(l.abs())));
        let (spectrum, mut out) = (Spectrum::new(h.as_slice(), n), vec![0.0; n * n]);
        spectrum.apply(|l| l, &mut out);
        let error = (DMatrix::from_row_slice(n, n, &out) - &h).amax();
        assert!(error <= 1e-14 * norm, "{error:e} in {h}");
        spectrum.apply(|l| l * l, &mut out);
        let square = DMatrix::from_row_slice(n, n, &out);
        assert_eq!(square, square.transpose(), "{h}");
        let error = (square - &h * &h).amax();
        assert!(error <= 1e-14 * norm * norm, "{error:e} in {h}");
    }
}
