//! Fits without a configuration: an energy and points of one's own, and what is refused.

use std::sync::Arc;

use ircpm_ad::Scalar;
use ircpm_flow::{
    Cotangents, Direction, Features, Flow, FlowSpec, Gradients, Map, Record, Solver, Workspace,
};
use ircpm_manifolds::AnyManifold;
use ircpm_train::config::{ModelConfig, TrainingConfig};
use ircpm_train::fit::{Algorithm, FitError, Options, fit, fit_points, fit_target};
use ircpm_train::points::Generator;
use ircpm_train::target::{Density, InLanes, Target};
use ircpm_train::training::{End, Source, Trainer, TrainingError};

fn flow(manifold: &str) -> Flow {
    Flow::new(FlowSpec {
        manifold: manifold.parse().unwrap(),
        layers: 1,
        shared: false,
        hidden: vec![16, 16],
        features: if manifold == "T2" { Features::Harmonics { order: 1 } } else { Features::Coordinates },
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    })
    .unwrap()
}

/// `−κ p₃` on the sphere: a von Mises–Fisher density.
struct Cap {
    manifold: AnyManifold,
    kappa: f64,
}

impl Density for Cap {
    fn manifold(&self) -> AnyManifold {
        self.manifold.clone()
    }
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        y[2] * -self.kappa
    }
}

fn cap() -> InLanes<Cap> {
    InLanes::new("cap", Cap { manifold: "S2".parse().unwrap(), kappa: 2.0 })
}

/// An energy without derivatives, as one from another language would be.
struct Foreign(AnyManifold);

impl Target for Foreign {
    fn name(&self) -> &str {
        "foreign"
    }
    fn manifold(&self) -> &AnyManifold {
        &self.0
    }
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }
    fn energies(&self, y: &[f64], u: &mut [f64]) {
        for (y, u) in y.chunks_exact(2).zip(u) {
            *u = 1.2 * (2.0 * y[0]).sin() * y[1].cos() - (y[0] - y[1]).cos();
        }
    }
    fn gradients(&self, _: &[f64], _: &mut [f64], _: &mut [f64]) {
        panic!("least squares ask for energies alone");
    }
}

#[test]
fn energy_without_derivatives_is_learned_by_least_squares() {
    let (flow, target) = (flow("T2"), Foreign("T2".parse().unwrap()));
    let options = Options::default().goal(1e-4).samples(16_384).seed(3);
    let found = fit(&flow, &target, &options).unwrap();
    assert_eq!((found.optimiser, found.end), ("levenberg-marquardt", Some(End::Goal)));
    let weights = found.evaluation.weights.as_ref().unwrap();
    assert!(weights.ess.value > 0.999 && weights.kl.value < 2e-4, "{weights:?}");
    assert!(!found.evaluation.fold.is_folded() && (found.evaluation.mass.value - 1.0).abs() < 1e-9);
    let again = fit(&flow, &target, &options).unwrap();
    assert_eq!(found.theta, again.theta);
}

#[test]
fn inverse_temperature_and_exact_log_z_of_a_known_density_are_met() {
    let (flow, target) = (flow("S2"), cap());
    let found = fit(&flow, &target, &Options::default().beta(1.5).samples(16_384)).unwrap();
    // ∫ exp(κ p₃) over the sphere is 4π sinh κ / κ; here κ is β times that of the target.
    let exact = (4.0 * std::f64::consts::PI * 3f64.sinh() / 3.0).ln();
    let log_z = found.evaluation.weights.unwrap().log_z;
    assert!((log_z.value - exact).abs() < 1e-4 + 4.0 * log_z.standard_error, "{log_z:?} {exact}");
}

#[test]
fn every_algorithm_learns_a_cap() {
    let (flow, target) = (flow("S2"), cap());
    for algorithm in [Algorithm::Adam, Algorithm::Lbfgs, Algorithm::LevenbergMarquardt] {
        let options = Options::default().algorithm(algorithm).steps(100).learning_rate(0.02).goal(1e-4);
        let found = fit(&flow, &target, &options.samples(8192)).unwrap();
        let ess = found.evaluation.weights.unwrap().ess.value;
        assert!(ess > 0.95, "{algorithm:?}: {ess}");
        assert_eq!(found.end.is_some(), algorithm == Algorithm::LevenbergMarquardt);
    }
}

/// Points near the sphere's north pole.
fn points(count: usize) -> Vec<f64> {
    let mut generator = Generator::from_seed(9);
    let point = |_| {
        let v = [generator.normal(), generator.normal(), 1.0 + generator.normal()];
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.map(|x| x / norm)
    };
    (0..count).flat_map(point).collect()
}

#[test]
fn points_of_ones_own_are_learned_and_the_held_out_ones_measured() {
    let flow = flow("S2");
    let found = fit_points(&flow, &points(2000), &Options::default().steps(150).samples(4096)).unwrap();
    assert_eq!(found.optimiser, "adam");
    let uniform = -(4.0 * std::f64::consts::PI).ln();
    let held_out = found.evaluation.held_out.unwrap();
    assert!(held_out.value > uniform + 0.2, "{held_out:?} against {uniform} of the uniform density");
    assert!(!found.evaluation.fold.is_folded(), "{:?}", found.evaluation.fold);
}

#[test]
fn points_that_are_none_or_too_few_are_refused() {
    let flow = flow("S2");
    let mut y = points(4);
    y[3 * 2] = f64::NAN;
    assert!(matches!(fit_points(&flow, &y, &Options::default()), Err(FitError::Point { index: 2, .. })));
    let few = fit_points(&flow, &points(1), &Options::default());
    assert!(matches!(few, Err(FitError::TooFew { points: 1, train: 1 })), "{few:?}");
    let held_out = fit_points(&flow, &points(10), &Options::default().held_out(0.99));
    assert!(matches!(held_out, Err(FitError::TooFew { points: 10, train: 1 })), "{held_out:?}");
}

#[test]
fn options_that_make_no_sense_are_named() {
    let (flow, target) = (flow("S2"), cap());
    let default = Options::default;
    for (options, expected) in [
        (default().beta(f64::NAN), "beta"),
        (default().goal(0.0), "goal"),
        (default().learning_rate(-1.0), "learning_rate"),
        (default().steps(0), "steps"),
        (default().points(0), "points"),
        (default().samples(1), "samples"),
        (default().held_out(1.0), "held_out"),
    ] {
        let error = fit(&flow, &target, &options).unwrap_err();
        assert!(matches!(error, FitError::Option { name, .. } if name == expected), "{error}");
    }
}

#[test]
fn model_that_does_not_fit_into_memory_is_refused_before_it_takes_any() {
    let model = ModelConfig { hidden: vec![4096; 16], ..ModelConfig::default() };
    let refused = fit_target(&cap(), &Options::default().model(model));
    assert!(
        matches!(refused, Err(FitError::Training(TrainingError::TooLarge { parameters, .. })) if parameters > 1 << 24),
        "{:?}",
        refused.map(|(_, fit)| fit.theta.len())
    );
}

#[test]
fn least_squares_are_refused_where_there_is_no_volume_and_auto_takes_adam() {
    let flow = flow("R2");
    struct Bowl(AnyManifold);
    impl Target for Bowl {
        fn name(&self) -> &str {
            "bowl"
        }
        fn manifold(&self) -> &AnyManifold {
            &self.0
        }
        fn log_z(&self, _beta: f64) -> Option<f64> {
            None
        }
        fn energies(&self, y: &[f64], u: &mut [f64]) {
            y.chunks_exact(2).zip(u).for_each(|(y, u)| *u = y[0] * y[0] + y[1] * y[1]);
        }
        fn gradients(&self, y: &[f64], u: &mut [f64], grad: &mut [f64]) {
            self.energies(y, u);
            y.iter().zip(grad).for_each(|(y, g)| *g = 2.0 * y);
        }
    }
    let target = Bowl("R2".parse().unwrap());
    let options = Options::default().steps(10).samples(1024);
    let error = fit(&flow, &target, &options.clone().algorithm(Algorithm::LevenbergMarquardt)).unwrap_err();
    assert!(matches!(error, FitError::Training(TrainingError::NoLeastSquares { .. })), "{error}");
    assert_eq!(fit(&flow, &target, &options).unwrap().optimiser, "adam");
}

#[test]
fn target_on_another_manifold_and_settings_without_sense_are_errors() {
    let (flow, target) = (flow("T2"), cap());
    let error = fit(&flow, &target, &Options::default()).unwrap_err();
    let FitError::Training(TrainingError::Manifold { target: on, flow: of }) = &error else {
        panic!("{error}")
    };
    assert_eq!((on.as_str(), of.as_str()), ("S2", "T2"));

    let source = Source::points(&[0.0; 4], &[]);
    let settings = TrainingConfig { optimiser: "adamant".to_owned(), ..TrainingConfig::default() };
    let error = Trainer::new(&flow, source, &settings, 0).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no optimiser is called `adamant`"), "{error}");
    let settings = TrainingConfig { batch: Some(0), ..TrainingConfig::default() };
    let error = Trainer::new(&flow, source, &settings, 0).map(|_| ()).unwrap_err();
    assert!(matches!(error, TrainingError::Setting { name: "batch", .. }), "{error}");
}

#[test]
fn settings_and_points_that_make_no_sense_are_refused_before_the_first_step() {
    let (flow, target) = (flow("S2"), cap());
    let refused = |source: Source<'_>, settings: &TrainingConfig| {
        Trainer::new(&flow, source, settings, 0).map(|_| ()).expect_err("no trainer")
    };
    let default = TrainingConfig::default;
    let at = |beta| Source::Target { target: &target, beta };
    for beta in [-1.0, 0.0, f64::NAN, f64::INFINITY] {
        let error = refused(at(beta), &default());
        assert!(matches!(error, TrainingError::Setting { name: "beta", .. }), "{beta}: {error}");
    }
    for (settings, expected) in [
        (TrainingConfig { learning_rate: f64::NAN, ..default() }, "learning_rate"),
        (TrainingConfig { clip: f64::NAN, ..default() }, "clip"),
        (TrainingConfig { clip: 0.0, ..default() }, "clip"),
        (TrainingConfig { goal: f64::NAN, ..default() }, "goal"),
        (TrainingConfig { goal: -1.0, ..default() }, "goal"),
        (TrainingConfig { steps: Some(0), ..default() }, "steps"),
        (TrainingConfig { batch: Some((1 << 20) + 1), ..default() }, "batch"),
        (TrainingConfig { checkpoint_every: 0, ..default() }, "checkpoint_every"),
    ] {
        let error = refused(at(1.0), &settings);
        assert!(matches!(error, TrainingError::Setting { name, .. } if name == expected), "{error}");
    }
    let (good, mut bad) = (points(4), points(4));
    bad[3 * 2 + 1] = f64::NAN;
    let error = refused(Source::points(&bad, &good), &default());
    assert!(matches!(error, TrainingError::Point { part: "training", index: 2, .. }), "{error}");
    let error = refused(Source::points(&good, &bad), &default());
    assert!(matches!(error, TrainingError::Point { part: "held-out", index: 2, .. }), "{error}");
}

#[test]
#[should_panic(expected = "whole held-out points of 3 coordinates")]
fn half_a_held_out_point_is_the_callers_error() {
    let four = points(4);
    let source = Source::points(&four, &[0.0, 1.0]);
    let _ = Trainer::new(&flow("S2"), source, &TrainingConfig::default(), 0);
}

/// A map without parameters, which training must refuse before it runs it.
#[derive(Debug)]
struct Fixed(AnyManifold);

impl Map for Fixed {
    fn manifold(&self) -> &AnyManifold {
        &self.0
    }
    fn parameters(&self) -> usize {
        0
    }
    fn initial(&self, _: &mut dyn FnMut(f64) -> f64, _: &mut [f64]) {}
    fn potential(&self, _: &[f64], _: &[f64], _: &mut [f64], _: &mut Workspace) {}
    fn run(&self, _: Direction, _: &[f64], _: &[f64], _: &mut Record, _: &mut Workspace) {
        panic!("nothing to train");
    }
    fn pull_back(
        &self,
        _: Direction,
        _: &[f64],
        _: &Record,
        _: Cotangents<'_>,
        _: Gradients<'_>,
        _: &mut Workspace,
    ) {
        panic!("nothing to train");
    }
}

#[test]
fn flow_without_parameters_is_refused_by_every_algorithm() {
    let flow = Flow::from_maps(vec![Arc::new(Fixed("S2".parse().unwrap())) as Arc<dyn Map>], false).unwrap();
    for algorithm in [Algorithm::Auto, Algorithm::LevenbergMarquardt, Algorithm::Lbfgs, Algorithm::Adam] {
        let error = fit(&flow, &cap(), &Options::default().algorithm(algorithm)).unwrap_err();
        assert_eq!(error, FitError::Training(TrainingError::NoParameters), "{algorithm:?}");
    }
}
