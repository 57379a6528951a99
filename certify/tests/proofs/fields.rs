//! Potentials whose smallest eigenvalue is known exactly.

use std::ops::ControlFlow;

use ircpm_ad::Scalar;
use ircpm_certify::{CertifyError, Layer, Options, Outcome, Verdict, certify_stack};
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;

/// `θ cos(Σ zᵢ)` on the torus of `D` angles: `H = 1 − θ cos(Σ zᵢ) E`, `E` the matrix of ones, whose eigenvalues are 1
/// and `1 − D θ cos(Σ zᵢ)`.
#[derive(Debug)]
struct Wave<const D: usize>;

impl<const D: usize> Expression for Wave<D> {
    fn inputs(&self) -> usize {
        D
    }
    fn parameters(&self) -> usize {
        1
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let sum = z.iter().fold(S::zero(), |sum, &z| sum + z);
        theta[0] * sum.cos()
    }
    fn fits(&self, kinds: &[Coordinates]) -> bool {
        kinds == [Coordinates::Angles(D)]
    }
}

fn outcome<const D: usize>(theta: f64, options: &Options) -> Outcome {
    Layer::<_, D>::new(&Wave::<D>, &[theta]).unwrap().certify(options, &|_| ControlFlow::Continue(()))
}

/// The bound is below the exact eigenvalue `least` and within five per cent of it.
fn assert_certified<const D: usize>(theta: f64) {
    let least = 1.0 - D as f64 * theta.abs();
    let outcome = outcome::<D>(theta, &Options::default());
    let Verdict::Certified { bound } = outcome.verdict else { panic!("{outcome:?} for D = {D}") };
    assert!(bound <= least && bound >= 0.949 * least, "{outcome:?}, not {least}");
    assert!(outcome.estimate >= least - 1e-14 && outcome.estimate < 1.05 * least, "{outcome:?}");
}

#[test]
fn known_eigenvalues_are_bounded_to_five_per_cent() {
    assert_certified::<1>(0.7);
    assert_certified::<1>(-0.99);
    assert_certified::<2>(0.35);
    assert_certified::<2>(-0.45);
    assert_certified::<3>(0.2);
}

#[test]
fn folds_are_refuted_where_they_are() {
    let outcome = outcome::<2>(0.6, &Options::default());
    let Verdict::Refuted { ref point, bound } = outcome.verdict else { panic!("{outcome:?}") };
    let exact = 1.0 - 1.2 * (point[0] + point[1]).cos();
    assert!(bound < 0.0 && exact < 0.0 && (bound - exact).abs() < 1e-12, "{outcome:?}, not {exact}");
}

#[test]
fn the_smallest_folds_are_never_certified() {
    for fold in [1e-4, 1e-8, 1e-12, 1e-15] {
        let options = Options { cells: 100_000, ..Options::default() };
        // Both signs: the fold lies at a corner of cells, and within some.
        for sign in [1.0, -1.0] {
            let outcome = outcome::<2>(sign * (0.5 + 0.5 * fold), &options);
            assert!(!matches!(outcome.verdict, Verdict::Certified { .. }), "a fold of {fold}: {outcome:?}");
            if fold > 1e-5 {
                assert!(matches!(outcome.verdict, Verdict::Refuted { .. }), "a fold of {fold}: {outcome:?}");
            }
        }
    }
}

#[test]
fn a_spent_budget_leaves_the_worst_cell() {
    let outcome = outcome::<2>(0.4999, &Options { cells: 500, ..Options::default() });
    let Verdict::Undecided { ref cell, bound } = outcome.verdict else { panic!("{outcome:?}") };
    assert!(outcome.cells == 500 && bound < 2e-4 && bound > 1.9e-4, "{outcome:?}");
    // The eigenvalue is least where the sum of the angles is a multiple of 2π.
    let sum = 0.5 * (cell[0][0] + cell[0][1] + cell[1][0] + cell[1][1]);
    assert!(sum.cos() > 0.9, "{outcome:?}");
}

#[test]
fn a_floor_must_be_proven() {
    let above = Options { floor: 0.05, tolerance: 1.0, ..Options::default() };
    assert!(matches!(outcome::<2>(0.4, &above).verdict, Verdict::Certified { bound } if bound >= 0.05));
    let beyond = Options { floor: 0.3, cells: 50_000, ..above };
    assert!(matches!(outcome::<2>(0.4, &beyond).verdict, Verdict::Undecided { .. }));
}

#[test]
fn outcomes_have_the_same_bits_on_any_number_of_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| outcome::<2>(0.47, &Options::default()))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn a_stack_is_certified_if_every_layer_is() {
    let layers = [0.2, 0.6, 0.3].map(|theta| Layer::<_, 2>::new(&Wave::<2>, &[theta]).unwrap());
    let all = certify_stack(&layers, &Options::default(), &|_, _| ControlFlow::Continue(()));
    assert!(!all.certified && all.layers.len() == 2);
    assert!(matches!(all.layers[1].verdict, Verdict::Refuted { .. }));
    let sound = certify_stack(&layers[..1], &Options::default(), &|_, _| ControlFlow::Continue(()));
    assert!(sound.certified && sound.layers.len() == 1);
}

#[test]
fn what_is_no_layer_is_refused() {
    let new = |theta: &[f64]| Layer::<_, 2>::new(&Wave::<2>, theta).map(|_| ());
    assert_eq!(new(&[1.0, 2.0]), Err(CertifyError::Parameters { expected: 1, found: 2 }));
    assert!(matches!(new(&[f64::NAN]), Err(CertifyError::NotFinite { index: 0, .. })));
    let many = Layer::<_, 9>::new(&Wave::<9>, &[0.1]).map(|_| ());
    assert_eq!(many, Err(CertifyError::Dimension { dimension: 9, largest: 8 }));
    let three = Layer::<_, 3>::new(&Wave::<2>, &[0.1]).map(|_| ());
    assert_eq!(three, Err(CertifyError::Inputs { expected: 3, found: 2 }));
}

#[test]
fn progress_ends_with_the_whole_torus() {
    let proven = std::sync::Mutex::new(vec![]);
    let layer = Layer::<_, 2>::new(&Wave::<2>, &[0.3]).unwrap();
    let outcome = layer.certify(&Options::default(), &|state| {
        proven.lock().unwrap().push(state.proven);
        ControlFlow::Continue(())
    });
    let proven = proven.into_inner().unwrap();
    assert!(proven.is_sorted() && (proven.last().unwrap() - 1.0).abs() < 1e-12, "{proven:?} {outcome:?}");
}
