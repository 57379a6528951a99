//! A function on the unit square, known at nodes.

/// Values at equally spaced nodes, edges included; bilinear in between.
pub(super) struct Grid {
    columns: usize,
    rows: usize,
    values: Vec<f64>,
}

impl Grid {
    /// A grid from its values, `[row][column]`.
    pub(super) fn new((columns, rows): (usize, usize), values: Vec<f64>) -> Self {
        assert_eq!(values.len(), columns * rows, "a value at each node");
        Self { columns, rows, values }
    }

    /// The value at `(u, v)`; NaN where a node nearby is NaN.
    pub(super) fn at(&self, u: f64, v: f64) -> f64 {
        let locate = |t: f64, n: usize| {
            let t = t.clamp(0.0, 1.0) * (n - 1) as f64;
            let i = (t as usize).min(n - 2);
            (i, t - i as f64)
        };
        let ((i, s), (j, t)) = (locate(u, self.columns), locate(v, self.rows));
        let value = |i: usize, j: usize| self.values[j * self.columns + i];
        let along = |j: usize| value(i, j) * (1.0 - s) + value(i + 1, j) * s;
        along(j) * (1.0 - t) + along(j + 1) * t
    }

    /// Smallest and largest finite value.
    pub(super) fn range(&self) -> (f64, f64) {
        let finite = self.values.iter().copied().filter(|x| x.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_reproduces_bilinear_functions_between_nodes() {
        let f = |u: f64, v: f64| 1.0 + 2.0 * u - 3.0 * v + u * v;
        let nodes = (0..4).flat_map(|j| (0..5).map(move |i| f(i as f64 / 4.0, j as f64 / 3.0)));
        let grid = Grid::new((5, 4), nodes.collect());
        for (u, v) in [(0.0, 0.0), (1.0, 1.0), (0.3, 0.9), (0.26, 0.34)] {
            assert!((grid.at(u, v) - f(u, v)).abs() < 1e-14, "({u}, {v})");
        }
    }
}
