//! Potentials that are built from an energy, against their definition over nested duals.

use std::sync::Arc;

use ircpm_ad::derivative::{ScalarField, array};
use ircpm_ad::{Isa, Scalar};
use ircpm_flow::check::{flow_violations, potential_violations};
use ircpm_flow::{
    Derived, Energy, EnergyShaped, Expression, FeatureMap, Features, Flow, FlowSpec, Network, Shape, Solver,
    partial_derivatives, partials,
};

use crate::networks::points;

/// A smooth energy in three ambient coordinates, none of whose third derivatives is zero.
#[derive(Clone, Debug)]
struct Mixed;

impl ScalarField for Mixed {
    #[inline(always)]
    fn eval<S: Scalar>(&self, z: &[S]) -> S {
        let wave = z[0] + z[1] * 0.7 - z[2] * 1.3 + 0.4;
        wave.sin() + (z[0] * z[1] * z[2]).cos() + (z[1] * 0.9).exp() * z[2]
    }
}

impl Energy for Mixed {
    fn inputs(&self) -> usize {
        3
    }
    fn derivatives(&self, order: usize, samples: usize, points: &[f64], out: &mut [f64]) {
        partial_derivatives(self, Isa::best(), order, samples, points, out);
    }
}

/// `f(u)` as [`EnergyShaped`] defines it, written over any scalar.
#[derive(Debug)]
struct Direct(Shape);

impl Expression for Direct {
    fn inputs(&self) -> usize {
        3
    }
    fn parameters(&self) -> usize {
        self.0.parameters()
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let u = Mixed.eval(z);
        match self.0 {
            Shape::Multiple => theta[0] * u,
            Shape::Slopes { origin, unit } => {
                let (alpha, beta, tau) = (theta[0].exp(), theta[1].exp(), theta[3].exp() * unit);
                let s = (u - origin - theta[2] * unit) / tau;
                (beta * s.softplus() - alpha * (-s).softplus()) * tau
            }
        }
    }
}

const SLOPES: Shape = Shape::Slopes { origin: 0.3, unit: 1.4 };
const THETA: [f64; 4] = [-0.8, -1.3, 0.2, 0.4];
const POINTS: [f64; 6] = [0.36, 0.48, 0.8, -0.6, 0.64, -0.48];

fn network() -> Network {
    Network::new(FeatureMap::new(&Features::Coordinates, &"S2".parse().unwrap()).unwrap(), &[4], 2.0)
}

#[test]
fn partial_derivatives_are_those_of_nested_duals() {
    let third = array::third(|x| Mixed.eval(&x), [0.36, 0.48, 0.8]);
    let (value, gradient, hessian) = array::hessian(|x| Mixed.eval(&x), [0.36, 0.48, 0.8]);
    let mut expected = vec![value];
    expected.extend(gradient);
    for c in 0..3 {
        expected.extend(&hessian[c][c..]);
    }
    for c in 0..3 {
        for d in c..3 {
            expected.extend(&third[c][d][d..]);
        }
    }
    // Eleven samples, so that a pack is not full.
    let columns: Vec<f64> = [0.36, 0.48, 0.8].into_iter().flat_map(|x| vec![x; 11]).collect();
    for order in 0..=3 {
        let mut out = vec![f64::NAN; 11 * partials(3, order)];
        Mixed.derivatives(order, 11, &columns, &mut out);
        for (row, expected) in out.chunks_exact(11).zip(&expected) {
            assert!(row.iter().all(|x| (x - expected).abs() < 1e-14), "order {order}: {row:?}, {expected}");
        }
    }
}

#[test]
fn fast_forms_are_those_of_the_definition() {
    for shape in [Shape::Multiple, SLOPES] {
        let theta = &THETA[..shape.parameters()];
        let alone = EnergyShaped::new(Arc::new(Mixed), shape, None);
        assert_eq!(potential_violations(&alone, theta, &POINTS), []);
        // The definition goes through an expansion as well: it is held against the energy over nested duals.
        assert_eq!(potential_violations(&Derived(Direct(shape)), theta, &POINTS), []);
        let (by_expansion, direct) =
            (alone.value(theta, &POINTS[..3]), Direct(shape).value(theta, &POINTS[..3]));
        assert!((by_expansion - direct).abs() < 1e-15);
        let constants: Vec<Jet3> = theta.iter().map(|&x| Jet3::constant(x)).collect();
        let found = alone.value(&constants, &jets());
        let expected = Direct(shape).value(&constants, &jets());
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12 * (1.0 + b.abs());
        for i in 0..2 {
            for j in 0..2 {
                assert!(close(found.hess[i][j].eps[0], expected.hess[i][j].eps[0]), "{found:?} {expected:?}");
            }
        }
        let both = EnergyShaped::new(Arc::new(Mixed), shape, Some(network()));
        let weights: Vec<f64> = (0..network().parameters()).map(|k| (k as f64 * 0.7).sin() * 0.5).collect();
        let all = [&weights, theta].concat();
        assert_eq!(potential_violations(&both, &all, &POINTS), []);
        assert_eq!(potential_violations(&EnergyShaped::from(network()), &weights, &POINTS), []);
    }
}

/// Third-order scalars that move along curved lines.
type Jet3 = ircpm_ad::Jet<ircpm_ad::Dual<f64, 1>, 2>;

fn jets() -> Vec<Jet3> {
    let dual = |re: f64, eps: f64| ircpm_ad::Dual::new(re, [eps]);
    (0..3)
        .map(|c| {
            let s = c as f64 + 1.0;
            let grad = [dual(0.3 * s, 0.2), dual(1.0 - 0.4 * s, -0.7 * s)];
            let hess = [[dual(0.5, s), dual(0.1 * s, -0.3)], [dual(0.1 * s, -0.3), dual(-0.2, 0.6 * s)]];
            Jet3 { re: dual(POINTS[c], 0.9 - 0.5 * s), grad, hess }
        })
        .collect()
}

#[test]
fn flows_keep_the_laws() {
    let mut spec = FlowSpec {
        manifold: "S2".parse().unwrap(),
        layers: 2,
        shared: false,
        hidden: vec![],
        features: Features::Coordinates,
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    };
    for (shape, hidden) in [(Shape::Multiple, vec![]), (SLOPES, vec![4])] {
        spec.hidden = hidden;
        let flow = Flow::shaped(spec.clone(), Arc::new(Mixed), shape).unwrap();
        let theta = flow.initial(47);
        assert_eq!(flow_violations(&flow, &theta, &points(&spec.manifold, 6, 31)), []);
    }
    spec.hidden = vec![];
    assert!(Flow::new(spec.clone()).is_err());
    spec.manifold = "S3".parse().unwrap();
    let error = Flow::shaped(spec, Arc::new(Mixed), Shape::Multiple).unwrap_err();
    assert!(error.to_string().contains('3'), "{error}");
}
