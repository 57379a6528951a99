//! A contraction `A : Hess f` by collapsed jets, without the Hessian, and its gradient.
//!
//! `cargo run --release --example contraction`

use std::array::from_fn;

use ircpm_ad::{Dual, Lap, Scalar};

const D: usize = 3;

/// A function with mixed second derivatives.
fn f<S: Scalar>(x: [S; D]) -> S {
    (x[0] * x[1]).sin() * x[2].exp() + (x[0] - x[2]).powi(4)
}

/// A factor `L` of `A = L Lᵀ`.
const L: [[f64; D]; D] = [[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-0.3, 0.1, 0.7]];

fn main() {
    let x = [0.3, 0.8, -0.5];

    // The trace of Hess f along the directions L e₁, …, L e₃: the rows of L are the seeds.
    let contraction = f::<Lap<f64, D>>(from_fn(|i| Lap::seeded(x[i], L[i]))).lap;

    let (_, _, hessian) = ircpm_ad::derivative::array::hessian(f, x);
    let mut expected = 0.0;
    for i in 0..D {
        for j in 0..D {
            expected += (0..D).map(|k| L[i][k] * L[j][k]).sum::<f64>() * hessian[i][j];
        }
    }
    println!("A : Hess f = {contraction:.15} by a collapsed jet of {} numbers", D + 2);
    println!("             {expected:.15} by the Hessian");

    // Over duals it is differentiated once more: third derivatives, contracted.
    let seeded: [Lap<Dual<f64, D>, D>; D] =
        from_fn(|i| Lap::seeded(Dual::variable(x[i], i), L[i].map(Dual::constant)));
    println!("its gradient {:.12?}", f(seeded).lap.eps);
}
