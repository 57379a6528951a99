//! Section 3.3 of the paper on trained models: psi and phi have the same minima, and where a mode stands alone the
//! energy has its minimum there as well.

use std::f64::consts::TAU;

use ircpm_flow::{Features, Flow, FlowSpec, Solver};
use ircpm_train::{Options, fit, target};

/// Points of a grid per circle.
const GRID: usize = 24;

/// Finest step of the search in radians.
const FINEST: f64 = 1e-6;

/// A function on T² at a batch of points.
type Field<'a> = dyn Fn(&[f64]) -> Vec<f64> + 'a;

/// The eight neighbours of a point at a distance of `step` along each coordinate.
fn neighbours(p: [f64; 2], step: f64) -> Vec<f64> {
    let offsets = (0..9).filter(|k| *k != 4).map(|k| (f64::from(k / 3 - 1), f64::from(k % 3 - 1)));
    offsets.flat_map(|(i, j)| [p[0] + i * step, p[1] + j * step]).collect()
}

/// All local minima that a grid shows, each followed to the lowest point of its surroundings, the lowest first.
fn minima(f: &Field<'_>) -> Vec<([f64; 2], f64)> {
    let spacing = TAU / GRID as f64;
    let mut found: Vec<([f64; 2], f64)> = vec![];
    for k in 0..GRID * GRID {
        let mut p = [(k / GRID) as f64 * spacing, (k % GRID) as f64 * spacing];
        let mut value = f(&p)[0];
        if f(&neighbours(p, spacing)).iter().any(|&other| other < value) {
            continue;
        }
        let mut step = 0.5 * spacing;
        while step > FINEST {
            let around = neighbours(p, step);
            let values = f(&around);
            let lowest = (0..8).min_by(|&i, &j| values[i].total_cmp(&values[j])).expect("eight of them");
            if values[lowest] < value {
                (p, value) = ([around[2 * lowest], around[2 * lowest + 1]], values[lowest]);
            } else {
                step *= 0.5;
            }
        }
        if found.iter().all(|(other, _)| distance(p, *other) > 1e-3) {
            found.push((p, value));
        }
    }
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    found
}

fn distance(p: [f64; 2], q: [f64; 2]) -> f64 {
    let turn = |a: f64, b: f64| (a - b) - TAU * ((a - b) / TAU).round();
    turn(p[0], q[0]).hypot(turn(p[1], q[1]))
}

/// The minimum that is nearest to a point, and how far it is.
fn nearest(p: [f64; 2], minima: &[([f64; 2], f64)]) -> (f64, f64) {
    let of = minima.iter().map(|(q, value)| (distance(p, *q), *value));
    of.min_by(|a, b| a.0.total_cmp(&b.0)).expect("a continuous function on a torus has a minimum")
}

#[test]
fn psi_and_its_dual_share_their_minima_on_trained_models_and_a_single_mode_is_one_of_them() {
    // Minima of the energy, and of psi. The broad modes of the second target are made by one minimum of psi and by its
    // curvature around it, so that psi need not have as many minima as the energy.
    for (name, of_energy, of_psi) in [("torus-unimodal", 1, 1), ("torus-multi-modal", 3, 1)] {
        let target = target::by_name(name).expect("a target of the table");
        let flow = Flow::new(FlowSpec {
            manifold: target.manifold().clone(),
            layers: 1,
            shared: true,
            hidden: vec![16, 16],
            features: Features::Harmonics { order: 1 },
            symmetry: vec![],
            output_scale: 1.0,
            solver: Solver::default(),
        })
        .expect("a flow");
        let options = Options::default().goal(1e-5).samples(4096);
        let theta = fit(&flow, target.as_ref(), &options).expect("a fit").theta;

        let energy = minima(&|y| {
            let mut u = vec![0.0; y.len() / 2];
            target.energies(y, &mut u);
            u
        });
        let psi = minima(&|y| flow.potential(&theta, 0, y));
        let phi = minima(&|x| flow.dual_potential(&theta, 0, x));
        println!("{name}: energy | psi, its distance | phi, its distance from psi's");
        for (p, u) in &energy {
            let (apart, value) = nearest(*p, &psi);
            println!("  {p:.4?} {u:.4} | {value:.4} {apart:.4} | {:.2e}", nearest(*p, &phi).0 - apart);
        }
        assert_eq!((energy.len(), psi.len(), phi.len()), (of_energy, of_psi, of_psi), "{name}");
        if of_energy == 1 {
            let (apart, _) = nearest(energy[0].0, &psi);
            assert!(apart < 0.01, "{name}: the minimum of psi is {apart} from that of the energy");
        }
        // Those of psi and phi are the same points with the same values, because T leaves critical points where they
        // are.
        for (p, value) in &psi {
            let (apart, dual) = nearest(*p, &phi);
            assert!(apart < 1e-5, "{name}: a minimum of phi is {apart:e} beside psi's");
            assert!((dual - value).abs() < 1e-10, "{name}: phi is {dual} where psi is {value}");
        }
    }
}
