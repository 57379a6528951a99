//! The public check of flows finds errors of a layer, and layers of one's own cannot send nonsense through a flow.

use std::sync::Arc;

use ircpm_flow::check::flow_violations;
use ircpm_flow::{
    Cotangents, Direction, Flow, FlowSpec, Gradients, Map, Record, SampleError, ThetaGradient, Workspace,
};
use ircpm_manifolds::AnyManifold;
use nalgebra::DMatrix;

use crate::networks::{points, regular, spec};

/// A layer that is right but for one thing.
#[derive(Debug)]
struct Faulty {
    flow: Flow,
    fault: &'static str,
}

impl Faulty {
    fn map(&self) -> &dyn Map {
        self.flow.map(0)
    }

    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }
}

impl Map for Faulty {
    fn manifold(&self) -> &AnyManifold {
        self.map().manifold()
    }
    fn parameters(&self) -> usize {
        self.map().parameters()
    }
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        self.map().initial(uniform, theta);
    }
    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        record: &mut Record,
        work: &mut Workspace,
    ) {
        self.map().run(direction, theta, points, record, work);
        let factor = if self.is("log_det") { 1.0001 } else { 1.0 };
        record.log_det.iter_mut().for_each(|l| *l *= factor);
        match self.fault {
            "NaN log_det" => record.log_det[0] = f64::NAN,
            "NaN image" => record.y[0] = f64::NAN,
            "ok but not converged" => record.converged[0] = false,
            "nothing" => *record = Record::default(),
            _ => {}
        }
    }
    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        record: &Record,
        cotangents: Cotangents<'_>,
        into: Gradients<'_>,
        work: &mut Workspace,
    ) {
        let Gradients { theta: theta_bar, points: points_bar } = into;
        let zeros = vec![0.0; cotangents.points.len()];
        let given = if self.is("points dropped") { &zeros } else { cotangents.points };
        let cotangents = Cotangents { points: given, ..cotangents };
        let mut fresh;
        let theta_bar = match theta_bar {
            ThetaGradient::Sum(sum) => {
                if self.is("overwrites") {
                    sum.fill(0.0);
                }
                ThetaGradient::Sum(sum)
            }
            ThetaGradient::Each(columns) if self.is("each") => {
                fresh = vec![0.0; columns.len()];
                let into = Gradients { theta: ThetaGradient::Each(&mut fresh), points: points_bar };
                self.map().pull_back(direction, theta, record, cotangents, into, work);
                columns.iter_mut().zip(&fresh).for_each(|(c, f)| *c += f);
                ThetaGradient::Each(columns)
            }
            other @ ThetaGradient::Each(_) => other,
        };
        let into = Gradients { theta: theta_bar, points: points_bar };
        self.map().pull_back(direction, theta, record, cotangents, into, work);
        if self.is("points_bar") {
            points_bar.iter_mut().for_each(|g| *g *= 1.001);
        }
    }
    fn hessian(&self, record: &Record, sample: usize) -> Option<DMatrix<f64>> {
        self.map().hessian(record, sample)
    }
    fn smallest_eigenvalues(&self, record: &Record, out: &mut [f64]) {
        self.map().smallest_eigenvalues(record, out);
        out.iter_mut().for_each(|e| *e += if self.is("eigenvalues") { 1e-3 } else { 0.0 });
    }
    fn clamp_eigenvalues(&self, floor: f64, record: &mut Record, lowest: &mut [f64]) {
        self.map().clamp_eigenvalues(floor, record, lowest);
        let wrong = if self.is("clamp") { 1e-3 } else { 0.0 };
        record.log_det.iter_mut().for_each(|l| *l += wrong);
    }
    fn potential(&self, theta: &[f64], points: &[f64], psi: &mut [f64], work: &mut Workspace) {
        self.map().potential(theta, points, psi, work);
    }
}

/// A flow of one layer with a fault, and parameters for which it is regular.
fn faulty(fault: &'static str) -> (Flow, Vec<f64>) {
    let spec = FlowSpec { output_scale: 2.0, ..spec("S2", 1, true, &[4]) };
    let flow = Flow::new(spec).unwrap();
    let (theta, _) = regular(&flow, 600);
    (Flow::from_maps(vec![Arc::new(Faulty { flow, fault })], true).unwrap(), theta)
}

#[test]
fn public_check_finds_each_error_of_a_layer() {
    for (fault, law) in [
        ("none", ""),
        ("log_det", "log q loses log|det dT/dx|"),
        ("points dropped", "the solve's gradient in the parameters"),
        ("points dropped", "the inverse's gradient in the parameters"),
        ("points_bar", "the solve's gradient in the points"),
        ("points_bar", "the inverse's gradient in the points"),
        ("overwrites", "pull_back adds to the gradient in the parameters"),
        ("each", "each sample's gradient matches differences of its score"),
        ("eigenvalues", "smallest_eigenvalues are those of hessian"),
        ("clamp", "scores above the floor are log q, and lowest is the floor"),
    ] {
        let (flow, theta) = faulty(fault);
        let found = flow_violations(&flow, &theta, &points(flow.manifold(), 3, 1));
        if law.is_empty() {
            assert!(found.is_empty(), "{found:?}");
        } else {
            assert!(found.iter().any(|v| v.law == law), "{fault} is not found by \"{law}\": {found:?}");
        }
    }
}

#[test]
fn numbers_that_are_none_are_not_ok_whatever_a_layer_says() {
    for fault in ["NaN log_det", "NaN image"] {
        let (flow, theta) = faulty(fault);
        let x = points(flow.manifold(), 3, 2);
        let pushed = flow.forward(&theta, &x);
        assert_eq!(pushed.ok, [false, true, true], "{fault}");
        assert!(pushed.log_q[0].is_nan() && pushed.log_q[1].is_finite(), "{fault}");
        assert!(matches!(flow.try_forward(&theta, &x), Err(SampleError::NotConvex { sample: 0 })), "{fault}");
    }
    let (flow, theta) = faulty("ok but not converged");
    assert_eq!(flow.forward(&theta, &points(flow.manifold(), 3, 2)).stats.unconverged, 1);
}

#[test]
#[should_panic(expected = "samples in the record of layer 0")]
fn layer_that_fills_no_record_is_refused() {
    let (flow, theta) = faulty("nothing");
    flow.forward(&theta, &points(flow.manifold(), 3, 2));
}
