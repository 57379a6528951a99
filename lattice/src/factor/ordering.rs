//! The order in which rows are eliminated.

use std::collections::BTreeSet;

use super::MOST_MULTIPLICATIONS;
use super::symbolic::{cost_of, cost_of_clique};

/// A minimum degree order of the graph whose edges are `pairs`: each step eliminates a node with the fewest neighbours,
/// the first of those, and joins its neighbours to each other (Tinney & Walker 1967).
///
/// Entry `k` is the row that is eliminated `k`-th. There is none if elimination takes more than [`MOST_MULTIPLICATIONS`].
pub(crate) fn minimum_degree(n: usize, pairs: &[(u32, u32)]) -> Option<Vec<u32>> {
    let mut neighbours = vec![BTreeSet::new(); n];
    for &(i, j) in pairs {
        neighbours[i as usize].insert(j);
        neighbours[j as usize].insert(i);
    }
    let mut waiting: BTreeSet<(usize, u32)> = (0..n).map(|i| (neighbours[i].len(), i as u32)).collect();
    let (mut order, mut cost) = (Vec::with_capacity(n), 0);
    while let Some((degree, i)) = waiting.pop_first() {
        // Its neighbours are joined to each other, and cost as much then in any order.
        if cost + cost_of_clique(degree + 1) > MOST_MULTIPLICATIONS {
            return None;
        }
        order.push(i);
        if degree == waiting.len() {
            // All that are left are neighbours of each other.
            order.extend(waiting.into_iter().map(|(_, i)| i));
            break;
        }
        cost += cost_of(degree);
        let around: Vec<u32> = std::mem::take(&mut neighbours[i as usize]).into_iter().collect();
        for &a in &around {
            let of = &mut neighbours[a as usize];
            waiting.remove(&(of.len(), a));
            of.remove(&i);
            of.extend(around.iter().copied().filter(|&b| b != a));
            waiting.insert((of.len(), a));
        }
    }
    Some(order)
}
