//! Evaluations that cannot be made, and what is said of them.

use std::sync::atomic::AtomicBool;

use ircpm_flow::{Features, Flow, FlowSpec, Solver};
use ircpm_train::config::EvaluationConfig;
use ircpm_train::evaluation::{Evaluation, EvaluationError, evaluate};
use ircpm_train::target::{self, Target};
use ircpm_train::training::Source;

fn flow(manifold: &str) -> Flow {
    Flow::new(FlowSpec {
        manifold: manifold.parse().unwrap(),
        layers: 1,
        shared: false,
        hidden: vec![4],
        features: Features::Coordinates,
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    })
    .unwrap()
}

fn sphere() -> Box<dyn Target> {
    target::by_name("sphere-four-mode").unwrap()
}

fn measured(
    flow: &Flow,
    theta: &[f64],
    samples: usize,
    uniform: usize,
) -> Result<Evaluation, EvaluationError> {
    let target = sphere();
    let source = Source::Target { target: target.as_ref(), beta: 1.0 };
    let settings = EvaluationConfig { samples, uniform, ..EvaluationConfig::default() };
    evaluate(flow, theta, source, &settings, &AtomicBool::new(false))
}

#[test]
fn too_few_samples_or_uniform_points_are_refused_by_name() {
    let flow = flow("S2");
    let theta = flow.initial(0);
    for (samples, uniform, expected) in
        [(0, 64, "samples"), (1, 64, "samples"), (64, 0, "uniform"), (64, 7, "uniform")]
    {
        let error = measured(&flow, &theta, samples, uniform).unwrap_err();
        assert!(matches!(error, EvaluationError::Setting { name, .. } if name == expected), "{error}");
    }
    let least = measured(&flow, &theta, 2, 8).unwrap();
    assert!(least.mass.value.is_finite() && least.fold.indefinite_share == 0.0, "{least:?}");
}

#[test]
fn parameter_that_is_not_a_number_is_named() {
    let flow = flow("S2");
    let mut theta = flow.initial(0);
    theta[3] = f64::NAN;
    let error = measured(&flow, &theta, 64, 64).unwrap_err();
    assert!(matches!(error, EvaluationError::Parameter { index: 3, .. }), "{error}");
}

#[test]
#[should_panic(expected = "a flow and its target live on one manifold")]
fn target_on_another_manifold_is_the_callers_error() {
    // A point of R³ has as many coordinates as one of S².
    let flow = flow("R3");
    let _ = measured(&flow, &flow.initial(0), 64, 64);
}
