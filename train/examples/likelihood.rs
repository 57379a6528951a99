//! Points of one's own: directions around a pole of the sphere, learned by maximum likelihood.
//!
//! `cargo run --release -p ircpm-train --example likelihood`

use std::f64::consts::PI;

use ircpm_flow::{Features, Flow, FlowSpec, Solver};
use ircpm_train::fit::{Options, fit_points};
use ircpm_train::points::Generator;

/// Directions of normally distributed vectors around `(0, 0, 1)`.
fn directions(count: usize) -> Vec<f64> {
    let mut generator = Generator::from_seed(2);
    let mut points = Vec::with_capacity(3 * count);
    for _ in 0..count {
        let v = [generator.normal(), generator.normal(), 1.0 + generator.normal()];
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        points.extend(v.map(|x| x / norm));
    }
    points
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flow = Flow::new(FlowSpec {
        manifold: "S2".parse()?,
        layers: 1,
        shared: false,
        hidden: vec![16, 16],
        features: Features::Coordinates,
        output_scale: 1.0,
        solver: Solver::default(),
    })?;
    let fit = fit_points(&flow, &directions(5000), &Options::default().steps(300))?;

    println!("{} steps of {}", fit.progress.step, fit.optimiser);
    match fit.evaluation.held_out {
        Some(l) => println!("log q of held-out points {:.4} ± {:.4} nats", l.value, l.standard_error),
        None => println!("log q of held-out points: none, because the map folds at one of them"),
    }
    println!("log q of the uniform density {:.4} nats", -(4.0 * PI).ln());

    // The likelihood does not keep the map from folding where there are no points: a fold is a result to look for, and
    // no failure of the fit. Where the map folds, the density is none and the mass need not be one.
    let (fold, mass) = (fit.evaluation.fold, fit.evaluation.mass.value);
    println!("mass {mass:.6}, smallest eigenvalue {:.3}", fold.min_eigenvalue);
    if fold.is_folded() {
        let percent = 100.0 * fold.indefinite_share;
        println!("the map folds at {percent:.3} % of the points looked at: its log q is no density");
    } else {
        println!("no fold at the points looked at: log q is a density");
    }
    Ok(())
}
