//! The oracle: nested duals through the definition of psi and the manifold's exponential map and parallel transport.

use ircpm_ad::{Dual, Scalar};
use ircpm_flow::Expression;
use ircpm_manifolds::{BlockMut, Manifold, Product};

use super::tally::Tally;

/// The coefficients of `c psi + b · grad psi + A : Hess psi`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contraction<const D: usize> {
    pub c: f64,
    pub b: [f64; D],
    pub a: [[f64; D]; D],
}

/// What a derivative is taken in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Variable {
    Parameter(usize),
    /// The point along frame vector `k`, the frame with it in parallel transport.
    Point(usize),
}

/// A number with its derivative in the [`Variable`].
pub(crate) type Moving = Dual<Tally, 1>;
type Nested<const D: usize> = Dual<Dual<Moving, D>, D>;

fn nest<const D: usize>(x: Moving) -> Nested<D> {
    Dual::fixed(Dual::fixed(x))
}

/// `psi ∘ exp_y(Σ tᵢ Eᵢ)` at `t = 0`, with derivatives in `t` to second order and in `variable` to first.
pub(crate) fn tower<const D: usize, P: Expression>(
    m: &Product,
    psi: &P,
    theta: &[f64],
    y: &[f64],
    variable: Variable,
) -> Nested<D> {
    let theta: Vec<Nested<D>> = theta
        .iter()
        .enumerate()
        .map(|(k, &w)| {
            let slope = if variable == Variable::Parameter(k) { 1.0 } else { 0.0 };
            nest(Dual::new(Tally::constant(w), [Tally::constant(slope)]))
        })
        .collect();
    let (y, frame) = carried(m, y, variable);
    let n = m.ambient();
    let mut velocity = vec![Nested::<D>::zero(); n];
    for i in 0..D {
        let t = Dual {
            re: Dual::variable(Moving::zero(), i),
            eps: std::array::from_fn(|j| Dual::constant(f64::from(i == j))),
        };
        for c in 0..n {
            velocity[c] += t * nest(frame[i * n + c]);
        }
    }
    let y: Vec<Nested<D>> = y.into_iter().map(nest).collect();
    let mut z = y.clone();
    m.exp(&y, &velocity, &mut z);
    psi.value(&theta, &z)
}

/// The point and its frame, on their way along the variable.
fn carried(m: &Product, y: &[f64], variable: Variable) -> (Vec<Moving>, Vec<Moving>) {
    let (n, d) = (m.ambient(), m.dim());
    let y: Vec<Moving> = y.iter().map(|&y| Moving::constant(y)).collect();
    let mut frame = vec![Moving::zero(); n * d];
    m.frame(&y, BlockMut::dense(&mut frame, n));
    let Variable::Point(k) = variable else { return (y, frame) };
    let along = Moving::variable(Tally::constant(0.0), 0);
    let velocity: Vec<Moving> = frame[k * n..(k + 1) * n].iter().map(|&e| e * along).collect();
    let (mut end, mut carried) = (y.clone(), frame.clone());
    m.exp(&y, &velocity, &mut end);
    for (row, out) in frame.chunks(n).zip(carried.chunks_mut(n)) {
        m.transport(&y, &velocity, row, out);
    }
    (end, carried)
}

impl<const D: usize> Contraction<D> {
    /// Of the derivatives in a tower.
    pub(crate) fn of(&self, psi: &Nested<D>) -> Moving {
        let mut sum = psi.re.re * self.c;
        for i in 0..D {
            sum += psi.re.eps[i] * self.b[i];
            for j in 0..D {
                sum += psi.eps[i].eps[j] * self.a[i][j];
            }
        }
        sum
    }
}
