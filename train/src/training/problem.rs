//! A configuration made concrete: the flow, and what it learns from.

use std::path::Path;

use ircpm_flow::Flow;
use ircpm_manifolds::{Manifold, Product};

use super::data;
use crate::config::{AUTO, Config};
use crate::optimiser::{Adam, LevenbergMarquardt};
use crate::program::RunError;
use crate::target::Target;

/// Everything that training and evaluation read and never change.
pub struct Problem {
    /// The effective configuration.
    pub config: Config,
    /// The map.
    pub flow: Flow,
    /// What it learns from.
    pub source: Source,
    /// Why the optimiser is the one that it is.
    pub choice: &'static str,
}

/// What a flow learns from.
pub enum Source {
    /// A density.
    Target(Box<dyn Target>),
    /// Points, `[row][coordinate]`.
    Data {
        /// Points to learn from.
        train: Vec<f64>,
        /// Points that are kept for the report.
        held_out: Vec<f64>,
    },
}

/// 128 MiB of them; a step needs a few dozen times as much, for gradients and the optimiser.
const MOST_PARAMETERS: usize = 1 << 24;

impl Problem {
    /// Builds the flow and reads the data. A relative data file is looked for in `base`, and its absolute path is kept in
    /// the effective configuration, so that the run can be repeated from its own folder.
    ///
    /// # Errors
    /// `Flow` if the model does not fit the manifold, `TooLarge` if it does not fit into memory, `Data` if the points are
    /// not on the manifold.
    pub fn new(mut config: Config, base: &Path) -> Result<Self, RunError> {
        let (manifold, source) = match (config.target(), &mut config.data) {
            (Some(target), _) => (target.manifold().clone(), Source::Target(target)),
            (None, Some(data)) => {
                let path = base.join(&data.file);
                data.file = std::path::absolute(&path).map_err(|source| RunError::read(&path, source))?;
                let points = data::read(&data.file, &data.manifold)?;
                let (train, held_out) = split(&points, data.manifold.ambient(), data.held_out);
                (data.manifold.clone(), Source::Data { train, held_out })
            }
            (None, None) => unreachable!("a parsed configuration has a target or data"),
        };
        let spec = config.flow_spec(&manifold);
        let flow =
            Flow::new(spec).map_err(|source| RunError::Flow { manifold: manifold.to_string(), source })?;
        let parameters = flow.parameters();
        if parameters > MOST_PARAMETERS {
            return Err(RunError::TooLarge { parameters, limit: MOST_PARAMETERS });
        }
        let choice = choose_optimiser(&mut config, &flow)?;
        let training = &mut config.training;
        (training.steps, training.batch) = (Some(training.steps()), Some(training.batch()));
        Ok(Self { config, flow, source, choice })
    }

    /// The target, if it learns from one.
    pub fn target(&self) -> Option<&dyn Target> {
        match &self.source {
            Source::Target(target) => Some(target.as_ref()),
            Source::Data { .. } => None,
        }
    }

    /// Exact `log Z` at the configuration's β, where it is known.
    pub fn log_z_exact(&self) -> Option<f64> {
        self.target().and_then(|target| target.log_z(self.config.beta()))
    }

    /// What the flow lives on.
    pub fn manifold(&self) -> &Product {
        self.flow.manifold()
    }

    /// Name in tables: the target's, or the data file's.
    pub fn name(&self) -> String {
        match (self.target(), &self.config.data) {
            (Some(target), _) => target.name().to_owned(),
            (None, Some(data)) => data.file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            (None, None) => String::new(),
        }
    }
}

/// Most parameters of a model that least squares are chosen for unasked: the Jacobian at the most points of a step then
/// takes a gigabyte.
const LEAST_SQUARES: usize = 20_000;

/// Puts a name in the place of `auto`; returns why.
///
/// # Errors
/// `Optimiser` if least squares are asked for where they do not apply.
fn choose_optimiser(config: &mut Config, flow: &Flow) -> Result<&'static str, RunError> {
    let obstacle = if config.target.is_none() {
        Some("given points leave no residual, only a likelihood")
    } else if flow.manifold().log_volume().is_none() {
        Some("the manifold has infinite volume, so no uniform points")
    } else {
        None
    };
    let training = &mut config.training;
    if training.optimiser != AUTO {
        return match obstacle {
            Some(reason) if training.is_least_squares() => Err(RunError::Optimiser { reason }),
            _ => Ok("as configured"),
        };
    }
    let (name, why) = match obstacle {
        Some(reason) => (Adam::NAME, reason),
        None if flow.parameters() > LEAST_SQUARES => {
            (Adam::NAME, "the model is too large for a stored Jacobian")
        }
        None => (LevenbergMarquardt::NAME, "log q and its gradients are explicit at any point"),
    };
    training.optimiser = name.to_owned();
    Ok(why)
}

/// Every `1/share`-th row is held out: no seed, and files sorted by anything are split evenly.
fn split(points: &[f64], ambient: usize, share: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for (i, point) in points.chunks_exact(ambient).enumerate() {
        let taken = ((i + 1) as f64 * share).floor() > (i as f64 * share).floor();
        if taken { held_out.extend(point) } else { train.extend(point) }
    }
    (train, held_out)
}
