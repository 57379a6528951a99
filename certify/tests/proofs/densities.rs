//! Bounds of `log q + βu`: fields whose range is known, and a trained network.

use std::f64::consts::TAU;
use std::ops::ControlFlow::Continue;

use ircpm_ad::{Jet, Scalar, log_sum_exp};
use ircpm_certify::{Density, DensityBounds, DensityOptions, SpaceModel};
use ircpm_flow::Expression;

use crate::networks::{network, trained};

/// `θ₀ cos z₀ + θ₁ cos z₁ + θ₂ sin(z₀ + z₁)`.
#[derive(Debug)]
struct Waves;

impl Expression for Waves {
    fn inputs(&self) -> usize {
        2
    }
    fn parameters(&self) -> usize {
        3
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        theta[0] * z[0].cos() + theta[1] * z[1].cos() + theta[2] * (z[0] + z[1]).sin()
    }
}

fn bounds<E: Expression>(
    layers: &[(&E, &[f64])],
    energy: &(dyn Fn(&[SpaceModel]) -> SpaceModel + Sync),
    options: &DensityOptions,
) -> DensityBounds {
    Density::<E, 2, 15>::new(layers, energy).unwrap().bounds(options, &|_| Continue(()))
}

/// `log q` of a stack at a point, in doubles.
fn log_q<E: Expression>(layers: &[(&E, &[f64])], mut y: [f64; 2]) -> f64 {
    let mut log_q = -2.0 * TAU.ln();
    for (potential, theta) in layers.iter().rev() {
        let theta: Vec<Jet<f64, 2>> = theta.iter().map(|&w| Jet::constant(w)).collect();
        let psi = potential.value(&theta, &[0, 1].map(|k| Jet::variable(y[k], k)));
        let [[a, b], [_, d]] = psi.hess;
        log_q += ((1.0 + a) * (1.0 + d) - b * b).ln();
        y = [y[0] + psi.grad[0], y[1] + psi.grad[1]];
    }
    log_q
}

/// The lowest and highest of `log q + energy` over a grid.
fn over_grid<E: Expression>(
    layers: &[(&E, &[f64])],
    energy: impl Fn([f64; 2]) -> f64,
    side: usize,
) -> [f64; 2] {
    let mut ends = [f64::INFINITY, f64::NEG_INFINITY];
    for i in 0..side * side {
        let y = [i / side, i % side].map(|k| TAU * k as f64 / side as f64);
        let g = log_q(layers, y) + energy(y);
        ends = [ends[0].min(g), ends[1].max(g)];
    }
    ends
}

#[test]
fn a_uniform_density_is_off_by_the_range_of_the_energy() {
    let options = DensityOptions { tolerance: 1e-6, ..DensityOptions::default() };
    let found = bounds(&[(&Waves, &[0.0; 3])], &|y| (y[0] - 1.0).cos() * -3.0, &options);
    let middle = -2.0 * TAU.ln();
    assert!(found.is_sharp && found.is_proven(), "{found:?}");
    assert!(found.lowest <= middle - 3.0 && found.lowest > middle - 3.0 - 1.1e-6, "{found:?}");
    assert!(found.highest >= middle + 3.0 && found.highest < middle + 3.0 + 1.1e-6, "{found:?}");
}

#[test]
fn a_kinked_energy_is_bounded() {
    let kink = |y: &[SpaceModel]| {
        let x = y[1].cos();
        SpaceModel::select_gt(x.value(), SpaceModel::constant(0.0).value(), x, -x)
    };
    let options = DensityOptions { tolerance: 1e-3, ..DensityOptions::default() };
    let found = bounds(&[(&Waves, &[0.0; 3])], &kink, &options);
    let [lowest, highest] = [found.lowest, found.highest].map(|g| g + 2.0 * TAU.ln());
    assert!(found.is_sharp && lowest <= 0.0 && lowest > -1.1e-3, "{found:?}");
    assert!((1.0..1.0011).contains(&highest), "{found:?}");
}

#[test]
fn a_stack_is_bounded_as_its_values_over_a_grid_are() {
    let (first, second) = ([0.3, -0.2, 0.1], [-0.25, 0.3, 0.15]);
    let layers: [(&Waves, &[f64]); 2] = [(&Waves, &first), (&Waves, &second)];
    let options = DensityOptions { tolerance: 1e-4, ..DensityOptions::default() };
    let found = bounds(&layers, &|y| (y[0] - y[1]).sin() * 0.5, &options);
    let [lowest, highest] = over_grid(&layers, |y| 0.5 * (y[0] - y[1]).sin(), 400);
    assert!(found.is_sharp, "{found:?}");
    assert!(found.lowest <= lowest && found.lowest > lowest - 1e-3, "{found:?} {lowest}");
    assert!(found.highest >= highest && found.highest < highest + 1e-3, "{found:?} {highest}");
}

#[test]
fn a_fold_leaves_no_density_proven() {
    let options = DensityOptions { tolerance: 1e-3, cells: 20_000 };
    let found = bounds(&[(&Waves, &[1.02, 0.0, 0.0])], &|y| y[0].cos(), &options);
    assert!(!found.is_proven() && !found.is_sharp && found.cells <= 20_000, "{found:?}");
}

/// The target of the preset `torus-multi-modal`, whose log Z is `2 log(2π I₀(1))`.
fn multi_modal<S: Scalar>(y: &[S]) -> S {
    let modes = [[0.21, 2.85], [1.89, 6.18], [3.77, 1.56]];
    let exponents = modes.map(|mode| (y[0] - mode[0]).cos() + (y[1] - mode[1]).cos());
    -(log_sum_exp(&exponents) - 3_f64.ln())
}

#[test]
fn a_trained_network_proves_log_z() {
    let (network, theta) = (network(), trained());
    let layers = [(&network, &theta[..])];
    let options = DensityOptions { tolerance: 1e-3, ..DensityOptions::default() };
    let found = bounds(&layers, &multi_modal, &options);
    let [lowest, highest] = over_grid(&layers, |y| multi_modal(&y), 100);
    assert!(
        found.is_sharp && found.lowest <= lowest && found.highest >= highest,
        "{found:?} {lowest} {highest}"
    );
    // The model is within a hundredth of a nat of its target everywhere.
    assert!(found.highest - found.lowest < 0.01, "{found:?} {lowest} {highest}");
    // I₀(1) = 1.2660658777520084.
    let log_z = 2.0 * (TAU * 1.266_065_877_752_008_4).ln();
    assert!(-found.highest <= log_z && log_z <= -found.lowest, "{found:?} {log_z}");
}
