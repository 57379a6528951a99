//! The way of a run, from a configuration to results in a folder.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::RunError;
use super::folder::{Folder, FolderError, file};
use super::measurement::{Measurement, write_report};
use super::output::warn;
use super::recorder::{self, Recorder};
use crate::config::{Config, EvaluationConfig};
use crate::data::crc32;
use crate::evaluation::{Evaluation, EvaluationError, evaluate_by, seed_of_run};
use crate::positivity::Positivity;
use crate::report::{Report, picture};
use crate::training::checkpoint::{Checkpoint, CheckpointError};
use crate::training::{Problem, State, Trainer, TrainingError, Watcher};

/// How a run ended.
#[non_exhaustive]
pub enum Outcome {
    /// All steps taken, and measured.
    Done(Box<Report>),
    /// Stopped by the user after this many steps; the checkpoint is written.
    Interrupted {
        /// Steps taken.
        step: usize,
    },
}

/// Trains, evaluates, and writes everything into the folder; a copy of the points as well, so that the folder can be
/// moved and a change of the file is noticed.
///
/// # Errors
/// [`RunError`]; what is in the folder by then stays there.
pub fn train(
    problem: &Problem,
    folder: &Folder,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    let (problem, points) = problem.with_copy(file::POINTS);
    let (problem, start) = problem.with_copy_of_start(file::START);
    folder.claim(file::CONFIG, problem.config.to_toml().as_bytes())?;
    let _lock = folder.lock()?;
    if let Some(points) = points {
        folder.write(file::POINTS, &points)?;
    }
    if let Some(start) = start {
        folder.write(file::START, &start)?;
    }
    record(&problem, Training::new(&problem, None)?, folder, stop, watcher)
}

/// Trains and measures as one of the ranks that have no folder: rank 0 records what they do together.
///
/// Linear layers are fitted by rank 0 alone.
///
/// # Errors
/// [`RunError::Training`] and [`RunError::Evaluation`], which rank 0 has as well.
pub fn assist(problem: &Problem, state: Option<State>, stop: &AtomicBool) -> Result<(), RunError> {
    if problem.config.is_linear() {
        return Ok(());
    }
    let state = match state {
        Some(state) if state.progress.done => state,
        state => {
            let mut trainer = state.map_or_else(|| problem.trainer(), |state| problem.resume(state))?;
            trainer.run(stop, &mut ())?;
            trainer.state()
        }
    };
    if state.progress.done
        && let Some(trained) = problem.at(&state)
    {
        evaluated(&trained, &state.theta, stop)?;
    }
    Ok(())
}

/// The saved state of a run that was interrupted; none if it was before the first checkpoint, or before the first linear
/// layer.
///
/// # Errors
/// [`RunError::Finished`] if training has come to its end; [`RunError::Checkpoint`] if the checkpoint is damaged, or
/// not of the configuration beside it.
pub fn unfinished(problem: &Problem, folder: &Folder) -> Result<Option<State>, RunError> {
    let Some(Saved { checkpoint, checksum }) = read_saved(&problem.config, folder)? else { return Ok(None) };
    let state = checkpoint.state;
    trained(problem, &state, folder)?;
    if state.progress.done && Measurement::read(folder, &checksum)?.current().is_some() {
        return Err(RunError::Finished { path: folder.root().to_owned(), steps: state.progress.step });
    }
    // Earlier versions did not save what a fit of linear layers goes on from.
    let can_go_on = state.progress.done || !problem.config.is_linear() || state.growth.is_some();
    Ok(can_go_on.then_some(state))
}

/// Goes on with an interrupted run, in its folder, and writes the results of the whole. Training that has come to its end
/// is measured; without a state it begins anew.
///
/// Linear layers go on after the last layer. Parameters and results are the same bits as without the interruption.
/// In the metrics the ESS and KL of the next steps are estimated from the batches since, and steps after the checkpoint
/// are dropped. A report and pictures of the interrupted run are removed.
///
/// # Errors
/// As [`train()`].
pub fn resume(
    problem: &Problem,
    folder: &Folder,
    state: Option<State>,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    let _lock = folder.lock()?;
    folder.remove_parts();
    if let Some(state) = state.as_ref().filter(|state| state.progress.done) {
        let trained = trained(problem, state, folder)?;
        return conclude(&trained, state, folder, stop);
    }
    let first = state.as_ref().map_or(0, |state| state.progress.step);
    let training = Training::new(problem, state)?;
    recorder::drop_steps_from(first, folder)?;
    // They are those of the checkpoint that training now leaves behind.
    remove_results(folder)?;
    record(problem, training, folder, stop, watcher)
}

/// What finds the parameters, from a saved state or from fresh ones.
enum Training<'a> {
    /// An optimiser takes steps.
    Steps(Box<Trainer<'a>>),
    /// Linear layers are fitted.
    Layers(Option<Box<State>>),
}

impl<'a> Training<'a> {
    /// # Errors
    /// As [`Problem::trainer`] and [`Problem::resume`].
    fn new(problem: &'a Problem, state: Option<State>) -> Result<Self, TrainingError> {
        if problem.config.is_linear() {
            return Ok(Self::Layers(state.map(Box::new)));
        }
        let trainer = state.map_or_else(|| problem.trainer(), |state| problem.resume(state))?;
        Ok(Self::Steps(Box::new(trainer)))
    }
}

/// Trains to the end, or until it is stopped: the problem with the flow that was found, and its state.
fn run(
    problem: &Problem,
    training: Training<'_>,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(Problem, State), RunError> {
    let mut trainer = match training {
        Training::Steps(trainer) => trainer,
        Training::Layers(None) => return Ok(problem.fit_linear(stop, watcher)?),
        Training::Layers(Some(state)) => return Ok(problem.resume_linear(&state, stop, watcher)?),
    };
    trainer.run(stop, watcher)?;
    let state = trainer.state();
    Ok((problem.at(&state).expect("a problem of the trainer's depth"), state))
}

/// Trains to the end with metrics and checkpoints in the folder, then writes the results.
fn record(
    problem: &Problem,
    training: Training<'_>,
    folder: &Folder,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    let mut recorder = Recorder::new(folder, &problem.config, watcher)?;
    let (trained, state) = run(problem, training, stop, &mut recorder)?;
    recorder.finish()?;
    if !state.progress.done {
        return Ok(Outcome::Interrupted { step: state.progress.step });
    }
    conclude(&trained, &state, folder, stop)
}

/// Measures a model whose training has come to its end, and writes the results.
fn conclude(
    problem: &Problem,
    state: &State,
    folder: &Folder,
    stop: &AtomicBool,
) -> Result<Outcome, RunError> {
    let checksum = crc32(&folder.read(file::CHECKPOINT)?);
    let evaluation = measure(problem, &state.theta, stop)?;
    let report = write_results(problem, state, &checksum, &evaluation, folder)?;
    Ok(Outcome::Done(Box::new(report)))
}

/// Reads a run's folder and measures its model again; writes report and pictures where there are none yet of the
/// present state.
///
/// # Errors
/// [`FolderError::Busy`] while another process trains or measures the run, which would go on from the state that is
/// measured here. [`RunError::Checkpoint`] if the checkpoint is damaged, or not of the configuration beside it; what
/// [`crate::evaluation::evaluate`] says.
pub fn reevaluate(problem: &Problem, folder: &Folder, stop: &AtomicBool) -> Result<Report, RunError> {
    // A folder that nobody may write to cannot be locked. A measured run there is measured again all the same.
    let _lock = match folder.lock() {
        Err(busy @ FolderError::Busy { .. }) => return Err(busy.into()),
        lock => lock.ok(),
    };
    let (trained, state, checksum) = load(problem, folder)?;
    let before = Measurement::read(folder, &checksum)?;
    let evaluation = measure(&trained, &state.theta, stop)?;
    match before {
        Measurement::Current(_) => return Ok(Report::new(&trained, &state.progress, &evaluation)),
        Measurement::Stale => remove_results(folder)?,
        Measurement::Absent => {}
    }
    write_results(&trained, &state, &checksum, &evaluation, folder)
}

/// Removes the report and the pictures of a state that is no more.
fn remove_results(folder: &Folder) -> Result<(), FolderError> {
    picture::FILES.into_iter().chain([file::REPORT]).try_for_each(|name| folder.remove(name))
}

/// A checkpoint, and the checksum of its file, by which its report is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What the file holds.
    pub checkpoint: Checkpoint,
    /// CRC-32 of the file's bytes, as eight hexadecimal digits.
    pub checksum: String,
}

/// The checkpoint of a run, checked against the configuration beside it.
///
/// # Errors
/// [`RunError::Folder`] if there is none, [`RunError::Checkpoint`] if it is damaged or of another run.
pub fn read_checkpoint(config: &Config, folder: &Folder) -> Result<Saved, RunError> {
    if !folder.path(file::CHECKPOINT).exists() {
        return Err(FolderError::NoCheckpoint { path: folder.root().to_owned() }.into());
    }
    let bytes = folder.read(file::CHECKPOINT)?;
    let mut checkpoint =
        Checkpoint::decode(&bytes).map_err(|source| RunError::in_checkpoint(folder, source))?;
    recorder::add_times(&mut checkpoint.state.progress, folder);
    // How a result is measured may change, what it is a result of may not.
    let identity =
        |c: &Config| (c.seed, c.target.clone(), c.data.clone(), c.model.clone(), c.training.clone());
    if identity(config) != identity(&checkpoint.config) {
        return Err(RunError::in_checkpoint(folder, CheckpointError::OtherRun));
    }
    Ok(Saved { checkpoint, checksum: crc32(&bytes) })
}

/// The last checkpoint that a run has saved; none before its first.
///
/// # Errors
/// [`RunError::Checkpoint`] if the checkpoint is damaged or of another run.
pub fn read_saved(config: &Config, folder: &Folder) -> Result<Option<Saved>, RunError> {
    match read_checkpoint(config, folder) {
        Err(RunError::Folder(FolderError::NoCheckpoint { .. })) => Ok(None),
        saved => saved.map(Some),
    }
}

/// The problem with the flow that a run's saved parameters are for, the saved state, and the checkpoint's checksum.
fn load(problem: &Problem, folder: &Folder) -> Result<(Problem, State, String), RunError> {
    let Saved { checkpoint, checksum } = read_checkpoint(&problem.config, folder)?;
    Ok((trained(problem, &checkpoint.state, folder)?, checkpoint.state, checksum))
}

/// The problem with the flow that the parameters of a state are for.
fn trained(problem: &Problem, state: &State, folder: &Folder) -> Result<Problem, RunError> {
    problem.at(state).ok_or_else(|| {
        let problem = CheckpointError::size(state.theta.len(), problem.flow.parameters());
        RunError::in_checkpoint(folder, problem)
    })
}

fn measure(problem: &Problem, theta: &[f64], stop: &AtomicBool) -> Result<Evaluation, RunError> {
    let mut measured = evaluated(problem, theta, stop)?;
    measured.add_baselines(problem.manifold(), problem.source(), problem.config.seed);
    if let Some(lattice) = problem.lattice() {
        let go_on = || match stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let Config { seed, ref evaluation, .. } = problem.config;
        let seed = seed_of_run(evaluation.seed, seed);
        measured.positivity = Some(Positivity::new(lattice, theta, seed, &go_on));
        if go_on().is_break() {
            return Err(EvaluationError::Interrupted.into());
        }
    }
    Ok(measured)
}

/// What all ranks measure together.
fn evaluated(problem: &Problem, theta: &[f64], stop: &AtomicBool) -> Result<Evaluation, RunError> {
    let Config { seed, ref evaluation, .. } = problem.config;
    let settings = EvaluationConfig { seed: seed_of_run(evaluation.seed, seed), ..evaluation.clone() };
    Ok(evaluate_by(problem.ranks(), &problem.flow, theta, problem.source(), &settings, stop)?)
}

/// Writes the numbers, and then the pictures: if these fail, as on a full disk, the numbers are there.
fn write_results(
    problem: &Problem,
    state: &State,
    checksum: &str,
    evaluation: &Evaluation,
    folder: &Folder,
) -> Result<Report, RunError> {
    let mut report = Report::new(problem, &state.progress, evaluation);
    write_report(&report, checksum, folder)?;
    if problem.config.evaluation.pictures
        && let Err(error) = draw(problem, state, checksum, &mut report, folder)
    {
        let root = folder.root().display();
        warn(format_args!("{error}\nThe report is whole; `ircpm plot {root}` draws the pictures"));
    }
    Ok(report)
}

/// Draws the pictures of a run, and writes their names into its report.
fn draw(
    problem: &Problem,
    state: &State,
    checksum: &str,
    report: &mut Report,
    folder: &Folder,
) -> Result<(), RunError> {
    let mut names = Vec::new();
    for picture in picture::draw(problem, &state.theta, report)? {
        folder.write(&picture.name, &picture.png)?;
        names.push(picture.name);
    }
    if report.pictures != names {
        report.pictures = names;
        write_report(report, checksum, folder)?;
    }
    Ok(())
}

/// Draws the pictures of a run that has a report, whatever its configuration says of pictures. Returns their paths.
///
/// # Errors
/// [`RunError::Unmeasured`] if there is no report of the present state, whose marks belong into the pictures; else as
/// [`reevaluate`], and [`RunError::Picture`].
pub fn plot(problem: &Problem, folder: &Folder) -> Result<Vec<PathBuf>, RunError> {
    let _lock = folder.lock()?;
    let (trained, state, checksum) = load(problem, folder)?;
    let unmeasured = || RunError::Unmeasured { path: folder.root().to_owned() };
    let mut report = Measurement::read(folder, &checksum)?.current().ok_or_else(unmeasured)?;
    draw(&trained, &state, &checksum, &mut report, folder)?;
    Ok(report.pictures.iter().map(|name| folder.path(name)).collect())
}

/// Trains and evaluates without a folder.
///
/// # Errors
/// As [`train()`]; [`RunError::Interrupted`] if the user stops it.
pub fn train_in_memory(
    problem: &Problem,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Report, RunError> {
    let (trained, state) = run(problem, Training::new(problem, None)?, stop, watcher)?;
    if !state.progress.done {
        return Err(RunError::Interrupted);
    }
    let evaluation = measure(&trained, &state.theta, stop)?;
    Ok(Report::new(&trained, &state.progress, &evaluation))
}
