//! `ircpm sample`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use super::destination::Destination;
use super::model::{open_bounded, open_model};
use super::notation::{NotationArgs, tell};
use super::threads::Threads;
use super::train::seed;
use super::{CliError, context};
use crate::program::RunError;
use crate::program::output::{note, warn};
use crate::program::progress::count_bar;
use crate::program::tables::{Array, Layout};
use crate::samples::{ExactSamples, Samples};
use crate::training::Model;

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm sample runs/torus-multi-modal-1 -n 100000 -o samples.npz
  ircpm sample runs/torus-multi-modal-1 -n 5 | column -t -s,
  ircpm sample runs/events-1 -n 1000 --context 0.5       of a density given that its conditioning variable is 0.5
  ircpm sample runs/torus-multi-modal-1 -n 10000 --exact -o exact.npz

Columns: the coordinates of a point, log_q (log-density in nats) and, where there is an energy u, log_weight =
-beta u - log q. In npz these are the arrays points (n, coordinates), log_q (n) and log_weight (n); in npy all columns are
one array. Points of a fit have the names, the unit of angles, and latitudes and longitudes or unit vectors, of the file
that was fitted; a line on standard error says so. Else angles are theta1, … in radians, conditioning variables c1, …, all
other coordinates x1, ….
log_q is with respect to the Riemannian volume, per radian of each angle and per steradian of S2, whatever the unit of the
points: per degree it is log_q - log(180/pi) for each angle.
The same seed gives the same bits on any number of threads, and fewer samples are the beginning of more. The file
appears when it is whole. Samples of a model that is not a density are written all the same; the exit status is then 3.

With --exact the samples are independent ones of the target exp(-beta u)/Z itself: those of the model are kept or rejected
by the bound of log q + beta u over the whole manifold that `ircpm certify RUN --density` has proven. They have no weights;
the columns are the coordinates and energy, beta u in nats. What is not part of the proof is rounding: the model's samples
are solved to some 1e-13, and log q is computed in doubles.";

#[derive(Debug, Args)]
pub(super) struct Sample {
    /// Folder of the run
    run: PathBuf,
    /// Number of samples
    #[arg(long, short, value_name = "N", default_value_t = 1000, value_parser = number, allow_negative_numbers = true)]
    number: usize,
    /// Values of the conditioning variables, as in 0.5,2, or a table with a row of them for each N samples
    #[arg(long, value_name = "VALUES|FILE", allow_negative_numbers = true)]
    context: Option<String>,
    /// Draw from the target itself, by rejection with a bound that `ircpm certify --density` has proven
    #[arg(long, conflicts_with = "context")]
    exact: bool,
    /// Seed of the samples
    #[arg(long, default_value_t = 0, value_parser = seed, allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    notation: NotationArgs,
    #[command(flatten)]
    destination: Destination,
    #[command(flatten)]
    threads: Threads,
}

impl Sample {
    /// The rows of conditioning variables; none for a density that is not conditional.
    ///
    /// # Errors
    /// [`CliError::NoContext`], [`CliError::Unconditional`], and as [`context::rows`].
    fn contexts(&self, model: &Model) -> Result<Option<Vec<f64>>, CliError> {
        let contexts = model.flow.manifold().contexts();
        match &self.context {
            None if contexts > 0 => Err(CliError::NoContext { run: self.run.clone(), contexts }),
            None => Ok(None),
            Some(_) if contexts == 0 => Err(CliError::Unconditional { run: self.run.clone() }),
            Some(text) => {
                context::rows(text, contexts, &model.notation.column_names(model.flow.manifold())).map(Some)
            }
        }
    }
}

/// A number of rows, at least one: `100000`, `100_000` or `1e5`.
pub(super) fn number(text: &str) -> Result<usize, String> {
    /// More could not be counted by 64-bit offsets into a file.
    const MOST: usize = 1 << 40;
    let digits = text.replace('_', "");
    let whole = |x: &f64| x.fract() == 0.0 && (1.0..=MOST as f64).contains(x);
    // 1e6 is a whole number as well.
    let rounded = || digits.parse::<f64>().ok().filter(whole).map(|x| x as usize);
    let number = digits.parse::<usize>().ok().or_else(rounded).filter(|n| (1..=MOST).contains(n));
    number.ok_or_else(|| format!("give a whole number from 1 to {MOST}"))
}

/// Does what the arguments say; returns the exit status.
pub(super) fn sample(args: &Sample, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    if args.exact {
        return exact(args, stop);
    }
    let (model, standing) = open_model(&args.run)?;
    let given = args.contexts(&model)?;
    let count = given.as_ref().map_or(1, |rows| rows.len() / model.flow.manifold().contexts()) * args.number;
    let target = model.target();
    let manifold = model.flow.manifold();
    let notation = args.notation.apply(&model.notation, manifold)?;
    tell(&notation, manifold);
    let points = Array::new("points", notation.column_names(manifold));
    let mut arrays = vec![points, Array::column("log_q")];
    arrays.extend(target.map(|_| Array::column("log_weight")));
    let mut table = args.destination.create(&Layout::of_rows(arrays, count))?;
    let bar = count_bar("samples", count);
    let mut samples = match given {
        Some(rows) => Samples::given(&model.flow, &model.theta, &rows, args.number, args.seed),
        None => Samples::new(&model.flow, &model.theta, target, args.number, args.seed),
    };
    for batch in &mut samples {
        if stop.load(Ordering::Relaxed) {
            return Err(RunError::Stopped.into());
        }
        let batch = batch.map_err(RunError::from)?;
        let points = notation.rows(manifold, &batch.points);
        let some = [&points[..], &batch.log_q, &batch.log_weight];
        if !table.rows(&some[..if target.is_some() { 3 } else { 2 }])? {
            return Ok(standing.code());
        }
        bar.inc(batch.log_q.len() as u64);
    }
    bar.finish_and_clear();
    table.finish()?;
    if samples.failed() > 0 {
        warn(format_args!("{} inner solves failed; other samples stand in their places", samples.failed()));
    }
    Ok(standing.code())
}

/// Writes samples of the target; returns the exit status.
fn exact(args: &Sample, stop: &AtomicBool) -> Result<u8, CliError> {
    let (model, proof) = open_bounded(&args.run)?;
    let manifold = model.flow.manifold();
    let notation = args.notation.apply(&model.notation, manifold)?;
    tell(&notation, manifold);
    let arrays = vec![Array::new("points", notation.column_names(manifold)), Array::column("energy")];
    let mut table = args.destination.create(&Layout::of_rows(arrays, args.number))?;
    let bar = count_bar("samples", args.number);
    let proposals = Samples::new(&model.flow, &model.theta, model.target(), usize::MAX, args.seed);
    let mut samples = ExactSamples::new(proposals, proof.lowest, args.number, args.seed);
    for batch in &mut samples {
        if stop.load(Ordering::Relaxed) {
            return Err(RunError::Stopped.into());
        }
        let batch = batch.map_err(RunError::from)?;
        let energy: Vec<f64> = batch.log_q.iter().zip(&batch.log_weight).map(|(q, w)| -(q + w)).collect();
        if !table.rows(&[&notation.rows(manifold, &batch.points), &energy])? {
            return Ok(0);
        }
        bar.inc(energy.len() as u64);
    }
    bar.finish_and_clear();
    table.finish()?;
    note(format_args!(
        "{:.3} % of the model's samples were accepted; at least {:.3} % are by proof",
        100.0 * samples.acceptance(),
        100.0 * proof.acceptance() - 5e-4
    ));
    Ok(0)
}
