//! The time that a run takes over all of its parts.

use std::time::Instant;

use cpu_time::ProcessTime;

use super::Progress;

/// Wall-clock and processor time, added to what an earlier part of the run took.
pub(super) struct Clock {
    before: Progress,
    wall: Instant,
    cpu: ProcessTime,
}

impl From<Progress> for Clock {
    fn from(before: Progress) -> Self {
        Self { before, wall: Instant::now(), cpu: ProcessTime::now() }
    }
}

impl Clock {
    /// Writes the times until now.
    pub(super) fn read(&self, progress: &mut Progress) {
        progress.wall_seconds = self.before.wall_seconds + self.wall.elapsed().as_secs_f64();
        progress.cpu_seconds = self.before.cpu_seconds + self.cpu.elapsed().as_secs_f64();
    }
}
