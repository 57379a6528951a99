//! `ircpm log-prob`, `ircpm transform` and `ircpm inverse`: what a model says of points in a file.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use ircpm_flow::Direction;

use super::CliError;
use super::destination::Destination;
use super::model::open_model;
use super::notation::tell;
use super::table::{TableArgs, check_file};
use super::threads::Threads;
use super::volume::{Carried, carry};
use crate::data::{self, Column, Notation, Options};
use crate::program::RunError;
use crate::program::folder::file;
use crate::program::output::{note, warn};
use crate::program::progress::count_bar;
use crate::program::tables::{Array, Layout};
use crate::report::Status;
use crate::samples::BATCH;
use crate::training::Model;

pub(super) const LOG_PROB: &str = "\
Column log_q: log-density of each point with respect to the Riemannian volume, in nats: per radian of each angle and per
steradian of S2, whatever the unit of the points. Where nothing else is said, points are read in the unit of the file that
was fitted, so that `ircpm sample RUN -o s.csv` and `ircpm log-prob RUN s.csv` agree. Where the run has an energy u
there is log_weight = -beta u - log q as well, -inf where u is infinite and NaN where u is NaN; such points are counted,
and the exit status stays. At a point where the map folds there is no density: log_q is NaN, the number of such points is
said, and the exit status is 3.";
pub(super) const TRANSFORM: &str = "\
Columns: the coordinates of the image T(x) of each base point x, and log_det, the logarithm of the factor by which T
enlarges volumes at x, in nats. Points are read and written
as those of the file that was fitted, or as the options say; volumes are Riemannian, whatever the unit. Where the inner solve fails all are NaN, which is said, and the exit status is 3.";
pub(super) const INVERSE: &str = "\
Columns: the coordinates of the base point x = S(y) of each point y, and log_det, the logarithm of the factor by which
S enlarges volumes at y, in nats, so that log q(y) = log base(x) + log_det. Points are read and written
as those of the file that was fitted, or as the options say; volumes are Riemannian, whatever the unit. Where the map folds, or x is not
finite, log_det is NaN, which is said, and the exit status is 3.";

#[derive(Debug, Args)]
pub(super) struct Points {
    /// Folder of the run
    run: PathBuf,
    /// File of points as of [data]: one row per point, the coordinates in the order of the manifold's
    points: PathBuf,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    destination: Destination,
    #[command(flatten)]
    threads: Threads,
}

/// What is computed of a batch of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// The log-density, and the importance weight where there is an energy.
    LogProb,
    /// The images.
    Transform,
    /// The preimages.
    Inverse,
}

/// What is computed of some points.
struct Values {
    /// What is written.
    arrays: Vec<Vec<f64>>,
    /// Where it is defined.
    ok: Vec<bool>,
    /// Energies of the points, where weights are made of them.
    energies: Vec<f64>,
}

/// The points of a file, `[point][coordinate]`; what was taken for granted is said.
fn read_points(args: &Points, model: &Model) -> Result<Vec<f64>, CliError> {
    let read = data::read(&args.points, model.flow.manifold(), &options(args, model))?;
    read.notes.iter().for_each(|taken| note(format_args!("{}: {taken}", args.points.display())));
    Ok(read.points)
}

/// How the table is written, as the arguments say. The run's own copy of its points has the coordinates as the flow takes
/// them, whatever the unit of the file that was fitted, and then the weights.
fn options(args: &Points, model: &Model) -> Options {
    let options = args.table.options(&model.notation);
    let own = fs::canonicalize(args.run.join(file::POINTS));
    let is_own = own.is_ok_and(|own| fs::canonicalize(&args.points).is_ok_and(|points| points == own));
    if !is_own || !options.columns.is_empty() || !options.context.is_empty() {
        return options;
    }
    let columns = (1..=model.flow.manifold().ambient()).map(Column::Number).collect();
    Options { columns, notation: None, ..options }
}

/// Does what the arguments say; returns the exit status.
pub(super) fn points(quantity: Quantity, args: &Points, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    check_file(&args.points)?;
    let (model, standing) = open_model(&args.run)?;
    let manifold = model.flow.manifold();
    let n = manifold.ambient();
    let given = read_points(args, &model)?;
    let count = given.len() / n;
    let notation = model.notation.clone().with(manifold, args.table.unit, args.table.lat_lon)?;
    if quantity != Quantity::LogProb {
        tell(&notation, manifold);
    }
    let arrays = quantity.arrays(&model, &notation);
    let mut table = args.destination.create(&Layout::of_rows(arrays, count))?;
    let bar = count_bar("points", count);
    let (mut undefined, mut weightless, mut unweighed) = (0, 0, 0);
    for some in given.chunks(BATCH * n) {
        if stop.load(Ordering::Relaxed) {
            return Err(RunError::Stopped.into());
        }
        let Values { mut arrays, ok, energies } = quantity.of(&model, some);
        if quantity != Quantity::LogProb {
            arrays[0] = notation.rows(manifold, &arrays[0]);
        }
        undefined += ok.iter().filter(|ok| !**ok).count();
        weightless += energies.iter().filter(|u| u.is_infinite()).count();
        unweighed += energies.iter().filter(|u| u.is_nan()).count();
        if !table.rows(&arrays.iter().map(Vec::as_slice).collect::<Vec<_>>())? {
            break;
        }
        bar.inc(ok.len() as u64);
    }
    bar.finish_and_clear();
    table.finish()?;
    if weightless > 0 {
        warn(format_args!(
            "{weightless} of {count} points have an infinite energy; their log_weight is -inf, or inf for -inf"
        ));
    }
    if unweighed > 0 {
        warn(format_args!(
            "{unweighed} of {count} points have an energy that is NaN, and so is their log_weight"
        ));
    }
    if undefined == 0 {
        return Ok(standing.code());
    }
    warn(format_args!("{undefined} of {count} points have {}; their rows hold NaN", quantity.lack()));
    Ok(Status::NotADensity.code())
}

impl Quantity {
    /// The arrays that are written.
    fn arrays(self, model: &Model, notation: &Notation) -> Vec<Array> {
        if self == Self::LogProb {
            let weight = model.target().map(|_| Array::column("log_weight"));
            return std::iter::once(Array::column("log_q")).chain(weight).collect();
        }
        let points = Array::new("points", notation.column_names(model.flow.manifold()));
        vec![points, Array::column("log_det")]
    }

    /// What points have where there is nothing to write.
    fn lack(self) -> &'static str {
        match self {
            Self::LogProb | Self::Inverse => "no density, because the map folds or overflows there",
            Self::Transform => "no image, because the inner solve fails there",
        }
    }

    /// What is computed of some points.
    fn of(self, model: &Model, points: &[f64]) -> Values {
        let Model { flow, theta, .. } = model;
        let n = flow.manifold().ambient();
        match self {
            Self::LogProb => {
                let pulled = flow.inverse(theta, points);
                let (mut arrays, mut energies) = (vec![], vec![]);
                if let Some((target, beta)) = model.target() {
                    energies = vec![0.0; pulled.log_q.len()];
                    target.energies(points, &mut energies);
                    arrays.push(
                        energies.iter().zip(&pulled.log_q).map(|(u, log_q)| -beta * u - log_q).collect(),
                    );
                }
                arrays.insert(0, pulled.log_q);
                Values { arrays, ok: pulled.ok, energies }
            }
            Self::Transform => {
                let Carried { points: mut y, log_det, ok } = carry(flow, Direction::Forward, theta, points);
                for (y, _) in y.chunks_exact_mut(n).zip(&ok).filter(|(_, ok)| !**ok) {
                    y.fill(f64::NAN);
                }
                Values { arrays: vec![y, log_det], ok, energies: vec![] }
            }
            Self::Inverse => {
                let Carried { points: x, log_det, ok } = carry(flow, Direction::Inverse, theta, points);
                Values { arrays: vec![x, log_det], ok, energies: vec![] }
            }
        }
    }
}
