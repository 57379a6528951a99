//! Windows of neighbours on chains, open or closed.

use std::collections::BTreeMap;

use super::{Perceptron, Window, Windows};
use crate::error::ChargesError;

/// All windows of `range + 1` neighbours of a chain, tied under translations and, on an open chain, reflection.
///
/// On an open chain a window is read from the nearer end, and windows near an end have classes of their own, by their
/// distance from it. A window in the middle is read from both ends, each with half the weight. So the two halves are
/// reflections of each other, and beyond [`ChainWindows::boundary`] a half is invariant under translations. On a closed
/// chain windows are read in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainWindows {
    /// Distance from the first site of a window to the last.
    pub range: usize,
    /// Whether the last site is a neighbour of the first.
    pub closed: bool,
    /// Whether networks read differences of angles to the window's first one.
    pub differences: bool,
    /// Distance from the end of an open chain at which the bulk begins.
    pub boundary: usize,
    /// The network.
    pub perceptron: Perceptron,
}

impl Default for ChainWindows {
    /// An open chain of range 2, whose bulk begins at the fifth site.
    fn default() -> Self {
        Self { range: 2, closed: false, differences: false, boundary: 4, perceptron: Perceptron::default() }
    }
}

impl ChainWindows {
    /// The potential on a chain of `sites` sites.
    ///
    /// # Errors
    /// [`ChargesError`] if the chain is shorter than a window, if a closed one is so short that two windows have the same
    /// sites, if there are more inputs than [`super::MOST_INPUTS`] or none, or if the network is empty.
    pub fn windows(&self, sites: usize) -> Result<Windows, ChargesError> {
        let lattice = if self.closed { "a closed chain" } else { "an open chain" };
        let needed = if self.closed { 2 * self.range + 1 } else { self.range + 1 };
        if sites < needed {
            return Err(ChargesError::TooSmall { lattice, found: sites, needed });
        }
        let (mut windows, mut classes) = (vec![], BTreeMap::new());
        for first in 0..if self.closed { sites } else { sites - self.range } {
            let forward: Vec<usize> = (0..=self.range).map(|j| (first + j) % sites).collect();
            let backward: Vec<usize> = forward.iter().rev().copied().collect();
            let (left, right) = (first, sites.saturating_sub(self.range + 1 + first));
            let at = if self.closed { 0 } else { left.min(right).min(self.boundary) };
            let next = classes.len();
            let class = *classes.entry(at).or_insert(next);
            let readings = match left.cmp(&right) {
                _ if self.closed => vec![(forward, 1.0)],
                std::cmp::Ordering::Less => vec![(forward, 1.0)],
                std::cmp::Ordering::Equal => vec![(forward, 0.5), (backward, 0.5)],
                std::cmp::Ordering::Greater => vec![(backward, 1.0)],
            };
            windows.extend(readings.into_iter().map(|(sites, weight)| Window { sites, class, weight }));
        }
        // Classes are numbered as they are met, from the end of the chain inwards.
        let labels: Vec<String> =
            classes.keys().map(|at| format!("{} sites at {at}", self.range + 1)).collect();
        Windows::new(sites, (self.perceptron, self.differences), windows, &labels)
    }
}
