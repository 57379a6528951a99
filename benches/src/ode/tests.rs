//! The flow against finite differences, quadrature, its order, and its symmetries.

use std::f64::consts::TAU;

use ircpm_ad::Isa;
use ircpm_flow::Features;
use ircpm_manifolds::{AnyManifold, Base, BlockMut, Sphere, Torus};
use ircpm_train::points::{Generator, Quadrature, Sequence, Spread, base_points};
use ircpm_train::target::by_name;

use super::{Images, OdeFlow};

const HARMONICS: Features = Features::Harmonics { order: 1 };

fn torus(features: &Features, timed: bool, steps: usize) -> OdeFlow<Torus, 2> {
    OdeFlow::new(Torus::new(2).unwrap(), features, &[9, 9], timed, steps)
}

fn sphere(features: &Features, timed: bool, steps: usize) -> OdeFlow<Sphere, 2> {
    OdeFlow::new(Sphere::new(2).unwrap(), features, &[9, 9], timed, steps)
}

/// Parameters large enough for velocities of order one, so that no test passes for a flow near the identity.
fn parameters<M: Base + Into<AnyManifold>>(flow: &OdeFlow<M, 2>) -> Vec<f64> {
    flow.initial(3).iter().map(|w| 2.5 * w).collect()
}

fn points<M: Base + Into<AnyManifold>>(flow: &OdeFlow<M, 2>, count: usize) -> Vec<f64> {
    let sequence = Sequence::new(Spread::Random, count, 2);
    base_points(&flow.manifold.clone().into(), &sequence, &mut Generator::from_seed(8))
}

/// Runs a check on both manifolds, with and without time.
macro_rules! on_all_flows {
    ($check:ident, $steps:expr) => {
        for timed in [false, true] {
            $check(&torus(&HARMONICS, timed, $steps));
            $check(&sphere(&Features::Coordinates, timed, $steps));
        }
    };
}

/// `log|det DT|` by central differences of the images along frames at both ends, with an error of order `step²`.
fn check_density<M: Base + Into<AnyManifold>>(flow: &OdeFlow<M, 2>) {
    const STEP: f64 = 1e-4;
    let (m, theta) = (&flow.manifold, parameters(flow));
    let n = m.ambient();
    let frame_at = |p: &[f64]| {
        let mut frame = vec![0.0; 2 * n];
        m.frame(p, BlockMut::dense(&mut frame, n));
        frame
    };
    let mut farthest = 0.0_f64;
    for x in points(flow, 20).chunks_exact(n) {
        let Images { points: y, log_q } = flow.forward(&theta, x);
        let (before, after) = (frame_at(x), frame_at(&y));
        let image = |direction: &[f64], length: f64| {
            let (v, mut p) = (direction.iter().map(|e| length * e).collect::<Vec<_>>(), vec![0.0; n]);
            m.exp(x, &v, &mut p);
            m.wrap(&mut p);
            flow.forward(&theta, &p).points
        };
        let mut columns = [[0.0; 2]; 2];
        for (column, direction) in columns.iter_mut().zip(before.chunks_exact(n)) {
            let ends = [STEP, -STEP].map(|length| {
                let mut v = vec![0.0; n];
                m.log(&y, &image(direction, length), &mut v);
                v
            });
            for (entry, axis) in column.iter_mut().zip(after.chunks_exact(n)) {
                let difference = |c: usize| (ends[0][c] - ends[1][c]) / (2.0 * STEP);
                *entry = (0..n).map(|c| axis[c] * difference(c)).sum();
            }
        }
        let [[a, b], [c, d]] = columns;
        let expected = m.log_base::<f64>(x) - (a * d - b * c).abs().ln();
        assert!((log_q[0] - expected).abs() < 1e-6, "{m}: {} is not {expected}", log_q[0]);
        farthest = farthest.max(m.distance(x, &y));
    }
    assert!(farthest > 0.2, "{m}: points move by {farthest} at most");
}

#[test]
fn density_is_that_of_the_finite_difference_determinant() {
    on_all_flows!(check_density, 60);
}

fn check_mass<M: Base + Into<AnyManifold>>(flow: &OdeFlow<M, 2>) {
    let theta = parameters(flow);
    let rule = Quadrature::new(&flow.manifold.clone().into(), 48).unwrap();
    let at_nodes = flow.inverse(&theta, &rule.points).log_q;
    let densities: Vec<f64> = at_nodes.iter().map(|l| l.exp()).collect();
    let mass = rule.integrate(&densities);
    assert!((mass - 1.0).abs() < 1e-6, "{}: mass {mass}", flow.manifold);
    let largest = densities.iter().copied().fold(0.0, f64::max) * flow.manifold.log_volume().unwrap().exp();
    assert!(largest > 1.2, "{}: at most {largest} times the uniform density", flow.manifold);
}

#[test]
fn mass_is_one_by_quadrature() {
    on_all_flows!(check_mass, 24);
}

fn check_inverse<M: Base + Into<AnyManifold>>(flow: &OdeFlow<M, 2>) {
    let (theta, x) = (parameters(flow), points(flow, 21));
    let there = flow.forward(&theta, &x);
    let back = flow.inverse(&theta, &there.points);
    let n = flow.manifold.ambient();
    for (s, (a, b)) in x.chunks_exact(n).zip(back.points.chunks_exact(n)).enumerate() {
        assert!(flow.manifold.distance(a, b) < 1e-7, "{}: {a:?} {b:?}", flow.manifold);
        let (there, back) = (there.log_q[s], back.log_q[s]);
        assert!((there - back).abs() < 1e-7, "{}: {there} {back}", flow.manifold);
    }
}

#[test]
fn integration_back_in_time_is_the_inverse() {
    on_all_flows!(check_inverse, 60);
}

/// With half the step an error of order four falls by 16, up to terms of the next order.
fn check_order<M: Base + Into<AnyManifold>>(flow: &OdeFlow<M, 2>) {
    let (theta, x) = (parameters(flow), points(flow, 64));
    let n = flow.manifold.ambient();
    let at = |steps: usize| OdeFlow { steps, ..flow.clone() }.forward(&theta, &x);
    let exact = at(400);
    let errors = [10, 20].map(|steps| {
        let Images { points, log_q } = at(steps);
        let ends = points.chunks_exact(n).zip(exact.points.chunks_exact(n));
        let of_points: f64 = ends.map(|(a, b)| flow.manifold.distance(a, b)).sum();
        let of_densities: f64 = log_q.iter().zip(&exact.log_q).map(|(a, b)| (a - b).abs()).sum();
        [of_points, of_densities]
    });
    for of in 0..2 {
        let ratio = errors[0][of] / errors[1][of];
        assert!((13.0..20.0).contains(&ratio), "{}: {ratio}, errors {errors:?}", flow.manifold);
    }
}

#[test]
fn error_falls_with_the_fourth_power_of_the_step() {
    on_all_flows!(check_order, 1);
}

/// Central differences along random directions and along some parameters, on every instruction set. The batch does not
/// fill its packs.
fn check_gradient<M: Base + Into<AnyManifold>>(flow: &OdeFlow<M, 2>) {
    const STEP: f64 = 1e-5;
    let name = if flow.manifold.ambient() == 2 { "torus-multi-modal" } else { "sphere-four-mode" };
    let target = by_name(name).unwrap();
    let (theta, x) = (parameters(flow), points(flow, 11));
    let loss = |theta: &[f64]| flow.reverse_kl(theta, &x, target.as_ref()).loss;
    let mut rng = Generator::from_seed(2);
    let units = (0..theta.len()).step_by(7).map(|i| {
        let mut unit = vec![0.0; theta.len()];
        unit[i] = 1.0;
        unit
    });
    let random = (0..3).map(|_| (0..theta.len()).map(|_| rng.normal()).collect());
    let directions: Vec<Vec<f64>> = units.chain(random).collect();
    let differences: Vec<f64> = directions
        .iter()
        .map(|direction| {
            let moved = |length: f64| -> Vec<f64> {
                theta.iter().zip(direction).map(|(w, d)| w + length * d).collect()
            };
            (loss(&moved(STEP)) - loss(&moved(-STEP))) / (2.0 * STEP)
        })
        .collect();
    for isa in Isa::available() {
        let on = OdeFlow { isa, ..flow.clone() };
        let gradient = on.reverse_kl(&theta, &x, target.as_ref()).grad;
        for (direction, expected) in directions.iter().zip(&differences) {
            let slope: f64 = gradient.iter().zip(direction).map(|(g, d)| g * d).sum();
            let close = (slope - expected).abs() < 1e-6 * (1.0 + expected.abs());
            assert!(close, "{} on {isa:?}: {slope} is not {expected}", flow.manifold);
        }
    }
}

#[test]
fn gradient_is_that_of_central_differences() {
    on_all_flows!(check_gradient, 3);
}

/// Largest distance of `T(g x)` from `g T(x)`, and largest difference of the densities there.
fn equivariance<M: Base + Into<AnyManifold>>(
    flow: &OdeFlow<M, 2>,
    g: impl Fn(&[f64]) -> Vec<f64>,
) -> [f64; 2] {
    let (theta, x, n) = (parameters(flow), points(flow, 40), flow.manifold.ambient());
    let act = |points: &[f64]| points.chunks_exact(n).flat_map(&g).collect::<Vec<f64>>();
    let (image, of_moved) = (flow.forward(&theta, &x), flow.forward(&theta, &act(&x)));
    let moved = act(&image.points);
    let ends = moved.chunks_exact(n).zip(of_moved.points.chunks_exact(n));
    let apart = ends.map(|(a, b)| flow.manifold.distance(a, b)).fold(0.0, f64::max);
    let densities = image.log_q.iter().zip(&of_moved.log_q);
    [apart, densities.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)]
}

/// A translation of both angles by opposite amounts leaves the combination θ₁ + θ₂ as it is.
#[test]
fn flow_of_a_combination_commutes_with_translations_that_keep_it() {
    let flow = torus(&Features::Combinations { directions: vec![vec![1, 1]], order: 2 }, false, 7);
    let shifted = |a: f64, b: f64| move |p: &[f64]| vec![(p[0] + a) % TAU, (p[1] + b + TAU) % TAU];
    let [apart, densities] = equivariance(&flow, shifted(1.3, -1.3));
    assert!(apart < 1e-12 && densities < 1e-12, "{apart} {densities}");
    let [apart, densities] = equivariance(&flow, shifted(1.3, 0.4));
    assert!(apart > 1e-2 && densities > 1e-2, "another translation: {apart} {densities}");
}

/// A rotation about the axis, and a reflection in a plane through it, keep the third coordinate.
#[test]
fn flow_of_one_coordinate_commutes_with_isometries_that_keep_it() {
    let flow = sphere(&Features::Subset { coordinates: vec![2] }, false, 7);
    let (sine, cosine) = 0.8_f64.sin_cos();
    let turned = |p: &[f64]| vec![cosine * p[0] - sine * p[1], sine * p[0] + cosine * p[1], p[2]];
    for [apart, densities] in [equivariance(&flow, turned), equivariance(&flow, |p| vec![p[0], -p[1], p[2]])]
    {
        assert!(apart < 1e-12 && densities < 1e-12, "{apart} {densities}");
    }
    let tilted = |p: &[f64]| vec![p[0], cosine * p[1] - sine * p[2], sine * p[1] + cosine * p[2]];
    let [apart, densities] = equivariance(&flow, tilted);
    assert!(apart > 1e-2 && densities > 1e-2, "a rotation about another axis: {apart} {densities}");
}

/// The number of steps grows until the tolerance is met, and training lowers the loss.
#[test]
fn training_lowers_the_divergence_within_the_tolerance() {
    use ircpm_train::optimiser::{LearningRate, Optimiser, Schedule, ScheduledAdam, Settings};
    let target = by_name("torus-multi-modal").unwrap();
    let flow = torus(&HARMONICS, true, 1);
    let mut theta = flow.initial(0);
    let (steps, peak, clip) = (200, 1e-2, 10.0);
    let learning_rate = LearningRate { peak, schedule: Schedule::Cosine, warmup: 0, steps };
    let mut adam = ScheduledAdam::new(Settings { parameters: theta.len(), learning_rate, clip });
    let mut objective = super::OdeObjective::new(flow, target.as_ref(), 1e-6, 64, 1);
    for step in 0..steps {
        adam.step(&mut theta, &mut objective, step).unwrap();
    }
    let flow = OdeFlow { steps: 40, ..objective.flow.clone() };
    let weights = flow.reverse_kl(&theta, &points(&flow, 2000), target.as_ref()).log_weights;
    let log_z = target.log_z(1.0).unwrap();
    let divergence = weights.iter().map(|l| (l - log_z).exp_m1() - (l - log_z)).sum::<f64>() / 2000.0;
    assert!(divergence < 0.02, "{divergence}");
    let error = objective.flow.log_q_error(&theta, &points(&objective.flow, 500));
    assert!(objective.flow.steps > 2 && error < 1e-5, "{} steps, error {error}", objective.flow.steps);
}
