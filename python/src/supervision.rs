//! Computations that signals, exceptions of Python functions and callbacks end early.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ircpm_train::fit::FitError;
use ircpm_train::training::{Step, Watcher};
use pyo3::prelude::*;

use crate::errors::refuse;
use crate::threads;

/// Time between two looks at signals.
const LOOK: Duration = Duration::from_millis(50);

/// Whether a computation should stop, and the first exception that asked for it.
#[derive(Default)]
pub(crate) struct Supervision {
    stop: AtomicBool,
    raised: Mutex<Option<PyErr>>,
}

impl Supervision {
    /// Keeps an exception, unless there is one, and asks the computation to stop.
    pub(crate) fn raise(&self, error: PyErr) {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the computation should stop.
    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Runs `work` on the pool. Meanwhile this thread looks at signals, which Python hands to the main thread alone, and
    /// calls `progress` with the steps.
    ///
    /// The exception that was raised first precedes what `work` returns.
    pub(crate) fn run<R: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&mut dyn Watcher) -> Result<R, FitError> + Send,
    ) -> PyResult<R> {
        let pool = threads::pool(py)?;
        let (sender, steps) = channel();
        // A receiver is not shared between threads, and detaching asks for what may be.
        let steps = Mutex::new(steps);
        let mut reporter = Reporter { sender, is_heard: progress.is_some() };
        let done = thread::scope(|scope| {
            let worker = scope.spawn(move || pool.install(|| work(&mut reporter)));
            loop {
                let next =
                    py.detach(|| steps.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(LOOK));
                let told = match (next, progress) {
                    (Err(RecvTimeoutError::Disconnected), _) => break,
                    (Ok(step), Some(progress)) => tell(progress, &step),
                    _ => Ok(()),
                };
                if let Err(error) = told.and_then(|()| py.check_signals()) {
                    self.raise(error);
                }
            }
            py.detach(|| worker.join())
        });
        match self.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => done.unwrap_or_else(|panic| resume_unwind(panic)).map_err(refuse),
        }
    }
}

/// Sends steps to the thread that supervises.
struct Reporter {
    sender: Sender<Step>,
    is_heard: bool,
}

impl Watcher for Reporter {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        if self.is_heard && self.sender.send(step.clone()).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// Calls a function with a step as a dict.
fn tell(progress: &Bound<'_, PyAny>, step: &Step) -> PyResult<()> {
    let text = serde_json::to_string(step).map_err(refuse)?;
    let step = progress.py().import("json")?.call_method1("loads", (text,))?;
    progress.call1((step,)).map(|_| ())
}
