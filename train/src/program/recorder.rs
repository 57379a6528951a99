//! Keeps a run's metrics and checkpoints in its folder while it trains.

use std::fs::File;
use std::io::{self, LineWriter, Write};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::RunError;
use super::folder::{Folder, FolderError, file};
use crate::config::Config;
use crate::training::checkpoint::Checkpoint;
use crate::training::{Progress, State, Step, Watcher};

/// A [`Watcher`] that writes to the folder of a run, and tells another one of every step.
pub(super) struct Recorder<'a> {
    folder: &'a Folder,
    config: &'a Config,
    metrics: LineWriter<File>,
    watcher: &'a mut dyn Watcher,
    /// What could not be written: training then stops.
    failure: Option<RunError>,
}

impl<'a> Recorder<'a> {
    /// A recorder that appends to the run's metrics.
    ///
    /// # Errors
    /// [`FolderError::Write`] if they cannot be opened.
    pub(super) fn new(
        folder: &'a Folder,
        config: &'a Config,
        watcher: &'a mut dyn Watcher,
    ) -> Result<Self, FolderError> {
        let metrics = LineWriter::new(folder.append(file::METRICS)?);
        Ok(Self { folder, config, metrics, watcher, failure: None })
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// What could not be written, if anything.
    pub(super) fn finish(mut self) -> Result<(), RunError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.metrics.flush().map_err(|source| self.unwritten(source)),
        }
    }

    fn unwritten(&self, source: io::Error) -> RunError {
        FolderError::write(&self.folder.path(file::METRICS), source).into()
    }

    fn write_line(&mut self, step: &Step) -> io::Result<()> {
        serde_json::to_writer(&mut self.metrics, step)?;
        self.metrics.write_all(b"\n")
    }

    fn save(&self, state: &State) -> Result<(), RunError> {
        let checkpoint = Checkpoint { config: self.config.clone(), state: state.clone() };
        let bytes = checkpoint.encode().map_err(|source| RunError::in_checkpoint(self.folder, source))?;
        self.folder.write(file::CHECKPOINT, &bytes)?;
        Ok(self.folder.write(file::TIMES, Times::of(&state.progress).to_json().as_bytes())?)
    }

    fn go_on_if(&mut self, written: Result<(), RunError>) -> ControlFlow<()> {
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}

/// What training has taken, which a checkpoint does not hold.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Times {
    wall_seconds: f64,
    cpu_seconds: f64,
}

impl Times {
    fn of(progress: &Progress) -> Self {
        Self { wall_seconds: progress.wall_seconds, cpu_seconds: progress.cpu_seconds }
    }

    fn to_json(self) -> String {
        serde_json::to_string(&self).expect("numbers with names") + "\n"
    }
}

/// Adds to a state from a checkpoint the time that it took. If that is not known it stays as it is, because nothing but
/// reports depends on it.
pub(super) fn add_times(progress: &mut Progress, folder: &Folder) {
    let times = folder.read(file::TIMES).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(Times { wall_seconds, cpu_seconds }) = times {
        (progress.wall_seconds, progress.cpu_seconds) = (wall_seconds, cpu_seconds);
    }
}

/// Drops the lines of steps that a resumed run takes again, and one that was cut off.
pub(super) fn drop_steps_from(step: usize, folder: &Folder) -> Result<(), FolderError> {
    if !folder.path(file::METRICS).exists() {
        return Ok(());
    }
    let earlier = |line: &&str| {
        let value = serde_json::from_str::<serde_json::Value>(line).ok();
        value.and_then(|value| value["step"].as_u64()).is_some_and(|taken| taken < step as u64)
    };
    let bytes = folder.read(file::METRICS)?;
    let text = String::from_utf8_lossy(&bytes);
    let kept: String = text.lines().filter(earlier).flat_map(|line| [line, "\n"]).collect();
    if kept.len() == bytes.len() { Ok(()) } else { folder.write(file::METRICS, kept.as_bytes()) }
}

impl Watcher for Recorder<'_> {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        if step.logged {
            let written = self.write_line(step).map_err(|source| self.unwritten(source));
            self.go_on_if(written)?;
        }
        self.watcher.step(step)
    }

    fn checkpoint(&mut self, state: &State) -> ControlFlow<()> {
        let written = self.save(state);
        self.go_on_if(written)
    }
}
