//! `ircpm certify`.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;
use ircpm_certify::{DensityOptions, Options};
use serde::Serialize;

use super::CliError;
use super::density;
use super::open::open_config;
use super::proven::ProvenBar;
use super::threads::Threads;
use crate::certificate::certificate;
use crate::density_proof::{DensityProof, refuse_unboundable};
use crate::program::folder::file;
use crate::program::output::{note, show};
use crate::program::{self, RunError, Saved};
use crate::proof::{LayerProof, LayerVerdict, Proof, ProofError, prove};
use crate::report::Status;
use crate::training::Model;

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm certify runs/torus-multi-modal-1
  ircpm certify runs/torus-multi-modal-1 --tolerance 1     only that it does not fold: far fewer cells
  ircpm certify runs/dihedrals-1 --json
  ircpm certify runs/torus-multi-modal-1 --density         and how far its density is from the target at most

Proves that the map of a run is one-to-one over the whole manifold, or that it folds. The manifold is cut into cells; on
each H is enclosed by interval arithmetic, and a cell that does not prove enough is halved. Each layer ends as one of
  certified   the smallest eigenvalue of H is at least the bound, everywhere: the layer is a diffeomorphism
  refuted     it is negative at the point that is named: the layer folds
  undecided   neither is proven with that many cells; the worst cell is named
On spheres a layer is certified only if |grad psi| is below pi everywhere, too; where it is not, H has a negative eigenvalue
nearby. Points and cells on a sphere are named by vectors on the surface of the cube [-1, 1]^(n+1), whose numbers are
exact: divide such a vector by its length.
What is proven is a statement on psi in exact arithmetic, with the parameters of the checkpoint; the rounding of samples
is not part of it. If all layers are certified, the proof is written into RUN/certificate.txt: `ircpm-check RUN`, a program
that shares no code with this one, goes through it again. Networks and linear layers on tori, spheres and their
products of dimension 1 to 3 can be proven, as T2, S2, S3 and T1xS2. The number of cells grows exponentially with the
dimension, and it is large where eigenvalues are small: `training.min_eigenvalue = 0.05` in training keeps them up.
Layers of charges are proven by elimination along the chain, open or closed, of any length, on a grid of at most
--cells points, without a certificate; of square lattices only a search is made. The exit status is 0 if all layers are
certified, 3 if one is refuted, and 4 if one is undecided.

With --density, rho = log q - log p is bounded as well over the whole manifold, where q is the model's density and p the
target's. It proves log Z, because the integrals of both are one, and bounds KL and ESS, the acceptance of rejection, and
the convergence of the independence chain. The bounds are written to density.json in the folder of the run; `ircpm sample
--exact` needs them. Energies may have the kinks of abs, min and max. The exit status is 4 if the bounds are not within --density-tolerance.";

#[derive(Debug, Args)]
pub(super) struct Certify {
    /// Folder of the run
    run: PathBuf,
    /// How close the proven bound shall come to the smallest eigenvalue, relative to it: above 0, at most 1
    #[arg(long, value_name = "SHARE", default_value = "0.05", value_parser = share, allow_negative_numbers = true)]
    tolerance: f64,
    /// Most cells per layer, and for the density
    #[arg(long, value_name = "N", default_value = "4_000_000", value_parser = super::sample::number)]
    cells: usize,
    /// Bound the model's density relative to the target's as well
    #[arg(long)]
    density: bool,
    /// How far the bounds of the density may be from the values that were met, in nats: above 0
    #[arg(
        long, value_name = "NATS", default_value = "1e-3", value_parser = nats, requires = "density", allow_negative_numbers = true
    )]
    density_tolerance: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("give a number above 0 and at most 1".to_owned()),
    }
}

fn nats(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(nats) if nats > 0.0 && f64::is_finite(nats) => Ok(nats),
        _ => Err("give a number above 0".to_owned()),
    }
}

/// What is proven of a run.
#[derive(Serialize)]
struct Proven {
    #[serde(flatten)]
    map: Proof,
    #[serde(skip_serializing_if = "Option::is_none")]
    density: Option<DensityProof>,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn certify(args: &Certify, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    let (config, folder) = open_config(&args.run)?;
    let saved = program::read_checkpoint(&config, &folder)?;
    let Saved { checkpoint, .. } = &saved;
    let refused = |source| CliError::Proof { run: args.run.clone(), source };
    if args.density {
        // Before the map is proven, which may take minutes.
        let model = Model::new(checkpoint).map_err(ProofError::from).map_err(refused)?;
        refuse_unboundable(&model, config.has_charges()).map_err(refused)?;
    }
    let options = Options { tolerance: args.tolerance, cells: args.cells as u64, ..Options::default() };
    let bar = ProvenBar::new("proven, in thousandths", stop);
    let found = prove(checkpoint, &options, &|_, state| bar.tell(state.proven));
    bar.finish()?;
    let proof = found.map_err(refused)?;
    if let Some(text) = certificate(checkpoint, &proof).map_err(refused)? {
        folder.write(file::CERTIFICATE, text.as_bytes()).map_err(RunError::from)?;
    }
    if !args.json {
        show(&proof)?;
    }
    let options = DensityOptions { tolerance: args.density_tolerance, cells: args.cells as u64 };
    let wanted = args.density && proof.certified;
    if args.density && !wanted {
        note(format_args!("no bounds of the density were sought, because the map is not certified"));
    }
    let density = wanted.then(|| density::bound(&args.run, &folder, &saved, &options, stop)).transpose()?;
    let proven = Proven { map: proof, density };
    if args.json {
        show(serde_json::to_string_pretty(&proven).expect("a proof has string keys only") + "\n")?;
    } else if let Some(density) = &proven.density {
        show(density)?;
    }
    let Proven { map: proof, density } = proven;
    let is_sharp = density.is_none_or(|density| density.is_sharp);
    let refuted = proof.layers.iter().any(|layer| matches!(layer.verdict, LayerVerdict::Refuted { .. }));
    Ok(match (proof.certified && is_sharp, refuted) {
        (true, _) => 0,
        (false, true) => Status::NotADensity.code(),
        (false, false) => Status::Unfinished.code(),
    })
}

impl Display for Proof {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verdict = match (self.certified, self.layers.last().map(|layer| &layer.verdict)) {
            (true, _) => "CERTIFIED: the map is a diffeomorphism",
            (_, Some(LayerVerdict::Refuted { .. })) => "REFUTED: the map folds",
            _ if self.layers.iter().any(|layer| layer.verdict == LayerVerdict::Searched) => {
                "SEARCHED, not proven: a search has found no fold in the map"
            }
            _ => {
                "UNDECIDED: neither that the map is one-to-one nor that it folds is proven; try more --cells"
            }
        };
        writeln!(f, "{verdict} of {}", self.manifold)?;
        self.layers.iter().try_for_each(|layer| layer.fmt(f))
    }
}

/// The number with six decimals that is not above `x`, so that what is printed is proven too; `x` itself where that would
/// be zero.
fn at_most(x: f64) -> f64 {
    let shown = (x * 1e6).floor() / 1e6;
    if shown > x || shown == 0.0 { x } else { shown }
}

impl Display for LayerProof {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { layer, verdict, estimate, cells, record } = self;
        write!(f, "  layer {layer}: ")?;
        match verdict {
            LayerVerdict::Certified { bound } => {
                write!(f, "smallest eigenvalue of H at least {}", at_most(*bound))?;
            }
            LayerVerdict::Refuted { point, bound } => {
                // All digits: the point is exactly this one.
                let numbers: Vec<String> = point.iter().map(f64::to_string).collect();
                write!(f, "an eigenvalue of H at most {} at ({})", -at_most(-bound), numbers.join(", "))?;
            }
            LayerVerdict::Searched => {
                write!(f, "searched, none found: no proof is known for this potential")?;
            }
            LayerVerdict::Undecided { cell, .. } if cell.is_empty() => write!(f, "nothing proven")?,
            LayerVerdict::Undecided { cell, bound } => {
                let side = |[lo, hi]: &[f64; 2]| format!("{} to {}", at_most(*lo), -at_most(-hi));
                let sides: Vec<String> = cell.iter().map(side).collect();
                write!(f, "at least {} on the worst cell, {}", at_most(*bound), sides.join(" by "))?;
            }
        }
        let looked_at = match *cells {
            0 => String::new(),
            // Of charges they are points of a grid.
            n if record.steps.is_empty() => format!("; {n} points of a grid"),
            n => format!("; {n} cells"),
        };
        writeln!(f, " ({estimate:.6} at the points that were looked at{looked_at})")
    }
}
