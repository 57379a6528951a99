//! Potentials on spheres and products whose smallest eigenvalue is known exactly.

use std::ops::ControlFlow;

use ircpm_ad::Scalar;
use ircpm_certify::{CertifyError, Layer, Options, Outcome, Verdict};
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates::{self, Angles, Reals, UnitVector};

/// `θ (Σ cos zᵢ + ⟨c, y⟩)` at angles `z` and a unit vector `y`, with `c = (0.6, 0.8, 0, …)`.
///
/// `H` on angles is `1 − θ cos zᵢ`. On the sphere let `t = ⟨c, y⟩`: along the gradient, which has the length
/// `r = θ √(1 − t²)`, it is `1 − θt`, and across it `r cot r − θt`. For `θ < 1.5` both are least at `t = 1`: `1 − θ`.
#[derive(Debug)]
struct Heights {
    angles: usize,
    vector: usize,
}

const CENTRE: [f64; 4] = [0.6, 0.8, 0.0, 0.0];

impl Heights {
    fn on(kinds: &[Coordinates]) -> Self {
        let angles = kinds.iter().map(|kind| if let Angles(n) = kind { *n } else { 0 }).sum();
        Self { angles, vector: kinds.iter().map(|kind| kind.len()).sum::<usize>() - angles }
    }

    /// The smallest eigenvalue at a point whose vector need not have the length 1.
    fn least(&self, theta: f64, point: &[f64]) -> f64 {
        let (z, y) = point.split_at(self.angles);
        let length = y.iter().map(|x| x * x).sum::<f64>().sqrt();
        let t = y.iter().zip(CENTRE).map(|(y, c)| y * c).sum::<f64>() / length;
        let r = theta.abs() * (1.0 - t * t).sqrt();
        let across = if self.vector > 2 { (r / r.tan()).min(1.0) } else { 1.0 };
        z.iter().map(|z| 1.0 - theta * z.cos()).fold(across - theta * t, f64::min)
    }
}

impl Expression for Heights {
    fn inputs(&self) -> usize {
        self.angles + self.vector
    }
    fn parameters(&self) -> usize {
        1
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let (z, y) = z.split_at(self.angles);
        let waves = z.iter().fold(S::zero(), |sum, z| sum + z.cos());
        theta[0] * y.iter().zip(CENTRE).fold(waves, |sum, (y, c)| sum + *y * c)
    }
}

fn outcome<const D: usize>(kinds: &[Coordinates], theta: f64, options: &Options) -> Outcome {
    let field = Heights::on(kinds);
    Layer::<_, D>::on(kinds, &field, &[theta]).unwrap().certify(options, &|_| ControlFlow::Continue(()))
}

fn assert_certified<const D: usize>(kinds: &[Coordinates], theta: f64) {
    let least = 1.0 - theta;
    let outcome = outcome::<D>(kinds, theta, &Options::default());
    let Verdict::Certified { bound } = outcome.verdict else { panic!("{outcome:?} on {kinds:?}") };
    assert!(bound <= least + 1e-15 && bound >= 0.949 * least, "{outcome:?}, not {least}");
    assert!(outcome.estimate >= least - 1e-14 && outcome.estimate < 1.06 * least, "{outcome:?}");
}

#[test]
fn known_eigenvalues_are_bounded_to_five_per_cent() {
    assert_certified::<1>(&[UnitVector(2)], 0.7);
    assert_certified::<2>(&[UnitVector(3)], 0.6);
    assert_certified::<3>(&[UnitVector(4)], 0.5);
    assert_certified::<3>(&[Angles(1), UnitVector(3)], 0.5);
}

#[test]
fn folds_are_refuted_where_they_are() {
    for theta in [1.05, 1.8, 3.3, 40.0] {
        for kinds in [&[UnitVector(4)][..], &[UnitVector(3), UnitVector(2)]] {
            let outcome = outcome::<3>(kinds, theta, &Options::default());
            let Verdict::Refuted { ref point, bound } = outcome.verdict else { panic!("{outcome:?}") };
            let exact = Heights::on(kinds).least(theta, point);
            if kinds.len() == 1 {
                assert!(
                    bound < 0.0 && (bound - exact).abs() < 1e-11 * (1.0 + exact.abs()),
                    "{outcome:?}, not {exact}"
                );
            }
            assert!(
                point.iter().any(|x| x.abs() == 1.0) && point.iter().all(|x| x.abs() <= 1.0),
                "{point:?}"
            );
        }
    }
}

#[test]
fn the_smallest_folds_are_never_certified() {
    let options = Options { cells: 20_000, ..Options::default() };
    for fold in [1e-4, 1e-9, 1e-15] {
        for sign in [1.0, -1.0] {
            let outcome = outcome::<2>(&[UnitVector(3)], sign * (1.0 + fold), &options);
            assert!(!matches!(outcome.verdict, Verdict::Certified { .. }), "a fold of {fold}: {outcome:?}");
            if fold > 1e-5 {
                assert!(matches!(outcome.verdict, Verdict::Refuted { .. }), "a fold of {fold}: {outcome:?}");
            }
        }
    }
}

#[test]
fn a_gradient_that_reaches_the_cut_locus_is_never_certified() {
    // Beyond π the formula of H is positive again.
    let options = Options { cells: 20_000, ..Options::default() };
    for theta in [3.15, 4.0, 12.0] {
        let outcome = outcome::<2>(&[UnitVector(3)], theta, &options);
        assert!(!matches!(outcome.verdict, Verdict::Certified { .. }), "{outcome:?}");
    }
}

#[test]
fn the_worst_cell_lies_on_the_cube() {
    let options = Options { cells: 500, ..Options::default() };
    let outcome = outcome::<3>(&[Angles(1), UnitVector(3)], 0.9999, &options);
    let Verdict::Undecided { ref cell, .. } = outcome.verdict else { panic!("{outcome:?}") };
    assert!(cell.len() == 4 && cell[1..].iter().any(|[lo, hi]| lo == hi && lo.abs() == 1.0), "{cell:?}");
}

#[test]
fn other_manifolds_are_refused() {
    let field = Heights { angles: 0, vector: 3 };
    let on = |kinds: &[Coordinates]| Layer::<_, 2>::on(kinds, &field, &[0.1]).map(|_| ());
    assert!(matches!(on(&[Reals(3)]), Err(CertifyError::Manifold { .. })));
    assert!(matches!(on(&[UnitVector(4)]), Err(CertifyError::Manifold { dimension: 2, .. })));
    assert_eq!(on(&[Angles(2)]), Err(CertifyError::Inputs { expected: 2, found: 3 }));
}
