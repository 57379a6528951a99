//! The boxes into which a torus is cut.

use std::f64::consts::TAU;

use ircpm_ad::interval::Interval;

/// The box of the points whose angle `k` lies between `index[k]` and `index[k] + 1`, in units of `2π/2^depth[k]`.
///
/// The numbers are exact, so that cells and their halves cover the torus without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell<const D: usize> {
    depth: [u32; D],
    index: [u64; D],
}

/// Below this a side is not halved: `2π/2⁴⁰` is some 6e-12.
const DEEPEST: u32 = 40;

impl<const D: usize> Cell<D> {
    /// All cells of `2^depth` parts per angle.
    pub(crate) fn grid(depth: u32) -> Vec<Self> {
        let side = 1_u64 << depth;
        let cell = |number: u64| {
            let mut rest = number;
            let index = std::array::from_fn(|_| {
                let i = rest % side;
                rest /= side;
                i
            });
            Self { depth: [depth; D], index }
        };
        (0..side.pow(D as u32)).map(cell).collect()
    }

    /// An enclosure of the angles.
    pub(crate) fn angles(&self) -> [Interval; D] {
        let turn = Interval::around(TAU);
        std::array::from_fn(|k| {
            let side = 0.5_f64.powi(self.depth[k] as i32);
            let end = |index: u64| turn * Interval::point(index as f64 * side);
            end(self.index[k]).hull(end(self.index[k] + 1))
        })
    }

    /// The part of the torus that it covers.
    pub(crate) fn volume(&self) -> f64 {
        0.5_f64.powi(self.depth.iter().sum::<u32>() as i32)
    }

    /// The halves along one angle; none if the side is too short to be halved.
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

    /// The angle with the longest side; the first of several.
    pub(crate) fn longest(&self) -> usize {
        (0..D).min_by_key(|&k| self.depth[k]).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_cover_their_cell_and_the_grid_the_torus() {
        let grid = Cell::<2>::grid(3);
        assert_eq!(grid.len(), 64);
        assert!((grid.iter().map(Cell::volume).sum::<f64>() - 1.0).abs() < 1e-15);
        let last = grid[63].angles();
        assert!(last[0].hi() > TAU && grid[0].angles()[0].lo() == 0.0);
        let cell = grid[13];
        let [a, b] = cell.halves(1).unwrap();
        let (all, a, b) = (cell.angles(), a.angles(), b.angles());
        assert_eq!(all[0], a[0]);
        assert!(a[1].lo() <= all[1].lo() && b[1].hi() >= all[1].hi() && a[1].hi() >= b[1].lo());
    }

    #[test]
    fn the_deepest_cells_are_not_halved() {
        let mut cell = Cell::<1>::grid(0)[0];
        while let Some([_, half]) = cell.halves(0) {
            cell = half;
        }
        assert!(cell.angles()[0].radius() < 4e-12 && cell.angles()[0].radius() > 1e-12);
    }
}
