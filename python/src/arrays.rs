//! Numbers from Python and back: float64 and C order, whatever came.

use ircpm_manifolds::AnyManifold;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use crate::errors::refuse;

/// Numbers with their shape.
pub(crate) struct Numbers {
    /// The numbers, the last axis fastest.
    pub(crate) values: Vec<f64>,
    /// Lengths of the axes.
    pub(crate) shape: Vec<usize>,
}

/// The numbers of anything that numpy makes an array of; `what` names it in messages.
pub(crate) fn numbers(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Numbers> {
    let numpy = object.py().import("numpy")?;
    let array = numpy.call_method1("asarray", (object,))?;
    let dtype = array.getattr("dtype")?;
    let kind: String = dtype.getattr("kind")?.extract()?;
    if !["f", "i", "u"].contains(&kind.as_str()) {
        return Err(refuse(format!("{what} must hold real numbers, not dtype {dtype}: convert to float64")));
    }
    let options = [("dtype", "float64")].into_py_dict(object.py())?;
    let array = numpy.call_method("ascontiguousarray", (&array,), Some(&options))?;
    // A copy, because the computation must not see what Python threads write meanwhile.
    let array: PyReadonlyArrayDyn<'_, f64> = array.extract()?;
    let (values, shape) = (array.as_slice()?.to_vec(), array.shape().to_vec());
    Ok(Numbers { values, shape })
}

/// Points of a manifold: shape `(n, coordinates)`, or `(n,)` where a point has one coordinate. Each is checked and
/// wrapped.
pub(crate) fn points(object: &Bound<'_, PyAny>, manifold: &AnyManifold) -> PyResult<Vec<f64>> {
    let mut y = shaped(object, manifold)?;
    for (row, point) in y.chunks_exact_mut(manifold.ambient()).enumerate() {
        manifold.check_point(point).map_err(|e| {
            refuse(format!("row {row} of the points, counted from 0, is not on {manifold}: {e}"))
        })?;
        manifold.wrap(point);
    }
    Ok(y)
}

/// As [`points`], unchecked but for the shape.
pub(crate) fn shaped(object: &Bound<'_, PyAny>, manifold: &AnyManifold) -> PyResult<Vec<f64>> {
    let Numbers { values, shape } = numbers(object, "the points")?;
    let n = manifold.ambient();
    match shape[..] {
        [_, columns] if columns == n => Ok(values),
        // numpy adds an axis to a scalar, so that one number cannot be told from a list of one.
        [_] if n == 1 => Ok(values),
        [length] if length == n => Err(refuse(format!(
            "points of {manifold} have the shape (n, {n}), not ({length},): give one point as points[None, :]"
        ))),
        _ => Err(refuse(format!("points of {manifold} have the shape (n, {n}), not {}", tuple(&shape)))),
    }
}

/// Values of `k` conditioning variables: shape `(k,)`, or `(rows, k)`; also `()` and `(rows,)` for one variable. Returned as
/// `[row][variable]`.
pub(crate) fn contexts(object: Option<&Bound<'_, PyAny>>, k: usize) -> PyResult<Vec<f64>> {
    let Some(object) = object else {
        return match k {
            0 => Ok(vec![]),
            _ => Err(refuse(format!("the density is conditional on {k} numbers: give them as context"))),
        };
    };
    let Numbers { values, shape } = numbers(object, "the context")?;
    let fits = match shape[..] {
        [] => k == 1,
        [length] => length == k || k == 1,
        [_, columns] => columns == k,
        _ => false,
    };
    if k == 0 {
        return Err(refuse("the density is not conditional: leave context out"));
    }
    if !fits || values.is_empty() {
        let shape = tuple(&shape);
        return Err(refuse(format!("context has the shape ({k},) or (n, {k}) with n > 0, not {shape}")));
    }
    match values.iter().find(|c| !c.is_finite()) {
        Some(value) => Err(refuse(format!("context holds {value}: every number must be finite"))),
        None => Ok(values),
    }
}

/// Points of `n` coordinates, each followed by its row of `k` conditioning variables, of which there is one row for all of
/// them or one for each.
pub(crate) fn joined(points: &[f64], n: usize, contexts: &[f64], k: usize) -> PyResult<Vec<f64>> {
    if k == 0 {
        return Ok(points.to_vec());
    }
    let (count, rows) = (points.len() / n, contexts.len() / k);
    if rows != 1 && rows != count {
        return Err(refuse(format!(
            "{rows} rows of context for {count} points: give one for all, or one for each"
        )));
    }
    let row = |i: usize| if rows == 1 { contexts } else { &contexts[i * k..(i + 1) * k] };
    Ok(points.chunks_exact(n).enumerate().flat_map(|(i, point)| [point, row(i)].concat()).collect())
}

/// The points that [`joined`] made, without their `k` conditioning variables.
pub(crate) fn separated(points: Vec<f64>, n: usize, k: usize) -> Vec<f64> {
    if k == 0 { points } else { points.chunks_exact(n + k).flat_map(|point| point[..n].to_vec()).collect() }
}

/// Weights of so many rows: shape `(n,)`.
pub(crate) fn weights(object: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<f64>> {
    let Numbers { values, shape } = numbers(object, "the weights")?;
    match shape[..] {
        [length] if length == rows => Ok(values),
        _ => Err(refuse(format!("weights of {rows} points have the shape ({rows},), not {}", tuple(&shape)))),
    }
}

/// A shape as Python writes it.
pub(crate) fn tuple(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// An array of shape `(n,)`.
pub(crate) fn vector(py: Python<'_>, values: Vec<f64>) -> Bound<'_, PyArray1<f64>> {
    PyArray1::from_vec(py, values)
}

/// An array of shape `(n, columns)`.
pub(crate) fn matrix(py: Python<'_>, values: Vec<f64>, columns: usize) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let rows = values.len() / columns;
    PyArray1::from_vec(py, values).reshape([rows, columns])
}
