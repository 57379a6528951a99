//! The boxes into which the charts of a manifold are cut, and the order in which a search looks at them.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use crate::ball::Ball;
use crate::chart::Patch;
use crate::manifold::{Factor, LARGEST, Manifold};
use crate::map::Record;

/// The shortest side is this power of 1/2 of the whole, so that numbers of cells are exact in double precision.
pub(crate) const DEEPEST: u8 = 50;

/// The first grid has this power of 1/2 fewer cells per side of a face than per angle, because a face is about a quarter
/// of a turn wide.
const FACE: u32 = 2;

/// The points of a chart whose coordinate `k` lies between `index[k]` and `index[k] + 1`, in units of its whole range
/// divided by `2^depth[k]`. The range is a turn from 0 for an angle, and −1 to 1 for a coordinate of a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    chart: usize,
    depth: [u8; LARGEST],
    index: [u64; LARGEST],
}

impl Cell {
    /// Its points.
    ///
    /// The middle is `(2 index + 1)/2^{depth + 1}` of the range, and half the side `1/2^{depth + 1}`: doubles both, also
    /// on a face, where they are `(2 index + 1 − 2^depth)/2^depth` and `1/2^depth`.
    pub(crate) fn patch<'a>(&self, manifold: &'a Manifold) -> Patch<'a> {
        // 2π is within 2.5e-16 of the double next to it.
        let turn = Ball::new(TAU, 2.5e-16);
        let mut sides = vec![];
        for run in manifold.runs() {
            for k in run.directions.clone() {
                let half = 0.5_f64.powi(i32::from(self.depth[k]) + 1);
                let middle = (2 * self.index[k] + 1) as f64 * half;
                sides.push(match run.factor {
                    Factor::Angle => turn * Ball::new(middle, half),
                    Factor::Sphere(_) => Ball::new(2.0 * middle - 1.0, 2.0 * half),
                });
            }
        }
        Patch::new(manifold, self.chart, sides)
    }

    /// The coordinate that was halved least; the first of several.
    pub(crate) fn longest(&self, dimension: usize) -> usize {
        (0..dimension).min_by_key(|&k| self.depth[k]).unwrap_or(0)
    }

    /// The halves along a coordinate of the chart; none if the side is too short.
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

/// The cells that a record does not cut. Together they are the whole manifold, because the first ones are, and each other
/// one is a half of one that was cut into both.
///
/// # Errors
/// What is wrong with the record, if it is of no search.
pub(crate) fn leaves(record: &Record, manifold: &Manifold) -> Result<Vec<Cell>, String> {
    let Record { first_depth, steps } = record;
    let grid = Grid::new(*first_depth, manifold);
    // Every cell of the grid is looked at, so that no more memory is taken than the record itself takes.
    let Some(grid) = grid.filter(|grid| grid.len <= steps.len()) else {
        return Err(format!(
            "it has {} steps, fewer than the first grid has cells: 2^{first_depth} per angle",
            steps.len()
        ));
    };
    let mut waiting: VecDeque<Cell> = (0..grid.len).map(|number| grid.cell(number)).collect();
    let mut leaves = vec![];
    for (number, &step) in steps.iter().enumerate() {
        let Some(cell) = waiting.pop_front() else {
            return Err(format!("it goes on for {} steps after its last cell", steps.len() - number));
        };
        match usize::from(step) {
            0 => leaves.push(cell),
            k if k > manifold.dimension() => {
                return Err(format!("step {} halves a side {k} that is not there", number + 1));
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

/// The cells that a search begins with.
struct Grid {
    /// Of each direction.
    depth: Vec<u8>,
    /// Cells of one chart, and of all.
    per_chart: usize,
    len: usize,
}

impl Grid {
    /// The grid of a depth per angle; none if its cells are too many to be counted, or too small.
    fn new(first_depth: u32, manifold: &Manifold) -> Option<Self> {
        let mut depth = vec![];
        for run in manifold.runs() {
            let own = match run.factor {
                Factor::Angle => first_depth,
                Factor::Sphere(_) => first_depth.saturating_sub(FACE),
            };
            let own = u8::try_from(own).ok().filter(|&own| own <= DEEPEST)?;
            depth.extend(run.directions.clone().map(|_| own));
        }
        let total = depth.iter().map(|&depth| u32::from(depth)).sum();
        let per_chart = 1_usize.checked_shl(total)?;
        Some(Self { depth, per_chart, len: per_chart.checked_mul(manifold.charts())? })
    }

    /// Cell `number`: chart by chart, and in each the first coordinate changes fastest.
    fn cell(&self, number: usize) -> Cell {
        let mut cell = Cell { chart: number / self.per_chart, depth: [0; LARGEST], index: [0; LARGEST] };
        let mut rest = (number % self.per_chart) as u64;
        for (k, &depth) in self.depth.iter().enumerate() {
            cell.depth[k] = depth;
            cell.index[k] = rest & ((1 << depth) - 1);
            rest >>= depth;
        }
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(first_depth: u32, steps: &[u8]) -> Record {
        Record { first_depth, steps: steps.to_vec() }
    }

    fn named(name: &str) -> Manifold {
        Manifold::named(name).expect("a manifold")
    }

    /// The part of its chart that a cell covers.
    fn share(cell: &Cell) -> f64 {
        cell.depth.iter().map(|&depth| 0.5_f64.powi(i32::from(depth))).product()
    }

    #[test]
    fn leaves_cover_the_torus() {
        let steps = [0, 2, 1, 0, 0, 0, 1, 0, 0, 0];
        let torus = named("T2");
        let leaves = leaves(&record(1, &steps), &torus).expect("a record");
        assert_eq!((leaves.len(), leaves.iter().map(share).sum::<f64>()), (7, 1.0));
        // Cell 1 of the grid is the right one below; its halves are the fifth and sixth that are looked at.
        let quarter = leaves[2].patch(&torus);
        assert!(quarter.sides()[0].lower() < TAU / 2.0 && quarter.sides()[0].upper() > TAU - 1e-15);
        assert!(quarter.sides()[1].lower() <= 0.0 && quarter.sides()[1].upper() < TAU / 4.0 + 1e-14);
    }

    #[test]
    fn leaves_cover_the_faces_of_cubes() {
        // A circle and a sphere: two cells of the angle, one of each face at the depths 1 and 2, four at 3.
        let product = named("T1xS2");
        for (depth, cells) in [(1, 2 * 6), (2, 4 * 6), (3, 8 * 6 * 4)] {
            let leaves = leaves(&record(depth, &vec![0; cells]), &product).expect("a record");
            assert_eq!((leaves.len(), leaves.iter().map(share).sum::<f64>()), (cells, 6.0));
        }
        let sphere = named("S2");
        let leaves = leaves(&record(3, &[[1].as_slice(), &[0; 25]].concat()), &sphere).expect("a record");
        assert_eq!((leaves.len(), leaves.iter().map(share).sum::<f64>()), (25, 6.0));
        // The first is the second of the grid: the upper half of the first coordinate on the face where x₁ = 1.
        let sides = leaves[0].patch(&sphere).sides().to_vec();
        assert_eq!(sides, [Ball::new(0.5, 0.5), Ball::new(-0.5, 0.5)]);
        assert_eq!((leaves[0].chart, leaves[3].chart, leaves[22].chart), (0, 1, 5));
        // The halves of the first wait behind all others.
        assert_eq!(leaves[23].patch(&sphere).sides()[0], Ball::new(-0.75, 0.25));
        assert_eq!(leaves[24].patch(&sphere).sides()[0], Ball::new(-0.25, 0.25));
    }

    #[test]
    fn records_of_no_search_are_refused() {
        for (name, first_depth, steps, reason) in [
            ("T2", 1, &[0, 0, 0][..], "fewer"),
            ("T2", 70, &[0, 0, 0, 0], "fewer"),
            ("T2", 1, &[0, 0, 0, 1, 0], "ends before 1 cells"),
            ("T2", 1, &[0, 0, 0, 0, 0], "goes on for 1 steps"),
            ("T2", 1, &[0, 0, 0, 3, 0, 0], "not there"),
            ("S1", 0, &[0, 0, 0], "fewer"),
            ("S1", 4_000_000_000, &[0, 0, 0, 0], "fewer"),
            ("S1", 2, &[0, 0, 0, 0, 0], "goes on"),
        ] {
            let error = leaves(&record(first_depth, steps), &named(name)).expect_err("no search");
            assert!(error.contains(reason), "{error}");
        }
        // Fifty halvings of one side, of which the last is one too many.
        let steps: Vec<u8> = (0..51).flat_map(|_| [1, 0]).collect();
        let error = leaves(&record(0, &[&[1][..], &steps].concat()), &named("T1")).expect_err("too deep");
        assert!(error.contains("too short"), "{error}");
    }
}
