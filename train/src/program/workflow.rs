//! The way of a run, from a configuration to results in a folder.

use std::sync::atomic::AtomicBool;

use super::RunError;
use super::folder::{Folder, file};
use crate::config::Config;
use crate::evaluation::{Evaluation, evaluate};
use crate::report::{Report, picture};
use crate::training::checkpoint::{self, Checkpoint, CheckpointError};
use crate::training::{Problem, Trainer, Watcher, fit};

/// What came of a run.
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
    let mut trainer = Trainer::new(problem);
    fit(&mut trainer, Some(folder), stop, watcher)?;
    let checkpoint = trainer.checkpoint();
    if !trainer.is_done() {
        return Ok(Outcome::Interrupted { step: checkpoint.progress.step });
    }
    let evaluation = evaluate(problem, &checkpoint.theta, stop)?;
    write_results(problem, &checkpoint, &evaluation, folder).map(|report| Outcome::Done(Box::new(report)))
}

/// Reads a run's folder and measures its model again; writes report and pictures where there are none yet.
///
/// # Errors
/// `Checkpoint` if the checkpoint is damaged, or not of the configuration beside it.
pub fn reevaluate(problem: &Problem, folder: &Folder, stop: &AtomicBool) -> Result<Report, RunError> {
    let checkpoint = Checkpoint::load(folder)?;
    let foreign = |source| checkpoint::located(folder, source);
    // How a result is measured may change, what it is a result of may not.
    let identity =
        |c: &Config| (c.seed, c.target.clone(), c.data.clone(), c.model.clone(), c.training.clone());
    if identity(&problem.config) != identity(&checkpoint.config) {
        return Err(foreign(CheckpointError::OtherRun));
    }
    checkpoint.check_size(problem.flow.parameters()).map_err(foreign)?;
    let evaluation = evaluate(problem, &checkpoint.theta, stop)?;
    if folder.path(file::REPORT).exists() {
        return Ok(Report::new(problem, &checkpoint.progress, &evaluation));
    }
    write_results(problem, &checkpoint, &evaluation, folder)
}

fn write_results(
    problem: &Problem,
    checkpoint: &Checkpoint,
    evaluation: &Evaluation,
    folder: &Folder,
) -> Result<Report, RunError> {
    let mut report = Report::new(problem, &checkpoint.progress, evaluation);
    if problem.config.evaluation.pictures {
        for picture in picture::draw(problem, &checkpoint.theta, &report)? {
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
/// As [`train()`]; `Interrupted` if the user stops it.
pub fn train_in_memory(
    problem: &Problem,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<Report, RunError> {
    let mut trainer = Trainer::new(problem);
    fit(&mut trainer, None, stop, watcher)?;
    if !trainer.is_done() {
        return Err(RunError::Interrupted);
    }
    let checkpoint = trainer.checkpoint();
    let evaluation = evaluate(problem, &checkpoint.theta, stop)?;
    Ok(Report::new(problem, &checkpoint.progress, &evaluation))
}
