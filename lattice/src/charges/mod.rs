//! Potentials that are sums of cosines of integer combinations of a few angles.

mod chain;
mod sites;
mod square;

use std::collections::HashSet;

use ircpm_ad::Scalar;
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;

pub use chain::Chain;
pub use square::Square;

use crate::error::{ChargesError, TransferError};

/// Largest absolute value of one charge.
pub const LARGEST_CHARGE: i32 = 64;
/// Most terms of a potential: a few seconds of compilation, and some hundred megabytes.
pub const MOST_TERMS: usize = 1 << 19;

/// One term as it is given: sites with their charges, and the class whose parameter it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Pairs of a site and its charge. A charge of zero is dropped.
    pub charge: Vec<(usize, i32)>,
    /// The class, from 0.
    pub class: usize,
}

/// `psi(y) = Σ_m θ_{k(m)} cos(q_m · y)/|q_m|²` on the torus of `D` angles, where `q_m` are integer vectors with few
/// non-zeros.
///
/// Divided by `|q|²`, a term adds at most `|θ|` to the Hessian, along the direction of `q`. So parameters of all terms
/// have one scale, and those of maps that do not fold are of order one at most.
///
/// The map `k` ties the parameters: terms of one *class* share one parameter. The constructors tie terms that
/// translations, reflections or the point group of a lattice carry into each other, so that the number of parameters
/// does not grow with the lattice.
///
/// It is an [`Expression`], whose value over nested duals is the definition that the fast forms of
/// [`crate::LatticeMap`] are tested against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charges {
    sites: usize,
    /// Where the charges of every term begin.
    starts: Vec<usize>,
    /// Sites with their charges, term by term; the first charge of a term is positive.
    entries: Vec<(u32, i32)>,
    /// The class of every term.
    classes: Vec<u32>,
    /// One label per class.
    labels: Vec<String>,
}

impl Charges {
    /// The potential of given terms on `sites` angles. Its classes are labelled by their numbers.
    ///
    /// # Errors
    /// [`ChargesError`] naming the term or the class that is wrong.
    pub fn new(sites: usize, terms: &[Term]) -> Result<Self, ChargesError> {
        let classes = terms.iter().map(|term| term.class + 1).max().unwrap_or(0);
        Self::labelled(sites, terms, (0..classes).map(|class| class.to_string()).collect())
    }

    /// The potential of given terms, with one label per class: see [`Charges::parameters_from`].
    ///
    /// # Errors
    /// As [`Charges::new`].
    pub fn labelled(sites: usize, terms: &[Term], labels: Vec<String>) -> Result<Self, ChargesError> {
        if sites == 0 {
            return Err(ChargesError::Empty { what: "a site" });
        }
        if terms.is_empty() {
            return Err(ChargesError::Empty { what: "a term" });
        }
        refuse_many(terms.len())?;
        let mut seen = HashSet::new();
        let mut out = Self { sites, starts: vec![0], entries: vec![], classes: vec![], labels };
        for (number, term) in terms.iter().enumerate() {
            let charge = canonical(number, sites, &term.charge)?;
            if !seen.insert((term.class, charge.clone())) {
                return Err(ChargesError::Repeated { term: number, class: term.class });
            }
            out.entries.extend(charge);
            out.starts.push(out.entries.len());
            out.classes.push(term.class as u32);
        }
        let classes = out.labels.len();
        let mut used = vec![false; classes];
        for &class in &out.classes {
            match used.get_mut(class as usize) {
                Some(used) => *used = true,
                None => return Err(ChargesError::NoTerm { class: classes, classes: class as usize + 1 }),
            }
        }
        match used.iter().position(|used| !used) {
            Some(class) => Err(ChargesError::NoTerm { class, classes }),
            None => Ok(out),
        }
    }

    /// The sum of potentials on the same angles; the parameters of the first come first.
    ///
    /// # Errors
    /// [`ChargesError::Sites`] if they act on different numbers of angles; [`ChargesError::Empty`] if there are none.
    pub fn sum(parts: &[Charges]) -> Result<Self, ChargesError> {
        let first = parts.first().ok_or(ChargesError::Empty { what: "a potential" })?;
        let (mut terms, mut labels) = (vec![], vec![]);
        for part in parts {
            if part.sites != first.sites {
                return Err(ChargesError::Sites { expected: first.sites, found: part.sites });
            }
            terms.extend((0..part.terms()).map(|m| Term {
                charge: part.charge(m).iter().map(|&(site, q)| (site as usize, q)).collect(),
                class: labels.len() + part.class(m),
            }));
            labels.extend(part.labels.iter().cloned());
        }
        Self::labelled(first.sites, &terms, labels)
    }

    /// Number `D` of angles.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// Number of terms.
    pub fn terms(&self) -> usize {
        self.classes.len()
    }

    /// The charge of a term: its sites, ascending, and what they are multiplied by. The first number is positive.
    ///
    /// # Panics
    /// If there is no such term.
    pub fn charge(&self, term: usize) -> &[(u32, i32)] {
        &self.entries[self.starts[term]..self.starts[term + 1]]
    }

    /// The class of a term.
    ///
    /// # Panics
    /// If there is no such term.
    pub fn class(&self, term: usize) -> usize {
        self.classes[term] as usize
    }

    /// `1/|q|²` of a term.
    ///
    /// # Panics
    /// If there is no such term.
    pub fn weight(&self, term: usize) -> f64 {
        1.0 / f64::from(self.charge(term).iter().map(|(_, q)| q * q).sum::<i32>())
    }

    /// One label per class, the same on lattices of all sizes.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether every charge sums to zero, so that psi depends on differences of angles only and the map commutes with
    /// rotations of all angles by one.
    pub fn is_neutral(&self) -> bool {
        (0..self.terms()).all(|m| self.charge(m).iter().map(|&(_, q)| q).sum::<i32>() == 0)
    }

    /// Parameters of this potential from those of the same one on a smaller or larger lattice, class by class.
    ///
    /// # Errors
    /// [`TransferError`] if a class has no counterpart there, or `theta` has another length than its classes.
    pub fn parameters_from(&self, other: &Charges, theta: &[f64]) -> Result<Vec<f64>, TransferError> {
        if theta.len() != other.labels.len() {
            return Err(TransferError::Parameters { expected: other.labels.len(), found: theta.len() });
        }
        let find = |label: &String| {
            let class = other.labels.iter().position(|of| of == label);
            class.map(|class| theta[class]).ok_or_else(|| TransferError::Missing { label: label.clone() })
        };
        self.labels.iter().map(find).collect()
    }

    /// Largest sum over a row of `Σ_m q_m q_mᵀ/|q_m|²`, by absolute values: if all `|θ| ≤ b`, the eigenvalues of
    /// `Hess psi` lie within `±b` times this (Gershgorin).
    pub(crate) fn row_bound(&self) -> f64 {
        let mut rows = vec![0.0; self.sites];
        for m in 0..self.terms() {
            let norm: i32 = self.charge(m).iter().map(|(_, q)| q.abs()).sum();
            for &(site, q) in self.charge(m) {
                rows[site as usize] += f64::from(q.abs() * norm) * self.weight(m);
            }
        }
        rows.into_iter().fold(0.0, f64::max)
    }
}

/// A charge with ascending sites, without zeros, whose first number is positive.
fn canonical(term: usize, sites: usize, charge: &[(usize, i32)]) -> Result<Vec<(u32, i32)>, ChargesError> {
    let mut entries: Vec<(u32, i32)> = vec![];
    for &(site, q) in charge.iter().filter(|(_, q)| *q != 0) {
        if site >= sites {
            return Err(ChargesError::Site { term, site, last: sites - 1 });
        }
        if q.unsigned_abs() > LARGEST_CHARGE.unsigned_abs() {
            return Err(ChargesError::Charge { term, charge: q, largest: LARGEST_CHARGE });
        }
        entries.push((site as u32, q));
    }
    entries.sort_unstable();
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(ChargesError::SiteTwice { term, site: pair[0].0 as usize });
    }
    let &(_, first) = entries.first().ok_or(ChargesError::Constant { term })?;
    if first < 0 {
        entries.iter_mut().for_each(|(_, q)| *q = -*q);
    }
    Ok(entries)
}

/// Refuses more terms than [`MOST_TERMS`].
fn refuse_many(terms: usize) -> Result<(), ChargesError> {
    if terms > MOST_TERMS {
        return Err(ChargesError::TooMany { found: terms, most: MOST_TERMS });
    }
    Ok(())
}

/// Half the number of integer vectors of `len` numbers whose absolute values sum to at most `degree`, those of
/// [`charge_vectors`], `½ Σ_k 2^k C(len, k) C(degree, k)`; or a number beyond all limits.
fn count_of_vectors(len: usize, degree: u32) -> usize {
    let (mut sum, mut term) = (0.0, 1.0);
    for k in 0..len.min(degree as usize) {
        term *= 2.0 * (len - k) as f64 * f64::from(degree - k as u32) / ((k + 1) * (k + 1)) as f64;
        sum += term;
    }
    (0.5 * sum).round() as usize
}

/// All integer vectors of `len` numbers whose absolute values sum to at most `degree` and not to zero, one of each pair
/// `±q`, in lexicographic order.
fn charge_vectors(len: usize, degree: u32) -> Vec<Vec<i32>> {
    let mut all = vec![vec![]];
    for _ in 0..len {
        let mut longer = vec![];
        for q in &all {
            let left = degree as i32 - q.iter().map(|q: &i32| q.abs()).sum::<i32>();
            for next in -left..=left {
                let mut q = q.clone();
                q.push(next);
                longer.push(q);
            }
        }
        all = longer;
    }
    all.retain(|q| q.iter().find(|q| **q != 0).is_some_and(|first| *first > 0));
    all
}

impl Expression for Charges {
    fn inputs(&self) -> usize {
        self.sites
    }

    fn parameters(&self) -> usize {
        self.labels.len()
    }

    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut sum = S::zero();
        for m in 0..self.terms() {
            let mut phase = S::zero();
            for &(site, q) in self.charge(m) {
                phase += z[site as usize] * f64::from(q);
            }
            sum += theta[self.class(m)] * phase.cos() * self.weight(m);
        }
        sum
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        kinds.iter().all(|kind| matches!(kind, Coordinates::Angles(_)))
    }

    /// So small that the eigenvalues of `Hess psi` lie within ±0.1 everywhere.
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        let bound = 0.1 / self.row_bound();
        theta.iter_mut().for_each(|a| *a = uniform(bound));
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        theta.iter_mut().for_each(|a| *a *= factor);
        true
    }
}
