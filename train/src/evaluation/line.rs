//! Integrals over a line, by bisection.

use crate::points::gauss_legendre;

/// Nodes of the rule on a cell.
const ORDER: usize = 8;
/// A cell is halved while its integral changes by more than this.
const TOLERANCE: f64 = 1e-10;
/// A cell that is narrower than this share of its ends, some fifty roundings of them, is not halved. More nodes average
/// the rounding of the nodes themselves.
const NARROWEST: f64 = 5e-15;

/// A function's integrals over a line, `K` of them at once, and how much the last halving of cells changed the first.
pub(super) struct Integral<const K: usize> {
    pub(super) values: [f64; K],
    pub(super) error: f64,
}

/// Integrates `f` between the first and the last of the `edges`, ascending, by Gauss–Legendre rules on cells that are
/// halved where that changes the integral of the first component. `f` gets many points at a time, `most` altogether.
///
/// # Errors
/// What `f` says.
pub(super) fn integrate<const K: usize, E>(
    edges: &[f64],
    most: usize,
    mut f: impl FnMut(&[f64]) -> Result<Vec<[f64; K]>, E>,
) -> Result<Integral<K>, E> {
    let rule = gauss_legendre(ORDER);
    let mut spent = 0;
    let mut measure = |cells: &[(f64, f64)]| -> Result<Vec<[f64; K]>, E> {
        let nodes: Vec<f64> = cells
            .iter()
            .flat_map(|&(a, b)| rule.iter().map(move |(t, _)| 0.5 * (a + b) + 0.5 * (b - a) * t))
            .collect();
        let values = f(&nodes)?;
        let of_cell = |(&(a, b), values): (&(f64, f64), &[[f64; K]])| {
            let mut sum = [0.0; K];
            for (value, (_, weight)) in values.iter().zip(&rule) {
                sum.iter_mut().zip(value).for_each(|(s, v)| *s += 0.5 * (b - a) * weight * v);
            }
            sum
        };
        Ok(cells.iter().zip(values.chunks_exact(ORDER)).map(of_cell).collect())
    };
    let mut cells: Vec<(f64, f64)> = edges.windows(2).map(|e| (e[0], e[1])).collect();
    let mut coarse = measure(&cells)?;
    spent += cells.len() * ORDER;
    let mut integral = Integral { values: [0.0; K], error: 0.0 };
    while !cells.is_empty() {
        let halves: Vec<(f64, f64)> =
            cells.iter().flat_map(|&(a, b)| [(a, 0.5 * (a + b)), (0.5 * (a + b), b)]).collect();
        let fine = measure(&halves)?;
        spent += halves.len() * ORDER;
        let (mut next, mut next_coarse) = (Vec::new(), Vec::new());
        for (i, &(a, b)) in cells.iter().enumerate() {
            let change = (fine[2 * i][0] + fine[2 * i + 1][0] - coarse[i][0]).abs();
            let narrow = b - a <= NARROWEST * (a.abs() + b.abs());
            if change <= TOLERANCE || narrow || spent >= most || change.is_nan() {
                integral.error += change;
                for (k, value) in integral.values.iter_mut().enumerate() {
                    *value += fine[2 * i][k] + fine[2 * i + 1][k];
                }
            } else {
                next.extend(&halves[2 * i..2 * i + 2]);
                next_coarse.extend(&fine[2 * i..2 * i + 2]);
            }
        }
        (cells, coarse) = (next, next_coarse);
    }
    Ok(integral)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(edges: &[f64], most: usize, f: impl Fn(f64) -> f64) -> Integral<1> {
        let all = |x: &[f64]| Ok::<_, ()>(x.iter().map(|&x| [f(x)]).collect());
        integrate(edges, most, all).unwrap()
    }

    #[test]
    fn bisection_finds_narrow_peaks_and_kinks() {
        let normal = |x: f64, s: f64| (-0.5 * (x / s).powi(2)).exp() / (s * std::f64::consts::TAU.sqrt());
        let peak = over(&[-1e3, 0.0, 1e3], 1 << 20, |x| normal(x - 7.5, 1e-3));
        // The first cells see nothing of this peak, which is why edges come from points.
        assert!(peak.values[0] < 1e-9);
        let peak = over(&[-1e3, 7.49, 7.51, 1e3], 1 << 20, |x| normal(x - 7.5, 1e-3));
        assert!(
            (peak.values[0] - 1.0).abs() < 1e-9 && peak.error < 1e-7,
            "{} {}",
            peak.values[0],
            peak.error
        );
        let kink = over(&[-1.0, 2.0], 1 << 20, f64::abs);
        assert!((kink.values[0] - 2.5).abs() < 1e-8, "{}", kink.values[0]);
    }

    #[test]
    fn spent_nodes_end_the_bisection_and_the_error_says_so() {
        let integral = over(&[0.0, 1.0], 1, |x| (40.0 * x).sin().abs());
        assert!(integral.error > 1e-4, "{}", integral.error);
    }
}
