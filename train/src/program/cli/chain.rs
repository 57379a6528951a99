//! `ircpm chain`.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;
use serde::Serialize;

use super::CliError;
use super::destination::Destination;
use super::model::{Standing, open_model};
use super::sample::number;
use super::threads::Threads;
use super::train::seed;
use crate::chain::{ChainError, ChainOptions, Chains, Diagnostics};
use crate::program::RunError;
use crate::program::output::{show, warn};
use crate::program::progress::count_bar;
use crate::program::tables::{Array, Layout};
use crate::report::Status;
use crate::samples::coordinate_names;

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm chain runs/torus-multi-modal-1 -n 10000 -o chain.npz
  ircpm chain runs/torus-multi-modal-1 -n 10000 --chains 8 --local-step 0.3 -o chain.csv

Every draw is a sample of the model, accepted or rejected so that the chain leaves exp(-beta u)/Z invariant (independence
Metropolis), after a step of a random walk along geodesics if --local-step is given. Averages over the draws need no
weights. The model must be a density, and measured: `ircpm evaluate` measures it.
In npz there are points (chain, draw, coordinate), energy (chain, draw), which is beta u in nats, and accepted (chain,
draw), 1 where the model's sample was accepted. ArviZ reads them:
  az.convert_to_dataset({'points': np.load('chain.npz')['points']})
In csv and npy a row has chain, draw, the coordinates, energy and accepted. The draws are in memory until the end, at most
1 GiB of them. The diagnostics are printed: R-hat, bulk
effective sample size and autocorrelation time for the cosine and sine of every angle and for all other coordinates. NOT
CONVERGED above them leaves the exit status 0, because the draws are written all the same: read it, or r_hat and ess_bulk
of --json.";

#[derive(Debug, Args)]
pub(super) struct Chain {
    /// Folder of the run
    run: PathBuf,
    /// Draws per chain
    #[arg(long, short, value_name = "N", default_value_t = 1000, value_parser = number, allow_negative_numbers = true)]
    number: usize,
    /// Number of chains
    #[arg(long, value_name = "C", default_value_t = 4, value_parser = number, allow_negative_numbers = true)]
    chains: usize,
    /// Draws per chain before those that are kept
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = whole, allow_negative_numbers = true)]
    warm_up: usize,
    /// Standard deviation of a local move per dimension, in radians or units of the real coordinates [default: none]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    local_step: Option<f64>,
    /// Seed of the chains
    #[arg(long, default_value_t = 0, value_parser = seed, allow_negative_numbers = true)]
    seed: u64,
    /// Print the diagnostics as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    destination: Destination,
    #[command(flatten)]
    threads: Threads,
}

/// A whole number, zero included.
fn whole(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "give a whole number, at least 0".to_owned())
}

/// What is said of chains.
#[derive(Serialize)]
struct Summary {
    chains: usize,
    draws: usize,
    warm_up: usize,
    /// Share of the model's samples that were accepted.
    acceptance: f64,
    local_acceptance: Option<f64>,
    functions: Vec<Diagnostics>,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn chain(args: &Chain, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    let (model, standing) = open_model(&args.run)?;
    let target = model.target().ok_or_else(|| CliError::NoEnergy { run: args.run.clone() })?;
    match standing {
        Standing::Measured(Status::NotADensity) => {
            return Err(CliError::NoDensity { run: args.run.clone() });
        }
        Standing::Unmeasured => return Err(CliError::Unmeasured { run: args.run.clone() }),
        Standing::Measured(_) => {}
    }
    let &Chain { number: draws, chains, warm_up, local_step, seed, .. } = args;
    let options = ChainOptions { chains, draws, warm_up, local_step, seed, ..ChainOptions::default() };
    let manifold = model.flow.manifold();
    // Before the table, whose header may go to standard output at once.
    options.check(manifold.ambient()).map_err(refusal)?;
    let is_archive = args.destination.is_archive();
    let layout = layout(coordinate_names(manifold), &options, is_archive);
    let mut table = args.destination.create(&layout)?;
    let bar = count_bar("draws", (warm_up.saturating_add(draws)).saturating_mul(chains));
    let run = Chains::run(&model.flow, &model.theta, target, &options, stop, &mut |done| {
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let run = run.map_err(|error| match error {
        ChainError::Interrupted => RunError::Stopped,
        error => RunError::Chain(error),
    })?;
    for chain in 0..chains {
        let rows = chain * draws..(chain + 1) * draws;
        let n = manifold.ambient();
        let points = &run.points[rows.start * n..rows.end * n];
        let accepted: Vec<f64> = run.accepted[rows.clone()].iter().map(|&a| f64::from(u8::from(a))).collect();
        // The numbers of chain and draw are the axes of an archive's arrays.
        let (first, second) = (vec![chain as f64; draws], (0..draws).map(|t| t as f64).collect::<Vec<_>>());
        let arrays = [&first[..], &second, points, &run.energy[rows], &accepted];
        if !table.rows(&arrays[if is_archive { 2 } else { 0 }..])? {
            break;
        }
    }
    table.finish()?;
    let functions = run.diagnostics(manifold);
    let (acceptance, local_acceptance) = (run.acceptance(), run.local_acceptance);
    let summary = Summary { chains, draws, warm_up, acceptance, local_acceptance, functions };
    args.print(&summary)?;
    Ok(0)
}

/// The error of an option, by its name on the command line.
fn refusal(error: ChainError) -> CliError {
    match error {
        ChainError::Option { name, value, expected } => {
            let option = match name {
                "draws" => "--number",
                "chains" => "--chains",
                "warm_up" => "--warm-up",
                _ => "--local-step",
            };
            CliError::Option { option, value, expected }
        }
        error => RunError::Chain(error).into(),
    }
}

/// The arrays of chains: numbers of chain and draw are columns where they are not axes.
fn layout(coordinates: Vec<String>, options: &ChainOptions, is_archive: bool) -> Layout {
    let mut arrays = if is_archive { vec![] } else { vec![Array::count("chain"), Array::count("draw")] };
    arrays.push(Array::new("points", coordinates));
    arrays.extend([Array::column("energy"), Array::count("accepted")]);
    Layout { arrays, axes: vec![options.chains, options.draws] }
}

impl Chain {
    /// Prints the diagnostics where the draws are not.
    fn print(&self, summary: &Summary) -> Result<(), CliError> {
        let text = if self.json {
            serde_json::to_string_pretty(summary).expect("a summary has string keys only") + "\n"
        } else {
            summary.to_string()
        };
        if self.destination.is_standard_output() {
            warn(text.trim_end());
            return Ok(());
        }
        Ok(show(text)?)
    }
}

/// R̂ above which chains are not alike yet, and the least bulk effective sample size per chain: both as the authors of
/// the diagnostics advise.
const MOST_R_HAT: f64 = 1.01;
const LEAST_ESS: f64 = 100.0;

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { chains, draws, warm_up, .. } = self;
        writeln!(f, "{chains} chains of {draws} draws after {warm_up} of warm-up")?;
        let poor = |d: &&Diagnostics| {
            d.r_hat.is_nan() || d.r_hat > MOST_R_HAT || d.ess_bulk < LEAST_ESS * *chains as f64
        };
        let count = self.functions.iter().filter(poor).count();
        if count > 0 {
            writeln!(
                f,
                "  NOT CONVERGED: R-hat is above {MOST_R_HAT}, or the effective sample size below {LEAST_ESS} per chain, for {count} \
                 of the functions.\n  Raise --number, or give --local-step."
            )?;
        }
        let local = self.local_acceptance.map(|share| format!(", {:.2} % of local moves", 100.0 * share));
        let local = local.unwrap_or_default();
        writeln!(f, "  {:<18} {:.2} % of the model's samples{local}", "acceptance", 100.0 * self.acceptance)?;
        writeln!(
            f,
            "  {:<18} {:>23} {:>8} {:>12} {:>17}",
            "function", "mean", "R-hat", "bulk ESS", "autocorrelation"
        )?;
        for d in &self.functions {
            let mean = format!("{:.5} ± {:.5}", d.mean, d.standard_error);
            writeln!(
                f,
                "  {:<18} {mean:>23} {:>8.4} {:>12.0} {:>11.2} draws",
                d.name, d.r_hat, d.ess_bulk, d.autocorrelation_time
            )?;
        }
        Ok(())
    }
}
