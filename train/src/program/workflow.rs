//! The way of a run, from a configuration to results in a folder.

use std::sync::atomic::AtomicBool;

use super::RunError;
use super::folder::{Folder, FolderError, file};
use super::recorder::{self, Recorder};
use crate::config::{Config, EvaluationConfig};
use crate::evaluation::{Evaluation, evaluate, seed_of_run};
use crate::report::{Report, picture};
use crate::training::checkpoint::{Checkpoint, CheckpointError};
use crate::training::{Problem, State, Trainer, Watcher};

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
    if problem.config.is_linear() {
        return fit_linear(problem, folder, stop, watcher);
    }
    record(problem, problem.trainer()?, folder, stop, watcher)
}

/// The saved state of a run that was interrupted.
///
/// # Errors
/// [`RunError::Finished`] if training has come to its end; [`RunError::Checkpoint`] if the checkpoint is damaged, or
/// not of the configuration beside it.
pub fn unfinished(problem: &Problem, folder: &Folder) -> Result<State, RunError> {
    let state = load(problem, folder)?;
    if state.progress.done {
        return Err(RunError::Finished { path: folder.root().to_owned(), steps: state.progress.step });
    }
    Ok(state)
}

/// Goes on with an interrupted run, in its folder, and writes the results of the whole.
///
/// Linear layers are fitted anew from the start. Parameters and results are the same bits as without the interruption. In the metrics the ESS and KL of the next
/// steps are estimated from the batches since, and steps after the checkpoint are dropped. A report and pictures of
/// the interrupted run are removed.
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
    let is_linear = problem.config.is_linear();
    recorder::drop_steps_from(if is_linear { 0 } else { state.progress.step }, folder)?;
    // They are those of the checkpoint that training now leaves behind.
    for name in picture::FILES.into_iter().chain([file::REPORT]) {
        folder.remove(name)?;
    }
    if is_linear {
        return fit_linear(problem, folder, stop, watcher);
    }
    record(problem, problem.resume(state)?, folder, stop, watcher)
}

/// Fits linear layers to points, with metrics of every layer and a checkpoint of the end in the folder, then writes the
/// results.
fn fit_linear(
    problem: &Problem,
    folder: &Folder,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    let mut recorder = Recorder::new(folder, &problem.config, watcher)?;
    let (fitted, state) = problem.fit_linear(stop, &mut recorder)?;
    // A checkpoint that cannot be written is reported by `finish`.
    let _ = recorder.checkpoint(&state);
    recorder.finish()?;
    if !state.progress.done {
        return Ok(Outcome::Interrupted { step: state.progress.step });
    }
    let evaluation = measure(&fitted, &state.theta, stop)?;
    let report = write_results(&fitted, &state, &evaluation, folder)?;
    Ok(Outcome::Done(Box::new(report)))
}

/// Trains to the end with metrics and checkpoints in the folder, then writes the results.
fn record(
    problem: &Problem,
    mut trainer: Trainer<'_>,
    folder: &Folder,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RunError> {
    let mut recorder = Recorder::new(folder, &problem.config, watcher)?;
    trainer.run(stop, &mut recorder)?;
    recorder.finish()?;
    if !trainer.is_done() {
        return Ok(Outcome::Interrupted { step: trainer.progress().step });
    }
    let state = trainer.state();
    let trained = at_depth_of(problem, &state, folder)?;
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
    let state = load(problem, folder)?;
    let problem = &at_depth_of(problem, &state, folder)?;
    let evaluation = measure(problem, &state.theta, stop)?;
    if folder.path(file::REPORT).exists() {
        return Ok(Report::new(problem, &state.progress, &evaluation));
    }
    write_results(problem, &state, &evaluation, folder)
}

/// The saved state of a run, checked against the configuration beside it.
fn load(problem: &Problem, folder: &Folder) -> Result<State, RunError> {
    if !folder.path(file::CHECKPOINT).exists() {
        return Err(FolderError::NoCheckpoint { path: folder.root().to_owned() }.into());
    }
    let bytes = folder.read(file::CHECKPOINT)?;
    let checkpoint = Checkpoint::decode(&bytes).map_err(|source| RunError::in_checkpoint(folder, source))?;
    // How a result is measured may change, what it is a result of may not.
    let identity =
        |c: &Config| (c.seed, c.target.clone(), c.data.clone(), c.model.clone(), c.training.clone());
    if identity(&problem.config) != identity(&checkpoint.config) {
        return Err(RunError::in_checkpoint(folder, CheckpointError::OtherRun));
    }
    at_depth_of(problem, &checkpoint.state, folder)?;
    Ok(checkpoint.state)
}

/// The problem with the flow that the state's parameters are for.
///
/// # Errors
/// [`RunError::Checkpoint`] if they fit no number of layers.
fn at_depth_of(problem: &Problem, state: &State, folder: &Folder) -> Result<Problem, RunError> {
    problem.at(state).ok_or_else(|| {
        RunError::in_checkpoint(folder, CheckpointError::size(state.theta.len(), problem.flow.parameters()))
    })
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
    let (trained, state) = if problem.config.is_linear() {
        problem.fit_linear(stop, watcher)?
    } else {
        let mut trainer = problem.trainer()?;
        trainer.run(stop, watcher)?;
        let state = trainer.state();
        (problem.at(&state).expect("the flow of the trainer"), state)
    };
    if !state.progress.done {
        return Err(RunError::Interrupted);
    }
    let evaluation = measure(&trained, &state.theta, stop)?;
    Ok(Report::new(&trained, &state.progress, &evaluation))
}
