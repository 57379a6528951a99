//! A proof that `H − λ` is positive definite on the whole torus, for open chains.
//!
//! `H − λ = (1 − λ) I + Σᵢ Fᵢ(yᵢ, …, y_{i+R})`, where `Fᵢ` collects the terms whose first site is `i`. Elimination from
//! the left leaves on the next `R` sites a matrix `Sᵢ` that depends on all angles so far. Let `Sᵢ(yᵢ, …, y_{i+R−1})` now
//! be a *lower bound* of it over the angles before. The window `W = Sᵢ ⊕ (1 − λ) + Fᵢ` has the pivot `w₀₀` and the Schur
//! complement `W₁₁ − w₀₁ᵀw₀₁/w₀₀`, of which a lower bound over `yᵢ` is the next `S`.
//!
//! **On a grid, and between its points.** Let `Sᵢ` interpolate its values on a grid of spacing `Δ` multilinearly, and let
//! `E = Δ²/8 Σ_m |a_m| |q_m|² q_m q_mᵀ`. The interpolant of `cos(q·y)` is off by at most `|q|² Δ²/8`, so `Fᵢ ≽ I[Fᵢ] − E`, `I`
//! the interpolation, and the window anywhere is at least a convex combination of the windows less `E` at the corners
//! of its cell. The pivot is linear in the window, and the Schur complement is concave in the sense of Löwner where the
//! pivot is positive. So if all pivots are positive *on the grid*, they are everywhere, and a lower bound over the grid's
//! values of `yᵢ`, interpolated in the other angles, is a lower bound everywhere.
//!
//! The bound of several matrices is taken one after the other, `A ∧ B = A − (A − B)₊`, exact for `R = 1` only. So the
//! certificate is sufficient: where it fails the map need not fold.

mod window;

use rayon::prelude::*;

use crate::charges::Charges;
use crate::error::CertificateError;
use window::{Symmetric, Window};

/// Most sites of a window: range 3.
const WIDEST: usize = 4;
/// Most points of a window's grid.
const LARGEST_GRID: usize = 1 << 24;
/// Fewest points per angle.
const COARSEST: usize = 8;
/// Taken off the diagonal in each step, far more than its rounding as long as pivots exceed [`SMALLEST_PIVOT`].
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
}

impl Certificate {
    /// Whether it is proved that all eigenvalues of `H` exceed the level everywhere on the torus.
    pub fn holds(&self) -> bool {
        self.pivot > SMALLEST_PIVOT
    }
}

/// Tries to prove that all eigenvalues of `H = I + Hess psi` exceed `level` everywhere on the torus, with `grid` points
/// per angle.
///
/// Time is `D grid^(R+1)` for terms of range `R`; 48 points are enough for models of degree 4 that keep a distance of a
/// tenth, and the distance that is lost falls with their square.
///
/// # Errors
/// [`CertificateError`] if a term has a range of more than 3 sites, as on closed chains and lattices, if the grid is too
/// coarse or too fine, or if `theta` has the wrong length or is not finite.
pub fn certify(
    charges: &Charges,
    theta: &[f64],
    level: f64,
    grid: usize,
) -> Result<Certificate, CertificateError> {
    let finite = theta.iter().filter(|a| a.is_finite()).count();
    if finite != charges.labels().len() || finite != theta.len() {
        return Err(CertificateError::Parameters { expected: charges.labels().len(), found: finite });
    }
    let width = (0..charges.terms()).map(|m| span(charges.charge(m))).max().unwrap_or(1).max(2);
    if width > WIDEST {
        return Err(CertificateError::Range { found: width, largest: WIDEST });
    }
    let most = (2..=LARGEST_GRID).take_while(|n| n.pow(width as u32) <= LARGEST_GRID).last().unwrap_or(2);
    if !(COARSEST..=most).contains(&grid) {
        return Err(CertificateError::Grid { found: grid, least: COARSEST, most });
    }
    Ok(match width {
        2 => eliminate::<2, 1>(charges, theta, level, grid),
        3 => eliminate::<3, 2>(charges, theta, level, grid),
        _ => eliminate::<WIDEST, 3>(charges, theta, level, grid),
    })
}

/// Sites from the first to the last of a charge.
fn span(charge: &[(u32, i32)]) -> usize {
    match (charge.first(), charge.last()) {
        (Some(first), Some(last)) => (last.0 - first.0) as usize + 1,
        _ => 0,
    }
}

/// Eliminates all sites on the grid. A window has `W` sites, one more than `R`.
///
/// Sites beyond the end are eliminated as well: they are independent, with the pivot `1 − λ`.
fn eliminate<const W: usize, const R: usize>(
    charges: &Charges,
    theta: &[f64],
    level: f64,
    grid: usize,
) -> Certificate {
    let rest = grid.pow(R as u32);
    let mut bounds = vec![Symmetric::<R>::scaled_identity(1.0 - level); rest];
    let mut certificate = Certificate { level, pivot: f64::INFINITY, site: 0, grid };
    let mut window = Window::<W>::default();
    for site in 0..charges.sites() {
        window.set(charges, theta, site, grid);
        let next: Vec<(f64, Symmetric<R>)> =
            (0..rest).into_par_iter().map(|cell| lower_bound(&window, &bounds, level, cell)).collect();
        let pivot = next.iter().map(|(pivot, _)| *pivot).fold(f64::INFINITY, least);
        if least(pivot, certificate.pivot) != certificate.pivot {
            (certificate.pivot, certificate.site) = (pivot, site);
        }
        if !certificate.holds() {
            break;
        }
        bounds.iter_mut().zip(next).for_each(|(bound, (_, next))| *bound = next);
    }
    certificate
}

/// The lesser number; NaN if either is NaN.
fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b >= a { a } else { b }
}

/// The smallest pivot and a lower bound of the Schur complements over the first angle of the window, at one point of
/// the grid of its other angles, the last of which runs fastest.
fn lower_bound<const W: usize, const R: usize>(
    window: &Window<W>,
    bounds: &[Symmetric<R>],
    level: f64,
    cell: usize,
) -> (f64, Symmetric<R>) {
    let grid = window.grid();
    let rest = bounds.len();
    let (mut smallest, mut bound) = (f64::INFINITY, None::<Symmetric<R>>);
    for first in 0..grid {
        let mut w = window.at(first * rest + cell);
        // The bound of the elimination before depends on the first R angles.
        let before = &bounds[(first * rest + cell) / grid];
        for i in 0..R {
            for j in 0..R {
                w[i][j] += before.0[i][j];
            }
        }
        w[R][R] += 1.0 - level;
        let pivot = w[0][0];
        smallest = least(smallest, pivot);
        let mut schur = Symmetric::<R>::scaled_identity(0.0);
        for i in 0..R {
            for j in 0..R {
                schur.0[i][j] = w[i + 1][j + 1] - w[0][i + 1] * w[0][j + 1] / pivot;
            }
        }
        bound = Some(bound.map_or(schur, |bound| bound.lower_bound(&schur)));
    }
    (smallest, bound.unwrap_or(Symmetric::scaled_identity(0.0)))
}
