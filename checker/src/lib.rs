//! Checks certificates that the map of a normalising flow on a product of tori and spheres is a diffeomorphism.
//!
//! `ircpm certify` proves that `H = Hess c + Hess psi` is positive definite everywhere, and writes how it cut the manifold
//! into cells. This crate goes through the same cells with means of its own: it shares no code with the program that made the
//! proof, not even its arithmetic.
//!
//! | | the search | this check |
//! |---|---|---|
//! | arithmetic | intervals, ends moved to neighbouring numbers | balls, a-priori bounds of rounding |
//! | functions | intervals at both ends, monotonicity | Taylor series at the centre, bounds of a derivative |
//! | sums of a layer | operation by operation | in doubles, with a bound of the whole sum's error |
//! | derivatives on spheres | covariant, in frames carried along geodesics | in the coordinates of the chart |
//! | cost on spheres | `r cot r` and its monotonicity | power series of `sin r/r` |
//! | smallest eigenvalue | a formula, or Gershgorin's discs | elimination of `H − λ g` with positive pivots |
//! | cover | cells of a queue | the same queue, replayed |
//!
//! What remains to be trusted is in section 39 of `docs/mathematics.md`: the theorem that a positive definite `H` makes
//! a diffeomorphism, this crate, the compiler and the processor's rounding to nearest, SHA-256, and the readers of TOML, JSON and
//! safetensors where a certificate is compared with a run.

#![allow(clippy::needless_range_loop, reason = "the indices of tensors")]
#![allow(clippy::neg_cmp_op_on_partial_ord, reason = "a comparison with NaN must not pass")]

mod ball;
mod cells;
mod chart;
mod checkpoint;
mod comparison;
mod cost;
mod dictionary;
mod eigenvalue;
mod error;
mod expansion;
mod features;
mod format;
mod functions;
mod hessian;
mod jet;
mod manifold;
mod map;
mod potential;
mod proof;
#[cfg(test)]
mod reference;
mod slopes;
mod units;

use std::fmt::{self, Display, Formatter};

pub use checkpoint::{Checkpoint, NotACheckpoint};
pub use error::CheckError;

use hessian::Hessian;
use potential::Psi;

/// What is verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Name of the manifold, as `T2` or `T1xS2`.
    pub manifold: String,
    /// What kind of potential the layers have, and how large it is.
    pub potential: String,
    /// How many times the layers are applied one after the other.
    pub copies: u32,
    /// SHA-256 of the parameters, as 64-bit little-endian numbers, layer by layer.
    pub digest: String,
    /// What no eigenvalue of `H = Hess c + Hess psi` is below, per layer. On a torus `H = 1 + Hess psi`.
    pub bounds: Vec<f64>,
    /// What of the map was not compared with the run's, if there was a run to compare with.
    pub not_compared: Option<Vec<&'static str>>,
    /// Cells of all layers that prove it.
    pub cells: usize,
    /// Cells that were looked at, with parts of those that did not prove it as a whole.
    pub looked_at: usize,
}

/// Checks a certificate. `run` is the one that it must be about, if any.
///
/// # Errors
/// [`CheckError`] says why nothing is verified.
pub fn check(bytes: &[u8], run: Option<&Checkpoint>) -> Result<Verified, CheckError> {
    let format::Certificate { map, digest } = format::read(bytes)?;
    let not_compared = run.map(|run| comparison::compare(&map, run)).transpose()?;
    let (mut cells, mut looked_at) = (0, 0);
    for (l, layer) in map.layers.iter().enumerate() {
        let (number, bound) = (l + 1, layer.bound);
        if !(bound > 0.0) {
            return Err(CheckError::Bound { layer: number, bound });
        }
        let leaves = cells::leaves(&layer.record, &map.manifold)
            .map_err(|problem| CheckError::Record { layer: number, problem })?;
        let psi = Psi::new(&map, l);
        let effort = proof::prove(&Hessian::new(&psi, bound), &map.manifold, &leaves).map_err(|cell| {
            let ends = leaves[cell].patch(&map.manifold).ends();
            CheckError::Cell { layer: number, cell: cell + 1, ends, bound }
        })?;
        cells += effort.cells;
        looked_at += effort.looked_at;
    }
    Ok(Verified {
        manifold: map.manifold.to_string(),
        potential: map.to_string(),
        copies: map.copies,
        digest,
        bounds: map.layers.iter().map(|layer| layer.bound).collect(),
        not_compared,
        cells,
        looked_at,
    })
}

impl Display for Verified {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "VERIFIED: the map is a diffeomorphism of {}", self.manifold)?;
        writeln!(f, "  {}", self.potential)?;
        if self.copies > 1 {
            writeln!(f, "  its layers, applied {} times", self.copies)?;
        }
        for (l, bound) in self.bounds.iter().enumerate() {
            writeln!(f, "  layer {}: no eigenvalue of Hess c + Hess psi is below {bound}", l + 1)?;
        }
        writeln!(f, "  parameters with the SHA-256 {}", self.digest)?;
        match self.not_compared.as_deref() {
            None => {}
            Some([]) => writeln!(f, "  manifold, potentials and parameters are those of the run")?,
            Some(rest) => {
                let rest = rest.join("; ");
                writeln!(
                    f,
                    "  parameters and all that was compared are those of the run; NOT compared: {rest}"
                )?;
            }
        }
        writeln!(f, "  proven on {} cells ({} looked at, with parts of cells)", self.cells, self.looked_at)
    }
}
