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
}

/// The same over a box and at its middle.
#[derive(Clone, Copy, Debug)]
struct Expansion<const D: usize> {
    over: Derivatives<D>,
    at: Derivatives<D>,
    /// `third[k]` is the derivative of the second ones along axis `k`, over the box.
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
    fn expansion(&self, around: &Surroundings<D>) -> Option<Expansion<D>> {
        let psi = self.potential.value(&self.theta, &around.jets);
        if !psi.is_defined() {
            return None;
        }
        let derivatives = |(first, second)| Derivatives { first, second };
        let (over, at) = (derivatives(psi.over()), derivatives(psi.at()));
        let matrix = |k| std::array::from_fn(|i| std::array::from_fn(|j| psi.third(k, i, j)));
        let mut third: [Matrix<D>; D] = std::array::from_fn(matrix);
        for range in self.atlas.curved() {
            for k in range.clone() {
                for i in range.clone() {
                    let g = over.first[i] / 3.0;
                    third[k][k][i] += g;
                    third[k][i][k] += g;
                    third[i][k][k] -= g * 2.0;
                }
            }
        }
        let mut x = Expansion { over, at, third };
        for i in 0..D {
            for j in 0..D {
                let change = (0..D).map(|k| third[k][i][j] * around.reach[k]).sum::<Interval>();
                x.over.second[i][j] = both(x.over.second[i][j], at.second[i][j] + change);
            }
        }
        Some(x)
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
    fn slopes(&self, psi: &Expansion<D>) -> Option<[Matrix<D>; D]> {
        let mut slopes = psi.third;
        let (g, h) = (&psi.over.first, &psi.over.second);
        for range in self.atlas.curved() {
            let cost = SphereCost::over(psi.over.squared_length(range.clone()))?;
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
        let h = self.expansion(&around).and_then(|psi| self.matrix(&psi.at));
        h.unwrap_or([[Interval::UNDEFINED; D]; D])
    }

    /// `H` over a box, by the mean value theorem for each entry along the geodesics from the middle `m`:
    /// `H(y) ∈ H(m) + Σⱼ (uⱼ − mⱼ) Σₖ speeds[k][j] ∇ₖH(box)`, and no more than the enclosure of the entry itself.
    pub(crate) fn over(&self, chart: usize, sides: &[Interval; D]) -> Enclosure<D> {
        let middle = sides.map(Interval::middle);
        let around = self.atlas.surroundings(chart, sides, &middle);
        let psi = self.expansion(&around);
        let at = psi.and_then(|psi| self.matrix(&psi.at)).unwrap_or_else(|| self.at(chart, middle));
        let found = psi.and_then(|psi| Some((self.matrix(&psi.over)?, self.slopes(&psi)?)));
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

#[cfg(test)]
pub(crate) mod tests {
    use ircpm_ad::Jet;
    use ircpm_manifolds::{BlockMut, Cost, Factor, Manifold, Product, Sphere, Torus};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    /// A function of so many coordinates without symmetry.
    #[derive(Debug)]
    pub(crate) struct Field(pub(crate) usize);

    impl Expression for Field {
        fn inputs(&self) -> usize {
            self.0
        }
        fn parameters(&self) -> usize {
            1
        }
        fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
            let mixed = z.iter().enumerate().fold(S::zero(), |sum, (c, &z)| sum + z * (0.3 + 0.5 * c as f64));
            theta[0] * (mixed.sin() + z[0] * z[1] * z[1] - (z[self.0 - 1] * 1.3 + 0.2).softplus())
        }
    }

    /// A field on a manifold, with independent ways to its `H`.
    struct Case<const D: usize> {
        manifold: Product,
        field: Field,
        theta: f64,
    }

    impl<const D: usize> Case<D> {
        fn new(factors: Vec<Factor>, theta: f64) -> Self {
            let manifold = Product::new(factors).unwrap();
            Self { field: Field(manifold.ambient()), manifold, theta }
        }

        fn hessian(&self) -> Hessian<'_, Field, D> {
            Hessian::new(&self.field, &[self.theta], Atlas::new(&self.manifold.coordinates()).unwrap())
        }

        /// `H` at a point in the frame with these rows, by jets through the manifold's own exponential map.
        fn reference(&self, p: &[f64], frame: &[Vec<f64>]) -> [[f64; D]; D] {
            let t: [Jet<f64, D>; D] = std::array::from_fn(|k| Jet::variable(0.0, k));
            let constant = |x: &f64| Jet::<f64, D>::constant(*x);
            let velocity: Vec<_> =
                (0..p.len()).map(|c| (0..D).fold(Jet::zero(), |sum, k| sum + t[k] * frame[k][c])).collect();
            let mut z = vec![Jet::zero(); p.len()];
            self.manifold.exp(&p.iter().map(constant).collect::<Vec<_>>(), &velocity, &mut z);
            let psi = self.field.value(&[constant(&self.theta)], &z);
            let mut cost = vec![0.0; D * D];
            self.manifold.cost_hessian(&psi.grad, BlockMut::dense(&mut cost, D));
            std::array::from_fn(|i| std::array::from_fn(|j| cost[D * i + j] + psi.hess[i][j]))
        }

        /// The point, and the rows of the frame, of the surroundings of one point.
        fn middle(&self, chart: usize, m: &[f64; D]) -> (Vec<f64>, Vec<Vec<f64>>) {
            let around = self.hessian().atlas.surroundings(chart, &m.map(Interval::point), m);
            let point = around.jets.iter().map(|jet| jet.value().middle()).collect();
            let row = |k: usize| around.jets.iter().map(|jet| jet.at().0[k].middle()).collect();
            (point, (0..D).map(row).collect())
        }

        /// The end of a geodesic, and the frame carried along it.
        fn carried(&self, p: &[f64], frame: &[Vec<f64>], v: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
            let mut q = vec![0.0; p.len()];
            self.manifold.exp(p, v, &mut q);
            let carry = |row: &Vec<f64>| {
                let mut out = vec![0.0; p.len()];
                self.manifold.transport(p, v, row, &mut out);
                out
            };
            (q, frame.iter().map(carry).collect())
        }

        /// A chart and a point in it.
        fn random(&self, rng: &mut Pcg64) -> (usize, [f64; D]) {
            let chart = rng.random_range(0..self.hessian().atlas.charts());
            (chart, std::array::from_fn(|_| rng.random_range(-1.0..1.0)))
        }

        /// `H` and its derivatives at points: against jets, and central differences along geodesics.
        fn check_at_points(&self) {
            let mut rng = Pcg64::seed_from_u64(1);
            let hessian = self.hessian();
            for _ in 0..20 {
                let (chart, m) = self.random(&mut rng);
                let (p, frame) = self.middle(chart, &m);
                assert!(self.manifold.check_point(&p).is_ok(), "{p:?}");
                let around = hessian.atlas.surroundings(chart, &m.map(Interval::point), &m);
                let psi = hessian.expansion(&around).unwrap();
                let (h, slopes) = (hessian.matrix(&psi.at).unwrap(), hessian.slopes(&psi).unwrap());
                let exact = self.reference(&p, &frame);
                let step = 1e-4;
                for k in 0..D {
                    let side = |h: f64| {
                        let v: Vec<f64> = frame[k].iter().map(|e| h * e).collect();
                        let (q, frame) = self.carried(&p, &frame, &v);
                        self.reference(&q, &frame)
                    };
                    let (before, after) = (side(-step), side(step));
                    for i in 0..D {
                        for j in 0..D {
                            assert!(
                                (h[i][j].middle() - exact[i][j]).abs() < 1e-12 && h[i][j].radius() < 1e-11
                            );
                            let difference = (after[i][j] - before[i][j]) / (2.0 * step);
                            let slope = slopes[k][i][j];
                            assert!((slope.middle() - difference).abs() < 2e-6, "{slope:?} {difference}");
                            assert!(slope.radius() < 1e-10, "{slope:?}");
                        }
                    }
                }
            }
        }

        /// `H` at random points of cells lies in the enclosure, whose width is of first order and not much more.
        fn check_over_boxes(&self) {
            let mut rng = Pcg64::seed_from_u64(2);
            let hessian = self.hessian();
            for _ in 0..60 {
                let (chart, low) = self.random(&mut rng);
                let width: f64 = 10_f64.powf(rng.random_range(-6.0..-1.0));
                let sides = low.map(|x| Interval::new(x, (x + width).min(1.0)));
                let m = sides.map(Interval::middle);
                let h = hessian.over(chart, &sides);
                let (p, frame) = self.middle(chart, &m);
                for _ in 0..10 {
                    let u =
                        sides.map(|side| side.lo() + rng.random_range(0.0..1.0) * (side.hi() - side.lo()));
                    let (q, _) = self.middle(chart, &u);
                    let mut v = vec![0.0; p.len()];
                    self.manifold.log(&p, &q, &mut v);
                    let (q, carried) = self.carried(&p, &frame, &v);
                    let exact = self.reference(&q, &carried);
                    for i in 0..D {
                        for j in 0..D {
                            let inner = Interval::new(h.over[i][j].lo() - 1e-12, h.over[i][j].hi() + 1e-12);
                            assert!(
                                inner.contains(exact[i][j]),
                                "{} in {inner:?} of width {width}",
                                exact[i][j]
                            );
                            assert!(inner.radius() < 40.0 * width + 1e-10, "{inner:?} of width {width}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn derivatives_are_those_along_geodesics() {
        let (circle, sphere) =
            (Factor::Torus(Torus::new(1).unwrap()), |n| Factor::Sphere(Sphere::new(n).unwrap()));
        let cases = [vec![sphere(3)], vec![circle.clone(), sphere(2)], vec![sphere(2), sphere(1)]];
        for factors in cases {
            let case = Case::<3>::new(factors, 0.4);
            case.check_at_points();
            case.check_over_boxes();
        }
        let case = Case::<2>::new(vec![sphere(2)], 0.4);
        case.check_at_points();
        case.check_over_boxes();
    }
}
