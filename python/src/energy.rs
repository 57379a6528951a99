//! Energies that are Python functions.

use std::sync::atomic::Ordering;

use ircpm_manifolds::AnyManifold;
use ircpm_train::target::Target;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arrays::{Numbers, matrix, numbers, tuple};
use crate::errors::refuse;
use crate::supervision::Supervision;

/// A Python function of points `(n, coordinates)` that returns their energies `(n,)`, or the pair of energies and
/// gradients `(n, coordinates)`.
///
/// A [`Target`] returns no errors: the supervision gets an exception, and all energies are NaN from then on, which ends
/// the computation.
pub(crate) struct Energy<'a> {
    function: Py<PyAny>,
    name: String,
    manifold: AnyManifold,
    supervision: &'a Supervision,
}

/// Energies, and their gradients if the function returns them.
struct Values {
    energies: Vec<f64>,
    gradients: Option<Vec<f64>>,
}

impl<'a> Energy<'a> {
    /// Takes a function of points of `manifold`.
    pub(crate) fn new(
        function: &Bound<'_, PyAny>,
        manifold: AnyManifold,
        supervision: &'a Supervision,
    ) -> Self {
        let name = function.getattr("__name__").and_then(|name| name.extract());
        let name = name.unwrap_or_else(|_| "energy".to_owned());
        Self { function: function.clone().unbind(), name, manifold, supervision }
    }

    /// Calls the function; none once the computation should stop.
    fn values(&self, y: &[f64], gradients: bool) -> Option<Values> {
        if self.supervision.stop().load(Ordering::Relaxed) {
            return None;
        }
        Python::attach(|py| self.call(py, y, gradients)).map_err(|error| self.supervision.raise(error)).ok()
    }

    fn call(&self, py: Python<'_>, y: &[f64], gradients: bool) -> PyResult<Values> {
        let (name, n) = (&self.name, self.manifold.ambient());
        let rows = y.len() / n;
        let returned = self.function.call1(py, (matrix(py, y.to_vec(), n)?,))?.into_bound(py);
        let (first, second) = match returned.cast::<PyTuple>() {
            Ok(pair) if pair.len() == 2 => (pair.get_item(0)?, Some(pair.get_item(1)?)),
            Ok(other) => {
                let length = other.len();
                return Err(refuse(format!(
                    "the energy `{name}` returned a tuple of {length}: return energies of shape (n,), or the pair of \
                     them and gradients of shape (n, {n})"
                )));
            }
            Err(_) => (returned, None),
        };
        let Numbers { values, shape } = numbers(&first, &format!("what the energy `{name}` returns"))?;
        if shape != [rows] {
            return Err(refuse(format!(
                "the energy `{name}` returned an array of shape {} for points of shape ({rows}, {n}): return one energy \
                 per point, of shape ({rows},)",
                tuple(&shape)
            )));
        }
        let gradients = match (second, gradients) {
            (_, false) => None,
            (Some(second), true) => {
                let Numbers { values, shape } =
                    numbers(&second, &format!("the gradients that the energy `{name}` returns"))?;
                if shape != [rows, n] {
                    return Err(refuse(format!(
                        "the energy `{name}` returned gradients of shape {} for points of shape ({rows}, {n}): return \
                         one derivative per coordinate, of shape ({rows}, {n})",
                        tuple(&shape)
                    )));
                }
                Some(values)
            }
            (None, true) => {
                return Err(refuse(format!(
                    "the energy `{name}` returns no gradients, which Adam and L-BFGS need: return the pair (energies, \
                     gradients), or train by least squares, for which energies are enough (optimiser=\"auto\" on a \
                     manifold of finite volume, with at most 20000 parameters)"
                )));
            }
        };
        Ok(Values { energies: values, gradients })
    }
}

impl Target for Energy<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn manifold(&self) -> &AnyManifold {
        &self.manifold
    }

    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }

    fn energies(&self, y: &[f64], u: &mut [f64]) {
        match self.values(y, false) {
            Some(Values { energies, .. }) => u.copy_from_slice(&energies),
            None => u.fill(f64::NAN),
        }
    }

    fn gradients(&self, y: &[f64], u: &mut [f64], grad: &mut [f64]) {
        match self.values(y, true) {
            Some(Values { energies, gradients: Some(gradients) }) => {
                u.copy_from_slice(&energies);
                grad.copy_from_slice(&gradients);
            }
            _ => {
                u.fill(f64::NAN);
                grad.fill(f64::NAN);
            }
        }
    }
}
