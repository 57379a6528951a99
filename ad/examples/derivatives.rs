//! Gradient, Hessian, third derivatives and a directional derivative of one function written once.
//!
//! `cargo run --release --example derivatives`

use ircpm_ad::Scalar;
use ircpm_ad::derivative::{ScalarField, array, directional, expansion};

/// A chain of pendulums: `Σ (1 − cos θᵢ) + ½ k Σ (θᵢ₊₁ − θᵢ)²`, the angles in radians.
struct Pendulums {
    stiffness: f64,
}

impl ScalarField for Pendulums {
    fn eval<S: Scalar>(&self, theta: &[S]) -> S {
        let mut energy = S::zero();
        for i in 0..theta.len() {
            energy += -theta[i].cos() + 1.0;
            if i + 1 < theta.len() {
                let stretch = theta[i + 1] - theta[i];
                energy += stretch * stretch * (0.5 * self.stiffness);
            }
        }
        energy
    }
}

fn main() {
    let f = Pendulums { stiffness: 0.5 };
    let theta = [0.1, 0.4, -0.2];

    let at = expansion(&f, &theta);
    println!("energy    {:.6}", at.value);
    println!("forces    {:.6?}", at.gradient.iter().map(|g| -g).collect::<Vec<_>>());
    for row in at.hessian.chunks(3) {
        println!("stiffness {row:.6?}");
    }
    println!("∂³f/∂θ₁³  {:.6}, that is −sin θ₁", at.third[0]);

    let (_, [slope, curvature, third, fourth]) = directional(&f, &theta, &[1.0, 1.0, 1.0]);
    println!("along (1, 1, 1): {slope:.6}, {curvature:.6}, {third:.6}, {fourth:.6}");

    // The number of variables known to the compiler: a closure, and no allocation.
    let (_, laplacian) = array::laplacian(|theta| f.eval(&theta), theta);
    println!("Laplacian {laplacian:.6}, the trace of the stiffness");
}
