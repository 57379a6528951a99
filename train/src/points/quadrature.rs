//! Quadrature over compact manifolds of dimension one and two, exact to rounding for smooth integrands.

use std::f64::consts::{PI, TAU};

use ircpm_manifolds::{AnyManifold, Coordinates};

/// Nodes and weights with respect to the Riemannian volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrature {
    /// Nodes of the rule, `[node][coordinate]`.
    pub points: Vec<f64>,
    /// Weights of the nodes, positive; their sum is the volume.
    pub weights: Vec<f64>,
}

impl Quadrature {
    /// A rule for `manifold` with `n` nodes per dimension: uniform grids on circles; on S² Gauss–Legendre in the height
    /// and `2n` azimuths, which integrates spherical harmonics of degree below `2n` exactly. `None` for `n = 0`, for
    /// dimensions above 2 and for manifolds of infinite volume.
    pub fn new(manifold: &AnyManifold, n: usize) -> Option<Self> {
        if n == 0 || manifold.dim() > 2 {
            return None;
        }
        let unit = Self { points: Vec::new(), weights: vec![1.0] };
        let mut blocks = manifold.coordinates().into_iter();
        blocks.try_fold(unit, |rule, block| Some(rule.times(&Self::of_block(block, n)?)))
    }

    /// Sum of `weight · f(node)`, for values of `f` at the nodes.
    ///
    /// # Panics
    /// If `values` does not hold one value per node.
    pub fn integrate(&self, values: &[f64]) -> f64 {
        assert_eq!(values.len(), self.weights.len(), "values at the nodes");
        self.weights.iter().zip(values).map(|(w, f)| w * f).sum()
    }

    /// The rule for one run of coordinates, if it is a circle, a torus of two angles or a sphere.
    fn of_block(block: Coordinates, n: usize) -> Option<Self> {
        match block {
            Coordinates::Angles(1) => Some(Self::circle(n, |angle| vec![angle])),
            Coordinates::Angles(2) => {
                let circle = Self::circle(n, |angle| vec![angle]);
                Some(circle.times(&circle))
            }
            Coordinates::UnitVector(2) => Some(Self::circle(n, |angle| vec![angle.cos(), angle.sin()])),
            Coordinates::UnitVector(3) => Some(Self::sphere(n)),
            _ => None,
        }
    }

    /// The trapezoidal rule on the circle, half a step off zero.
    fn circle(n: usize, point: impl Fn(f64) -> Vec<f64>) -> Self {
        let step = TAU / n as f64;
        Self { points: (0..n).flat_map(|i| point((i as f64 + 0.5) * step)).collect(), weights: vec![step; n] }
    }

    /// Heights by Gauss–Legendre (Archimedes: their measure is uniform), times a circle of azimuths.
    fn sphere(n: usize) -> Self {
        let azimuths = Self::circle(2 * n, |angle| vec![angle.cos(), angle.sin()]);
        let (mut points, mut weights) = (Vec::with_capacity(6 * n * n), Vec::with_capacity(2 * n * n));
        for (z, weight) in gauss_legendre(n) {
            let radius = ((1.0 - z) * (1.0 + z)).sqrt();
            for (direction, step) in azimuths.points.chunks_exact(2).zip(&azimuths.weights) {
                points.extend([radius * direction[0], radius * direction[1], z]);
                weights.push(weight * step);
            }
        }
        Self { points, weights }
    }

    /// The rule on the product of two manifolds.
    fn times(&self, other: &Self) -> Self {
        let width = |rule: &Self| rule.points.len() / rule.weights.len();
        let (a, b) = (width(self), width(other));
        let mut product = Self { points: Vec::new(), weights: Vec::new() };
        for (i, v) in self.weights.iter().enumerate() {
            for (j, w) in other.weights.iter().enumerate() {
                product.points.extend_from_slice(&self.points[i * a..(i + 1) * a]);
                product.points.extend_from_slice(&other.points[j * b..(j + 1) * b]);
                product.weights.push(v * w);
            }
        }
        product
    }
}

/// Nodes and weights of Gauss–Legendre quadrature on [−1, 1], descending: Newton on `P_n` from Tricomi's asymptotic
/// roots `cos(π (i + 3/4)/(n + 1/2))` (Press et al., *Numerical Recipes*, section 4.6).
pub(crate) fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    (0..n)
        .map(|i| {
            let mut x = (PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            // The start is good to O(n⁻³), so four quadratic steps reach rounding.
            for _ in 0..6 {
                let (p, slope) = legendre(n, x);
                x -= p / slope;
            }
            let (_, slope) = legendre(n, x);
            (x, 2.0 / ((1.0 - x) * (1.0 + x) * slope * slope))
        })
        .collect()
}

/// Legendre polynomial `P_n(x)` and its derivative, by the three-term recurrence; `|x| < 1`.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut p) = (0.0, 1.0);
    for k in 0..n {
        let k = k as f64;
        (before, p) = (p, ((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0));
    }
    (p, n as f64 * (before - x * p) / ((1.0 - x) * (1.0 + x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::bessel::i0;

    fn rule(manifold: &str, n: usize) -> Quadrature {
        Quadrature::new(&manifold.parse().expect("a manifold"), n).expect("dimension one or two")
    }

    fn integral(manifold: &str, n: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
        let rule = rule(manifold, n);
        let ambient = rule.points.len() / rule.weights.len();
        rule.integrate(&rule.points.chunks_exact(ambient).map(f).collect::<Vec<f64>>())
    }

    #[test]
    fn quadrature_integrates_smooth_functions_to_rounding() {
        // ∫ e^{a·cos} over a circle is 2π I₀(|a|), over S² 4π sinh|a|/|a|.
        let circle = TAU * i0(2.0);
        let r = f64::sqrt(1.0 + 4.0 + 0.25);
        let cases = [
            ("T1", integral("T1", 32, |p| (2.0 * (p[0] - 0.7).cos()).exp()), circle),
            ("S1", integral("S1", 32, |p| (1.2 * p[0] - 1.6 * p[1]).exp()), circle),
            ("T2", integral("T2", 32, |p| (2.0 * p[0].cos() + 2.0 * p[1].sin()).exp()), circle * circle),
            ("T1xS1", integral("T1xS1", 32, |p| (2.0 * p[0].cos() + 2.0 * p[2]).exp()), circle * circle),
            ("S2", integral("S2", 32, |p| (p[0] - 2.0 * p[1] + 0.5 * p[2]).exp()), 4.0 * PI * r.sinh() / r),
        ];
        for (name, value, exact) in cases {
            assert!((value / exact - 1.0).abs() < 1e-12, "{name}: {value} is not {exact}");
        }
    }

    #[test]
    fn sphere_rule_is_exact_for_polynomials_below_its_degree() {
        // ∫ z^{2k} = 4π/(2k+1); degree 2n − 2 is exact, 2n is not.
        for n in [1, 2, 5, 40, 300] {
            let k = n as i32 - 1;
            let value = integral("S2", n, |p| p[2].powi(2 * k));
            let exact = 4.0 * PI / f64::from(2 * k + 1);
            assert!((value / exact - 1.0).abs() < 1e-12, "n = {n}: {value} is not {exact}");
        }
        assert!((integral("S2", 3, |p| p[2].powi(6)) / (4.0 * PI / 7.0) - 1.0).abs() > 1e-2);
    }

    #[test]
    fn nodes_are_points_and_weights_sum_to_the_volume() {
        for name in ["T1", "S1", "T2", "S2", "S1xT1", "S1xS1"] {
            for n in [1, 2, 9] {
                let m: AnyManifold = name.parse().expect("a manifold");
                let rule = rule(name, n);
                let volume = m.log_volume().expect("compact").exp();
                let sum: f64 = rule.weights.iter().sum();
                assert!((sum / volume - 1.0).abs() < 1e-13, "{name}, n = {n}: {sum} is not {volume}");
                assert!(rule.weights.iter().all(|w| *w > 0.0));
                for p in rule.points.chunks_exact(m.ambient()) {
                    assert_eq!(m.check_point(p), Ok(()), "{name}, n = {n}");
                }
            }
        }
    }

    #[test]
    fn manifolds_without_a_rule_have_none() {
        for name in ["T3", "S3", "R1", "R2", "S2xT1", "T1xR1"] {
            assert_eq!(Quadrature::new(&name.parse().expect("a manifold"), 4), None, "{name}");
        }
        assert_eq!(Quadrature::new(&"T2".parse().expect("a torus"), 0), None);
    }
}
