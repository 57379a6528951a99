//! A potential of one's own on a torus: invariant under a common shift of both angles, with three parameters.

use std::sync::Arc;

use ircpm_ad::Scalar;
use ircpm_flow::{ConcaveMap, Derived, Expression, Flow, Map, Solver};
use ircpm_manifolds::Product;

/// `θ₀ cos(z₀ − z₁) + θ₁ sin(z₀ − z₁) + θ₂ cos 2(z₀ − z₁)`.
#[derive(Debug)]
struct Relative;

impl Expression for Relative {
    fn inputs(&self) -> usize {
        2
    }

    fn parameters(&self) -> usize {
        3
    }

    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let s = z[0] - z[1];
        theta[0] * s.cos() + theta[1] * s.sin() + theta[2] * (s * 2.0).cos()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let torus: Product = "T2".parse()?;
    let map: Arc<dyn Map> =
        Arc::new(ConcaveMap::<_, _, 2>::new(torus, Derived(Relative), Solver::default())?);
    let flow = Flow::from_maps(vec![map], true)?;

    let theta = [0.2, -0.1, 0.05];
    let (y, shift) = ([1.0, 2.5], 0.7);
    let here = flow.log_prob(&theta, &y)[0];
    let there = flow.log_prob(&theta, &[y[0] + shift, y[1] + shift])[0];
    println!("log q = {here:.12} and, after a common shift, {there:.12}");
    assert!((here - there).abs() < 1e-12);
    Ok(())
}
