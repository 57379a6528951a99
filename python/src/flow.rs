//! A flow with its parameters, as Python sees it.

use std::path::PathBuf;

use ircpm_manifolds::AnyManifold;
use ircpm_train::fit::FlowFile;
use ircpm_train::report::{Report, Status};
use ircpm_train::samples::Samples;
use numpy::{PyArray1, PyArray2};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::arrays::{self, matrix, vector};
use crate::errors::{ConvergenceWarning, DensityWarning, of_file, refuse, warn};
use crate::{files, threads};

/// Points with one number each.
type Pair<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>);

/// Most points at a time, so that signals are heeded in between.
const BATCH: usize = 1 << 15;

/// A normalising flow: the density of the image of a base density under a map of a manifold.
///
/// Made by `ircpm.fit`, `ircpm.train` and `ircpm.load`. Points are rows of arrays of shape (n, coordinates), float64;
/// densities are with respect to the Riemannian volume. Where the map folds, or a solve fails, a point has no density:
/// its numbers are NaN, and a `DensityWarning` says how many there are. Points that are not on the manifold raise
/// `IrcpmError`.
#[pyclass(frozen, module = "ircpm")]
pub(crate) struct Flow {
    pub(crate) file: FlowFile,
}

impl Flow {
    /// A flow that was measured; warns if it is no density, or not at its goal.
    pub(crate) fn measured(py: Python<'_>, mut file: FlowFile, report: &Report) -> PyResult<Self> {
        if let Some(mark) = report.mark() {
            let text = format!("{}: {mark}; see flow.report", report.title());
            match report.status {
                Status::NotADensity => warn::<DensityWarning>(py, &text)?,
                _ => warn::<ConvergenceWarning>(py, &text)?,
            }
        }
        file.report = Some(report.to_json());
        Ok(Self { file })
    }

    fn on(&self) -> &AnyManifold {
        self.file.flow.manifold()
    }

    /// Coordinates of a point with its conditioning variables.
    fn columns(&self) -> usize {
        self.on().ambient()
    }

    /// Conditioning variables.
    fn contexts(&self) -> usize {
        self.on().contexts()
    }

    /// Coordinates of a point alone.
    fn own(&self) -> usize {
        self.columns() - self.contexts()
    }

    /// Points with their conditioning variables, checked and wrapped.
    fn points(&self, points: &Bound<'_, PyAny>, context: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<f64>> {
        let k = self.contexts();
        let rows = arrays::contexts(context, k)?;
        match self.on().to_product().filter(|_| k > 0) {
            Some(product) => {
                let alone = arrays::points(points, &product.unconditional().into())?;
                arrays::joined(&alone, self.own(), &rows, k)
            }
            None => arrays::points(points, self.on()),
        }
    }

    /// An array of points, without their conditioning variables.
    fn matrix<'py>(&self, py: Python<'py>, points: Vec<f64>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let own = self.own();
        matrix(py, arrays::separated(points, own, self.contexts()), own)
    }

    /// Calls `work` on parts of points, one after the other, and gives it the points and how many there are.
    fn in_parts(
        &self,
        py: Python<'_>,
        y: &[f64],
        mut work: impl FnMut(&[f64]) -> Vec<bool> + Send,
    ) -> PyResult<()> {
        let (mut failed, count) = (0, y.len() / self.columns());
        for part in y.chunks(BATCH * self.columns()) {
            let ok = threads::run(py, || work(part))?;
            failed += ok.iter().filter(|ok| !**ok).count();
            py.check_signals()?;
        }
        warn_of_failed(py, failed, count)
    }

    /// Logarithms of the base density.
    fn log_base(&self, x: &[f64]) -> impl Iterator<Item = f64> {
        x.chunks_exact(self.columns()).map(|x| self.on().log_base(x))
    }
}

/// Warns of points that have no density.
fn warn_of_failed(py: Python<'_>, failed: usize, count: usize) -> PyResult<()> {
    if failed == 0 {
        return Ok(());
    }
    let text = format!(
        "{failed} of {count} points have no density, because the map folds there or a solve failed: their numbers are NaN"
    );
    warn::<DensityWarning>(py, &text)
}

/// Writes NaN where a point is not ok, so that nobody takes its coordinates for an image.
fn blank(points: &mut [f64], ok: &[bool], columns: usize) {
    for (point, ok) in points.chunks_exact_mut(columns).zip(ok) {
        if !ok {
            point.fill(f64::NAN);
        }
    }
}

#[pymethods]
impl Flow {
    /// Draws independent points of the model.
    ///
    /// Parameters
    /// ----------
    /// n : int
    ///     Number of points.
    /// seed : int
    ///     The same seed gives the same bits on one instruction set, and fewer points are the beginning of more.
    /// context : array_like, shape (k,) or (rows, k), optional
    ///     Values of the conditioning variables of a conditional density; for several rows, n points for each of them.
    ///
    /// Returns
    /// -------
    /// ndarray, shape (n, coordinates) or (rows * n, coordinates)
    ///
    /// Raises
    /// ------
    /// IrcpmError
    ///     If more than half of the inner solves fail; single ones that fail are replaced by the next.
    /// MemoryError
    ///     If the points do not fit into memory.
    #[pyo3(signature = (n, seed=0, *, context=None))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        Ok(self.sample_and_log_prob(py, n, seed, context)?.0)
    }

    /// Draws independent points of the model, with the logarithms of their densities.
    ///
    /// Parameters
    /// ----------
    /// n : int
    ///     Number of points.
    /// seed : int
    ///     The same seed gives the same bits on one instruction set, and fewer points are the beginning of more.
    /// context : array_like, optional
    ///     As of `sample`.
    ///
    /// Returns
    /// -------
    /// points : ndarray, shape (n, coordinates)
    /// log_prob : ndarray, shape (n,)
    ///
    /// Raises
    /// ------
    /// IrcpmError, MemoryError
    ///     As `sample`.
    #[pyo3(signature = (n, seed=0, *, context=None))]
    fn sample_and_log_prob<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Pair<'py>> {
        let FlowFile { flow, theta, .. } = &self.file;
        let (columns, k, each) = (self.columns(), self.contexts(), n);
        let rows = arrays::contexts(context, k)?;
        let n = each.saturating_mul(rows.len().checked_div(k).unwrap_or(1));
        let (mut points, mut log_q) = (Vec::new(), Vec::new());
        let fits = n.checked_mul(columns).is_some_and(|numbers| points.try_reserve_exact(numbers).is_ok());
        if !fits || log_q.try_reserve_exact(n).is_err() {
            let text =
                format!("{n} points of {columns} coordinates do not fit into memory: draw fewer at a time");
            return Err(PyMemoryError::new_err(text));
        }
        let mut samples = match k {
            0 => Samples::new(flow, theta, None, n, seed),
            _ => Samples::given(flow, theta, &rows, each, seed),
        };
        while let Some(batch) = threads::run(py, || samples.next())? {
            let batch = batch.map_err(refuse)?;
            points.extend(batch.points);
            log_q.extend(batch.log_q);
            py.check_signals()?;
        }
        Ok((self.matrix(py, points)?, vector(py, log_q)))
    }

    /// Logarithms of the density at points, in nats, with respect to the Riemannian volume.
    ///
    /// Parameters
    /// ----------
    /// points : array_like, shape (n, coordinates)
    /// context : array_like, shape (k,) or (n, k), optional
    ///     Values of the conditioning variables of a conditional density, for all points or for each.
    ///
    /// Returns
    /// -------
    /// ndarray, shape (n,)
    ///
    /// Raises
    /// ------
    /// IrcpmError
    ///     If a point is not on the manifold, or the shape is another.
    #[pyo3(signature = (points, /, *, context=None))]
    fn log_prob<'py>(
        &self,
        py: Python<'py>,
        points: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let y = self.points(points, context)?;
        let FlowFile { flow, theta, .. } = &self.file;
        let mut log_q = Vec::new();
        self.in_parts(py, &y, |y| {
            let pulled = flow.inverse(theta, y);
            log_q.extend(pulled.log_q);
            pulled.ok
        })?;
        Ok(vector(py, log_q))
    }

    /// Carries base points to points of the model.
    ///
    /// Parameters
    /// ----------
    /// base_points : array_like, shape (n, coordinates)
    /// context : array_like, shape (k,) or (n, k), optional
    ///     Values of the conditioning variables of a conditional density, for all points or for each.
    ///
    /// Returns
    /// -------
    /// points : ndarray, shape (n, coordinates)
    /// log_det : ndarray, shape (n,)
    ///     Logarithm of the map's Jacobian determinant, its absolute value, at the base points.
    ///
    /// Raises
    /// ------
    /// IrcpmError
    ///     If a point is not on the manifold, or the shape is another.
    #[pyo3(signature = (base_points, /, *, context=None))]
    fn forward<'py>(
        &self,
        py: Python<'py>,
        base_points: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Pair<'py>> {
        let x = self.points(base_points, context)?;
        let FlowFile { flow, theta, .. } = &self.file;
        let (mut y, mut log_det) = (Vec::new(), Vec::new());
        self.in_parts(py, &x, |x| {
            let mut pushed = flow.forward(theta, x);
            blank(&mut pushed.y, &pushed.ok, self.columns());
            y.extend(pushed.y);
            log_det.extend(self.log_base(x).zip(&pushed.log_q).map(|(base, log_q)| base - log_q));
            pushed.ok
        })?;
        Ok((self.matrix(py, y)?, vector(py, log_det)))
    }

    /// Carries points of the model back to the base, in closed form.
    ///
    /// Parameters
    /// ----------
    /// points : array_like, shape (n, coordinates)
    /// context : array_like, shape (k,) or (n, k), optional
    ///     Values of the conditioning variables of a conditional density, for all points or for each.
    ///
    /// Returns
    /// -------
    /// base_points : ndarray, shape (n, coordinates)
    /// log_det : ndarray, shape (n,)
    ///     Logarithm of the inverse's Jacobian determinant, its absolute value, at the points: minus that of `forward`
    ///     at the base points.
    ///
    /// Raises
    /// ------
    /// IrcpmError
    ///     If a point is not on the manifold, or the shape is another.
    #[pyo3(signature = (points, /, *, context=None))]
    fn inverse<'py>(
        &self,
        py: Python<'py>,
        points: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Pair<'py>> {
        let y = self.points(points, context)?;
        let FlowFile { flow, theta, .. } = &self.file;
        let (mut x, mut log_det) = (Vec::new(), Vec::new());
        self.in_parts(py, &y, |y| {
            let mut pulled = flow.inverse(theta, y);
            log_det.extend(self.log_base(&pulled.x).zip(&pulled.log_q).map(|(base, log_q)| log_q - base));
            blank(&mut pulled.x, &pulled.ok, self.columns());
            x.extend(pulled.x);
            pulled.ok
        })?;
        Ok((self.matrix(py, x)?, vector(py, log_det)))
    }

    /// Writes the flow, its parameters and its report to a safetensors file. A file of that name is replaced, once the
    /// new one is whole.
    ///
    /// Raises
    /// ------
    /// OSError
    ///     If it cannot be written.
    #[pyo3(signature = (path, /))]
    #[allow(clippy::needless_pass_by_value, reason = "what is made of an argument is owned")]
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let bytes = self.file.encode().map_err(refuse)?;
        py.detach(|| files::write(&path, &bytes)).map_err(|e| of_file(py, &path, &e))
    }

    /// Draws points as an ArviZ `InferenceData`: the group `posterior` with the variable `x` (chain, draw, coordinate),
    /// and `sample_stats` with `lp`, the logarithms of their densities under the flow.
    ///
    /// Parameters
    /// ----------
    /// n : int
    ///     Draws per chain.
    /// seed : int
    ///     Seed of the draws.
    /// chains : int
    ///     Number of chains; draws of all of them are independent.
    ///
    /// Raises
    /// ------
    /// ImportError
    ///     If ArviZ is not installed.
    #[pyo3(signature = (n=4000, seed=0, chains=1))]
    fn to_arviz<'py>(
        slf: &Bound<'py, Self>,
        n: usize,
        seed: u64,
        chains: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("ircpm._arviz")?.call_method1("inference_data", (slf, n, seed, chains))
    }

    /// Name of the manifold, for example "T2xS2".
    #[getter]
    fn manifold(&self) -> String {
        self.on().to_product().map_or_else(|| self.on().to_string(), |m| m.unconditional().to_string())
    }

    /// Number of conditioning variables; 0 for a density that is not conditional.
    #[getter]
    fn context(&self) -> usize {
        self.contexts()
    }

    /// Dimension of the manifold. A point may have more coordinates: three on "S2".
    #[getter]
    fn dim(&self) -> usize {
        self.on().dim()
    }

    /// Number of coordinates of a point.
    #[getter]
    fn coordinates(&self) -> usize {
        self.own()
    }

    /// Number of layers.
    #[getter]
    fn layers(&self) -> usize {
        self.file.flow.layers()
    }

    /// The parameters, shape (p,); a copy.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        vector(py, self.file.theta.clone())
    }

    /// What was measured of the flow, as a dict: `status`, `folded`, `mass`, `min_eigenvalue`; of a target `ess`, `kl`,
    /// `log_z`; of points `held_out_log_likelihood` and `findings`; standard errors end in `_se`. Numbers that do not
    /// apply are None. None for a checkpoint of a run that was not evaluated.
    #[getter]
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(text) = &self.file.report else { return Ok(None) };
        Ok(Some(py.import("json")?.call_method1("loads", (text,))?))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (layers, parameters) = (self.layers(), self.file.theta.len());
        let plural = if layers == 1 { "" } else { "s" };
        let mut text =
            format!("<ircpm.Flow on {}: {layers} layer{plural}, {parameters} parameters", self.manifold());
        if self.contexts() > 0 {
            text += &format!(", given {} numbers", self.contexts());
        }
        if let Some(report) = self.report(py)? {
            let report = report.cast_into::<PyDict>()?;
            if let Some(status) = report.get_item("status")? {
                text += &format!(", {status}");
            }
            for (key, name, unit) in
                [("ess", "ESS", ""), ("held_out_log_likelihood", "held-out log-likelihood", " nats")]
            {
                if let Some(value) = report.get_item(key)?.filter(|value| !value.is_none()) {
                    text += &format!(", {name} {:.5}{unit}", value.extract::<f64>()?);
                }
            }
        }
        Ok(text + ">")
    }

    /// Pickles as the bytes of a file.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Vec<u8>,))> {
        let bytes = slf.get().file.encode().map_err(refuse)?;
        Ok((slf.get_type().getattr("_from_bytes")?, (bytes,)))
    }

    /// The flow in a file's bytes.
    #[classmethod]
    fn _from_bytes(_class: &Bound<'_, PyType>, bytes: &[u8]) -> PyResult<Self> {
        Ok(Self { file: FlowFile::decode(bytes).map_err(refuse)? })
    }
}
