//! Text on standard output and standard error, which may have been closed.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Writes a result to standard output. A pipe that the reader has closed is no error.
///
/// # Errors
/// What the system says, for example that the disk is full.
pub fn show(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a line to standard error; a closed pipe is no error.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
