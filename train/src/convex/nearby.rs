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
        return;
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
    // Ties are broken by number, so that the order is one.
    part.select_nth_unstable_by(cut, |&i, &j| at(i, widest).total_cmp(&at(j, widest)).then(i.cmp(&j)));
    let (left, right) = part.split_at_mut(cut);
    divide(embedded, width, left);
    divide(embedded, width, right);
}
