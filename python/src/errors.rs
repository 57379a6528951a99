//! Exceptions and warnings, with the texts of the Rust errors.

use std::ffi::CString;
use std::fmt::Display;
use std::io;
use std::path::Path;

use pyo3::exceptions::{PyOSError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTypeInfo, create_exception};

create_exception!(
    ircpm,
    IrcpmError,
    PyValueError,
    "What was given makes no sense, or no flow can be made of it; the message says what to change."
);
create_exception!(
    ircpm,
    DensityWarning,
    PyUserWarning,
    "The map folds or its mass is not one, so that its density is none, everywhere or at some points."
);

create_exception!(
    ircpm,
    ConvergenceWarning,
    PyUserWarning,
    "The flow is a density, but training ended before its goal."
);

/// The exception with an error's text.
pub(crate) fn refuse(error: impl Display) -> PyErr {
    IrcpmError::new_err(error.to_string())
}

/// The `OSError` of a file, of the subclass that its cause asks for.
pub(crate) fn of_file(py: Python<'_>, path: &Path, error: &io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(format!("{}: {error}", path.display()));
    };
    let text = py.import("os").and_then(|os| os.call_method1("strerror", (number,)));
    let made = text.and_then(|text| py.get_type::<PyOSError>().call1((number, text, path)));
    made.map_or_else(|failed| failed, PyErr::from_value)
}

/// Warns with an instance of `W`, where the caller's code calls.
pub(crate) fn warn<W: PyTypeInfo>(py: Python<'_>, text: &str) -> PyResult<()> {
    // A text without zero bytes always converts.
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    PyErr::warn(py, py.get_type::<W>().as_any(), &text, 1)
}
