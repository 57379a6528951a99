//! The order in which rows are eliminated.

use std::collections::BTreeSet;

/// A minimum degree order of the graph whose edges are `pairs`: each step eliminates a node with the fewest neighbours,
/// the first of those, and joins its neighbours to each other (Tinney & Walker 1967).
///
/// Entry `k` is the row that is eliminated `k`-th.
pub(crate) fn minimum_degree(n: usize, pairs: &[(u32, u32)]) -> Vec<u32> {
    let mut neighbours = vec![BTreeSet::new(); n];
    for &(i, j) in pairs {
        neighbours[i as usize].insert(j);
        neighbours[j as usize].insert(i);
    }
    let mut waiting: BTreeSet<(usize, u32)> = (0..n).map(|i| (neighbours[i].len(), i as u32)).collect();
    let mut order = Vec::with_capacity(n);
    while let Some((_, i)) = waiting.pop_first() {
        order.push(i);
        let around: Vec<u32> = std::mem::take(&mut neighbours[i as usize]).into_iter().collect();
        for &a in &around {
            let of = &mut neighbours[a as usize];
            waiting.remove(&(of.len(), a));
            of.remove(&i);
            of.extend(around.iter().copied().filter(|&b| b != a));
            waiting.insert((of.len(), a));
        }
    }
    order
}
