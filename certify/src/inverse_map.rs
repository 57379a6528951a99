//! The inverse map of a layer and its log-determinant, as functions over a box.

use std::ops::Range;

use ircpm_ad::Scalar;
use ircpm_ad::elementary::smooth::{cos_sqrt, one_minus_r_cot_r_over_u, r_cot_r, sinc_sqrt};
use ircpm_flow::Expression;

use crate::atlas::{Atlas, Factor, frame, from_face, on_face};
use crate::cost::BELOW_PI_SQUARED;
use crate::model_jet::ModelJet;
use crate::taylor_model::TaylorModel;

/// `S(y) = exp_y(grad psi(y))` over a box of points `y`: section 40 of `docs/mathematics.md`.
pub(crate) struct InverseMap<const D: usize, const M: usize> {
    /// `log det DS(y)`; undefined where it is not proven to exist, or `|grad psi|` may reach π on a sphere.
    pub(crate) log_det: TaylorModel<D, M>,
    /// The ambient coordinates of `S(y)`.
    pub(crate) preimage: Vec<TaylorModel<D, M>>,
}

impl<const D: usize, const M: usize> InverseMap<D, M> {
    /// The map of `potential` with the parameters `theta` at the points with the ambient coordinates `y`.
    pub(crate) fn new<E: Expression>(
        atlas: &Atlas<D>,
        potential: &E,
        theta: &[ModelJet<D, M>],
        y: &[TaylorModel<D, M>],
    ) -> Self {
        let factors: Vec<FactorPoints<D, M>> = FactorPoints::all(atlas, y);
        let z: Vec<ModelJet<D, M>> = factors.iter().flat_map(|points| points.geodesics()).collect();
        let psi = potential.value(theta, &z);
        let mut h: [[TaylorModel<D, M>; D]; D] =
            std::array::from_fn(|i| std::array::from_fn(|j| psi.second(i, j)));
        let mut inverse = Self { log_det: TaylorModel::constant(0.0), preimage: Vec::with_capacity(y.len()) };
        for points in &factors {
            inverse.log_det += points.add_cost(&psi, &mut h);
            inverse.preimage.extend(points.preimage(&psi));
        }
        inverse.log_det += determinant(&h).ln();
        inverse
    }
}

/// The points of one factor, with an orthonormal frame at each.
struct FactorPoints<const D: usize, const M: usize> {
    factor: Factor,
    directions: Range<usize>,
    /// Ambient coordinates.
    y: Vec<TaylorModel<D, M>>,
    /// On a sphere the ambient coordinates of the vector of each direction.
    frame: Vec<Vec<TaylorModel<D, M>>>,
}

impl<const D: usize, const M: usize> FactorPoints<D, M> {
    /// The points of all factors.
    fn all(atlas: &Atlas<D>, y: &[TaylorModel<D, M>]) -> Vec<Self> {
        let mut rest = y;
        let points = |(factor, directions): (Factor, Range<usize>)| {
            let y;
            (y, rest) = rest.split_at(factor.coordinates());
            let frame = if factor == Factor::Angle { vec![] } else { frame_of_nearest_axis(y) };
            Self { factor, directions, y: y.to_vec(), frame }
        };
        atlas.runs().map(points).collect()
    }

    /// The ambient coordinates of `exp_y(Σ tₖ Eₖ)` as functions of the `tₖ`, up to second order.
    fn geodesics(&self) -> impl Iterator<Item = ModelJet<D, M>> {
        self.y.iter().enumerate().map(|(c, &y)| {
            if self.factor == Factor::Angle {
                return ModelJet::variable(y, self.directions.start);
            }
            let mut grad = [TaylorModel::constant(0.0); D];
            let mut bent = [None; D];
            for (k, vector) in self.directions.clone().zip(&self.frame) {
                grad[k] = vector[c];
                bent[k] = Some(-y);
            }
            ModelJet::curve(y, grad, bent)
        })
    }

    /// `|grad psi|²` on this factor.
    fn squared_length(&self, psi: &ModelJet<D, M>) -> TaylorModel<D, M> {
        self.directions.clone().map(|k| psi.first(k)).fold(TaylorModel::constant(0.0), |s, g| s + g * g)
    }

    /// Adds the Hessian of the cost to `h`, and returns the logarithm of the determinant of the exponential map,
    /// `(sin r/r)ⁿ⁻¹` with `r = |grad psi|`.
    fn add_cost(&self, psi: &ModelJet<D, M>, h: &mut [[TaylorModel<D, M>; D]; D]) -> TaylorModel<D, M> {
        let Factor::Sphere(n @ 2..) = self.factor else {
            self.directions.clone().for_each(|k| h[k][k] += 1.0);
            return TaylorModel::constant(0.0);
        };
        let s = self.squared_length(psi);
        if !(s.is_defined() && s.range().hi() < BELOW_PI_SQUARED) {
            return TaylorModel::UNDEFINED;
        }
        let (transverse, radial) = (r_cot_r(s), one_minus_r_cot_r_over_u(s));
        for i in self.directions.clone() {
            h[i][i] += transverse;
            for j in self.directions.clone() {
                h[i][j] += radial * (psi.first(i) * psi.first(j));
            }
        }
        sinc_sqrt(s).ln() * (n as f64 - 1.0)
    }

    /// The ambient coordinates of `exp_y(grad psi)`.
    fn preimage(&self, psi: &ModelJet<D, M>) -> Vec<TaylorModel<D, M>> {
        if self.factor == Factor::Angle {
            return vec![self.y[0] + psi.first(self.directions.start)];
        }
        let s = self.squared_length(psi);
        let (along, across) = (cos_sqrt(s), sinc_sqrt(s));
        let coordinate = |c: usize| {
            let parts = self.directions.clone().zip(&self.frame).map(|(k, vector)| psi.first(k) * vector[c]);
            along * self.y[c] + across * parts.fold(TaylorModel::constant(0.0), |sum, part| sum + part)
        };
        (0..self.y.len()).map(coordinate).collect()
    }
}

/// An orthonormal frame at points of a sphere near the axis to which the middle is nearest.
fn frame_of_nearest_axis<const D: usize, const M: usize>(
    y: &[TaylorModel<D, M>],
) -> Vec<Vec<TaylorModel<D, M>>> {
    let middle = |c: usize| y[c].middle().middle();
    let axis = (0..y.len()).fold(0, |axis, c| if middle(c).abs() > middle(axis).abs() { c } else { axis });
    let face = 2 * axis + usize::from(middle(axis) < 0.0);
    frame(&from_face(face, y.to_vec())).into_iter().map(|vector| on_face(face, vector)).collect()
}

/// The determinant of a symmetric matrix of one to three rows.
fn determinant<const D: usize, const M: usize>(h: &[[TaylorModel<D, M>; D]; D]) -> TaylorModel<D, M> {
    match D {
        1 => h[0][0],
        2 => h[0][0] * h[1][1] - h[0][1] * h[0][1],
        3 => {
            let minor = |j: usize, k: usize| h[1][j] * h[2][k] - h[1][k] * h[2][j];
            h[0][0] * minor(1, 2) - h[0][1] * minor(0, 2) + h[0][2] * minor(0, 1)
        }
        _ => TaylorModel::UNDEFINED,
    }
}

#[cfg(test)]
mod tests {
    use ircpm_ad::interval::Interval;
    use ircpm_manifolds::{Factor as Space, Manifold, Product, Sphere, Torus};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::hessian::tests::Field;

    struct Case<const D: usize, const M: usize> {
        manifold: Product,
        atlas: Atlas<D>,
    }

    impl<const D: usize, const M: usize> Case<D, M> {
        fn new(factors: Vec<Space>) -> Self {
            let manifold = Product::new(factors).unwrap();
            let atlas = Atlas::new(&manifold.coordinates()).unwrap();
            Self { manifold, atlas }
        }

        fn map(&self, y: &[TaylorModel<D, M>]) -> InverseMap<D, M> {
            InverseMap::new(&self.atlas, &Field(y.len()), &[ModelJet::constant(0.12)], y)
        }

        /// The log-determinant and the image of one point.
        fn at(&self, y: &[f64]) -> (f64, Vec<f64>) {
            let models: Vec<_> = y.iter().map(|&x| TaylorModel::constant(x)).collect();
            let InverseMap { log_det, preimage } = self.map(&models);
            (log_det.middle().middle(), preimage.iter().map(|x| x.middle().middle()).collect())
        }

        /// The rows of an orthonormal frame at a point.
        fn frame(&self, y: &[f64]) -> Vec<Vec<f64>> {
            let models: Vec<_> = y.iter().map(|&x| TaylorModel::<D, M>::constant(x)).collect();
            let mut rows = vec![vec![0.0; y.len()]; D];
            let mut start = 0;
            for points in FactorPoints::all(&self.atlas, &models) {
                for (i, k) in points.directions.clone().enumerate() {
                    let Some(vector) = points.frame.get(i) else {
                        rows[k][start] = 1.0;
                        continue;
                    };
                    for (c, x) in vector.iter().enumerate() {
                        rows[k][start + c] = x.middle().middle();
                    }
                }
                start += points.y.len();
            }
            rows
        }

        /// The logarithm of the determinant of central differences of the map in orthonormal frames.
        fn differences(&self, y: &[f64]) -> f64 {
            let step = 1e-4;
            let above = self.frame(&self.at(y).1);
            let mut jacobian = vec![vec![0.0; D]; D];
            for (k, row) in self.frame(y).iter().enumerate() {
                let image = |sign: f64| {
                    let velocity: Vec<f64> = row.iter().map(|x| sign * step * x).collect();
                    let mut moved = vec![0.0; y.len()];
                    self.manifold.exp(y, &velocity, &mut moved);
                    self.at(&moved).1
                };
                let (before, after) = (image(-1.0), image(1.0));
                for (l, vector) in above.iter().enumerate() {
                    let change = (0..y.len()).map(|c| vector[c] * (after[c] - before[c])).sum::<f64>();
                    jacobian[k][l] = change / (2.0 * step);
                }
            }
            let matrix: [[TaylorModel<D, M>; D]; D] =
                std::array::from_fn(|i| std::array::from_fn(|j| TaylorModel::constant(jacobian[i][j])));
            // For two rows `determinant` takes the one entry off the diagonal twice.
            let [a, b, c, d] = [jacobian[0][0], jacobian[0][1], jacobian[1][0], jacobian[1][1]];
            let determinant = if D == 2 { a * d - b * c } else { determinant(&matrix).middle().middle() };
            determinant.abs().ln()
        }

        fn check(&self) {
            let mut rng = Pcg64::seed_from_u64(D as u64);
            for round in 0..20 {
                let chart = rng.random_range(0..self.atlas.charts());
                let low: [f64; D] = std::array::from_fn(|_| rng.random_range(-1.0..0.9));
                let points = low.map(Interval::point);
                let models: Vec<TaylorModel<D, M>> = self.atlas.models(chart, &points);
                let y: Vec<f64> = models.iter().map(|x| x.middle().middle()).collect();
                assert!(self.manifold.check_point(&y).is_ok(), "{y:?}");
                let (log_det, image) = self.at(&y);
                assert!(self.manifold.check_point(&image).is_ok(), "{image:?}");
                let differences = self.differences(&y);
                assert!((log_det - differences).abs() < 1e-6, "{round}: {log_det}, not {differences}");
                // Over a box the values at its points are enclosed.
                let width = 10_f64.powf(rng.random_range(-4.0..-1.0));
                let sides = low.map(|x| Interval::new(x, x + width));
                let over = self.map(&self.atlas.models(chart, &sides));
                let inner = low.map(|x| Interval::point(x + width * rng.random_range(0.0..1.0)));
                let inner: Vec<TaylorModel<D, M>> = self.atlas.models(chart, &inner);
                let inner: Vec<f64> = inner.iter().map(|x| x.middle().middle()).collect();
                let (log_det, image) = self.at(&inner);
                for (model, value) in over.preimage.iter().zip(&image).chain([(&over.log_det, &log_det)]) {
                    let range = model.range();
                    let holds = range.lo() - 1e-12 <= *value && *value <= range.hi() + 1e-12;
                    assert!(holds, "{value} is not in {range:?}");
                    assert!(range.radius() < 20.0 * width + 1e-10, "{range:?} of width {width}");
                }
            }
        }
    }

    #[test]
    fn determinants_are_those_of_the_inverse_map() {
        let circle = || Space::Torus(Torus::new(1).unwrap());
        let sphere = |n| Space::Sphere(Sphere::new(n).unwrap());
        Case::<2, 15>::new(vec![sphere(2)]).check();
        Case::<2, 15>::new(vec![sphere(1), circle()]).check();
        Case::<3, 35>::new(vec![sphere(3)]).check();
        Case::<3, 35>::new(vec![circle(), sphere(2)]).check();
    }
}
