//! Points of one's own: directions around a pole of the sphere, learned by maximum likelihood.
//!
//! `cargo run --release -p ircpm-train --example likelihood`

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

    let Some(held_out) = fit.evaluation.held_out else {
        return Err("the map folds at a held-out point: its density is none".into());
    };
    let uniform = -(4.0 * std::f64::consts::PI).ln();
    println!("{} steps of {}", fit.progress.step, fit.optimiser);
    println!("log q of held-out points {:.4} ± {:.4} nats", held_out.value, held_out.standard_error);
    println!("log q of the uniform density {uniform:.4} nats");
    // The likelihood does not keep the map from folding where there are no points, so both are worth a look.
    println!(
        "mass {:.6}, smallest eigenvalue {:.3}",
        fit.evaluation.mass.value, fit.evaluation.fold.min_eigenvalue
    );
    Ok(())
}
