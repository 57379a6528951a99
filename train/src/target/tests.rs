//! Every target in the table against the laws of [`Target`] and against the published constants.

use std::f64::consts::TAU;

use ircpm_ad::Isa;

use super::*;
use crate::points::{Generator, Quadrature, Sequence, Spread};

/// Constants of one target.
struct Known {
    name: &'static str,
    log_z: f64,
    /// ESS of the uniform base, rounded to three digits.
    uniform_ess: f64,
}

const KNOWN: [Known; 15] = [
    Known { name: "torus-unimodal", log_z: 4.147583, uniform_ess: 0.494 },
    Known { name: "torus-multi-modal", log_z: 4.147583, uniform_ess: 0.875 },
    Known { name: "torus-correlated", log_z: 3.911668, uniform_ess: 0.703 },
    Known { name: "torus-seam", log_z: 8.525700, uniform_ess: 0.178 },
    Known { name: "torus-sine", log_z: 88.323794, uniform_ess: 0.0094 },
    Known { name: "xy-ring-3", log_z: 6.941153, uniform_ess: 0.0797 },
    Known { name: "xy-ring-4", log_z: 9.172330, uniform_ess: 0.0304 },
    Known { name: "xy-ring-6", log_z: 13.716712, uniform_ess: 0.0050 },
    Known { name: "chain-4", log_z: 8.505373, uniform_ess: 0.127 },
    Known { name: "chain-8", log_z: 17.371389, uniform_ess: 0.008 },
    Known { name: "sphere-four-mode", log_z: 10.921586, uniform_ess: 0.397 },
    Known { name: "sphere-four-mode-50", log_z: 49.312148, uniform_ess: 0.080 },
    Known { name: "sphere-four-mode-100", log_z: 98.619001, uniform_ess: 0.040 },
    Known { name: "sphere-poles", log_z: 19.940757, uniform_ess: 0.150 },
    Known { name: "s3-four-mode", log_z: 10.649667, uniform_ess: 0.232 },
];

fn all() -> impl Iterator<Item = Box<dyn Target>> {
    names().into_iter().map(|name| by_name(name).expect("a name from the table"))
}

/// Points of the base density.
fn points(target: &dyn Target, samples: usize, seed: u64) -> Vec<f64> {
    let m = target.manifold();
    let sequence = Sequence::new(Spread::Random, samples, m.cube_dim());
    let mut cube = vec![0.0; samples * m.cube_dim()];
    sequence.fill(&mut Generator::from_seed(seed), &mut cube);
    let mut y = vec![0.0; samples * m.ambient()];
    for (u, y) in cube.chunks_exact(m.cube_dim()).zip(y.chunks_exact_mut(m.ambient())) {
        m.base_point(u, y);
    }
    y
}

/// `∫ exp(−βu)` over the manifold, `None` on T⁸, which has too many dimensions; on T⁴ by the trapezoidal rule, on S³ by
/// Hopf's coordinates `(√(1−s) e^{ia}, √s e^{ib})`, whose measure is uniform.
fn integral(target: &dyn Target, beta: f64) -> Option<f64> {
    let weight = |points: &[f64]| -> Vec<f64> {
        let mut u = vec![0.0; points.len() / target.manifold().ambient()];
        target.energies(points, &mut u);
        u.iter().map(|u| (-beta * u).exp()).collect()
    };
    if let Some(rule) = Quadrature::new(target.manifold(), 128) {
        return Some(rule.integrate(&weight(&rule.points)));
    }
    match target.manifold().to_string().as_str() {
        "T4" => {
            let square = Quadrature::new(&"T2".parse().expect("a torus"), 24).expect("dimension two");
            let slice = |a: &[f64]| -> f64 {
                let points: Vec<f64> =
                    square.points.chunks_exact(2).flat_map(|b| [a[0], a[1], b[0], b[1]]).collect();
                square.integrate(&weight(&points))
            };
            return Some(square.integrate(&square.points.chunks_exact(2).map(slice).collect::<Vec<f64>>()));
        }
        "S3" => {}
        _ => return None,
    }
    // Heights of S² are uniform: its rule gives s and one angle, a circle of nodes the other.
    let heights = Quadrature::new(&"S2".parse().expect("a sphere"), 48).expect("dimension two");
    let circle = Quadrature::new(&"T1".parse().expect("a circle"), 96).expect("dimension one");
    let mut sum = 0.0;
    for (p, v) in heights.points.chunks_exact(3).zip(&heights.weights) {
        let (s, angle) = ((1.0 - p[2]) / 2.0, p[1].atan2(p[0]));
        let (r, t) = ((1.0 - s).sqrt(), s.sqrt());
        let ring: Vec<f64> = circle
            .points
            .iter()
            .flat_map(|b| [r * angle.cos(), r * angle.sin(), t * b.cos(), t * b.sin()])
            .collect();
        // vol(S³) = 2π² against 4π · 2π of the two rules.
        sum += v * weight(&ring).iter().sum::<f64>() * circle.weights[0] / 4.0;
    }
    Some(sum)
}

#[test]
fn every_target_of_the_table_is_found_under_its_name() {
    for target in all() {
        assert!(KNOWN.iter().any(|known| known.name == target.name()), "{} has no constants", target.name());
    }
    assert_eq!(names().len(), KNOWN.len());
    assert!(by_name("torus").is_none());
}

#[test]
fn targets_of_any_size_are_found_by_their_numbers() {
    for (name, manifold) in [
        ("chain-64", "T64"),
        ("closed-chain-256", "T256"),
        ("xy-ring-5", "T5"),
        ("xy-8x8", "T64"),
        ("u1-16x16", "T255"),
        ("chain-4096", "T4096"),
    ] {
        let target = by_name(name).expect("of a family");
        assert_eq!((target.name(), target.manifold().to_string().as_str()), (name, manifold));
    }
    for name in [
        "chain-0",
        "chain-08",
        "chain-+8",
        "chain-4097",
        "chain-",
        "chain-N",
        "xy-8x7",
        "xy-1x1",
        "u1-65x65",
        "xy-ring-x",
    ] {
        assert!(by_name(name).is_none(), "{name}");
    }
    // 2π Σ I_n(1)⁶⁴ in units of (2π)⁶⁴.
    let log_z = by_name("closed-chain-64").and_then(|target| target.log_z(1.0)).expect("exact");
    let orders = 1..20;
    let sum: f64 =
        orders.map(|n| (64.0 * (bessel::log_bessel_i(n, 1.0) - bessel::log_bessel_i(0, 1.0))).exp()).sum();
    let known = 64.0 * (TAU.ln() + bessel::log_bessel_i(0, 1.0)) + (2.0 * sum).ln_1p();
    assert!((log_z - known).abs() < 1e-11, "{log_z} is not {known}");
}

#[test]
fn golden_log_z_and_uniform_ess() {
    for known in KNOWN {
        let target = by_name(known.name).expect("in the table");
        let log_z = target.log_z(1.0).expect("closed form");
        assert!((log_z - known.log_z).abs() < 5.1e-7, "{}: {log_z} is not {}", known.name, known.log_z);
        let log_volume = target.manifold().log_volume().expect("compact");
        let log_square = integral(&*target, 2.0).map(f64::ln).or(target.log_z(2.0)).expect("one of them");
        let ess = (2.0 * log_z - log_volume - log_square).exp();
        assert!((ess - known.uniform_ess).abs() < 5.1e-4, "{}: ESS {ess}", known.name);
    }
}

#[test]
fn log_z_matches_quadrature() {
    for target in all() {
        assert!(target.log_z(1.0).is_some(), "{} has no closed form", target.name());
        for beta in [0.3, 1.0, 2.0] {
            let Some((exact, numeric)) = target.log_z(beta).zip(integral(&*target, beta)) else { continue };
            let numeric = numeric.ln();
            assert!((exact - numeric).abs() < 1e-10, "{}, {beta}: {exact} is not {numeric}", target.name());
        }
    }
}

#[test]
fn log_z_is_known_at_every_beta_for_one_mode_and_at_one_for_mixtures() {
    for target in all() {
        let mixtures = ["torus-multi-modal", "torus-seam", "sphere-", "s3-"];
        let is_mixture = mixtures.iter().any(|prefix| target.name().starts_with(prefix));
        assert_eq!(target.log_z(10.0).is_none(), is_mixture, "{}", target.name());
    }
    let fisher = InLanes::new("test", sphere::Fisher { kappa: 3.0, means: [[0.6, 0.0, 0.8]] });
    for beta in [0.5, 1.0, 4.0] {
        let (exact, numeric) =
            (fisher.log_z(beta).expect("closed form"), integral(&fisher, beta).expect("a rule").ln());
        assert!((exact - numeric).abs() < 1e-12, "{beta}: {exact} is not {numeric}");
    }
}

#[test]
fn log_z_does_not_overflow_where_the_density_does() {
    // Laplace: u ≈ −2κ + κ |θ|²/2 at the only maximum, so log Z ≈ 2βκ + log(2π/βκ), up to 1/(4βκ).
    let target = by_name("torus-unimodal").expect("in the table");
    for beta in [1e3, 1e5] {
        let (exact, laplace) = (target.log_z(beta).expect("closed form"), 2.0 * beta + (TAU / beta).ln());
        assert!((exact - laplace).abs() < 0.3 / beta, "{beta}: {exact} is not {laplace}");
    }
}

#[test]
fn modes_at_seams_and_poles_are_stationary() {
    let (seam, poles) = (torus::seam(), sphere::poles());
    let seam_modes = seam.modes.map(|mode| mode.to_vec());
    let pole_modes = poles.means.map(|mean| mean.to_vec());
    for (name, modes) in [("torus-seam", &seam_modes[..]), ("sphere-poles", &pole_modes[..])] {
        let target = by_name(name).expect("in the table");
        let m = target.manifold();
        for mode in modes {
            let (mut u, mut grad) = ([0.0], vec![0.0; m.ambient()]);
            target.gradients(mode, &mut u, &mut grad);
            let mut frame = vec![0.0; m.dim() * m.ambient()];
            m.frame(mode, &mut frame);
            for axis in frame.chunks_exact(m.ambient()) {
                let along: f64 = axis.iter().zip(&grad).map(|(a, g)| a * g).sum();
                // Other modes, a quarter turn away and 20 nats lower, still pull a little.
                assert!(along.abs() < 1e-7, "{name}, {mode:?}: {along:e}");
            }
        }
    }
}

#[test]
fn gradient_matches_central_difference() {
    let seed = 11;
    let h = 1e-5_f64;
    for target in all() {
        let n = target.manifold().ambient();
        let y = points(&*target, 13, seed);
        let (mut u, mut grad) = (vec![0.0; 13], vec![0.0; y.len()]);
        target.gradients(&y, &mut u, &mut grad);
        // Truncation h² u‴/6 with third derivatives up to the cube of the concentration, rounding 1e-14/h.
        let steepest = grad.iter().fold(1.0, |most, g| f64::max(most, g.abs()));
        let tolerance = 1e-8 + h.powi(2) * steepest.powi(3) / 6.0;
        for i in 0..n {
            let shifted = |h: f64| {
                let moved: Vec<f64> =
                    y.iter().enumerate().map(|(k, y)| if k % n == i { y + h } else { *y }).collect();
                let mut u = vec![0.0; 13];
                target.energies(&moved, &mut u);
                u
            };
            let (plus, minus) = (shifted(h), shifted(-h));
            for s in 0..13 {
                let difference = (plus[s] - minus[s]) / (2.0 * h);
                let error = (grad[s * n + i] - difference).abs();
                assert!(
                    error < tolerance,
                    "{}, seed {seed}, sample {s}, coordinate {i}: {error:e}",
                    target.name()
                );
            }
        }
    }
}

/// Lanes of every instruction set, whole packs and tails, against one sample at a time in `f64`.
fn lanes_match_scalar<D: Density + Clone>(density: &D) {
    let seed = 12;
    for isa in Isa::available() {
        let target = InLanes::on(isa, "test", density.clone());
        let n = target.manifold().ambient();
        for samples in [0, 1, 7, 8, 9, 21] {
            let y = points(&target, samples, seed);
            let (mut u, mut v, mut grad) = (vec![0.0; samples], vec![0.0; samples], vec![0.0; y.len()]);
            target.energies(&y, &mut u);
            target.gradients(&y, &mut v, &mut grad);
            for (s, point) in y.chunks_exact(n).enumerate() {
                let (energy, gradient) = ircpm_ad::derivative::gradient(&Plain(density), point);
                // Lanes round differently from libm: a few units in the last place of terms up to 20.
                assert!(
                    (u[s] - energy).abs() < 1e-13,
                    "{}, {samples}, seed {seed}: {}",
                    isa.name(),
                    u[s] - energy
                );
                assert!(
                    (v[s] - energy).abs() < 1e-13,
                    "{}, {samples}, seed {seed}: {}",
                    isa.name(),
                    v[s] - energy
                );
                for i in 0..n {
                    let error = (grad[s * n + i] - gradient[i]).abs();
                    assert!(
                        error < 1e-13,
                        "{}, {samples}, seed {seed}, coordinate {i}: {error:e}",
                        isa.name()
                    );
                }
            }
        }
    }
}

/// A density's energy as a function to differentiate.
struct Plain<'a, D>(&'a D);

impl<D: Density> ircpm_ad::derivative::ScalarField for Plain<'_, D> {
    fn eval<S: ircpm_ad::Scalar>(&self, y: &[S]) -> S {
        self.0.energy(y)
    }
}

#[test]
fn lanes_match_scalar_energies_and_gradients() {
    lanes_match_scalar(&torus::unimodal());
    lanes_match_scalar(&torus::multi_modal());
    lanes_match_scalar(&correlated::correlated());
    lanes_match_scalar(&torus::seam());
    lanes_match_scalar(&sphere::four_mode(10.0));
    lanes_match_scalar(&sphere::poles());
    lanes_match_scalar(&ring::xy_ring(3));
    lanes_match_scalar(&ring::xy_ring(6));
    lanes_match_scalar(&chain::open_chain(1));
    lanes_match_scalar(&chain::open_chain(8));
    lanes_match_scalar(&ring::closed_chain(2));
    lanes_match_scalar(&ring::Ring { sites: 7, kappa: -0.7, field: 1.2, anisotropy: 0.4 });
    lanes_match_scalar(&chain::Chain { sites: 19, kappa: -0.7, field: 1.2 });
    lanes_match_scalar(&square::XySquare::new(2));
    lanes_match_scalar(&square::XySquare::new(4));
    lanes_match_scalar(&gauge::PlaneGauge { side: 2 });
    lanes_match_scalar(&gauge::PlaneGauge { side: 4 });
    lanes_match_scalar(&sphere::four_mode_s3());
    // More than four coordinates: two passes of directions, the second one partly filled.
    lanes_match_scalar(&torus::VonMises { kappa: 2.0, modes: [[0.1, 1.0, 2.0, 3.0, 4.0, 5.0]] });
}

#[test]
fn correlated_energy_is_invariant_under_opposite_shifts() {
    let seed = 13;
    let target = by_name("torus-correlated").expect("in the table");
    let y = points(&*target, 50, seed);
    for shift in [0.3, 2.0, TAU, -1.7] {
        let moved: Vec<f64> = y.chunks_exact(2).flat_map(|p| [p[0] + shift, p[1] - shift]).collect();
        let (mut u, mut v, mut grad) = ([0.0; 50], [0.0; 50], [0.0; 100]);
        target.gradients(&y, &mut u, &mut grad);
        target.energies(&moved, &mut v);
        for s in 0..50 {
            assert!((u[s] - v[s]).abs() < 1e-14, "seed {seed}, shift {shift}: {} is not {}", u[s], v[s]);
            assert_eq!(grad[2 * s], grad[2 * s + 1], "the gradient lies along the sum");
        }
    }
}

#[test]
fn torus_energies_are_periodic() {
    let seed = 14;
    for target in all().filter(|target| target.manifold().to_string().starts_with('T')) {
        let y = points(&*target, 20, seed);
        let turns = [TAU, -3.0 * TAU];
        let moved: Vec<f64> = y.iter().enumerate().map(|(i, angle)| angle + turns[i % 2]).collect();
        let (mut u, mut v) = ([0.0; 20], [0.0; 20]);
        target.energies(&y, &mut u);
        target.energies(&moved, &mut v);
        let mut grad = vec![0.0; y.len()];
        target.gradients(&y, &mut u, &mut grad);
        let steepest = grad.iter().fold(4.0, |most, g| f64::max(most, g.abs()));
        // 6π carries a rounding error of 4e-15 into each angle.
        assert!(
            u.iter().zip(&v).all(|(u, v)| (u - v).abs() < 1e-14 * steepest),
            "{}, seed {seed}",
            target.name()
        );
    }
}

#[test]
fn golden_four_mode_means() {
    let known = [
        [0.0541, 0.7629, -0.6442],
        [0.2919, 0.4546, 0.8415],
        [0.2341, -0.7914, -0.5646],
        [-0.4999, -0.5788, 0.6442],
    ];
    for (mean, known) in sphere::four_mode(10.0).means.iter().zip(&known) {
        for i in 0..3 {
            assert!((mean[i] - known[i]).abs() < 5.1e-5, "{mean:?} is not {known:?}");
        }
    }
    for mean in sphere::four_mode_s3().means {
        let norm: f64 = mean.iter().map(|x| x * x).sum();
        assert!((norm - 1.0).abs() < 1e-15, "{mean:?}");
    }
}

#[test]
#[should_panic(expected = "points of 2 coordinates")]
fn energies_panic_on_a_batch_of_the_wrong_shape() {
    by_name("torus-unimodal").expect("in the table").energies(&[0.0; 3], &mut [0.0; 2]);
}
