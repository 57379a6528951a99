//! Flows from files and to them.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ircpm_train::data::crc32;
use ircpm_train::fit::FlowFile;
use pyo3::prelude::*;
use serde_json::{Map, Value};

use crate::errors::{of_file, refuse};
use crate::flow::Flow;

/// Files of a run's folder.
const CHECKPOINT: &str = "checkpoint.safetensors";
const REPORT: &str = "report.json";

/// Reads a flow that `Flow.save` wrote, or that of a run: its folder, or the checkpoint in it.
///
/// The report of a run's folder is taken if it is about the present checkpoint.
///
/// Raises
/// ------
/// OSError
///     If the file cannot be read.
/// IrcpmError
///     If it is damaged, or of something else.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<Flow> {
    let (path, report) =
        if path.is_dir() { (path.join(CHECKPOINT), Some(path.join(REPORT))) } else { (path, None) };
    let bytes = py.detach(|| read(&path)).map_err(|e| of_file(py, &path, &e))?;
    let named = |error| refuse(format!("{}: {error}", path.display()));
    let mut file = py.detach(|| FlowFile::decode(&bytes)).map_err(named)?;
    if let Some(report) = report.filter(|report| report.exists()) {
        let text = read(&report).map_err(|e| of_file(py, &report, &e))?;
        let damaged = |e: &dyn Display| refuse(format!("{}: {e}; the file is damaged", report.display()));
        let text = String::from_utf8(text).map_err(|e| damaged(&e))?;
        // Reports of earlier versions have other keys, and do not say which checkpoint they are about.
        let entries = serde_json::from_str::<Map<String, Value>>(&text).map_err(|e| damaged(&e))?;
        if entries.get("checkpoint").and_then(Value::as_str) == Some(&crc32(&bytes)) {
            file.report = Some(text);
        }
    }
    Ok(Flow { file })
}

/// Reads a whole file, and nothing that has no end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Writes a whole file: under another name first, then renamed, so that a reader never sees half of it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // What cannot be removed was not there.
        let _ = fs::remove_file(&part);
    }
    written
}
