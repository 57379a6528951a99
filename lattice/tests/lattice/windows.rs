//! What constructors of windows make, and windows that are charges.

use std::sync::Arc;

use ircpm_flow::{Expression, Flow, Map, Solver};
use ircpm_lattice::{
    Chain, ChainWindows, ChargesError, LatticeMap, LatticePotential, Perceptron, SquareWindows,
    TransferError, Window, Windows,
};

use super::setup::{oracle, points, random};

const SMALL: Perceptron = Perceptron { width: 4, depth: 1, order: 2 };

/// `θ₁ cos δ/2 + θ₂ cos 2δ/8` of the difference `δ` of neighbours on a ring, as charges and as a network: because
/// `softplus(t) − softplus(−t) = t`, two units make any linear function of their inputs.
fn cosines(sites: usize, theta: [f64; 2]) -> [(LatticePotential, Vec<f64>); 2] {
    let charges = Chain { range: 1, degree: 4, closed: true, differences: true, ..Chain::default() };
    let charges = charges.charges(sites).unwrap();
    assert_eq!(charges.labels(), ["[1, -1]", "[2, -2]"]);
    let windows = ChainWindows {
        range: 1,
        closed: true,
        differences: true,
        perceptron: SMALL,
        ..ChainWindows::default()
    };
    // Inputs: cos δ, sin δ, cos 2δ, sin 2δ.
    let weights = [[1.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, -1.0, 0.0]];
    let (a, b) = (theta[0] / 2.0, theta[1] / 8.0);
    let network = [&weights.concat()[..], &[0.0; 4], &[a, -a, b, -b], &[0.0]].concat();
    [(charges.into(), theta.to_vec()), (windows.windows(sites).unwrap().into(), network)]
}

#[test]
fn a_network_that_is_a_sum_of_cosines_makes_the_flow_of_charges() {
    let mut rng = random(50);
    let x = points(9, 30, &mut rng);
    let pushed = cosines(9, [0.4, -0.3]).map(|(potential, theta)| {
        let map: Arc<dyn Map> = Arc::new(LatticeMap::new(potential, Solver::default()).unwrap());
        let flow = Flow::from_maps(vec![map], false).unwrap();
        let samples = flow.try_forward(&theta, &x).unwrap();
        let log_q = flow.log_prob(&theta, &x);
        (samples.y, samples.log_q, log_q)
    });
    let [charges, windows] = pushed;
    let spread =
        |l: &[f64]| l.iter().fold(f64::MIN, |m, l| m.max(*l)) - l.iter().fold(f64::MAX, |m, l| m.min(*l));
    assert!(spread(&charges.2) > 0.5, "the density is not uniform");
    for (a, b) in [(&charges.0, &windows.0), (&charges.1, &windows.1), (&charges.2, &windows.2)] {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-11, "{a} {b}");
        }
    }
}

#[test]
fn an_open_chain_of_windows_is_its_own_reflection() {
    for sites in [7, 8] {
        let windows = ChainWindows { perceptron: SMALL, ..ChainWindows::default() }.windows(sites).unwrap();
        let mut rng = random(51);
        let mut theta = vec![0.0; windows.parameters()];
        windows.initial(&mut |b| rand::RngExt::random_range(&mut rng, -b..b), &mut theta);
        let y = points(sites, 1, &mut rng);
        let reflected: Vec<f64> = y.iter().rev().copied().collect();
        let (here, there) = (windows.value(&theta, &y), windows.value(&theta, &reflected));
        assert!((here - there).abs() < 1e-14, "{here} {there}");
    }
}

#[test]
fn initial_parameters_keep_the_eigenvalues_that_are_promised() {
    for (name, windows) in super::setup::windows() {
        let mut rng = random(52);
        let mut theta = vec![0.0; windows.parameters()];
        windows.initial(&mut |b| rand::RngExt::random_range(&mut rng, -b..b), &mut theta);
        let n = windows.sites();
        let potential = windows.into();
        for y in points(n, 100, &mut rng).chunks(n) {
            let spectrum = oracle(&potential, &theta, y).2.symmetric_eigenvalues();
            assert!(spectrum.min() > 0.5 && spectrum.max() < 1.5, "{name}: {spectrum}");
        }
    }
}

#[test]
fn parameters_move_to_larger_lattices_by_class() {
    let of = |sites| ChainWindows { perceptron: SMALL, ..ChainWindows::default() }.windows(sites).unwrap();
    let (small, large) = (of(16), of(64));
    let each = small.parameters() / 5;
    assert_eq!((small.labels().count(), large.labels().count(), each), (5, 5, 12 * 4 + 4 + 4 + 1));
    let theta: Vec<f64> = (0..small.parameters()).map(|k| k as f64).collect();
    assert_eq!(large.parameters_from(&small, &theta).unwrap(), theta);
    let missing = large.parameters_from(&of(8), &vec![0.0; of(8).parameters()]);
    assert_eq!(missing.unwrap_err(), TransferError::Missing { label: "3 sites at 3".into() });
    let charges: LatticePotential = Chain::default().charges(16).unwrap().into();
    let error = LatticePotential::from(large).parameters_from(&charges, &[]).unwrap_err();
    assert_eq!(error, TransferError::Family);
}

#[test]
fn windows_that_are_none_are_refused() {
    let window = |sites: &[usize], class| Window { sites: sites.to_vec(), class, weight: 1.0 };
    let labels = |n: usize| (0..n).map(|k| k.to_string()).collect::<Vec<_>>();
    let of = |windows: Vec<Window>, classes| {
        Windows::new(4, (SMALL, true), windows, &labels(classes)).unwrap_err()
    };
    assert_eq!(of(vec![], 0), ChargesError::Empty { what: "a window" });
    assert_eq!(of(vec![window(&[0, 1], 0)], 2), ChargesError::NoTerm { class: 1, classes: 2 });
    assert_eq!(of(vec![window(&[0, 1], 1)], 0), ChargesError::NoTerm { class: 0, classes: 2 });
    assert_eq!(of(vec![window(&[0, 4], 0)], 1), ChargesError::Site { term: 0, site: 4, last: 3 });
    assert_eq!(of(vec![window(&[2, 2], 0)], 1), ChargesError::SiteTwice { term: 0, site: 2 });
    assert_eq!(of(vec![window(&[2], 0)], 1), ChargesError::Inputs { class: 0, found: 0, most: 5 });
    let mixed = vec![window(&[0, 1], 0), window(&[0, 1, 2], 0)];
    assert_eq!(of(mixed, 1), ChargesError::WindowSites { window: 1, found: 3, expected: 2 });
    let empty = Perceptron { width: 0, ..SMALL };
    let error = ChainWindows { perceptron: empty, ..ChainWindows::default() }.windows(8).unwrap_err();
    assert_eq!(error, ChargesError::Zero { lattice: "windows", what: "width" });
    assert!(matches!(ChainWindows::default().windows(2), Err(ChargesError::TooSmall { needed: 3, .. })));
    assert!(matches!(SquareWindows::default().windows(2), Err(ChargesError::TooSmall { needed: 3, .. })));
    let none = SquareWindows { plaquette: false, plus: false, ..SquareWindows::default() };
    assert_eq!(none.windows(4).unwrap_err(), ChargesError::Empty { what: "a window" });
    assert!(matches!(
        ChainWindows { range: 5, ..ChainWindows::default() }.windows(8),
        Err(ChargesError::Inputs { .. })
    ));
}
