//! Real columns in units of their own spread: the layer next to the data, and the units of conditioning variables.

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::specification::{ContextTerm, LayerTerms};
use crate::quantiles::Sorted;
use crate::weights::{Sample, Weights};

/// A spread of a normal distribution is its interquartile range divided by this.
const NORMAL_QUARTILES: f64 = 1.349;
/// Standard deviations beyond this many robust ones are due to tails.
const HEAVY: f64 = 3.0;
/// A conditioning variable that is farther from the middle, in its scales, is not told from one that is so far.
const FARTHEST: f64 = 10.0;

/// The polynomial layer whose inverse map is `(y − shift)/scale` in every real coordinate, with its parameters; none if
/// there are no real coordinates.
///
/// `T⁻¹(y) = y + psi′(y)`, so `psi = −y shift/scale + (1/scale − 1) y²/2`. The scale is the standard deviation; where
/// tails make it far larger than the interquartile range tells, it is that range's and the shift is the median.
pub(super) fn standard_layer(manifold: &AnyManifold, sample: &Sample) -> Option<(LayerTerms, Vec<f64>)> {
    let (mut column, mut reals) = (0, Vec::new());
    for kind in manifold.coordinates() {
        if let Coordinates::Reals(n) = kind {
            reals.extend(column..column + n);
        }
        column += kind.len();
    }
    if reals.is_empty() {
        return None;
    }
    let (mut linear, mut products) = (Vec::new(), Vec::new());
    for (i, &column) in reals.iter().enumerate() {
        let column = sample.points.iter().skip(column).step_by(manifold.ambient());
        let [shift, scale] = location_and_scale(column.copied(), &sample.weights);
        linear.push(-shift / scale);
        products.extend((i..reals.len()).map(|j| if i == j { scale.recip() - 1.0 } else { 0.0 }));
    }
    let terms = LayerTerms { polynomials: true, ..LayerTerms::default() };
    Some((terms, [linear, products].concat()))
}

/// Units of each conditioning variable: shift and scale by the rule of [`standard_layer`], and the range of its values,
/// ten scales from the shift at most.
pub(super) fn context_units(manifold: &AnyManifold, sample: &Sample) -> Vec<ContextTerm> {
    let n = manifold.ambient();
    let column = |c: usize| sample.points.chunks_exact(n).map(move |p| p[c]);
    let of = |c: usize| {
        let [shift, scale] = location_and_scale(column(c), &sample.weights);
        let range = column(c).map(|x| ((x - shift) / scale).clamp(-FARTHEST, FARTHEST));
        let range = range.fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], s| [s.min(l), s.max(h)]);
        ContextTerm { shift, scale, range }
    };
    (n - manifold.contexts()..n).map(of).collect()
}

/// Points of `n` coordinates with their conditioning variables, the last ones, in these units and within their ranges.
pub(super) fn standardised(points: &[f64], n: usize, units: &[ContextTerm]) -> Vec<f64> {
    let mut points = points.to_vec();
    for point in points.chunks_exact_mut(n) {
        let variables = point[n - units.len()..].iter_mut().zip(units);
        variables
            .for_each(|(c, unit)| *c = ((*c - unit.shift) / unit.scale).clamp(unit.range[0], unit.range[1]));
    }
    points
}

/// The manifold whose base points have conditioning variables of these points.
pub(crate) fn with_contexts_of(manifold: &AnyManifold, points: &[f64]) -> AnyManifold {
    let (n, k) = (manifold.ambient(), manifold.contexts());
    match manifold.to_product() {
        Some(product) if k > 0 => {
            let rows: Vec<f64> = points.chunks_exact(n).flat_map(|p| p[n - k..].iter().copied()).collect();
            product.given(k, &rows).into()
        }
        _ => manifold.clone(),
    }
}

/// Where the numbers lie and how far they spread; `[0, 1]` for numbers that are all equal.
fn location_and_scale(numbers: impl Iterator<Item = f64>, weights: &Weights) -> [f64; 2] {
    let x = Sorted::weighted(numbers.collect(), weights);
    let mean = x.mean_of(|x| x);
    let deviation = x.mean_of(|x| (x - mean).powi(2)).sqrt();
    let quantile = |q: f64| x.at((x.last() * q).round());
    let robust = (quantile(0.75) - quantile(0.25)) / NORMAL_QUARTILES;
    if deviation.is_nan() || deviation <= 0.0 {
        [0.0, 1.0]
    } else if robust > 0.0 && deviation > HEAVY * robust {
        [quantile(0.5), robust]
    } else {
        [mean, deviation]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ircpm_flow::{Flow, Map, Solver, linear_map};

    use super::*;

    #[test]
    fn standard_layer_maps_points_to_mean_zero_and_variance_one() {
        let manifold: AnyManifold = "R1xT1xR1".parse().expect("a manifold");
        let points: Vec<f64> = (0..50)
            .flat_map(|i| [1e3 + f64::from(i), 0.1 * f64::from(i % 7), -1e-3 * f64::from(i * i % 31)])
            .collect();
        let sample = Sample::new((&points).into(), 3);
        let (terms, a) = standard_layer(&manifold, &sample).expect("real coordinates");
        let map = linear_map(&manifold, terms.on(&manifold).expect("polynomials"), Solver::default())
            .expect("a map");
        let flow = Flow::from_maps(vec![map as Arc<dyn Map>], false).expect("a flow");
        let x = flow.inverse(&a, &points).x;
        for column in [0, 2] {
            let mean = x.chunks_exact(3).map(|p| p[column]).sum::<f64>() / 50.0;
            let square = x.chunks_exact(3).map(|p| p[column] * p[column]).sum::<f64>() / 50.0;
            assert!(mean.abs() < 1e-10 && (square - 1.0).abs() < 1e-10, "{column}: {mean}, {square}");
        }
        assert!(points.chunks_exact(3).zip(x.chunks_exact(3)).all(|(p, x)| (p[1] - x[1]).abs() < 1e-12));
    }

    #[test]
    fn far_points_do_not_widen_the_scale() {
        let numbers = (0..1001).map(|i| if i < 5 { 1e6 } else { f64::from(i) / 1000.0 });
        let [shift, scale] = location_and_scale(numbers, &Weights::default());
        assert!(
            (shift - 0.5).abs() < 0.01 && (scale - 0.5 / NORMAL_QUARTILES).abs() < 0.01,
            "{shift}, {scale}"
        );
        assert_eq!(location_and_scale([2.0, 2.0].into_iter(), &Weights::default()), [0.0, 1.0]);
    }
}
