//! The way of a run, from a configuration to results in a folder.

use std::sync::atomic::AtomicBool;

use super::RunError;
use super::folder::{Folder, FolderError, file};
use super::recorder::{self, Recorder};
use crate::config::{Config, EvaluationConfig};
use crate::evaluation::{Evaluation, evaluate, seed_of_run};
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

/// Trains, evaluates, and writes everything into the folder.
///
/// # Errors
/// [`RunError`]; what is in the folder by then stays there.
pub fn train(
    problem: &Problem,
    folder: &Folder,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    folder.claim(file::CONFIG, problem.config.to_toml().as_bytes())?;
    record(problem, trainer(problem, None)?, folder, stop, watcher)
}

/// The saved state of a run that was interrupted.
///
/// # Errors
/// [`RunError::Finished`] if training has come to its end; [`RunError::Checkpoint`] if the checkpoint is damaged, or
/// not of the configuration beside it.
pub fn unfinished(problem: &Problem, folder: &Folder) -> Result<State, RunError> {
    let (_, state) = load(problem, folder)?;
    if state.progress.done {
        return Err(RunError::Finished { path: folder.root().to_owned(), steps: state.progress.step });
    }
    Ok(state)
}

/// Goes on with an interrupted run, in its folder, and writes the results of the whole.
///
/// Linear layers are fitted anew from the start. Parameters and results are the same bits as without the interruption.
/// In the metrics the ESS and KL of the next steps are estimated from the batches since, and steps after the checkpoint
/// are dropped. A report and pictures of the interrupted run are removed.
///
/// # Errors
/// As [`train()`].
pub fn resume(
    problem: &Problem,
    folder: &Folder,
    state: State,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    // Linear layers have no state to go on from.
    let first = if problem.config.is_linear() { 0 } else { state.progress.step };
    let trainer = trainer(problem, Some(state))?;
    recorder::drop_steps_from(first, folder)?;
    // They are those of the checkpoint that training now leaves behind.
    for name in picture::FILES.into_iter().chain([file::REPORT]) {
        folder.remove(name)?;
    }
    record(problem, trainer, folder, stop, watcher)
}

/// What takes the steps, from a saved state or from fresh parameters; none for linear layers, which are fitted at once.
///
/// # Errors
/// As [`Problem::trainer`] and [`Problem::resume`].
fn trainer(problem: &Problem, state: Option<State>) -> Result<Option<Trainer<'_>>, TrainingError> {
    if problem.config.is_linear() {
        return Ok(None);
    }
    state.map_or_else(|| problem.trainer(), |state| problem.resume(state)).map(Some)
}

/// Trains to the end, or until it is stopped: the problem with the flow that was found, and its state.
fn run(
    problem: &Problem,
    trainer: Option<Trainer<'_>>,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(Problem, State), RunError> {
    let Some(mut trainer) = trainer else { return Ok(problem.fit_linear(stop, watcher)?) };
    trainer.run(stop, watcher)?;
    let state = trainer.state();
    Ok((problem.at(&state).expect("a problem of the trainer's depth"), state))
}

/// Trains to the end with metrics and checkpoints in the folder, then writes the results.
fn record(
    problem: &Problem,
    trainer: Option<Trainer<'_>>,
    folder: &Folder,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    let mut recorder = Recorder::new(folder, &problem.config, watcher)?;
    let (trained, state) = run(problem, trainer, stop, &mut recorder)?;
    recorder.finish()?;
    if !state.progress.done {
        return Ok(Outcome::Interrupted { step: state.progress.step });
    }
    let evaluation = measure(&trained, &state.theta, stop)?;
    let report = write_results(&trained, &state, &evaluation, folder)?;
    Ok(Outcome::Done(Box::new(report)))
}

/// Reads a run's folder and measures its model again; writes report and pictures where there are none yet.
///
/// # Errors
/// [`RunError::Checkpoint`] if the checkpoint is damaged, or not of the configuration beside it; what [`evaluate`]
/// says.
pub fn reevaluate(problem: &Problem, folder: &Folder, stop: &AtomicBool) -> Result<Report, RunError> {
    let (trained, state) = load(problem, folder)?;
    let evaluation = measure(&trained, &state.theta, stop)?;
    if folder.path(file::REPORT).exists() {
        return Ok(Report::new(&trained, &state.progress, &evaluation));
    }
    write_results(&trained, &state, &evaluation, folder)
}

/// The checkpoint of a run, checked against the configuration beside it.
///
/// # Errors
/// [`RunError::Folder`] if there is none, [`RunError::Checkpoint`] if it is damaged or of another run.
pub fn read_checkpoint(config: &Config, folder: &Folder) -> Result<Checkpoint, RunError> {
    if !folder.path(file::CHECKPOINT).exists() {
        return Err(FolderError::NoCheckpoint { path: folder.root().to_owned() }.into());
    }
    let bytes = folder.read(file::CHECKPOINT)?;
    let checkpoint = Checkpoint::decode(&bytes).map_err(|source| RunError::in_checkpoint(folder, source))?;
    // How a result is measured may change, what it is a result of may not.
    let identity =
        |c: &Config| (c.seed, c.target.clone(), c.data.clone(), c.model.clone(), c.training.clone());
    if identity(config) != identity(&checkpoint.config) {
        return Err(RunError::in_checkpoint(folder, CheckpointError::OtherRun));
    }
    Ok(checkpoint)
}

/// The report of a run; none if nobody has measured it.
///
/// # Errors
/// [`RunError::Folder`] if it cannot be read, [`RunError::Report`] if it is not a report of this program.
pub fn read_report(folder: &Folder) -> Result<Option<Report>, RunError> {
    if !folder.path(file::REPORT).exists() {
        return Ok(None);
    }
    let read = serde_json::from_slice(&folder.read(file::REPORT)?);
    read.map(Some).map_err(|source| RunError::Report { path: folder.path(file::REPORT), source })
}

/// The saved state of a run, and the problem with the flow that its parameters are for.
fn load(problem: &Problem, folder: &Folder) -> Result<(Problem, State), RunError> {
    let state = read_checkpoint(&problem.config, folder)?.state;
    let trained = problem.at(&state).ok_or_else(|| {
        let problem = CheckpointError::size(state.theta.len(), problem.flow.parameters());
        RunError::in_checkpoint(folder, problem)
    })?;
    Ok((trained, state))
}

fn measure(problem: &Problem, theta: &[f64], stop: &AtomicBool) -> Result<Evaluation, RunError> {
    let Config { seed, ref evaluation, .. } = problem.config;
    let settings = EvaluationConfig { seed: seed_of_run(evaluation.seed, seed), ..evaluation.clone() };
    let mut measured = evaluate(&problem.flow, theta, problem.source(), &settings, stop)?;
    measured.add_baselines(problem.manifold(), problem.source(), seed);
    Ok(measured)
}

fn write_results(
    problem: &Problem,
    state: &State,
    evaluation: &Evaluation,
    folder: &Folder,
) -> Result<Report, RunError> {
    let mut report = Report::new(problem, &state.progress, evaluation);
    if problem.config.evaluation.pictures {
        for picture in picture::draw(problem, &state.theta, &report)? {
            folder.write(&picture.name, &picture.png)?;
            report.pictures.push(picture.name);
        }
    }
    folder.write(file::REPORT, report.to_json().as_bytes())?;
    Ok(report)
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
    let (trained, state) = run(problem, trainer(problem, None)?, stop, watcher)?;
    if !state.progress.done {
        return Err(RunError::Interrupted);
    }
    let evaluation = measure(&trained, &state.theta, stop)?;
    Ok(Report::new(&trained, &state.progress, &evaluation))
}
