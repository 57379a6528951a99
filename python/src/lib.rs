//! Python bindings: numpy arrays in, numpy arrays out.
//!
//! `training` has the functions that make a flow, `flow` the class; the others are what stands
//! between the two languages. Everything that computes runs detached from the interpreter, so that other Python
//! threads go on.

mod arrays;
mod energy;
mod errors;
mod files;
mod flow;
mod supervision;
mod threads;
mod training;

use pyo3::prelude::*;

/// The compiled part of the package `ircpm`, which shows its names.
#[pymodule]
fn _ircpm(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("IrcpmError", py.get_type::<errors::IrcpmError>())?;
    module.add("ConvergenceWarning", py.get_type::<errors::ConvergenceWarning>())?;
    module.add("DensityWarning", py.get_type::<errors::DensityWarning>())?;
    module.add_class::<flow::Flow>()?;
    module.add_function(wrap_pyfunction!(training::fit, module)?)?;
    module.add_function(wrap_pyfunction!(training::train, module)?)?;
    module.add_function(wrap_pyfunction!(files::load, module)?)?;
    module.add_function(wrap_pyfunction!(training::targets, module)?)?;
    module.add_function(wrap_pyfunction!(threads::set_threads, module)?)?;
    module.add_function(wrap_pyfunction!(threads::threads, module)?)?;
    Ok(())
}
