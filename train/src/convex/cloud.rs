//! Weighted points with the features of a linear layer there: sums of its log-density, and their derivatives.

use ircpm_flow::{BLOCK, LinearMap};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::neighbours;
use crate::least_squares::{NEGLIGIBLE, active_columns, column_maxima, gram_of_active, larger};

/// Weighted points, and the matrices `Z` of [`LinearMap`] there.
///
/// Points are held in blocks of neighbours, padded to whole ones by repeating the last one with weight zero. Numbers per
/// local coordinate and point are in the order `[block][local coordinate][point]`.
pub(super) struct Cloud {
    ambient: usize,
    locals: usize,
    parameters: usize,
    points: Vec<f64>,
    weights: Vec<f64>,
    /// Number of every point in the order in which they were given; none of those that fill up a block.
    numbers: Vec<Option<usize>>,
    features: Vec<f64>,
    /// Largest entries of `Z` per block and local coordinate, `[block × local coordinate][parameter]`.
    maxima: Vec<Vec<f64>>,
    /// Parameters that move a local coordinate of a block by more than rounding, in the same order. A wave of one angle
    /// moves two of the coordinates.
    seen: Vec<Vec<usize>>,
}

/// Share of the largest entry of a column of `Z` below which entries are rounding.
const ROUNDING: f64 = 1e-18;

/// Derivatives of a sum of weighted log-densities in the local coordinates.
pub(super) struct Expansion {
    /// `w ∇f`.
    pub gradient: DVector<f64>,
    /// Factors `C` with `C Cᵀ = −w ∇²f`, `[point][row × column]`.
    factors: Vec<f64>,
}

impl Cloud {
    /// Points `[point][coordinate]` with their weights.
    pub(super) fn new(map: &dyn LinearMap, points: &[f64], weights: &[f64]) -> Self {
        let mut cloud = Self {
            ambient: map.manifold().ambient(),
            locals: map.local_coordinates(),
            parameters: map.parameters(),
            points: vec![],
            weights: vec![],
            numbers: vec![],
            features: vec![],
            maxima: vec![],
            seen: vec![],
        };
        cloud.extend(map, points, weights);
        cloud
    }

    /// Adds more points.
    pub(super) fn extend(&mut self, map: &dyn LinearMap, points: &[f64], weights: &[f64]) {
        assert_eq!(points.len(), weights.len() * self.ambient, "one weight per point");
        let order = neighbours::order(map.manifold(), points);
        let Some(&last) = order.last() else { return };
        let (start, count) = (self.points.len(), self.numbers.iter().flatten().count());
        let row = |i: usize| &points[i * self.ambient..(i + 1) * self.ambient];
        for &i in &order {
            self.points.extend(row(i));
            self.weights.push(weights[i]);
            self.numbers.push(Some(count + i));
        }
        while !self.weights.len().is_multiple_of(BLOCK) {
            self.points.extend(row(last));
            self.weights.push(0.0);
            self.numbers.push(None);
        }
        let old = self.features.len();
        let block = BLOCK * self.locals * self.parameters;
        self.features.resize(self.weights.len() * self.locals * self.parameters, 0.0);
        let blocks = self.features[old..].par_chunks_mut(block);
        let points = self.points[start..].par_chunks(BLOCK * self.ambient);
        let fill = |(features, points): (&mut [f64], &[f64])| -> Vec<Vec<f64>> {
            map.features(points, features);
            let locals = features.chunks_exact(BLOCK * self.parameters);
            locals.map(|z| column_maxima(z, self.parameters)).collect()
        };
        let maxima: Vec<Vec<Vec<f64>>> = blocks.zip(points).map(fill).collect();
        self.maxima.extend(maxima.into_iter().flatten());
        self.seen = active_columns(&self.maxima, ROUNDING);
    }

    /// The points and their weights, without padding.
    pub(super) fn into_points(self) -> (Vec<f64>, Vec<f64>) {
        let points = self.points.chunks_exact(self.ambient).zip(&self.weights).filter(|(_, w)| **w > 0.0);
        (
            points.flat_map(|(p, _)| p).copied().collect(),
            self.weights.iter().copied().filter(|w| *w > 0.0).collect(),
        )
    }

    /// `Z a` of every point.
    pub(super) fn coordinates(&self, a: &DVector<f64>) -> DVector<f64> {
        let block = BLOCK * self.parameters;
        let of = |(number, features): (usize, &[f64])| {
            let mut out = [0.0; BLOCK];
            for &k in &self.seen[number] {
                let (column, a) = (&features[k * BLOCK..][..BLOCK], a[k]);
                (0..BLOCK).for_each(|s| out[s] += a * column[s]);
            }
            out
        };
        let parts: Vec<[f64; BLOCK]> = self.features.par_chunks(block).enumerate().map(of).collect();
        DVector::from_iterator(parts.len() * BLOCK, parts.iter().flat_map(|part| part.iter().copied()))
    }

    /// Calls `f(point, weight, local coordinates)` for the points of one block.
    fn each(&self, block: usize, z: &DVector<f64>, mut f: impl FnMut(usize, &[f64], f64, &[f64])) {
        let mut local = vec![0.0; self.locals];
        for s in 0..BLOCK {
            let i = block * BLOCK + s;
            for (e, local) in local.iter_mut().enumerate() {
                *local = z[(block * self.locals + e) * BLOCK + s];
            }
            f(s, &self.points[i * self.ambient..(i + 1) * self.ambient], self.weights[i], &local);
        }
    }

    /// `f` of every point in the order in which they were given; `−∞` where there is no density.
    pub(super) fn log_densities(&self, map: &dyn LinearMap, z: &DVector<f64>) -> Vec<f64> {
        let blocks = self.weights.len() / BLOCK;
        let of = |block: usize| {
            let mut out = Vec::with_capacity(BLOCK);
            self.each(block, z, |_, point, _, local| out.push(map.log_density(point, local)));
            out
        };
        let densities = (0..blocks).into_par_iter().map(of).collect::<Vec<_>>().concat();
        let mut out = vec![0.0; self.numbers.iter().flatten().count()];
        let given = self.numbers.iter().zip(densities).filter_map(|(number, f)| Some(((*number)?, f)));
        given.for_each(|(number, f)| out[number] = f);
        out
    }

    /// `Σ w f`; `−∞` where one of the points has no density.
    pub(super) fn value(&self, map: &dyn LinearMap, z: &DVector<f64>) -> f64 {
        let blocks = self.weights.len() / BLOCK;
        let of = |block: usize| {
            let mut sum = 0.0;
            self.each(block, z, |_, point, weight, local| {
                if weight > 0.0 {
                    sum += weight * map.log_density(point, local);
                }
            });
            sum
        };
        (0..blocks).into_par_iter().map(of).collect::<Vec<f64>>().iter().sum()
    }

    /// Derivatives of the sum of weighted log-densities.
    pub(super) fn expand(&self, map: &dyn LinearMap, z: &DVector<f64>) -> Expansion {
        let e = self.locals;
        let mut gradient = vec![0.0; self.weights.len() * e];
        let mut factors = vec![0.0; self.weights.len() * e * e];
        let blocks = gradient.par_chunks_mut(BLOCK * e).zip(factors.par_chunks_mut(BLOCK * e * e));
        blocks.enumerate().for_each(|(block, (gradient, factors))| {
            let (mut slope, mut curvature) = (vec![0.0; e], vec![0.0; e * e]);
            self.each(block, z, |s, point, weight, local| {
                if weight == 0.0 {
                    return;
                }
                map.expand_log_density(point, local, &mut slope, &mut curvature);
                for j in 0..e {
                    gradient[j * BLOCK + s] = weight * slope[j];
                }
                semidefinite_factor(&curvature, weight, &mut factors[s * e * e..(s + 1) * e * e]);
            });
        });
        Expansion { gradient: DVector::from_vec(gradient), factors }
    }

    /// `Zᵀ g` for numbers `g` per point and local coordinate.
    pub(super) fn transposed_times(&self, g: &DVector<f64>) -> DVector<f64> {
        let block = BLOCK * self.parameters;
        let of = |(number, features): (usize, &[f64])| {
            let g = &g.as_slice()[number * BLOCK..][..BLOCK];
            let mut out = DVector::zeros(self.parameters);
            for &k in &self.seen[number] {
                out[k] = dot(&features[k * BLOCK..][..BLOCK], g);
            }
            out
        };
        let parts: Vec<DVector<f64>> = self.features.par_chunks(block).enumerate().map(of).collect();
        parts.into_iter().fold(DVector::zeros(self.parameters), |sum, part| sum + part)
    }

    /// `Σ Zᵀ (−w ∇²f) Z`, of which the lower triangle is written.
    pub(super) fn curvature(&self, expansion: &Expansion) -> DMatrix<f64> {
        let (e, p) = (self.locals, self.parameters);
        let maxima = &self.maxima;
        // Row `j` of `Cᵀ Z` is of rows `j` and below of `Z`. The largest entries are those of `Z`: near a fold more is left
        // out. That changes steps alone, not where they end.
        let of_row = |number: usize| -> Vec<f64> {
            let below = number..number - number % e + e;
            (0..p).map(|k| below.clone().fold(0.0, |most, row| larger(most, maxima[row][k]))).collect()
        };
        let of_rows: Vec<Vec<f64>> = (0..maxima.len()).into_par_iter().map(of_row).collect();
        let active = active_columns(&of_rows, NEGLIGIBLE);
        // Row `j` of `Cᵀ Z` for the points of one block, `[active parameter][point]`.
        let row = |number: usize| {
            let (block, j) = (number / e, number % e);
            let features = &self.features[block * BLOCK * e * p..(block + 1) * BLOCK * e * p];
            let factors = &expansion.factors[block * BLOCK * e * e..(block + 1) * BLOCK * e * e];
            let column =
                |i: usize| -> Vec<f64> { (0..BLOCK).map(|s| factors[(s * e + i) * e + j]).collect() };
            let columns: Vec<Vec<f64>> = (j..e).map(column).collect();
            let mut row = Vec::with_capacity(BLOCK * active[number].len());
            for &k in &active[number] {
                let mut sum = [0.0; BLOCK];
                let is_zero = |i: usize| maxima[block * e + i][k] == 0.0;
                for (i, column) in (j..e).zip(&columns).filter(|(i, _)| !is_zero(*i)) {
                    let from = &features[(i * p + k) * BLOCK..][..BLOCK];
                    (0..BLOCK).for_each(|s| sum[s] += column[s] * from[s]);
                }
                row.extend(sum);
            }
            row
        };
        let active: Vec<&[usize]> = active.iter().map(Vec::as_slice).collect();
        gram_of_active(p, &active, row)
    }
}

/// The product of two vectors of a block, by sums that do not wait for each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        (0..16).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum()
}

/// The factor `C` of `weight · a`, `a` positive semi-definite but for rounding: a pivot that is not positive leaves its
/// column zero.
fn semidefinite_factor(a: &[f64], weight: f64, factor: &mut [f64]) {
    let n = a.len().isqrt();
    factor.fill(0.0);
    for j in 0..n {
        let known: f64 = (0..j).map(|k| factor[j * n + k] * factor[j * n + k]).sum();
        let pivot = weight * a[j * n + j] - known;
        if pivot.is_nan() || pivot <= 1e-14 * weight * a[j * n + j] {
            continue;
        }
        let root = pivot.sqrt();
        factor[j * n + j] = root;
        for i in j + 1..n {
            let known: f64 = (0..j).map(|k| factor[i * n + k] * factor[j * n + k]).sum();
            factor[i * n + j] = (weight * a[i * n + j] - known) / root;
        }
    }
}

#[cfg(test)]
mod tests {
    use ircpm_flow::{Solver, Terms, linear_map};
    use ircpm_manifolds::AnyManifold;

    use super::*;
    use crate::points::{Generator, Sequence, Spread, base_points};

    #[test]
    fn densities_are_in_the_order_in_which_points_were_given() {
        let manifold: AnyManifold = "S2".parse().expect("a sphere");
        let terms = Terms::new(&manifold).bump(&[0.6, 0.0, 0.8], 30.0).bump(&[0.0, -1.0, 0.0], 4.0);
        let map = linear_map(&manifold, terms, Solver::default()).expect("kernels");
        let sequence = Sequence::new(Spread::Random, 3 * BLOCK + 70, manifold.cube_dim());
        let points = base_points(&manifold, &sequence, &mut Generator::from_seed(8));
        let weights = vec![1.0; 3 * BLOCK + 70];
        let (a, cut) = (DVector::from_vec(vec![0.4, -0.2]), 3 * (BLOCK + 9));
        let whole = Cloud::new(&*map, &points, &weights);
        let mut extended = Cloud::new(&*map, &points[..cut], &weights[..BLOCK + 9]);
        extended.extend(&*map, &points[cut..], &weights[BLOCK + 9..]);
        for cloud in [whole, extended] {
            let found = cloud.log_densities(&*map, &cloud.coordinates(&a));
            assert_eq!(found.len(), weights.len());
            for (point, found) in points.chunks_exact(3).zip(found) {
                let mut features = vec![0.0; map.local_coordinates() * 2];
                map.features(point, &mut features);
                let z: Vec<f64> = features.chunks_exact(2).map(|row| row[0] * a[0] + row[1] * a[1]).collect();
                assert!((map.log_density(point, &z) - found).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn products_leave_out_coordinates_that_waves_do_not_move() {
        let manifold: AnyManifold = "T3".parse().expect("a torus");
        let waves = [[1, 0, 0], [0, 2, -1], [0, 0, 3]].map(|wave| wave.to_vec());
        let terms = Terms::new(&manifold).waves(&waves).bump(&[1.0, 2.0, 3.0], 2.0);
        let map = linear_map(&manifold, terms, Solver::default()).expect("kernels");
        let (e, p) = (map.local_coordinates(), map.parameters());
        let points =
            base_points(&manifold, &Sequence::new(Spread::Random, 300, 3), &mut Generator::from_seed(5));
        let weights: Vec<f64> = (0..300).map(|i| 1.0 + (i % 3) as f64).collect();
        let cloud = Cloud::new(&*map, &points, &weights);
        assert!(cloud.seen.iter().map(Vec::len).sum::<usize>() < cloud.seen.len() * p / 2);
        let a = DVector::from_fn(p, |k, _| 0.05 * (1.0 + k as f64).sin());
        let z = cloud.coordinates(&a);
        let expansion = cloud.expand(&*map, &z);
        let (mut gradient, mut hessian) = (DVector::zeros(p), DMatrix::zeros(p, p));
        for (point, weight) in points.chunks_exact(3).zip(&weights) {
            let (mut features, mut slope, mut bent) = (vec![0.0; e * p], vec![0.0; e], vec![0.0; e * e]);
            map.features(point, &mut features);
            let rows = DMatrix::from_row_slice(e, p, &features);
            map.expand_log_density(point, (&rows * &a).as_slice(), &mut slope, &mut bent);
            gradient += *weight * rows.transpose() * DVector::from_vec(slope);
            hessian += *weight * rows.transpose() * DMatrix::from_row_slice(e, e, &bent) * &rows;
        }
        let found = cloud.transposed_times(&expansion.gradient);
        assert!((&found - &gradient).amax() < 1e-12 * gradient.amax(), "{found} {gradient}");
        let found = cloud.curvature(&expansion).lower_triangle();
        let gap = (&found - hessian.lower_triangle()).amax();
        assert!(gap < 1e-9 * found.amax(), "{gap}");
    }
}
