//! An order of points in which neighbours follow each other.

use ircpm_flow::BLOCK;
use ircpm_manifolds::AnyManifold;

use super::centres::embed;

/// The numbers of points `[point][coordinate]` in an order in which each [`BLOCK`] of them lies close together: halves of
/// the points along the coordinate in which they are spread furthest, and so on with these (Bentley 1975).
pub(super) fn order(manifold: &AnyManifold, points: &[f64]) -> Vec<usize> {
    let (kinds, n) = (manifold.coordinates(), manifold.ambient());
    let count = points.len() / n;
    let mut embedded = Vec::new();
    points.chunks_exact(n).for_each(|point| embed(&kinds, point, &mut embedded));
    let mut order: Vec<usize> = (0..count).collect();
    divide(&embedded, embedded.len() / count.max(1), &mut order);
    order
}

fn divide(embedded: &[f64], width: usize, part: &mut [usize]) {
    if part.len() <= BLOCK {
        return part.sort_unstable();
    }
    let at = |i: usize, c: usize| embedded[i * width + c];
    let spread = |c: usize| {
        let [low, high] = part.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &i| {
            [low.min(at(i, c)), high.max(at(i, c))]
        });
        high - low
    };
    let widest = (0..width).max_by(|&a, &b| spread(a).total_cmp(&spread(b))).unwrap_or(0);
    let cut = (part.len() / 2).next_multiple_of(BLOCK);
    // Ties are broken by number, so that the parts are always the same.
    part.select_nth_unstable_by(cut, |&i, &j| at(i, widest).total_cmp(&at(j, widest)).then(i.cmp(&j)));
    let (left, right) = part.split_at_mut(cut);
    divide(embedded, width, left);
    divide(embedded, width, right);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Generator, Sequence, Spread, base_points};

    #[test]
    fn blocks_are_the_points_in_small_parts_of_the_manifold() {
        for name in ["T2", "S2", "S2xT1"] {
            let manifold: AnyManifold = name.parse().expect("a manifold");
            let sequence = Sequence::new(Spread::Random, 40 * BLOCK + 11, manifold.cube_dim());
            let points = base_points(&manifold, &sequence, &mut Generator::from_seed(5));
            let found = order(&manifold, &points);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..40 * BLOCK + 11), "{name}: every point once");
            let mut embedded = vec![];
            points
                .chunks_exact(manifold.ambient())
                .for_each(|x| embed(&manifold.coordinates(), x, &mut embedded));
            let width = embedded.len() / found.len();
            // Mean variance within blocks, and that of all points.
            let variance = |part: &[usize]| -> f64 {
                let of = |c: usize| {
                    let mean = |f: &dyn Fn(f64) -> f64| {
                        part.iter().map(|&i| f(embedded[i * width + c])).sum::<f64>() / part.len() as f64
                    };
                    mean(&|x| x * x) - mean(&|x| x).powi(2)
                };
                (0..width).map(of).sum()
            };
            let blocks = found.chunks_exact(BLOCK);
            let within = blocks.clone().map(variance).sum::<f64>() / blocks.len() as f64;
            assert!(within < 0.25 * variance(&found), "{name}: {within} {}", variance(&found));
        }
    }

    #[test]
    fn points_that_repeat_each_other_have_an_order() {
        let manifold: AnyManifold = "R1".parse().expect("a line");
        assert_eq!(order(&manifold, &[1.0; 600]).len(), 600);
        assert!(order(&manifold, &[]).is_empty());
    }
}
