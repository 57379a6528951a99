//! Default methods against closed formulas, with their derivatives.

use std::iter::repeat_n;

use crate::common::{generator, numbers, point};
use crate::own::Plain;
use ircpm_ad::{Algebra, Dual, Jet, Lap, Scalar};
use ircpm_manifolds::{Block, BlockMut, Cost, Product, Sphere};

/// Rounding of some hundred operations, times `1 / sin 2.5` per derivative.
const TOLERANCE: f64 = 1e-12;

/// Everything that has a default, at `p` and the frame coordinates `t`, as one list, for derivatives to this order.
fn quantities<M: Cost, S: Scalar>(m: &M, p: &[f64], t: &[S], w: &[S], order: usize) -> Vec<S> {
    let (d, n) = (m.dim(), m.ambient());
    let base: Vec<S::Base> = p.iter().map(|&x| S::Base::constant(x)).collect();
    let mut frame = vec![S::Base::zero(); d * n];
    m.frame(&base, BlockMut::dense(&mut frame, n));
    let mut out = vec![m.mixed_log_det(t)];
    let mut add = |count: usize, f: &dyn Fn(&mut [S])| {
        let first = out.len();
        out.extend(repeat_n(S::constant(f64::NAN), count));
        f(&mut out[first..]);
    };
    add(d * d, &|h| m.cost_hessian(t, BlockMut::dense(h, d)));
    add(d, &|out| m.mixed(t, w, out));
    add(d, &|out| m.mixed_inverse(t, w, out));
    // A lift is a Taylor polynomial, so that its derivatives are compared at zero: three of them, and two of its
    // derivative.
    let small: Vec<S> = t.iter().map(|&t| t - S::from_base(t.value())).collect();
    add(n, &|z| m.lift(&base, Block::dense(&frame, n), &small, z));
    for k in 0..if order < 3 { d } else { 0 } {
        add(n, &|dz| m.lift_derivative(&base, Block::dense(&frame, n), &small, k, dz));
    }
    out
}

/// The largest difference of a coefficient, relative to the largest one.
fn difference<S: Algebra<Base = f64>>(n: usize, p: &[f64], t: &[S], w: &[S], order: usize) -> f64 {
    let (plain, fast) = (Plain::new(n, false), Sphere::new(n).expect("a sphere"));
    let (plain, fast) = (quantities(&plain, p, t, w, order), quantities(&fast, p, t, w, order));
    let (a, b) = (S::coefficients(&plain), S::coefficients(&fast));
    let size = b.iter().fold(1.0_f64, |size, b| size.max(b.abs()));
    let gaps = a.iter().zip(b).map(|(a, b)| (a - b).abs() / size);
    gaps.fold(0.0, |worst, gap| if gap.is_nan() { f64::INFINITY } else { gap.max(worst) })
}

#[test]
fn defaults_on_the_sphere_match_its_closed_formulas_in_all_derivatives() {
    const SEED: u64 = 5;
    let mut rng = generator(SEED);
    for (n, length) in [(1, 0.7), (2, 0.0), (2, 1e-9), (2, 1.0), (3, 0.0), (3, 2.5)] {
        let place = format!("S{n} at {length}, seed {SEED}");
        let p = point(&Product::from(Sphere::new(n).expect("a sphere")), &mut rng);
        let (direction, w) = (numbers(n, 1.0, &mut rng), numbers(n, 1.0, &mut rng));
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        let t: Vec<f64> = direction.iter().map(|x| x * length / norm).collect();

        let jets: Vec<Jet<f64, 3>> = (0..n).map(|i| Jet::variable(t[i], i)).collect();
        let fixed: Vec<Jet<f64, 3>> = w.iter().map(|&w| Jet::constant(w)).collect();
        let worst = difference(n, &p, &jets, &fixed, 2);
        assert!(worst < TOLERANCE, "jets, {place}: {worst:e}");

        let axis = |i: usize| std::array::from_fn(|j| if i == j { 1.0 } else { 0.0 });
        let laps: Vec<Lap<f64, 3>> = (0..n).map(|i| Lap::seeded(t[i], axis(i))).collect();
        let moving: Vec<Lap<f64, 3>> = (0..n).map(|i| Lap::seeded(w[i], axis(n - 1 - i))).collect();
        let worst = difference(n, &p, &laps, &moving, 2);
        assert!(worst < TOLERANCE, "contractions, {place}: {worst:e}");

        let nested: Vec<Dual<Jet<f64, 3>, 1>> =
            (0..n).map(|i| Dual::new(Jet::variable(t[i], i), [Jet::constant(w[i])])).collect();
        let fixed: Vec<Dual<Jet<f64, 3>, 1>> = w.iter().map(|&w| Dual::constant(w)).collect();
        let worst = difference(n, &p, &nested, &fixed, 3);
        assert!(worst < 10.0 * TOLERANCE, "third derivatives, {place}: {worst:e}");
    }
}
