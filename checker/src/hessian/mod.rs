//! `H − λ` over boxes, as a matrix in the coordinates of a chart.
//!
//! With `Hess c` of the cost, `H = Hess c + Hess psi`, whose eigenvalues relative to the metric `g` exceed `λ` if and only if
//! `K = H − λ g` is positive definite, in any coordinates. In those of a chart, for directions `i`, `j`:
//!
//! - of an angle, `Kᵢᵢ = psiᵢᵢ + 1 − λ`;
//! - of one sphere, with `w = 1 + |u|²` and `g = δᵢⱼ/w − uᵢ uⱼ/w²`,
//!   `Kᵢⱼ = psiᵢⱼ + (uᵢ psiⱼ + uⱼ psiᵢ)/w + (1 − s b − λ) gᵢⱼ + b psiᵢ psiⱼ`, because the Christoffel symbols are
//!   `−(δᵢₖ uⱼ + δⱼₖ uᵢ)/w`. Here `s = |grad psi|² = w (Σ psiᵢ² + (Σ uᵢ psiᵢ)²)` on the factor, and `b` is that of
//!   [`SphereCost`]; on a circle `1 − s b` is 1 and `b` is 0;
//! - of two factors, `Kᵢⱼ = psiᵢⱼ`.
//!
//! If `Wᵀ K W` is positive definite for any square matrix `W`, so is `K`: `W x = 0` would make `xᵀ Wᵀ K W x` zero, so that
//! `W` has an inverse. Here `W(u) = A(u) V`. The columns of `V` make `K` the unit matrix at the middle `m` of the box, up to
//! rounding. The block of a sphere in `A` is `1 + ((m·δ) 1 + δ mᵀ)/(1 + |m|²)`, with `δ = u − m`: to first order the
//! parallel transport from `m`, so that the chart's own change of lengths and angles does not widen the enclosure.

use std::ops::{Add, Mul, Range};

use crate::ball::{Ball, grown};
use crate::chart::Patch;
use crate::cost::SphereCost;
use crate::expansion::Expansion;
use crate::jet::Layout;
use crate::manifold::{Factor, LARGEST};
use crate::potential::Psi;
use crate::slopes::Slopes;

/// `K` of a potential and a bound `λ`.
#[derive(Debug)]
pub(crate) struct Hessian<'a> {
    psi: &'a Psi<'a>,
    bound: f64,
    cost: SphereCost,
}

/// `Wᵀ K W` over a box.
#[derive(Clone, Debug)]
pub(crate) struct Enclosure {
    /// Row-major, symmetric.
    pub(crate) matrix: Vec<Ball>,
    /// The side whose length adds most to its width.
    pub(crate) widest: usize,
}

impl<'a> Hessian<'a> {
    pub(crate) fn new(psi: &'a Psi<'a>, bound: f64) -> Self {
        Self { psi, bound, cost: SphereCost::new() }
    }

    /// `Wᵀ K W` over a box; nothing where `|grad psi|` may reach π on a sphere, or `K` is not positive definite at the middle.
    ///
    /// By the mean value theorem, entry by entry: `f(u) ∈ f(m) + Σₖ ∂ₖf(box) (uₖ − mₖ)`, where `m` are the centres of the
    /// balls, exactly. The entry over the box is an enclosure as well, and both contain `f(u)`.
    pub(crate) fn over(&self, patch: &Patch<'_>) -> Option<Enclosure> {
        let (layout, n, middle) = (self.psi.layout(), patch.sides().len(), patch.middle());
        let mut points = Expansion::new(patch.point(layout, true), middle.point(layout, false), layout);
        points.over.narrow(&points.at, layout);
        let mut psi = self.psi.jets(&points);
        psi.narrow(layout, patch.sides());
        let (at, over) = (self.matrix(layout, &psi.at, &middle)?, self.matrix(layout, &psi.over, patch)?);
        let at: Vec<Ball> = at.iter().map(Slopes::value).collect();
        let unit = frame(&at, n)?;
        let carried =
            product(&transport(patch), &unit.iter().map(|&v| Slopes::constant(v)).collect::<Vec<_>>(), n);
        let (at, over) = (congruent(&at, &unit, n), congruent(&over, &carried, n));
        let mut widths = [0.0; LARGEST];
        let matrix = at.iter().zip(&over).map(|(at, over)| {
            let change = |k: usize| over.slope(k).magnitude() * patch.sides()[k].radius();
            (0..n).for_each(|k| widths[k] += change(k));
            let far: f64 = (0..n).map(change).sum();
            at.widened(grown(far)).and(over.value())
        });
        let matrix = matrix.collect();
        let widest = (0..n).fold(0, |widest, k| if widths[k] > widths[widest] { k } else { widest });
        Some(Enclosure { matrix, widest })
    }

    /// `K` and its derivatives. Of a jet of second order the derivatives mean nothing.
    fn matrix(&self, layout: &Layout, psi: &[Ball], patch: &Patch<'_>) -> Option<Vec<Slopes>> {
        let n = layout.dimension();
        let has_third = psi.len() == layout.len(true);
        let first: Vec<Slopes> =
            (0..n).map(|i| Slopes::new(psi[1 + i], n, |k| psi[layout.second(i, k)])).collect();
        let second = |i: usize, j: usize| {
            let third = |k| if has_third { psi[layout.third(i, j, k)] } else { Ball::ZERO };
            Slopes::new(psi[layout.second(i, j)], n, third)
        };
        let mut matrix: Vec<Slopes> = (0..n * n).map(|place| second(place / n, place % n)).collect();
        for run in patch.manifold().runs() {
            let own = run.directions.clone();
            match run.factor {
                Factor::Angle => {
                    let place = own.start * (n + 1);
                    matrix[place] = matrix[place] + (Ball::exact(1.0) + -self.bound);
                }
                Factor::Sphere(_) => self.add_sphere(&mut matrix, &first, patch.sides(), own)?,
            }
        }
        Some(matrix)
    }

    /// Adds what the block of a sphere has beside `psiᵢⱼ`.
    fn add_sphere(
        &self,
        matrix: &mut [Slopes],
        psi: &[Slopes],
        sides: &[Ball],
        own: Range<usize>,
    ) -> Option<()> {
        let n = psi.len();
        let u: Vec<Slopes> = sides.iter().enumerate().map(|(k, &u)| Slopes::variable(u, k)).collect();
        let one = Slopes::constant(Ball::exact(1.0));
        let w = own.clone().fold(one, |w, k| w + u[k] * u[k]);
        let w = w.within(1.0, 1.0 + own.len() as f64);
        let recip = w.value().recip();
        let h = w.chain(recip, -(recip * recip));
        let (scale, radial) = if own.len() == 1 {
            (one, Slopes::constant(Ball::ZERO))
        } else {
            let zero = Slopes::constant(Ball::ZERO);
            let squares = own.clone().fold(zero, |sum, k| sum + psi[k] * psi[k]);
            let along = own.clone().fold(zero, |sum, k| sum + u[k] * psi[k]);
            let s = w * (squares + along * along);
            let [b, slope] = self.cost.radial(s.value())?;
            let b = s.chain(b, slope);
            (one + -(s * b), b)
        };
        let scale = scale + Ball::exact(-self.bound);
        for i in own.clone() {
            for j in own.clone() {
                let mixed = (u[i] * psi[j] + u[j] * psi[i]) * h;
                let flat = if i == j { h } else { Slopes::constant(Ball::ZERO) };
                let metric = flat + -((u[i] * h) * (u[j] * h));
                let place = i * n + j;
                matrix[place] = matrix[place] + mixed + scale * metric + radial * (psi[i] * psi[j]);
            }
        }
        Some(())
    }
}

/// The matrix `V = L⁻ᵀ` with `L Lᵀ` near a symmetric matrix, row-major, as numbers that are exact; nothing if elimination
/// meets a pivot that is not positive.
fn frame(matrix: &[Ball], n: usize) -> Option<Vec<Ball>> {
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let rest = matrix[i * n + j].centre() - (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum::<f64>();
            if i == j && !(rest > 0.0 && rest.is_finite()) {
                return None;
            }
            l[i * n + j] = if i == j { rest.sqrt() } else { rest / l[j * n + j] };
        }
    }
    // Column j of the inverse of L, from above; it is row j of V.
    let mut v = vec![Ball::ZERO; n * n];
    for j in 0..n {
        let mut column = vec![0.0; n];
        for i in j..n {
            let one = f64::from(u8::from(i == j));
            let sum: f64 = (j..i).map(|k| l[i * n + k] * column[k]).sum();
            column[i] = (one - sum) / l[i * n + i];
            v[j * n + i] = Ball::exact(column[i]);
        }
    }
    Some(v)
}

/// The matrix `A` on a box.
fn transport(patch: &Patch<'_>) -> Vec<Slopes> {
    let (sides, n) = (patch.sides(), patch.sides().len());
    let constant = |x: f64| Slopes::constant(Ball::exact(x));
    let mut a: Vec<Slopes> = (0..n * n).map(|p| constant(f64::from(u8::from(p / n == p % n)))).collect();
    for run in patch.manifold().runs().iter().filter(|run| run.factor != Factor::Angle) {
        let own = run.directions.clone();
        let m: Vec<f64> = sides.iter().map(|side| side.centre()).collect();
        // A rounded denominator would be as good: A is any matrix.
        let recip = 1.0 / own.clone().fold(1.0, |w, k| w + m[k] * m[k]);
        let delta = |k: usize| Slopes::variable(Ball::new(0.0, sides[k].radius()), k);
        let along = own.clone().fold(constant(0.0), |sum, k| sum + delta(k) * constant(m[k] * recip));
        for i in own.clone() {
            a[i * n + i] = a[i * n + i] + along;
            for j in own.clone() {
                a[i * n + j] = a[i * n + j] + delta(i) * constant(m[j] * recip);
            }
        }
    }
    a
}

fn product<T: Copy + Add<Output = T> + Mul<Output = T>>(a: &[T], b: &[T], n: usize) -> Vec<T> {
    let entry = |i: usize, j: usize| (1..n).fold(a[i * n] * b[j], |sum, k| sum + a[i * n + k] * b[k * n + j]);
    (0..n * n).map(|place| entry(place / n, place % n)).collect()
}

/// `Wᵀ K W`.
fn congruent<T: Copy + Add<Output = T> + Mul<Output = T>>(k: &[T], w: &[T], n: usize) -> Vec<T> {
    let transposed: Vec<T> = (0..n * n).map(|place| w[place % n * n + place / n]).collect();
    product(&transposed, &product(k, w, n), n)
}

#[cfg(test)]
mod tests;
