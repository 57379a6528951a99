//! Flat metrics of the torus in which neighbours are tied to each other.

use std::collections::BTreeMap;

use ircpm_ad::Real;
use nalgebra::DMatrix;

use crate::error::ChargesError;
use crate::factor::{Ldl, Symbolic};
use crate::lanes::resize;

/// Largest stiffness: beyond it the metric is so close to one of differences alone that digits are lost.
pub const LARGEST_STIFFNESS: f64 = 1e4;

/// The flat metric `G = I + κ Σ (e_i − e_j)(e_i − e_j)ᵀ` of the torus of `D` angles, the sum over given bonds `(i, j)`.
///
/// The torus is flat in every constant metric, so that a concave potential map of it is
/// `x = y + G⁻¹ ∂psi(y)`, whose derivative is `G⁻¹ H` with `H = G + ∂∂psi`, and it is one-to-one where `H` is positive
/// definite everywhere: Riemannian concave potential maps with the cost `(x − y)ᵀ G (x − y)/2`, see Cohen, Amos & Lipman
/// (*Riemannian convex potential maps*, 2021) for those in general.
///
/// A term of a bond adds to `H` along the same direction as the metric, so that its curvature may reach `−κ`, where the
/// metric `I` allows only what all neighbours of a site together leave of one. And the displacement `G⁻¹ ∂psi` reaches as
/// far as `√κ` sites, while `H` stays as sparse as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    sites: usize,
    stiffness: f64,
    bonds: Vec<(usize, usize)>,
}

impl Metric {
    /// The metric of a stiffness `κ ≥ 0` on bonds between two sites. A bond that is named twice counts twice.
    ///
    /// # Errors
    /// [`ChargesError::Stiffness`] if `κ` is not between 0 and [`LARGEST_STIFFNESS`]; [`ChargesError::Site`] or
    /// [`ChargesError::SiteTwice`] if a bond has no two sites.
    pub fn new(sites: usize, stiffness: f64, bonds: &[(usize, usize)]) -> Result<Self, ChargesError> {
        if !(0.0..=LARGEST_STIFFNESS).contains(&stiffness) {
            return Err(ChargesError::Stiffness { value: stiffness, largest: LARGEST_STIFFNESS });
        }
        for (term, &(i, j)) in bonds.iter().enumerate() {
            if i.max(j) >= sites {
                return Err(ChargesError::Site { term, site: i.max(j), last: sites.saturating_sub(1) });
            }
            if i == j {
                return Err(ChargesError::SiteTwice { term, site: i });
            }
        }
        Ok(Self { sites, stiffness, bonds: bonds.to_vec() })
    }

    /// Number `D` of angles.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// The stiffness `κ`.
    pub fn stiffness(&self) -> f64 {
        self.stiffness
    }

    /// The bonds.
    pub fn bonds(&self) -> &[(usize, usize)] {
        &self.bonds
    }

    /// `G` in full.
    pub fn matrix(&self) -> DMatrix<f64> {
        let mut g = DMatrix::identity(self.sites, self.sites);
        for &(i, j) in &self.bonds {
            g[(i, i)] += self.stiffness;
            g[(j, j)] += self.stiffness;
            g[(i, j)] -= self.stiffness;
            g[(j, i)] -= self.stiffness;
        }
        g
    }
}

/// A metric in the places of `H`, with its factor.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    /// `G` in the places of `H`.
    pub entries: Ldl<f64>,
    /// The entries of `G` off its diagonal by their sites.
    pairs: Vec<(usize, usize, f64)>,
    /// The diagonal of `G`, by sites.
    diagonal: Vec<f64>,
    factor: Ldl<f64>,
    /// `log det G`.
    pub log_det: f64,
    /// `L` of `G = L Lᵀ`, in full.
    pub cholesky: DMatrix<f64>,
}

impl Factor {
    /// The factor of a metric whose bonds are in the pattern.
    pub(crate) fn new(metric: &Metric, s: &Symbolic) -> Self {
        let g = metric.matrix();
        let mut sums = BTreeMap::new();
        for &(i, j) in &metric.bonds {
            *sums.entry((i.min(j), i.max(j))).or_insert(0.0) -= metric.stiffness;
        }
        let pairs: Vec<(usize, usize, f64)> = sums.into_iter().map(|((i, j), w)| (i, j, w)).collect();
        let mut entries = Ldl::default();
        entries.set_identity(s, 0);
        for i in 0..metric.sites {
            entries.diagonal[s.place[i] as usize] = g[(i, i)];
        }
        for &(i, j, w) in &pairs {
            entries.lower[s.entry(i as u32, j as u32) as usize] = w;
        }
        let mut factor = entries.clone();
        factor.eliminate(s);
        let log_det = factor.log_det(s);
        let diagonal = (0..metric.sites).map(|i| g[(i, i)]).collect();
        let cholesky =
            g.cholesky().map_or_else(|| DMatrix::identity(metric.sites, metric.sites), |c| c.unpack());
        Self { entries, pairs, diagonal, factor, log_det, cholesky }
    }

    /// Writes `G v` over `into`.
    #[inline(always)]
    pub(crate) fn multiply<R: Real>(&self, v: &[R], into: &mut [R]) {
        for i in 0..self.diagonal.len() {
            into[i] = v[i] * self.diagonal[i];
        }
        for k in 0..self.pairs.len() {
            let (i, j, w) = self.pairs[k];
            into[i] = v[j].mul_add(R::constant(w), into[i]);
            into[j] = v[i].mul_add(R::constant(w), into[j]);
        }
    }

    /// Replaces `b` by `G⁻¹ b`.
    #[inline(always)]
    pub(crate) fn solve<R: Real>(&self, s: &Symbolic, b: &mut [R], scratch: &mut Vec<R>) {
        let n = s.size();
        resize(scratch, n);
        for i in 0..n {
            scratch[s.place[i] as usize] = b[i];
        }
        for j in 0..n {
            let x = scratch[j];
            for e in s.columns[j]..s.columns[j + 1] {
                let row = s.rows[e] as usize;
                scratch[row] -= x * self.factor.lower[e];
            }
        }
        for j in (0..n).rev() {
            let mut x = scratch[j] * self.factor.reciprocal[j];
            for e in s.columns[j]..s.columns[j + 1] {
                x -= scratch[s.rows[e] as usize] * self.factor.lower[e];
            }
            scratch[j] = x;
        }
        for i in 0..n {
            b[i] = scratch[s.place[i] as usize];
        }
    }
}
