//! The elimination of a chain, site by site.

use rayon::prelude::*;

use super::symmetric::Symmetric;
use super::window::{Grid, Window, one_less};
use super::{Certificate, Charges, SMALLEST_PIVOT, Term, WIDEST};
use crate::error::CertificateError;

/// A potential of windows of neighbours, with its parameters.
pub(super) struct Chain {
    charges: Charges,
    theta: Vec<f64>,
    /// Sites of a window.
    width: usize,
    /// Whether the last site is a neighbour of the first.
    closed: bool,
}

/// Steps with equal windows in which the bound is not lowered; later it is in every step, by [`LOWERED`] first and by twice
/// as much in every step after.
const MOST_EXACT: usize = 6;
const LOWERED: f64 = 1e-6;
/// Most steps round a closed chain.
const MOST_STEPS: usize = 60;

impl Chain {
    /// # Errors
    /// [`CertificateError`] if the potential is not one of windows, or `theta` is not one of it.
    pub(super) fn new(charges: &Charges, theta: &[f64]) -> Result<Self, CertificateError> {
        let finite = theta.iter().filter(|a| a.is_finite()).count();
        if finite != charges.labels().len() || finite != theta.len() {
            return Err(CertificateError::Parameters { expected: charges.labels().len(), found: finite });
        }
        let single = along_one(charges);
        let (charges, theta) = (single.unwrap_or_else(|| charges.clone()), theta.to_vec());
        let width = |closed: bool| {
            let widths = (0..charges.terms()).map(|m| window_of(&charges, m, closed).1);
            widths.max().unwrap_or(1).max(2)
        };
        let (open, closed) = (width(false), width(true));
        if open <= WIDEST {
            return Ok(Self { charges, theta, width: open, closed: false });
        }
        if closed > WIDEST {
            return Err(CertificateError::Range { found: closed, largest: WIDEST });
        }
        let chain = Self { charges, theta, width: closed, closed: true };
        let first = chain.window_terms(0);
        match (1..chain.charges.sites()).find(|&site| chain.window_terms(site) != first) {
            Some(site) => Err(CertificateError::Windows { site }),
            None => Ok(chain),
        }
    }

    /// Whether windows depend on differences of angles alone.
    fn is_neutral(&self) -> bool {
        self.charges.is_neutral()
    }

    /// Dimensions of a window's grid.
    pub(super) fn dimensions(&self) -> usize {
        self.width - usize::from(self.is_neutral())
    }

    /// See [`super::certify`].
    pub(super) fn certify(&self, level: f64, grid: usize) -> Certificate {
        let grid = Grid { points: grid, neutral: self.is_neutral() };
        match self.width {
            2 => self.eliminate::<2, 1>(level, grid),
            3 => self.eliminate::<3, 2>(level, grid),
            _ => self.eliminate::<WIDEST, 3>(level, grid),
        }
    }

    /// The terms of the window that begins at a site: their charges from the first site on, and their coefficients.
    fn window_terms(&self, site: usize) -> Vec<([i64; WIDEST], f64)> {
        let (charges, sites) = (&self.charges, self.charges.sites());
        let of = |m: usize| {
            let mut q = [0; WIDEST];
            charges
                .charge(m)
                .iter()
                .for_each(|&(at, of)| q[(at as usize + sites - site) % sites] = i64::from(of));
            if q.iter().find(|q| **q != 0).is_some_and(|q| *q < 0) {
                q = q.map(|q| -q);
            }
            (q, self.theta[charges.class(m)] * charges.weight(m))
        };
        let mut terms: Vec<_> =
            (0..charges.terms()).filter(|&m| window_of(charges, m, self.closed).0 == site).map(of).collect();
        terms.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        terms
    }

    /// Eliminates all sites on the grid. A window has `W` sites, one more than `R`.
    ///
    /// Sites beyond the end of an open chain are eliminated as well: they are independent, with the pivot `1 − λ`.
    fn eliminate<const W: usize, const R: usize>(&self, level: f64, grid: Grid) -> Certificate {
        let sites = self.charges.sites();
        let mut bounds = vec![Symmetric::<R>::scaled_identity(one_less(level)); grid.len(R)];
        let mut certificate =
            Certificate { level, pivot: f64::INFINITY, site: 0, grid: grid.points, complete: !self.closed };
        let mut window = Window::<W>::new(grid);
        // Steps with equal windows, whether the bound reproduces itself, and what it is lowered by next.
        let (mut equal, mut reproduced, mut lowered) = (0, false, LOWERED);
        for step in 0..if self.closed { MOST_STEPS } else { sites } {
            let site = step % sites;
            if window.set(self.window_terms(if self.closed { 0 } else { site })) {
                (equal, lowered) = (0, LOWERED);
            } else if reproduced {
                // The same bound serves this window too.
                continue;
            }
            let next = window.next(&bounds, level);
            let pivot = next.iter().map(|(pivot, _)| *pivot).fold(f64::INFINITY, least);
            if least(pivot, certificate.pivot) != certificate.pivot {
                (certificate.pivot, certificate.site) = (pivot, site);
            }
            let positive = certificate.pivot > SMALLEST_PIVOT;
            reproduced = positive && next.iter().zip(&bounds).all(|((_, next), bound)| next.exceeds(bound));
            if !positive || (self.closed && reproduced) {
                certificate.complete |= reproduced;
                break;
            }
            if reproduced {
                continue;
            }
            equal += 1;
            let mut off = 0.0;
            if equal > MOST_EXACT {
                (off, lowered) = (lowered, 2.0 * lowered);
            }
            bounds.par_iter_mut().zip(next).for_each(|(bound, (_, next))| *bound = next.lowered(off));
        }
        certificate
    }
}

/// The lesser number; NaN if either is NaN.
pub(super) fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b >= a { a } else { b }
}

/// The first site of a term's window and the number of its sites, the shortest way round a closed chain.
fn window_of(charges: &Charges, term: usize, closed: bool) -> (usize, usize) {
    let (charge, sites) = (charges.charge(term), charges.sites());
    let width = |first: u32| {
        let last = charge.iter().map(|&(site, _)| (site as usize + sites - first as usize) % sites).max();
        last.unwrap_or(0) + 1
    };
    let firsts = charge.iter().take(if closed { charge.len() } else { 1 });
    let shortest = firsts.map(|&(first, _)| (width(first), first as usize)).min();
    shortest.map_or((0, 0), |(width, first)| (first, width))
}

/// The potential of one angle with the smallest eigenvalue of `H`, as far as it is below one, of a potential all of whose
/// charges are multiples of one vector.
fn along_one(charges: &Charges) -> Option<Charges> {
    let first = charges.charge(0);
    if first.len() < 2 {
        return None;
    }
    let multiple = |m: usize| {
        let charge = charges.charge(m);
        let sites = charge.len() == first.len() && charge.iter().zip(first).all(|(a, b)| a.0 == b.0);
        // In units of the first charge's first number over the greatest common divisor of the first charge.
        let divisor = first.iter().fold(0, |d, (_, q)| common_divisor(d, q.abs()));
        let (unit, own) = (first[0].1 / divisor, charge.first()?.1);
        let times = own / unit;
        let fits = own % unit == 0 && charge.iter().zip(first).all(|(a, b)| a.1 == times * (b.1 / divisor));
        (sites && fits).then(|| Term { charge: vec![(0, times)], class: charges.class(m) })
    };
    let terms: Option<Vec<Term>> = (0..charges.terms()).map(multiple).collect();
    Charges::labelled(1, &terms?, charges.labels().to_vec()).ok()
}

fn common_divisor(a: i32, b: i32) -> i32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
