//! The boxes into which the charts of a manifold are cut.

/// A box in one chart: coordinate `k` lies between `index[k]` and `index[k] + 1`, in units of `2^−depth[k]` of its range.
///
/// The numbers are exact, so that the halves of a cell cover it without a gap. Which chart has which number, and which
/// range, is told by [`crate::atlas::Atlas`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell<const D: usize> {
    chart: usize,
    depth: [u32; D],
    index: [u64; D],
}

/// Below this a side is not halved: `2π/2⁴⁰` is some 6e-12.
const DEEPEST: u32 = 40;

impl<const D: usize> Cell<D> {
    /// All cells of `2^depth[k]` parts of each coordinate, in each of the charts; the first coordinate changes fastest.
    pub(crate) fn grid(charts: usize, depth: [u32; D]) -> Vec<Self> {
        let cells = 1_u64 << depth.iter().sum::<u32>();
        let cell = |chart: usize, number: u64| {
            let mut rest = number;
            let index = std::array::from_fn(|k| {
                let i = rest & ((1 << depth[k]) - 1);
                rest >>= depth[k];
                i
            });
            Self { chart, depth, index }
        };
        (0..charts).flat_map(|chart| (0..cells).map(move |number| cell(chart, number))).collect()
    }

    /// The number of the chart.
    pub(crate) fn chart(&self) -> usize {
        self.chart
    }

    /// Both ends of coordinate `k`, as parts of its range from 0 to 1; exact.
    pub(crate) fn ends(&self, k: usize) -> [f64; 2] {
        let side = 0.5_f64.powi(self.depth[k] as i32);
        [self.index[k], self.index[k] + 1].map(|index| index as f64 * side)
    }

    /// The part of its chart that it covers.
    pub(crate) fn volume(&self) -> f64 {
        0.5_f64.powi(self.depth.iter().sum::<u32>() as i32)
    }

    /// The halves along one coordinate; none if the side is too short to be halved.
    pub(crate) fn halves(&self, k: usize) -> Option<[Self; 2]> {
        if self.depth[k] >= DEEPEST {
            return None;
        }
        Some([0, 1].map(|half| {
            let mut cell = *self;
            cell.depth[k] += 1;
            cell.index[k] = 2 * self.index[k] + half;
            cell
        }))
    }

    /// The coordinate that was halved least; the first of several.
    pub(crate) fn longest(&self) -> usize {
        (0..D).min_by_key(|&k| self.depth[k]).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_cover_their_cell_and_the_grid_its_charts() {
        let grid = Cell::<2>::grid(6, [3, 2]);
        assert_eq!(grid.len(), 6 * 32);
        assert!((grid.iter().map(Cell::volume).sum::<f64>() - 6.0).abs() < 1e-15);
        assert!(grid[31].ends(0) == [0.875, 1.0] && grid[31].ends(1) == [0.75, 1.0] && grid[32].chart() == 1);
        let cell = grid[13];
        let [a, b] = cell.halves(1).unwrap();
        assert!(cell.ends(0) == a.ends(0) && a.ends(1)[1] == b.ends(1)[0]);
        assert!(cell.ends(1) == [a.ends(1)[0], b.ends(1)[1]]);
    }

    #[test]
    fn the_deepest_cells_are_not_halved() {
        let mut cell = Cell::<1>::grid(1, [0])[0];
        while let Some([_, half]) = cell.halves(0) {
            cell = half;
        }
        let [lo, hi] = cell.ends(0);
        assert!(hi - lo < 1e-12 && hi - lo > 1e-13);
    }
}
