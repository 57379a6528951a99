//! The boxes of a torus, and the order in which a search looks at them.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use crate::ball::Ball;
use crate::map::Record;

/// Most angles of a torus.
pub(crate) const LARGEST: usize = 4;

/// The shortest side is this power of 1/2 of a turn, so that numbers of cells are exact in double precision.
pub(crate) const DEEPEST: u8 = 50;

/// The points whose angle `k` lies between `index[k]` and `index[k] + 1`, in units of `2π/2^depth[k]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    depth: [u8; LARGEST],
    index: [u64; LARGEST],
}

impl Cell {
    /// Its angles, in radians.
    ///
    /// The middle is `(2 index + 1)/2^{depth + 1}` turns, a double, and half the side `1/2^{depth + 1}` turns.
    pub(crate) fn angles(&self, dimension: usize) -> Vec<Ball> {
        // 2π is within 2.5e-16 of the double next to it.
        let turn = Ball::new(TAU, 2.5e-16);
        let angle = |k: usize| {
            let half = 0.5_f64.powi(i32::from(self.depth[k]) + 1);
            turn * Ball::new((2 * self.index[k] + 1) as f64 * half, half)
        };
        (0..dimension).map(angle).collect()
    }

    /// The halves along an angle; none if the side is too short.
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
}

/// The cells that a record does not cut. Together they are the whole torus, because the first ones are, and each other
/// one is a half of one that was cut into both.
///
/// # Errors
/// What is wrong with the record, if it is of no search.
pub(crate) fn leaves(record: &Record, dimension: usize) -> Result<Vec<Cell>, String> {
    let Record { first_depth, steps } = record;
    let grid = 1_usize.checked_shl(*first_depth).and_then(|side| side.checked_pow(dimension as u32));
    // Every cell of the grid is looked at, so that no more memory is taken than the record itself takes.
    let grid = grid.filter(|&grid| grid <= steps.len() && *first_depth <= u32::from(DEEPEST));
    let Some(grid) = grid else {
        return Err(format!(
            "it has {} steps, fewer than the first grid has cells: 2^{first_depth} per angle",
            steps.len()
        ));
    };
    let mut waiting: VecDeque<Cell> =
        (0..grid).map(|number| of_grid(number, *first_depth, dimension)).collect();
    let mut leaves = vec![];
    for (number, &step) in steps.iter().enumerate() {
        let Some(cell) = waiting.pop_front() else {
            return Err(format!("it goes on for {} steps after its last cell", steps.len() - number));
        };
        match usize::from(step) {
            0 => leaves.push(cell),
            k if k > dimension => {
                return Err(format!("step {} halves an angle {k} that is not there", number + 1));
            }
            k => waiting.extend(
                cell.halves(k - 1).ok_or_else(|| format!("step {} halves too short a side", number + 1))?,
            ),
        }
    }
    if waiting.is_empty() {
        Ok(leaves)
    } else {
        Err(format!("it ends before {} cells are proven", waiting.len()))
    }
}

/// Cell `number` of the first grid: the first angle changes fastest.
fn of_grid(mut number: usize, depth: u32, dimension: usize) -> Cell {
    let mut cell = Cell { depth: [depth as u8; LARGEST], index: [0; LARGEST] };
    for k in 0..dimension {
        cell.index[k] = (number & ((1 << depth) - 1)) as u64;
        number >>= depth;
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(first_depth: u32, steps: &[u8]) -> Record {
        Record { first_depth, steps: steps.to_vec() }
    }

    #[test]
    fn leaves_cover_the_torus() {
        let steps = [0, 2, 1, 0, 0, 0, 1, 0, 0, 0];
        let leaves = leaves(&record(1, &steps), 2).expect("a record");
        let area = |cell: &Cell| 0.5_f64.powi(i32::from(cell.depth[0]) + i32::from(cell.depth[1]));
        assert_eq!((leaves.len(), leaves.iter().map(area).sum::<f64>()), (7, 1.0));
        // Cell 1 of the grid is the right one below; its halves are the fifth and sixth that are looked at.
        let quarter = leaves[2].angles(2);
        assert!(quarter[0].lower() < TAU / 2.0 && quarter[0].upper() > TAU - 1e-15);
        assert!(quarter[1].lower() <= 0.0 && quarter[1].upper() < TAU / 4.0 + 1e-14);
    }

    #[test]
    fn records_of_no_search_are_refused() {
        for (first_depth, steps, reason) in [
            (1, &[0, 0, 0][..], "fewer"),
            (70, &[0, 0, 0, 0], "fewer"),
            (1, &[0, 0, 0, 1, 0], "ends before 1 cells"),
            (1, &[0, 0, 0, 0, 0], "goes on for 1 steps"),
            (1, &[0, 0, 0, 3, 0, 0], "not there"),
        ] {
            let error = leaves(&record(first_depth, steps), 2).expect_err("no search");
            assert!(error.contains(reason), "{error}");
        }
        // Fifty halvings of one side, of which the last is one too many.
        let steps: Vec<u8> = (0..51).flat_map(|_| [1, 0]).collect();
        let error =
            leaves(&Record { first_depth: 0, steps: [&[1][..], &steps].concat() }, 1).expect_err("too deep");
        assert!(error.contains("too short"), "{error}");
    }
}
