//! Bounds of `log q + βu`: fields whose range is known, and a trained network.

use std::f64::consts::TAU;
use std::ops::ControlFlow::Continue;

use ircpm_ad::{Jet, Scalar, log_sum_exp};
use ircpm_certify::{Density, DensityBounds, DensityOptions, SpaceModel};
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

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

/// `⟨θ, y⟩` of a unit vector, which carries the points of a sphere along the great circles through `θ`.
#[derive(Debug)]
struct Height(usize);

impl Expression for Height {
    fn inputs(&self) -> usize {
        self.0
    }
    fn parameters(&self) -> usize {
        self.0
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        theta.iter().zip(z).fold(S::zero(), |sum, (&c, &y)| sum + c * y)
    }
}

/// `log det DS` on the sphere of dimension `n`, and `S(y)`: the angle `α` to `θ` becomes `α − |θ| sin α`, so that
/// `det DS = (1 − |θ| cos α) (sin(α − |θ| sin α)/sin α)ⁿ⁻¹`.
fn towards(theta: &[f64], y: &[f64]) -> (f64, Vec<f64>) {
    let strength = theta.iter().map(|c| c * c).sum::<f64>().sqrt();
    let cosine = theta.iter().zip(y).map(|(c, y)| c * y).sum::<f64>() / strength;
    let angle = cosine.acos();
    let image = angle - strength * angle.sin();
    let ratio = image.sin() / angle.sin();
    let log_det = (1.0 - strength * cosine).ln() + (y.len() as f64 - 2.0) * ratio.ln();
    let along = image.cos() - ratio * cosine;
    (log_det, theta.iter().zip(y).map(|(c, y)| along * c / strength + ratio * y).collect())
}

/// Two layers on the sphere in so many dimensions, against closed forms at random points.
fn sphere_is_bounded<const D: usize, const M: usize>(uniform: f64, tolerance: f64) {
    let first: Vec<f64> = [0.3, -0.2, 0.25, 0.1][..=D].to_vec();
    let second: Vec<f64> = [-0.1, 0.35, 0.2, -0.2][..=D].to_vec();
    let field = Height(D + 1);
    let layers: [(&Height, &[f64]); 2] = [(&field, &first), (&field, &second)];
    let energy = |y: &[SpaceModel]| (y[0] - y[D] * 2.0).sin() * 0.5;
    let kinds = [Coordinates::UnitVector(D + 1)];
    let options = DensityOptions { tolerance, ..DensityOptions::default() };
    let density = Density::<_, D, M>::on(&kinds, &layers, &energy).unwrap();
    let found = density.bounds(&options, &|_| Continue(()));
    let mut ends = [f64::INFINITY, f64::NEG_INFINITY];
    let mut rng = Pcg64::seed_from_u64(D as u64);
    for _ in 0..40_000 {
        let mut y: Vec<f64> = (0..=D).map(|_| rng.random_range(-1.0..1.0)).collect();
        let length = y.iter().map(|y| y * y).sum::<f64>().sqrt();
        y.iter_mut().for_each(|y| *y /= length);
        let (above, x) = towards(&second, &y);
        let g = uniform + above + towards(&first, &x).0 + 0.5 * (y[0] - 2.0 * y[D]).sin();
        ends = [ends[0].min(g), ends[1].max(g)];
    }
    assert!(found.is_sharp && found.lowest <= ends[0] && found.highest >= ends[1], "{found:?} {ends:?}");
    assert!(found.lowest > ends[0] - 0.02 - tolerance, "{found:?} {ends:?}");
    assert!(found.highest < ends[1] + 0.02 + tolerance, "{found:?} {ends:?}");
}

#[test]
fn densities_on_spheres_are_those_of_closed_forms() {
    sphere_is_bounded::<1, 5>(-TAU.ln(), 1e-4);
    sphere_is_bounded::<2, 15>(-(2.0 * TAU).ln(), 1e-4);
    sphere_is_bounded::<3, 35>(-(0.5 * TAU * TAU).ln(), 1e-2);
}

#[test]
fn a_gradient_that_reaches_the_cut_locus_proves_no_density() {
    let options = DensityOptions { tolerance: 1e-2, cells: 2_000 };
    for strength in [1.02, 3.2, 5.0, 7.0] {
        let field = Height(3);
        let theta = [0.0, strength, 0.0];
        let layers: [(&Height, &[f64]); 1] = [(&field, &theta)];
        let density = Density::<_, 2, 15>::on(&[Coordinates::UnitVector(3)], &layers, &|y| y[0]).unwrap();
        let found = density.bounds(&options, &|_| Continue(()));
        assert!(!found.is_proven(), "{strength}: {found:?}");
    }
}
