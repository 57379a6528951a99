//! Points of one's own: directions around a pole of the sphere, as a density.
//!
//! `cargo run --release -p ircpm-train --example likelihood`

use std::f64::consts::PI;

use ircpm_train::fit::{Options, fit_data};
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
    let (flow, fit) = fit_data(&"S2".parse()?, &directions(1500), &Options::default())?;

    let evaluation = &fit.evaluation;
    println!("{} layers, {} parameters", flow.layers(), flow.parameters());
    println!("mass {:.6}, smallest eigenvalue {:.3}", evaluation.mass.value, evaluation.fold.min_eigenvalue);
    if !evaluation.is_density() {
        println!("the map folds at some of the points looked at: its log q is no density");
        return Ok(());
    }
    for (name, estimate) in [
        ("the flow", evaluation.held_out),
        ("a kernel density", evaluation.baseline_kernel),
        ("a mixture", evaluation.baseline_mixture),
    ] {
        if let Some(l) = estimate {
            println!("log q of held-out points by {name}: {:.4} ± {:.4} nats", l.value, l.standard_error);
        }
    }
    println!("by the uniform density: {:.4} nats", -(4.0 * PI).ln());
    let samples = flow.sample(&fit.theta, 3, 7);
    println!("three samples: {:.3?}", samples.y);
    Ok(())
}
