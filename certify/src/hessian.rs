//! Enclosures of `H` over cells.

use std::ops::Range;

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use ircpm_flow::Expression;

use crate::atlas::{Atlas, Surroundings};
use crate::cost::SphereCost;
use crate::cubic::Cubic;
use crate::eigenvalue::Matrix;

/// `H = Hess c + Hess psi` as a function of cells.
#[derive(Debug)]
pub(crate) struct Hessian<'a, E, const D: usize> {
    potential: &'a E,
    theta: Vec<Cubic<D>>,
    atlas: Atlas<D>,
}

/// `H` over a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enclosure<const D: usize> {
    /// At the middle.
    pub(crate) at: Matrix<D>,
    /// At all points of the cell, in frames that are carried from the middle in parallel.
    pub(crate) over: Matrix<D>,
    /// How much of the width of [`Enclosure::over`] is due to the length of each side; NaN if nothing is known.
    pub(crate) widths: [f64; D],
}

/// The covariant derivatives of psi in an orthonormal frame.
#[derive(Clone, Copy, Debug)]
struct Derivatives<const D: usize> {
    first: [Interval; D],
    second: Matrix<D>,
    /// `third[k]` is the derivative of `second` along axis `k`.
    third: [Matrix<D>; D],
}

impl<'a, E: Expression, const D: usize> Hessian<'a, E, D> {
    /// `H` of a potential with given parameters, on the manifold with these charts.
    pub(crate) fn new(potential: &'a E, theta: &[f64], atlas: Atlas<D>) -> Self {
        Self { potential, theta: theta.iter().map(|&w| Cubic::constant(w)).collect(), atlas }
    }

    /// The charts of the manifold.
    pub(crate) fn atlas(&self) -> &Atlas<D> {
        &self.atlas
    }

    /// The derivatives of psi over a box, in frames carried from the middle; nothing if they are not defined.
    ///
    /// Those of `psi ∘ exp` at 0 are the covariant ones up to second order, and of third order their mean over the orders
    /// of differentiation (section 39): on the unit sphere `∇ₖ∇ᵢ∇ⱼ = mean + (δₖᵢ gⱼ + δₖⱼ gᵢ − 2 δᵢⱼ gₖ)/3`.
    fn derivatives(&self, around: &Surroundings<D>) -> Option<Derivatives<D>> {
        let psi = self.potential.value(&self.theta, &around.jets);
        if !psi.is_defined() {
            return None;
        }
        let matrix =
            |f: &dyn Fn(usize, usize) -> Interval| std::array::from_fn(|i| std::array::from_fn(|j| f(i, j)));
        let mut d = Derivatives {
            first: std::array::from_fn(|i| psi.first(i)),
            second: matrix(&|i, j| psi.second(i, j)),
            third: std::array::from_fn(|k| matrix(&|i, j| psi.third(k, i, j))),
        };
        for range in self.atlas.curved() {
            for k in range.clone() {
                for i in range.clone() {
                    let g = d.first[i] / 3.0;
                    d.third[k][k][i] += g;
                    d.third[k][i][k] += g;
                    d.third[i][k][k] -= g * 2.0;
                }
            }
        }
        Some(d)
    }

    /// `H`; nothing where `|grad psi|` may reach `π` on a sphere.
    fn matrix(&self, psi: &Derivatives<D>) -> Option<Matrix<D>> {
        let mut h = psi.second;
        (0..D).for_each(|i| h[i][i] += 1.0);
        for range in self.atlas.curved() {
            let cost = SphereCost::over(psi.squared_length(range.clone()))?;
            for i in range.clone() {
                h[i][i] += cost.transverse - 1.0;
                for j in range.clone() {
                    let product = if i == j { psi.first[i].square() } else { psi.first[i] * psi.first[j] };
                    h[i][j] += cost.radial * product;
                }
            }
        }
        Some(h)
    }

    /// The covariant derivatives of `H` along the axes.
    fn slopes(&self, psi: &Derivatives<D>) -> Option<[Matrix<D>; D]> {
        let mut slopes = psi.third;
        let (g, h) = (&psi.first, &psi.second);
        for range in self.atlas.curved() {
            let cost = SphereCost::over(psi.squared_length(range.clone()))?;
            for k in 0..D {
                let s = range.clone().map(|l| g[l] * h[k][l]).sum::<Interval>() * 2.0;
                for i in range.clone() {
                    slopes[k][i][i] += cost.transverse_slope * s;
                    for j in range.clone() {
                        let product = if i == j { g[i].square() } else { g[i] * g[j] };
                        slopes[k][i][j] +=
                            cost.radial_slope * s * product + cost.radial * (h[k][i] * g[j] + g[i] * h[k][j]);
                    }
                }
            }
        }
        Some(slopes)
    }

    /// `H` at one point of a chart.
    pub(crate) fn at(&self, chart: usize, point: [f64; D]) -> Matrix<D> {
        let around = self.atlas.surroundings(chart, &point.map(Interval::point), &point);
        let h = self.derivatives(&around).and_then(|psi| self.matrix(&psi));
        h.unwrap_or([[Interval::UNDEFINED; D]; D])
    }

    /// `H` over a box, by the mean value theorem for each entry along the geodesics from the middle `m`:
    /// `H(y) ∈ H(m) + Σⱼ (uⱼ − mⱼ) Σₖ speeds[k][j] ∇ₖH(box)`, and no more than the enclosure of the entry itself.
    pub(crate) fn over(&self, chart: usize, sides: &[Interval; D]) -> Enclosure<D> {
        let middle = sides.map(Interval::middle);
        let at = self.at(chart, middle);
        let around = self.atlas.surroundings(chart, sides, &middle);
        let psi = self.derivatives(&around);
        let found = psi.and_then(|psi| Some((self.matrix(&psi)?, self.slopes(&psi)?)));
        let Some((plain, slopes)) = found else {
            // No derivative means anything there.
            return Enclosure { at, over: [[Interval::UNDEFINED; D]; D], widths: [f64::NAN; D] };
        };
        let (mut over, mut widths) = (at, [0.0; D]);
        for i in 0..D {
            for j in 0..D {
                for l in 0..D {
                    let slope = along(&around.speeds, l, |k| slopes[k][i][j]);
                    let change = slope * (sides[l] - middle[l]);
                    over[i][j] += change;
                    widths[l] += change.magnitude();
                }
                over[i][j] = both(over[i][j], plain[i][j]);
            }
        }
        Enclosure { at, over, widths }
    }
}

impl<const D: usize> Derivatives<D> {
    /// `|grad psi|²` on one factor.
    fn squared_length(&self, range: Range<usize>) -> Interval {
        range.map(|i| self.first[i].square()).sum()
    }
}

/// `Σₖ speeds[k][l] slope(k)`; angles have no more than one term, with the speed 1.
fn along<const D: usize>(speeds: &Matrix<D>, l: usize, slope: impl Fn(usize) -> Interval) -> Interval {
    if speeds[l][l] == Interval::ONE {
        return slope(l);
    }
    let terms = (0..D).filter(|&k| speeds[k][l] != Interval::ZERO);
    terms.map(|k| speeds[k][l] * slope(k)).sum()
}

/// What two enclosures of one number agree on; the other one if one is undefined.
fn both(a: Interval, b: Interval) -> Interval {
    if a.is_undefined() {
        b
    } else if b.is_undefined() {
        a
    } else {
        a.intersection(b)
    }
}
