//! A mixture of normal kernels at points, whose samples lie where the points do and whose density is cheap.

use ircpm_manifolds::{AnyManifold, Coordinates};

use crate::points::Generator;
use crate::weights::Weights;

/// Most centres of the kernels.
const CENTRES: usize = 128;
/// Neighbour whose distance is the width of a kernel.
const NEIGHBOUR: usize = 8;
/// Every kernel comes in these multiples of its width, so that some points lie between clusters as well.
const SPREADS: [f64; 2] = [1.0, 4.0];
/// Largest standard deviation in radians along angles and spheres.
const WIDEST: f64 = 0.7;
/// Least width as a share of the median one: duplicates have no distance.
const NARROWEST: f64 = 1e-2;
/// Relative distance of a tangent vector and the logarithm of its exponential, above which it is beyond the cut locus.
const CUT: f64 = 1e-6;

/// Scale of every frame coordinate, and whether it may be as wide as it likes: the real ones have the standard
/// deviation of their column, the others one.
pub(super) struct Scales(Vec<(f64, bool)>);

impl Scales {
    /// The scales of points `y`, `[point][coordinate]`.
    pub(super) fn new(manifold: &AnyManifold, y: &[f64]) -> Self {
        let (n, mut column, mut scales) = (manifold.ambient(), 0, Vec::new());
        for block in manifold.coordinates() {
            match block {
                Coordinates::Reals(k) => {
                    let deviation = |c| (deviation(y, &Weights::default(), n, c), true);
                    scales.extend((column..column + k).map(deviation));
                }
                Coordinates::UnitVector(k) => scales.extend(vec![(1.0, false); k - 1]),
                block => scales.extend(vec![(1.0, false); block.len()]),
            }
            column += block.len();
        }
        // An embedding of another kind has frames of its own length.
        scales.resize(manifold.dim(), (1.0, false));
        Self(scales)
    }
}

/// Weighted standard deviation of a column; one where it is constant.
pub(super) fn deviation(y: &[f64], weights: &Weights, n: usize, column: usize) -> f64 {
    let values: Vec<f64> = y.iter().skip(column).step_by(n).copied().collect();
    let mean = weights.mean(&values);
    let variance = weights.mean(&values.iter().map(|v| (v - mean).powi(2)).collect::<Vec<_>>());
    if variance > 0.0 && variance.is_finite() { variance.sqrt() } else { 1.0 }
}

/// Normal densities in the tangent spaces of some points, carried to the manifold by the exponential map.
pub(super) struct Kernels<'a> {
    manifold: &'a AnyManifold,
    kernels: Vec<Kernel>,
}

struct Kernel {
    centre: Vec<f64>,
    frame: Vec<f64>,
    coframe: Vec<f64>,
    /// Standard deviation along each frame vector, for each of [`SPREADS`].
    widths: [Vec<f64>; 2],
}

impl<'a> Kernels<'a> {
    /// Kernels at up to [`CENTRES`] of the points `y`, spread evenly over them; none for fewer than two points, and for
    /// conditional densities, whose integral is over a law of the variables that kernels at points do not have.
    pub(super) fn new(manifold: &'a AnyManifold, y: &[f64]) -> Option<Self> {
        let n = manifold.ambient();
        let (count, scales) = (y.len() / n, Scales::new(manifold, y));
        if count < 2 || manifold.contexts() > 0 {
            return None;
        }
        let most = count.min(CENTRES);
        let mut kernels: Vec<Kernel> = (0..most)
            .map(|i| {
                let at = i * count / most;
                let centre = y[at * n..(at + 1) * n].to_vec();
                let mut frame = vec![0.0; manifold.dim() * n];
                manifold.frame(&centre, &mut frame);
                let mut coframe = frame.clone();
                manifold.coframe(&centre, &mut coframe);
                Kernel { centre, frame, coframe, widths: [vec![], vec![]] }
            })
            .collect();
        let reach: Vec<f64> = (0..most).map(|i| reach(manifold, &kernels, i, &scales)).collect();
        let mut sorted = reach.clone();
        sorted.sort_by(f64::total_cmp);
        let least = (NARROWEST * sorted[most / 2]).max(1e-9);
        for (kernel, reach) in kernels.iter_mut().zip(&reach) {
            for (widths, spread) in kernel.widths.iter_mut().zip(SPREADS) {
                let width = |&(scale, real): &(f64, bool)| {
                    let width = spread * reach.max(least) * scale;
                    if real { width } else { width.min(WIDEST) }
                };
                *widths = scales.0.iter().map(width).collect();
            }
        }
        Some(Self { manifold, kernels })
    }

    /// A point of the mixture; none if its tangent vector was beyond the cut locus, where the density has no share.
    pub(super) fn draw(&self, rng: &mut Generator) -> Option<Vec<f64>> {
        let kernel = &self.kernels[rng.below(self.kernels.len())];
        let widths = &kernel.widths[rng.below(SPREADS.len())];
        let n = self.manifold.ambient();
        let mut velocity = vec![0.0; n];
        for (row, width) in kernel.frame.chunks_exact(n).zip(widths) {
            let v = rng.normal() * width;
            velocity.iter_mut().zip(row).for_each(|(velocity, e)| *velocity += v * e);
        }
        let mut y = vec![0.0; n];
        self.manifold.exp(&kernel.centre, &velocity, &mut y);
        self.manifold.wrap(&mut y);
        let back = self.manifold.try_log(&kernel.centre, &y).ok()?;
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let error = norm(&mut back.iter().zip(&velocity).map(|(a, b)| a - b));
        (error <= CUT * (1.0 + norm(&mut velocity.iter().copied()))).then_some(y)
    }

    /// The density of [`Kernels::draw`] at a point, with respect to the Riemannian volume. Its integral falls short of
    /// one by the share of draws that give no point.
    pub(super) fn density(&self, y: &[f64]) -> f64 {
        let sum: f64 = self.kernels.iter().map(|kernel| kernel.density(self.manifold, y)).sum();
        sum / self.kernels.len() as f64
    }
}

impl Kernel {
    /// Frame coordinates of the logarithm of `y`; none at the cut locus.
    fn logarithm(&self, manifold: &AnyManifold, y: &[f64]) -> Option<Vec<f64>> {
        let w = manifold.try_log(&self.centre, y).ok()?;
        let pair = |row: &[f64]| row.iter().zip(&w).map(|(a, b)| a * b).sum();
        Some(self.coframe.chunks_exact(manifold.ambient()).map(pair).collect())
    }

    fn density(&self, manifold: &AnyManifold, y: &[f64]) -> f64 {
        let Some(v) = self.logarithm(manifold, y) else { return 0.0 };
        let of_spread = |widths: &Vec<f64>| -> f64 {
            let factor =
                |(v, s): (&f64, &f64)| -0.5 * (v / s).powi(2) - s.ln() - 0.5 * std::f64::consts::TAU.ln();
            v.iter().zip(widths).map(factor).sum::<f64>().exp()
        };
        let flat = self.widths.iter().map(of_spread).sum::<f64>() / SPREADS.len() as f64;
        // The exponential map shrinks volumes by `1/|det B|`: formula (5.1) of `docs/mathematics.md`.
        flat * manifold.mixed_log_det(&v).exp()
    }
}

/// Distance from a centre to its [`NEIGHBOUR`]-th neighbour, in units of the scales.
fn reach(manifold: &AnyManifold, kernels: &[Kernel], i: usize, scales: &Scales) -> f64 {
    let far = f64::INFINITY;
    let distance = |other: &Kernel| {
        kernels[i].logarithm(manifold, &other.centre).map_or(far, |v| {
            v.iter().zip(&scales.0).map(|(v, (scale, _))| (v / scale).powi(2)).sum::<f64>().sqrt()
        })
    };
    let others = (0..kernels.len()).filter(|&j| j != i);
    let mut distances: Vec<f64> = others.map(|j| distance(&kernels[j])).filter(|d| d.is_finite()).collect();
    distances.sort_by(f64::total_cmp);
    distances.get((NEIGHBOUR - 1).min(distances.len().saturating_sub(1))).copied().unwrap_or(WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Quadrature, Sequence, Spread, base_points};

    fn points(manifold: &AnyManifold, count: usize) -> Vec<f64> {
        let sequence = Sequence::new(Spread::Random, count, manifold.cube_dim());
        base_points(manifold, &sequence, &mut Generator::from_seed(5))
    }

    #[test]
    fn density_of_kernels_integrates_to_the_share_of_draws_that_are_points() {
        for name in ["T1", "T2", "S2"] {
            let manifold: AnyManifold = name.parse().unwrap();
            let kernels = Kernels::new(&manifold, &points(&manifold, 12)).unwrap();
            let rule = Quadrature::new(&manifold, 512).unwrap();
            let values: Vec<f64> =
                rule.points.chunks_exact(manifold.ambient()).map(|y| kernels.density(y)).collect();
            let (mut rng, draws) = (Generator::from_seed(6), 20_000);
            let kept =
                (0..draws).filter(|_| kernels.draw(&mut rng).is_some()).count() as f64 / f64::from(draws);
            let integral = rule.integrate(&values);
            // Kept shares have a standard error below 4e-4 at 0.997; the density jumps at the cut locus by about 1e-4.
            assert!((integral - kept).abs() < 2e-3, "{name}: {integral} {kept}");
        }
    }

    #[test]
    fn draws_have_the_density_on_manifolds_without_quadrature() {
        // The mean over draws of base/density is the share of the base density where the kernels are.
        for name in ["R2", "S2xR1", "T3", "R1xT1"] {
            let manifold: AnyManifold = name.parse().unwrap();
            let kernels = Kernels::new(&manifold, &points(&manifold, 200)).unwrap();
            let mut rng = Generator::from_seed(7);
            let draws = 20_000;
            let ratio = |y: Vec<f64>| manifold.log_base(&y).exp() / kernels.density(&y);
            let ratios: Vec<f64> = (0..draws).map(|_| kernels.draw(&mut rng).map_or(0.0, ratio)).collect();
            let mean = ratios.iter().sum::<f64>() / f64::from(draws);
            let variance = ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / f64::from(draws);
            let error = (variance / f64::from(draws)).sqrt();
            assert!((mean - 1.0).abs() < 5.0 * error + 5e-3 && error < 0.02, "{name}: {mean} ± {error}");
        }
    }

    #[test]
    fn scales_are_those_of_the_columns_and_duplicates_have_a_width() {
        let manifold: AnyManifold = "R1xT1".parse().unwrap();
        let y: Vec<f64> = (0..40).flat_map(|i| [if i % 2 == 0 { 100.0 } else { 300.0 }, 1.0]).collect();
        let kernels = Kernels::new(&manifold, &y).unwrap();
        assert!(kernels.density(&[100.0, 1.0]) > 0.0 && kernels.density(&[100.0, 1.0]).is_finite());
        assert!(Kernels::new(&manifold, &y[..2]).is_none());
    }
}
