//! The XY model on a periodic square lattice, whose partition function is exact up to four by four spins.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use std::f64::consts::TAU;
use std::sync::OnceLock;

use ircpm_ad::elementary::transcendental::sin_cos;
use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{AnyManifold, Torus};
use nalgebra::DMatrix;

use super::bessel::log_bessel_i;
use super::density::{Density, DualPoint};
use super::ring::power;

/// `exp(−u) = exp Σ_{⟨ij⟩} cos(θᵢ − θⱼ)` on the torus of `L²` angles: planar spins on a periodic lattice of `L × L`
/// sites, row by row, each coupled to its four neighbours. With two rows each bond counts twice. Invariant under rotations
/// of all spins together, `θ → −θ`, and the lattice's own symmetry.
///
/// The inverse temperature is that of the target, `exp(−βu)`.
#[derive(Clone, Debug)]
pub struct XySquare {
    side: usize,
    /// `β` of the first call, and `log Z` there: it takes a second at `4 × 4`.
    first: OnceLock<(f64, Option<f64>)>,
}

impl XySquare {
    /// The lattice of `side × side` sites.
    ///
    /// # Panics
    /// If `side` is below two.
    pub fn new(side: usize) -> Self {
        assert!(side >= 2, "two sites per side or more");
        Self { side, first: OnceLock::new() }
    }

    /// Length of the lattice's sides in sites.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Number of sites.
    pub fn sites(&self) -> usize {
        self.side * self.side
    }

    /// Exact `⟨cos(θᵢ − θⱼ)⟩` at the inverse temperature `β` of two spins of one row or column, at the distances from 0 to
    /// `L/2`, by the transfer operator of [`Density::log_z`]. Unknown where that is.
    pub fn correlations(&self, beta: f64) -> Option<Vec<f64>> {
        let ratios = ratios(beta);
        let (bonds, angles) = log_prefactors(self.side, beta);
        let z = (self.log_z(beta)? - bonds - angles).exp();
        let mut out = vec![1.0];
        out.extend(sums_with_sources(self.side, &ratios)?.iter().map(|sum| sum / z));
        Some(out)
    }

    /// The neighbours of site `i` to the right and below.
    #[inline(always)]
    fn neighbours(&self, i: usize) -> [usize; 2] {
        let (row, column) = (i / self.side, i % self.side);
        [row * self.side + (column + 1) % self.side, (row + 1) % self.side * self.side + column]
    }
}

impl Density for XySquare {
    fn manifold(&self) -> AnyManifold {
        Torus::new(self.sites()).expect("at least four angles").into()
    }

    /// Computed by the transfer operator from row to row in the basis of characters. Unknown where that has more than
    /// [`MOST_STATES`] states of one total charge: for five by five spins and more, and for large `β`.
    fn log_z(&self, beta: f64) -> Option<f64> {
        let known = || (beta, log_partition(self.side, beta));
        let &(first, log_z) = self.first.get_or_init(known);
        if first == beta { log_z } else { known().1 }
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let mut sum = S::zero();
        for i in 0..self.sites() {
            let [right, below] = self.neighbours(i);
            sum += (y[i] - y[right]).cos() + (y[i] - y[below]).cos();
        }
        -sum
    }

    /// In closed form, `O(L²)`.
    #[inline(always)]
    fn gradient<R: Real>(&self, y: &[R], gradient: &mut [R], _: &mut DualPoint<R>) -> R {
        for i in 0..self.sites() {
            gradient[i] = R::zero();
        }
        let mut sum = R::zero();
        for i in 0..self.sites() {
            let neighbours = self.neighbours(i);
            for k in 0..2 {
                let (sin, cos) = sin_cos(y[i] - y[neighbours[k]]);
                sum += cos;
                gradient[i] += sin;
                gradient[neighbours[k]] -= sin;
            }
        }
        -sum
    }
}

/// Most states of one total charge: products of matrices of that size take some seconds.
pub const MOST_STATES: usize = 1200;

/// States whose weight is below this are left out. A current that passes through one has to come back on other bonds, and
/// together they weigh its square.
const LEAST_WEIGHT: f64 = 1e-9;

/// Ratios `I_k(β)/I_0(β)` below this are zero.
const LEAST_RATIO: f64 = 1e-19;

/// `log Z` by currents: with `e^{β cos x} = Σ_k I_k(β) e^{ikx}` on every bond, the integrals over the angles leave the sum
/// of `Π I_k` over all integer currents `k` on the bonds without sources (Savit 1980, *Duality in field theory and
/// statistical systems*, section III). A state is the current `k_j` on the `L` bonds between two rows; its total charge is
/// conserved, and between states `k` and `k′` the row's own bonds carry `m + Σ_{i≤j} (kᵢ − k′ᵢ)` for some integer `m`. So
/// `Z/(2π)^{L²} = Σ_Q tr M_Qᴸ`, `M(k, k′) = √(w(k) w(k′)) Σ_m Π_j I_{m + …}`, `w(k) = Π_j I_{k_j}`.
fn log_partition(side: usize, beta: f64) -> Option<f64> {
    let ratios = ratios(beta);
    let mut z = 0.0;
    for charge in 0.. {
        let states = states(side, charge, &ratios)?;
        if states.is_empty() {
            break;
        }
        // The charges Q and −Q.
        let both = if charge == 0 { 1.0 } else { 2.0 };
        let term = both * trace_of_power(&states, &ratios, side);
        z += term;
        if term < f64::EPSILON * z {
            break;
        }
    }
    let (bonds, angles) = log_prefactors(side, beta);
    Some(z.ln() + bonds + angles)
}

/// `log I_0^{2L²}` and `log (2π)^{L²}`, which traces leave out.
fn log_prefactors(side: usize, beta: f64) -> (f64, f64) {
    let bonds = 2.0 * (side * side) as f64;
    (bonds * log_bessel_i(0, beta), (side * side) as f64 * TAU.ln())
}

/// `I_k(β)/I_0(β)` for `k = 0, 1, …`, as far as they count.
fn ratios(beta: f64) -> Vec<f64> {
    let first = log_bessel_i(0, beta);
    let ratio = |k| (log_bessel_i(k, beta) - first).exp();
    (0..).map(ratio).take_while(|ratio| *ratio > LEAST_RATIO).collect()
}

/// `Z ⟨cos(θᵢ − θⱼ)⟩` for two spins of one column at the distances 1 to `L/2`, over `(2π)^{L²} I_0^{2L²}`.
///
/// `e^{i(θᵢ − θⱼ)}` adds a source of current at one spin and takes it out at the other: in the rows between the two the
/// total charge is one more. The row of a source has the matrix `N(k, k′)` from charge `Q` to `Q + 1` of the same form as
/// `M`, because a source at its first spin adds one to all its currents, over which `m` is summed. So the sum is that of
/// `tr N M_{Q+1}^{r−1} Nᵀ M_Q^{L−r−1}` over all `Q`; the currents of opposite sign have `L − r` in the place of `r`.
fn sums_with_sources(side: usize, ratios: &[f64]) -> Option<Vec<f64>> {
    let mut sums = vec![0.0; side / 2];
    let mut here = states(side, 0, ratios)?;
    for charge in 1.. {
        let next = states(side, charge, ratios)?;
        if next.is_empty() {
            break;
        }
        let source = DMatrix::from_fn(here.len(), next.len(), |i, j| row(&here[i], &next[j], ratios));
        let (m_here, m_next) = (matrix(&here, ratios), matrix(&next, ratios));
        // N M_{Q+1}^p and M_Q^p N: a power that has no partner on the other side is split in two.
        let powers = side.saturating_sub(3).max(1).min(side - 2) + 1;
        let after = std::iter::successors(Some(source.clone()), |n| Some(n * &m_next)).take(powers);
        let before = std::iter::successors(Some(source.clone()), |n| Some(&m_here * n)).take(powers);
        let (after, before): (Vec<_>, Vec<_>) = (after.collect(), before.collect());
        let trace = |r: usize| match (r - 1, side - r - 1) {
            (p, 0) => after[p / 2].dot(&after[p - p / 2]),
            (0, p) => before[p / 2].dot(&before[p - p / 2]),
            (p, q) => after[p].dot(&before[q]),
        };
        let mut counts = false;
        for (k, sum) in sums.iter_mut().enumerate() {
            let term = trace(k + 1) + trace(side - k - 1);
            *sum += term;
            counts |= term > f64::EPSILON * *sum;
        }
        if !counts {
            break;
        }
        here = next;
    }
    Some(sums)
}

/// A state of currents with its weight over `I_0ᴸ`.
type State = (Vec<i64>, f64);

/// The states of a total charge that count; `None` if they are too many.
fn states(side: usize, charge: i64, ratios: &[f64]) -> Option<Vec<State>> {
    let mut partial: Vec<State> = vec![(vec![], 1.0)];
    for place in 0..side {
        let mut longer = Vec::new();
        for (currents, weight) in &partial {
            let rest = charge - currents.iter().sum::<i64>();
            let range = if place + 1 == side {
                rest..=rest
            } else {
                1 - ratios.len() as i64..=ratios.len() as i64 - 1
            };
            for current in range {
                let ratio = ratios.get(current.unsigned_abs() as usize).copied().unwrap_or(0.0);
                if weight * ratio >= LEAST_WEIGHT {
                    longer.push(([&currents[..], &[current]].concat(), weight * ratio));
                }
            }
        }
        // Beginnings of states of all charges: far more than there may be of one.
        if longer.len() > 64 * MOST_STATES {
            return None;
        }
        partial = longer;
    }
    (partial.len() <= MOST_STATES).then_some(partial)
}

/// The entry of `M` or `N` between two states, over `I_0^{2L}`.
fn row((from, weight): &State, (to, other): &State, ratios: &[f64]) -> f64 {
    let ratio = |k: i64| ratios.get(k.unsigned_abs() as usize).copied().unwrap_or(0.0);
    let mut sums = Vec::with_capacity(from.len());
    let mut sum = 0;
    for (k, l) in from.iter().zip(to) {
        sum += k - l;
        sums.push(sum);
    }
    let (least, most) = (sums.iter().min().copied().unwrap_or(0), sums.iter().max().copied().unwrap_or(0));
    let reach = ratios.len() as i64 - 1;
    let rows =
        (-reach - least..=reach - most).map(|m| sums.iter().map(|sum| ratio(m + sum)).product::<f64>());
    (weight * other).sqrt() * rows.sum::<f64>()
}

/// `M` between the states of one total charge.
fn matrix(states: &[State], ratios: &[f64]) -> DMatrix<f64> {
    let n = states.len();
    let mut matrix = DMatrix::zeros(n, n);
    for i in 0..n {
        for j in 0..=i {
            matrix[(i, j)] = row(&states[i], &states[j], ratios);
            matrix[(j, i)] = matrix[(i, j)];
        }
    }
    matrix
}

/// `tr Mᴸ` over `I_0^{2L²}`.
fn trace_of_power(states: &[State], ratios: &[f64], side: usize) -> f64 {
    let matrix = matrix(states, ratios);
    // M is symmetric, so the trace of a product of two powers is the sum of the products of their entries.
    let ((left, log_left), (right, log_right)) = (power(&matrix, side / 2), power(&matrix, side - side / 2));
    left.component_mul(&right).sum() * (log_left + log_right).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::gauge::PlaneGauge;

    /// `log Z` of the normalised measure of every angle.
    fn normalised(side: usize, beta: f64) -> f64 {
        XySquare::new(side).log_z(beta).expect("few states") - (side * side) as f64 * TAU.ln()
    }

    #[test]
    fn golden_square_log_z() {
        let known = [
            (3, 0.5, 1.41337639347241),
            (3, 1.0, 6.56552041010411),
            (4, 0.5, 2.197240206),
            (4, 1.0, 10.64748134064),
        ];
        for (side, beta, known) in known {
            let value = normalised(side, beta);
            // The last digit of 2.197240206, and of the others.
            let tolerance = if side == 3 { 2e-13 } else { 5.1e-10 };
            assert!((value - known).abs() < tolerance, "{side}, {beta}: {value} is not {known}");
        }
    }

    #[test]
    fn two_by_two_spins_are_a_gauge_theory_of_twice_the_coupling() {
        for beta in [0.2, 1.0, 3.0] {
            let gauge = PlaneGauge { side: 2 };
            let known = gauge.log_z(2.0 * beta).expect("a small β") - 3.0 * TAU.ln();
            let value = normalised(2, beta);
            assert!((value - known).abs() < 1e-12, "{beta}: {value} is not {known}");
        }
    }

    #[test]
    fn log_z_of_two_by_two_matches_quadrature_in_all_dimensions() {
        // The energy depends on differences alone, so one angle may be fixed.
        let (xy, n, beta) = (XySquare::new(2), 48, 0.7);
        let angle = |i: usize| i as f64 * TAU / n as f64;
        let mut sum = 0.0;
        for node in 0..n * n * n {
            sum +=
                (-beta * xy.energy(&[0.0, angle(node % n), angle(node / n % n), angle(node / n / n)])).exp();
        }
        let known = sum.ln() + 3.0 * (TAU / n as f64).ln() + TAU.ln();
        let value = xy.log_z(beta).expect("few states");
        assert!((value - known).abs() < 1e-12, "{value} is not {known}");
    }

    #[test]
    fn correlations_of_neighbours_are_the_mean_energy() {
        // d log Z/dβ is the sum of the cosines of all 2 L² bonds.
        for (side, beta) in [(2, 0.8), (3, 1.0), (4, 0.5)] {
            let (xy, h) = (XySquare::new(side), 1e-4);
            let at = |beta: f64| log_partition(side, beta).expect("few states");
            let known = (at(beta + h) - at(beta - h)) / (2.0 * h * 2.0 * (side * side) as f64);
            let correlations = xy.correlations(beta).expect("few states");
            assert_eq!(correlations.len(), side / 2 + 1);
            assert!((correlations[1] - known).abs() < 1e-8, "{side}, {beta}: {correlations:?} {known}");
        }
    }

    #[test]
    fn correlations_at_a_distance_begin_with_their_shortest_paths() {
        // Two spins of a column at the distance 2 of 4 are joined by two paths of two bonds, at 3 of 6 by two of three,
        // each bond with the factor I₁/I₀; every other path is two bonds longer at least.
        for (side, distance) in [(4, 2), (6, 3)] {
            let beta = 0.01;
            let ratio = ratios(beta)[1];
            let found = XySquare::new(side).correlations(beta).expect("few states")[distance];
            let known = 2.0 * ratio.powi(distance as i32);
            assert!((found / known - 1.0).abs() < 30.0 * ratio * ratio, "{side}: {found} {known}");
        }
    }

    #[test]
    fn log_z_is_unknown_where_there_are_too_many_states() {
        assert_eq!(XySquare::new(8).log_z(1.0), None);
        assert_eq!(XySquare::new(8).correlations(1.0), None);
    }

    #[test]
    fn second_beta_does_not_return_the_log_z_of_the_first() {
        let xy = XySquare::new(2);
        let (half, whole, again) = (xy.log_z(0.5), xy.log_z(1.0), xy.log_z(0.5));
        assert!(half == again && half < whole, "{half:?}, {whole:?}, {again:?}");
    }
}
