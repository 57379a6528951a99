//! The progress of a proof.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;

use super::bounds::PATIENCE;
use crate::program::RunError;
use crate::program::progress::count_bar;

/// A bar of what is proven of a manifold, in thousandths: how many cells that takes is not known before.
pub(super) struct ProvenBar<'a> {
    bar: ProgressBar,
    start: Instant,
    stop: &'a AtomicBool,
}

impl<'a> ProvenBar<'a> {
    /// The bar before the first cell. `stop` breaks the proof off.
    pub(super) fn new(label: &'static str, stop: &'a AtomicBool) -> Self {
        Self { bar: count_bar(label, 1000), start: Instant::now(), stop }
    }

    /// Shows the share that is proven, and says whether to go on.
    pub(super) fn tell(&self, proven: f64) -> ControlFlow<()> {
        if self.start.elapsed() > PATIENCE {
            self.bar.set_position((1000.0 * proven) as u64);
        }
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Takes the bar away.
    ///
    /// # Errors
    /// [`RunError::Stopped`] if the proof was broken off.
    pub(super) fn finish(self) -> Result<(), RunError> {
        self.bar.finish_and_clear();
        if self.stop.load(Ordering::Relaxed) { Err(RunError::Stopped) } else { Ok(()) }
    }
}
