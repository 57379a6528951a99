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
    log_z: Option<f64>,
    supervision: &'a Supervision,
}

/// Energies, and their gradients if the function returns them.
struct Values {
    energies: Vec<f64>,
    gradients: Option<Vec<f64>>,
}

impl<'a> Energy<'a> {
    /// Takes a function of points of `manifold`, and the exact `log Z` at the inverse temperature of training if it is
    /// known.
    pub(crate) fn new(
        function: &Bound<'_, PyAny>,
        manifold: AnyManifold,
        log_z: Option<f64>,
        supervision: &'a Supervision,
    ) -> Self {
        let name = function.getattr("__name__").and_then(|name| name.extract());
        let name = name.unwrap_or_else(|_| "energy".to_owned());
        Self { function: function.clone().unbind(), name, manifold, log_z, supervision }
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
        let (first, second) = self.parts(returned)?;
        let energies = self.numbers(&first, "an array", &[rows], "energy per point", rows)?;
        let gradients = match second {
            _ if !gradients => None,
            Some(second) => {
                Some(self.numbers(&second, "gradients", &[rows, n], "derivative per coordinate", rows)?)
            }
            None => {
                return Err(refuse(format!(
                    "the energy `{name}` returns no gradients, which Adam and L-BFGS need: return the pair (energies, \
                     gradients), or train by least squares, for which energies are enough (optimiser=\"auto\" on a \
                     manifold of finite volume, with at most 20000 parameters)"
                )));
            }
        };
        Ok(Values { energies, gradients })
    }

    /// The energies that the function has returned, and gradients if there are any.
    fn parts<'py>(
        &self,
        returned: Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
        match returned.cast::<PyTuple>() {
            Ok(pair) if pair.len() == 2 => Ok((pair.get_item(0)?, Some(pair.get_item(1)?))),
            Ok(other) => Err(refuse(format!(
                "the energy `{}` returned a tuple of {}: return energies of shape (n,), or the pair of them and \
                 gradients of shape (n, {})",
                self.name,
                other.len(),
                self.manifold.ambient()
            ))),
            Err(_) => Ok((returned, None)),
        }
    }

    /// Numbers of the `expected` shape, each of which is one `unit`.
    fn numbers(
        &self,
        object: &Bound<'_, PyAny>,
        what: &str,
        expected: &[usize],
        unit: &str,
        rows: usize,
    ) -> PyResult<Vec<f64>> {
        let name = &self.name;
        let Numbers { values, shape } = numbers(object, &format!("{what} that the energy `{name}` returns"))?;
        if shape == expected {
            return Ok(values);
        }
        let [found, points, expected] = [&shape[..], &[rows, self.manifold.ambient()], expected].map(tuple);
        Err(refuse(format!(
            "the energy `{name}` returned {what} of shape {found} for points of shape {points}: return one {unit}, of \
             shape {expected}"
        )))
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
        self.log_z
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
