//! An energy of one's own: two pendulums that attract each other, learned by least squares.
//!
//! `cargo run --release -p ircpm-train --example own_energy`

use ircpm_ad::Scalar;
use ircpm_flow::{Features, Flow, FlowSpec, Solver};
use ircpm_manifolds::AnyManifold;
use ircpm_train::fit::{Options, fit};
use ircpm_train::target::{Density, InLanes};

/// `u(θ) = −J cos(θ₁ − θ₂) − h (cos θ₁ + cos 2θ₂)` on the torus.
struct Pendulums {
    coupling: f64,
    field: f64,
}

impl Density for Pendulums {
    fn manifold(&self) -> AnyManifold {
        "T2".parse().expect("the torus of two angles")
    }

    // The normaliser is not known; fit estimates it.
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }

    // Over any scalar, so that gradients and packs of samples come from the same lines.
    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        -((y[0] - y[1]).cos() * self.coupling + (y[0].cos() + (y[1] * 2.0).cos()) * self.field)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pendulums = Pendulums { coupling: 1.5, field: 0.6 };
    let flow = Flow::new(FlowSpec {
        manifold: pendulums.manifold(),
        layers: 1,
        shared: false,
        hidden: vec![32, 32],
        features: Features::Harmonics { order: 1 },
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    })?;
    let fit = fit(&flow, &InLanes::new("pendulums", pendulums), &Options::default())?;

    let Some(weights) = &fit.evaluation.weights else { return Err("a target has weights".into()) };
    println!("{} steps of {}, ended by {:?}", fit.progress.step, fit.optimiser, fit.end);
    println!("ESS {:.4} %", 100.0 * weights.ess.value);
    println!("KL {:.1e} nats", weights.kl.value);
    println!("log Z {:.6} ± {:.6}", weights.log_z.value, weights.log_z.standard_error);
    println!("folded: {}", fit.evaluation.fold.is_folded());

    // Samples are images of base points; the density of any point is explicit.
    let pushed = flow.sample(&fit.theta, 3, 1);
    for (y, log_q) in pushed.y.chunks_exact(2).zip(&pushed.log_q) {
        println!("sample {y:.3?}, log q {log_q:.4}");
    }
    println!("log q at (0, π): {:.4}", flow.log_prob(&fit.theta, &[0.0, std::f64::consts::PI])[0]);
    Ok(())
}
