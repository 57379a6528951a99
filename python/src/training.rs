//! Functions that make a flow: from points, and from an energy.

use ircpm_manifolds::AnyManifold;
use ircpm_train::WeightedPoints;
use ircpm_train::config::{ModelConfig, suggest};
use ircpm_train::fit::{FlowFile, Options, fit_data_with, fit_target_with};
use ircpm_train::report::Report;
use ircpm_train::target::{self, Expression, Parameters, Target};
use ircpm_train::training::Source;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde_json::{Map, Value};

use crate::arrays;
use crate::energy::Energy;
use crate::errors::refuse;
use crate::flow::Flow;
use crate::supervision::Supervision;

/// Fits a density to points of a manifold.
///
/// Layers are linear in their parameters, so that each maximises a concave likelihood; their number and smoothness are
/// chosen by validation within the points. Columns that are real numbers are standardised by the first layer: densities
/// are in the units of the points.
///
/// Parameters
/// ----------
/// points : array_like, shape (n, coordinates)
///     Angles in radians, unit vectors, real numbers: the factors of the manifold one after the other. Shape (n,) is
///     taken where a point has one coordinate.
/// manifold : str
///     Tori, spheres, Euclidean spaces and their products up to dimension 8, for example "T2", "S2", "R3", "T2xS2".
/// context : array_like, shape (n, k), optional
///     Conditioning variables of each point: the density is then that of the points given these, `q(y | c)`, and the
///     methods of the flow take values of them. Shape (n,) is taken for one variable.
/// layers : "auto" or int
///     Most layers, 1 to 64; "auto" is 8. Fewer are kept where validation sees no gain.
/// held_out : float
///     Share of the points that is not learned from but measured, in [0, 1).
/// weights : array_like, shape (n,), optional
///     What each row counts: finite, 0 or more, not all 0; a row of weight 0 is as if it were not there. The fit
///     maximises sum(w log q) / sum(w), so that only ratios matter. Importance weights p/r of points drawn from r make it
///     a density of p. What depends on the number of rows takes the effective one, sum(w)**2 / sum(w**2).
/// seed : int
///     Seed of folds, centres and measures. The same seed gives the same bits on one instruction set.
/// samples : int
///     Model samples of the evaluation, 8 to 2**24.
/// progress : callable, optional
///     Called after every layer with a dict: step, loss (minus the gain so far in nats per point), points, ….
///
/// Returns
/// -------
/// Flow
///     With `flow.report`, which tells what was measured.
///
/// Raises
/// ------
/// IrcpmError
///     For points that are not on the manifold, too few, or on a set of volume zero, for weights that are none, and for
///     options out of range.
/// KeyboardInterrupt
///     At Ctrl-C.
///
/// Warns
/// -----
/// DensityWarning
///     If the map folds or its mass is not one: its density is none then.
#[pyfunction]
#[pyo3(signature = (
    points, manifold="S2", *, context=None, weights=None, layers=None, held_out=0.1, seed=0, samples=65_536, progress=None
))]
#[pyo3(
    text_signature = "(points, manifold=\"S2\", *, context=None, weights=None, layers=\"auto\", held_out=0.1, seed=0, \
                      samples=65536, progress=None)"
)]
#[allow(clippy::too_many_arguments, reason = "keywords of Python")]
pub(crate) fn fit(
    py: Python<'_>,
    points: &Bound<'_, PyAny>,
    manifold: &str,
    context: Option<&Bound<'_, PyAny>>,
    weights: Option<&Bound<'_, PyAny>>,
    layers: Option<&Bound<'_, PyAny>>,
    held_out: f64,
    seed: u64,
    samples: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Flow> {
    let manifold: AnyManifold = manifold.parse().map_err(refuse)?;
    let (manifold, y) = conditional(&manifold, arrays::shaped(points, &manifold)?, context)?;
    let weights =
        weights.map(|weights| arrays::weights(weights, y.len() / manifold.ambient())).transpose()?;
    let points = match &weights {
        None => WeightedPoints::from(&y),
        Some(weights) => WeightedPoints::new(&y, weights).map_err(refuse)?,
    };
    let model = model_of(&[("layers", layers)])?;
    let options = Options::default().held_out(held_out).seed(seed).samples(samples).model(model);
    let supervision = Supervision::default();
    let (fit, report) = supervision.run(py, progress, |watcher| {
        let (flow, fit) = fit_data_with(&manifold, points, &options, supervision.stop(), watcher)?;
        let source = Source::points(&[], &[]);
        let report = Report::of_fit("points", &flow, source, &fit, &options);
        Ok((fit, report))
    })?;
    Flow::measured(py, FlowFile::of_points(&manifold, &fit).map_err(refuse)?, &report)
}

/// The manifold with as many conditioning variables as `context` has columns, and points with one row of them each.
fn conditional(
    manifold: &AnyManifold,
    y: Vec<f64>,
    context: Option<&Bound<'_, PyAny>>,
) -> PyResult<(AnyManifold, Vec<f64>)> {
    if manifold.contexts() > 0 {
        return Err(refuse(format!("leave the factor C out of {manifold}, and give the values as context")));
    }
    let (Some(context), Some(product)) = (context, manifold.to_product()) else {
        return Ok((manifold.clone(), y));
    };
    let shape = arrays::numbers(context, "the context")?.shape;
    let (k, n) = (if shape.len() == 2 { shape[1] } else { 1 }, manifold.ambient());
    let rows = arrays::contexts(Some(context), k)?;
    if rows.len() / k.max(1) != y.len() / n {
        return Err(refuse(format!(
            "{} rows of context for {} points: give one for each",
            rows.len() / k,
            y.len() / n
        )));
    }
    let y = arrays::joined(&y, n, &rows, k)?;
    Ok((product.given(k, &[]).into(), y))
}

/// Trains a flow to the density `exp(-beta u) / Z` of an energy `u`.
///
/// Parameters
/// ----------
/// energy : str or callable
///     The name of a target, one of `ircpm.targets()`; an energy as text, such as "-cos(theta1 - a) - cos(theta2)"
///     (the language is that of the program's configurations); or a function of points of shape (n, coordinates),
///     float64, that returns their energies in nats, shape (n,), or the pair (energies, gradients), gradients of shape
///     (n, coordinates). Least squares, which "auto" takes on tori, spheres and their products, need energies alone;
///     Adam and L-BFGS need gradients. The function may be called from any thread, and must return the same numbers for
///     the same points. Its exceptions are raised as they are.
/// manifold : str, optional
///     For example "T2"; needed for a function and for a text, and must be the target's own for a name.
/// parameters : dict, optional
///     Numbers, or lists and arrays of them, that an energy as text refers to by name; each must be used.
/// beta : float
///     Inverse temperature.
/// log_z : float, optional
///     The exact log Z in nats at `beta`, of an energy that is a text or a function, where it is known: the report then
///     measures the KL against it, and has it as `log_z_exact`. Nobody checks it.
/// goal : float
///     Kullback-Leibler divergence in nats at which least squares stop.
/// steps : int, optional
///     Most steps; by default 400 of least squares with layers="auto", 200 with fixed layers, and 2000 of other
///     optimisers.
/// seed : int
///     Seed of parameters, points and measures. The same seed gives the same bits on one instruction set.
/// hidden : sequence of int
///     Widths of the hidden layers of each network, (16, 16) by default.
/// layers : "auto" or int
///     Number of maps, 1 to 64; "auto" adds them as long as least squares find use for them.
/// output_scale : float, optional
///     The potential is the network's output divided by this, 1 by default: a large value starts near the identity.
/// features : dict, optional
///     What the networks see of a point: {"harmonics": {"order": 2}}, {"subset": {"coordinates": [2]}},
///     {"combinations": {"directions": [[1, -1]], "order": 1}} or "coordinates". By default harmonics of order 1.
/// symmetry : str or sequence of str, optional
///     Isometries that leave the density as it is, for example "Oh" or ["shifts", "inversion"]. The model has them
///     exactly; an energy without them is refused. A finite group costs as much as so many networks as it has elements.
/// optimiser : str
///     "auto", "levenberg-marquardt" (least squares), "lbfgs" or "adam".
/// points : int, optional
///     Points per step; by default 512 of least squares, which take more when needed, and 256 of other optimisers.
/// learning_rate : float
///     Largest learning rate of Adam, and length of the first step of L-BFGS.
/// samples : int
///     Model samples of the evaluation, 8 to 2**24.
/// progress : callable, optional
///     Called after every step with a dict: step, loss, points, beta, residual, ess, kl, wall_seconds, ….
///
/// Returns
/// -------
/// Flow
///     With `flow.report`, which tells what was measured: ess, kl, log_z, mass, folded, ….
///
/// Raises
/// ------
/// IrcpmError
///     For an unknown target or manifold, options out of range, an energy that is not finite somewhere or has another
///     shape, gradients that are missing where they are needed, or training that diverges.
/// KeyboardInterrupt
///     At Ctrl-C.
///
/// Warns
/// -----
/// DensityWarning
///     If the map folds or its mass is not one: its density is none then.
/// ConvergenceWarning
///     If least squares run out of steps before their goal.
#[pyfunction]
#[pyo3(signature = (
    energy, manifold=None, *, parameters=None, beta=1.0, log_z=None, goal=1e-6, steps=None, seed=0, hidden=None, layers=None, features=None, symmetry=None, output_scale=None,
    optimiser="auto", points=None, learning_rate=5e-3, samples=65_536, progress=None
))]
#[pyo3(
    text_signature = "(energy, manifold=None, *, parameters=None, beta=1.0, log_z=None, goal=1e-06, steps=None, seed=0, hidden=(16, 16), \
                         layers=\"auto\", features=None, symmetry=None, output_scale=1.0, optimiser=\"auto\", points=None, learning_rate=0.005, \
                         samples=65536, progress=None)"
)]
#[allow(clippy::too_many_arguments, reason = "keywords of Python")]
pub(crate) fn train(
    py: Python<'_>,
    energy: &Bound<'_, PyAny>,
    manifold: Option<&str>,
    parameters: Option<&Bound<'_, PyDict>>,
    beta: f64,
    log_z: Option<f64>,
    goal: f64,
    steps: Option<usize>,
    seed: u64,
    hidden: Option<&Bound<'_, PyAny>>,
    layers: Option<&Bound<'_, PyAny>>,
    features: Option<&Bound<'_, PyAny>>,
    symmetry: Option<&Bound<'_, PyAny>>,
    output_scale: Option<&Bound<'_, PyAny>>,
    optimiser: &str,
    points: Option<usize>,
    learning_rate: f64,
    samples: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Flow> {
    let stack = [
        ("hidden", hidden),
        ("layers", layers),
        ("features", features),
        ("symmetry", symmetry),
        ("output_scale", output_scale),
    ];
    let model = model_of(&stack)?;
    let options =
        Options::default().beta(beta).goal(goal).seed(seed).learning_rate(learning_rate).samples(samples);
    let options = options.algorithm(optimiser.parse().map_err(refuse)?).model(model);
    let options = steps.into_iter().fold(options, Options::steps);
    let options = points.into_iter().fold(options, Options::points);
    let manifold: Option<AnyManifold> = manifold.map(str::parse).transpose().map_err(refuse)?;
    if let Some(log_z) = log_z.filter(|log_z| !log_z.is_finite()) {
        return Err(refuse(format!("log_z is {log_z}: give a finite number of nats, or leave it out")));
    }
    let supervision = Supervision::default();
    let (known, own);
    let target: &dyn Target = if let Ok(text) = energy.cast::<PyString>() {
        let log_z = log_z.map(|log_z| [beta, log_z]);
        known = read(&text.to_string_lossy(), manifold, parameters, log_z)?;
        known.as_ref()
    } else if parameters.is_some() {
        return Err(PyTypeError::new_err("parameters are those of an energy as text"));
    } else if energy.is_callable() {
        let manifold = manifold
            .ok_or_else(|| refuse("give the manifold that the energy lives on, for example \"T2\""))?;
        own = Energy::new(energy, manifold, log_z, &supervision);
        &own
    } else {
        let found = energy.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "energy must be a name, a text or a function, not {found}"
        )));
    };
    let (flow, fit, report) = supervision.run(py, progress, |watcher| {
        let (flow, fit) = fit_target_with(target, &options, supervision.stop(), watcher)?;
        let report = Report::of_fit(target.name(), &flow, Source::Target { target, beta }, &fit, &options);
        Ok((flow, fit, report))
    })?;
    Flow::measured(py, FlowFile::of_target(&flow, &fit, &options.model).map_err(refuse)?, &report)
}

/// Names of the targets that `train` knows.
#[pyfunction]
pub(crate) fn targets() -> Vec<&'static str> {
    target::names()
}

/// The stack that keywords ask for, checked as a configuration's.
fn model_of(keywords: &[(&str, Option<&Bound<'_, PyAny>>)]) -> PyResult<ModelConfig> {
    let mut all = Map::new();
    for &(key, value) in keywords {
        let Some(value) = value else { continue };
        let text: String = value.py().import("json")?.call_method1("dumps", (value,))?.extract()?;
        let value: Value = serde_json::from_str(&text).map_err(refuse)?;
        let one = Map::from_iter([(key.to_owned(), value.clone())]);
        serde_json::from_value::<ModelConfig>(one.into()).map_err(|e| refuse(format!("{key}: {e}")))?;
        all.insert(key.to_owned(), value);
    }
    let model: ModelConfig = serde_json::from_value(all.into()).map_err(refuse)?;
    if model.hidden.is_empty() {
        // Configurations have psi without a network as well, as a function of the energy.
        return Err(refuse("hidden: 0 hidden layers: give the widths of 1 to 16"));
    }
    Ok(model)
}

/// The target that goes by a name, or whose energy is a text; with the inverse temperature and the exact `log Z` of the
/// latter, if it is known.
fn read(
    text: &str,
    manifold: Option<AnyManifold>,
    parameters: Option<&Bound<'_, PyDict>>,
    log_z: Option<[f64; 2]>,
) -> PyResult<Box<dyn Target>> {
    if let Some(found) = target::by_name(text) {
        if log_z.is_some() {
            return Err(refuse(format!(
                "log_z of the target {text} is known already, or not at all: leave it out"
            )));
        }
        if parameters.is_some() {
            return Err(refuse(format!("the target {text} has no parameters: leave them out")));
        }
        return on_its_manifold(text, found, manifold);
    }
    let names = target::names();
    let near = suggest(text, names.iter().copied());
    match (manifold, near) {
        (Some(manifold), _) => {
            let parameters = parameters.map(numbers).transpose()?.unwrap_or_default();
            let energy = Expression::parse(&manifold, text, &parameters);
            let energy = energy.and_then(|energy| energy.of_density(text)).map_err(refuse)?;
            Ok(Box::new(match log_z {
                Some([beta, log_z]) => energy.with_log_z(log_z, beta),
                None => energy,
            }))
        }
        (None, Some(near)) => Err(refuse(format!(
            "no target is called {text:?} (did you mean {near:?}?); there are {}",
            names.join(", ")
        ))),
        (None, None) => Err(refuse(format!(
            "{text:?} is no target's name; if it is an energy, give the manifold that it lives on, for example \"T2\"; \
             the targets are {}",
            names.join(", ")
        ))),
    }
}

/// Numbers and lists by name; arrays become lists.
fn numbers(parameters: &Bound<'_, PyDict>) -> PyResult<Parameters> {
    let py = parameters.py();
    let keywords = PyDict::new(py);
    keywords.set_item("default", py.eval(c"lambda array: array.tolist()", None, None)?)?;
    let text: String = py.import("json")?.call_method("dumps", (parameters,), Some(&keywords))?.extract()?;
    serde_json::from_str(&text).map_err(|e| refuse(format!("parameters: {e}")))
}

/// A target, if the manifold that was asked for is its own.
fn on_its_manifold(
    name: &str,
    found: Box<dyn Target>,
    manifold: Option<AnyManifold>,
) -> PyResult<Box<dyn Target>> {
    match manifold {
        Some(manifold) if &manifold != found.manifold() => Err(refuse(format!(
            "the target {name} lives on {}, not on {manifold}: leave the manifold out, or give {}",
            found.manifold(),
            found.manifold()
        ))),
        _ => Ok(found),
    }
}
