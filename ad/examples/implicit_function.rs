//! The solution of an equation, differentiated: the equilibrium of a bead on a rotating hoop.
//!
//! `cargo run --release --example implicit_function`

use ircpm_ad::implicit::{Equations, pull_back, solution};
use ircpm_ad::{Jet, Scalar, Taylor};

/// `sin θ (s cos θ − 1) = c θ`: the angle `θ` at which a bead rests on a hoop that turns about its vertical diameter,
/// for the squared speed `s = ω² r/g` and a torsion spring of strength `c`; `x = (s, c)`.
struct Hoop;

impl Equations for Hoop {
    fn residual<S: Scalar>(&self, x: &[S], y: &[S], out: &mut [S]) {
        let (speed, spring, theta) = (x[0], x[1], y[0]);
        out[0] = theta.sin() * (speed * theta.cos() - 1.0) - spring * theta;
    }
}

/// The value of the solution, by bisection: how it is found does not matter.
fn solve(x: [f64; 2]) -> f64 {
    let residual = |theta: f64| {
        let mut out = [0.0];
        Hoop.residual(&x, &[theta], &mut out);
        out[0]
    };
    let (mut low, mut high) = (0.1, 3.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if residual(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x = [2.0, 0.1];
    let theta = solve(x);

    let jets: [Jet<f64, 2>; 2] = [Jet::variable(x[0], 0), Jet::variable(x[1], 1)];
    let jet = solution(&Hoop, &jets, &[theta])?[0];
    println!("θ       {:.12}", jet.re);
    println!("∇θ      {:.12?}", jet.grad);
    println!("Hess θ  {:.12?}", jet.hess);

    let line: [Taylor<f64, 6>; 2] = [Taylor::variable(x[0]), Taylor::fixed(x[1])];
    let series = solution(&Hoop, &line, &[theta])?[0];
    let h: f64 = 0.1;
    let predicted: f64 = (0..=6).map(|k| series.coefficient(k) * h.powi(k as i32)).sum();
    println!(
        "θ at a speed {h} higher: {predicted:.9} by six derivatives, {:.9} by solving again",
        solve([x[0] + h, x[1]])
    );

    println!("∇θ by a cotangent: {:.12?}", pull_back(&Hoop, &x, &[theta], &[1.0])?);
    Ok(())
}
