//! Draws samples from a flow with random parameters, and looks at their densities.

use ircpm_flow::{Features, Flow, FlowSpec, Solver};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flow = Flow::new(FlowSpec {
        manifold: "S2".parse()?,
        layers: 2,
        shared: false,
        hidden: vec![16, 16],
        features: Features::Coordinates,
        symmetry: vec![],
        output_scale: 4.0,
        solver: Solver::default(),
    })?;
    let theta = flow.initial(3);
    let samples = flow.sample(&theta, 10_000, 0);
    println!("{} parameters; {:.2} Newton steps per solve", flow.parameters(), samples.stats.steps_mean());

    // The same densities from the closed-form inverse, and the score at the first sample.
    let (pulled, eigenvalues) = flow.inverse_with_eigenvalues(&theta, &samples.y);
    let error = pulled.log_q.iter().zip(&samples.log_q).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let lowest = eigenvalues.into_iter().fold(f64::INFINITY, f64::min);
    println!("log q agrees both ways to {error:.1e}; smallest eigenvalue of H at the samples: {lowest:.3}");
    println!("score at the first sample: {:?}", flow.score(&theta, &samples.y[..3]));
    Ok(())
}
