//! A proof that `H − λ` is positive definite on the whole torus, for chains, open and closed.
//!
//! `H − λ = (1 − λ) I + Σᵢ Fᵢ(yᵢ, …, y_{i+R})`, where `Fᵢ` collects the terms whose first site is `i`. Elimination from
//! the left leaves on the next `R` sites a matrix `Sᵢ` that depends on all angles so far. Let `Sᵢ(yᵢ, …, y_{i+R−1})` now
//! be a *lower bound* of it over the angles before. The window `W = Sᵢ ⊕ (1 − λ) + Fᵢ` has the pivot `w₀₀` and the Schur
//! complement `W₁₁ − w₀₁ᵀw₀₁/w₀₀`, of which a lower bound over `yᵢ` is the next `S`.
//!
//! **Long and closed chains.** Where the pivot is positive, "the Schur complement is at least `S'`" says that
//! `[S ⊕ (1 − λ)] + F − [0 ⊕ S'] ≽ 0`. If windows are equal and `S' ≽ S`, the same `S` serves all of them: a bulk of any
//! length takes as many steps as it takes to find such an `S`. On a closed chain the sum of these inequalities over
//! all sites is `H − λ ≽ 0`, because the `S` cancel. To lower an `S` is always allowed, and since elimination forgets,
//! a bound that is lowered a little comes back higher than it was.
//!
//! **On a grid, and between its points.** Let `Sᵢ` interpolate its values on a grid of spacing `Δ` multilinearly, and let
//! `E = Δ²/8 Σ_m |a_m| |q_m|² q_m q_mᵀ`. The interpolant of `cos(q·y)` is off by at most `|q|² Δ²/8`, half the variance of
//! `q·y` over the corners, so `Fᵢ ≽ I[Fᵢ] − E`, `I` the interpolation, and the window anywhere is at least a convex
//! combination of the windows less `E` at the corners of its cell. The pivot is linear in the window, and the Schur
//! complement is concave in the sense of Löwner where the pivot is positive. So if all pivots are positive *on the
//! grid*, they are everywhere, and a lower bound over the grid's values of `yᵢ`, interpolated in the other angles, is a
//! lower bound everywhere.
//!
//! **Differences.** If all charges sum to zero, windows depend on differences of angles alone, and the grid has one
//! dimension less. It is cut into the simplices between the planes `y_i − y_j ∈ Δ ℤ`, and functions are interpolated
//! linearly on these. Those of the sites of an `S` are unions of projections of those of a window, so that the
//! interpolants fit. Along the corners of a simplex `q·y` changes by `Δ q_j` for every site `j` in some order, hence by at
//! most `Δ ‖q‖₁/2` in all, and the interpolant of `cos(q·y)` is off by at most `Δ² (‖q‖₁/2)²/8`.
//!
//! The bound of several matrices is taken one after the other, `A ∧ B = A − (A − B)₊`, exact for `R = 1` only. So the
//! certificate is sufficient: where it fails the map need not fold.
//!
//! **Rounding.** All of this is computed in doubles, and every step takes a proven bound of its own rounding off the diagonal:
//! of the terms' sum, which grows with `Σ |a| ‖q‖₁²`; of the window and the Schur complement, from the sizes of what was
//! added; and of lower bounds, which are tested after they are computed.
//!
//! **One direction.** Where all charges are multiples of one vector, `H` differs from the identity along that vector only,
//! and its eigenvalue there is that of a potential of one angle.

mod chain;
mod symmetric;
mod window;

use std::ops::ControlFlow;

use crate::charges::{Charges, Term};
use crate::error::CertificateError;
use chain::Chain;

/// Most sites of a window: range 3.
const WIDEST: usize = 4;
/// Most points of a window's grid.
const LARGEST_GRID: usize = 1 << 24;
/// Fewest points per angle.
const COARSEST: usize = 8;
/// Taken off the diagonal in each step, or the bound of its rounding where that is more.
const ROUNDING: f64 = 1e-9;
/// Pivots below this count as none.
const SMALLEST_PIVOT: f64 = 1e-6;

/// What elimination on a grid found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certificate {
    /// The number `λ` that was taken off the diagonal of `H`.
    pub level: f64,
    /// The smallest pivot; where it is not positive, elimination ended.
    pub pivot: f64,
    /// The site where it was found.
    pub site: usize,
    /// Points per angle.
    pub grid: usize,
    /// Whether elimination came to its end, which on a closed chain is a bound that reproduces itself.
    pub complete: bool,
}

impl Certificate {
    /// Whether it is proved that all eigenvalues of `H` exceed the level everywhere on the torus.
    pub fn holds(&self) -> bool {
        self.complete && self.pivot > SMALLEST_PIVOT
    }
}

/// Tries to prove that all eigenvalues of `H = I + Hess psi` exceed `level` everywhere on the torus, with `grid` points
/// per angle.
///
/// Time is `grid^(R+1)` for terms of range `R` times a number of steps that grows with the length up to a few dozen; where
/// all charges sum to zero it is `grid^R`. 48 points are enough for models of degree 4 that keep a distance of a
/// tenth, and the distance that is lost falls with their square.
///
/// # Errors
/// [`CertificateError`] if a term has a range of more than 3 sites, as on square lattices, if the windows of a closed
/// chain are not all the same, if the grid is too coarse or too fine, or if `theta` has the wrong length or is not
/// finite.
pub fn certify(
    charges: &Charges,
    theta: &[f64],
    level: f64,
    grid: usize,
) -> Result<Certificate, CertificateError> {
    let chain = Chain::new(charges, theta)?;
    let most = most_points(chain.dimensions());
    if !(COARSEST..=most).contains(&grid) {
        return Err(CertificateError::Grid { found: grid, least: COARSEST, most });
    }
    Ok(chain.certify(level, grid))
}

/// Most points per angle on a grid of so many dimensions.
fn most_points(dimensions: usize) -> usize {
    (2..=LARGEST_GRID).take_while(|n| n.pow(dimensions as u32) <= LARGEST_GRID).last().unwrap_or(2)
}

/// A proven lower bound of the eigenvalues of `H` over the whole torus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The bound; none where not even that they are positive could be proven.
    pub value: Option<f64>,
    /// Points of one grid.
    pub points: usize,
}

/// Largest number of points per angle that [`lower_bound`] takes.
const FINEST: usize = 256;

/// Proves a lower bound of the eigenvalues of `H` over the whole torus by [`certify`], on grids of at most `points` points:
/// zero first, then by bisection up to `found`, an eigenvalue that was met, until the bound is within `tolerance` times it.
///
/// `go_on` is asked before every grid; where it breaks off, what is proven by then is returned.
///
/// # Errors
/// As [`certify`], but for the grid, which is as fine as `points` allows.
pub fn lower_bound(
    charges: &Charges,
    theta: &[f64],
    (found, tolerance): (f64, f64),
    points: usize,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<Bound, CertificateError> {
    let chain = Chain::new(charges, theta)?;
    let dimensions = chain.dimensions() as u32;
    let fits = |n: &usize| n.pow(dimensions) <= points.min(LARGEST_GRID);
    let grid = (COARSEST..=FINEST).take_while(fits).last().unwrap_or(COARSEST);
    let mut bound = Bound { value: None, points: grid.pow(dimensions) };
    let (mut low, mut high) = (0.0, found);
    let mut level = 0.0;
    while high > 0.0 && go_on().is_continue() {
        if chain.certify(level, grid).holds() {
            (bound.value, low) = (Some(level), level);
        } else if level == 0.0 {
            break;
        } else {
            high = level;
        }
        if high - low <= tolerance * found {
            break;
        }
        level = 0.5 * (low + high);
    }
    Ok(bound)
}
