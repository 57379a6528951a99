//! Text on standard output and standard error, which may have been closed.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::Report;

/// Writes a result to standard output. A pipe that the reader has closed is no error.
///
/// # Errors
/// What the system says, for example that the disk is full.
pub fn show(text: impl Display) -> io::Result<()> {
    if SILENT.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a report to standard output: as a table for people, or as JSON.
///
/// # Errors
/// As [`show`].
pub fn show_report(report: &Report, json: bool) -> io::Result<()> {
    if json { show(report.to_json()) } else { show(report) }
}

/// Whether notes are left out.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether everything is left out.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Switches all output off or on, because only rank 0 prints.
pub fn set_silent(silent: bool) {
    SILENT.store(silent, Ordering::Relaxed);
}

/// Leaves out notes and progress from now on.
pub fn set_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether notes and progress are left out.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed) || SILENT.load(Ordering::Relaxed)
}

/// Writes a line to standard error, unless the program is quiet; a closed pipe is no error.
pub fn note(text: impl Display) {
    if !is_quiet() {
        warn(text);
    }
}

/// Writes a line to standard error that a reader must not miss; a closed pipe is no error.
pub fn warn(text: impl Display) {
    if SILENT.load(Ordering::Relaxed) {
        return;
    }
    let _ = writeln!(io::stderr(), "{text}");
}
