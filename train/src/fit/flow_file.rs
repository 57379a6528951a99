//! A flow with its parameters as a file, without the state of training.
//!
//! The file is of safetensors, with the tensor `theta` (f64, parameters) and, as metadata, `format`, `version`, the
//! `flow` (manifold, solver, and what its potentials are) as JSON, a `checksum` of the whole file and, where there is one,
//! the `report`.

use std::collections::HashMap;

use ircpm_flow::{Flow, FlowError, FlowSpec};
use ircpm_manifolds::AnyManifold;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use super::Fit;
use crate::config::{Config, EvaluationConfig, Layers, ModelConfig, SolverConfig, TrainingConfig};
use crate::convex::{LayerTerms, LinearDensity};
use crate::lattice::{LatticeError, LatticeFlow};
use crate::training::checkpoint::{Checkpoint, CheckpointError, numbers, to_bytes};
use crate::training::seal::{self, Seal};
use crate::training::{Model, State};

const FORMAT: &str = "ircpm-flow-1";
const FLOW: &str = "flow";
const REPORT: &str = "report";
const THETA: &str = "theta";

/// A flow and its parameters, and what the flow is built from.
///
/// ```
/// use ircpm_train::fit::{FlowFile, Options, fit_data};
///
/// let angles = [0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 6.2];
/// let manifold = "T1".parse()?;
/// let (_, fit) = fit_data(&manifold, &angles, &Options::default().held_out(0.0).samples(1024))?;
/// let file = FlowFile::of_points(&manifold, &fit)?;
/// let read = FlowFile::decode(&file.encode()?)?;
/// assert_eq!(read.log_prob(&angles), file.log_prob(&angles));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlowFile {
    /// The flow.
    pub flow: Flow,
    /// Its parameters.
    pub theta: Vec<f64>,
    /// What was measured of it, as JSON.
    pub report: Option<String>,
    parts: Parts,
}

/// What a flow is built from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    manifold: String,
    solver: SolverConfig,
    potential: Potentials,
}

/// What the potentials are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Potentials {
    Network(ModelConfig),
    Linear(Vec<LayerTerms>),
}

/// Why a flow cannot be built, written or read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowFileError {
    /// The file is damaged, or of something else.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// The flow cannot be built.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The charges of the layers are none of the manifold.
    #[error(transparent)]
    Lattice(#[from] LatticeError),
    /// Functions of linear layers are none of the manifold.
    #[error(
        "the functions of the flow's layers are none of {manifold}; give the manifold that they were made for"
    )]
    Terms {
        /// Name of the manifold.
        manifold: String,
    },
    /// The potential is built from the energy of a target, which no file holds.
    #[error(
        "psi is a function of the target's energy, which a flow's file does not hold; keep the run's folder, or \
             train a network (model.energy)"
    )]
    Energy,
    /// There are more or fewer parameters than the flow has.
    #[error("{found} parameters were given, but the flow has {expected}; give the parameters of this flow")]
    Parameters {
        /// Number of parameters.
        found: usize,
        /// Parameters of the flow.
        expected: usize,
    },
}

impl FlowFile {
    /// What [`super::fit_data`] has found.
    ///
    /// # Errors
    /// [`FlowFileError::Terms`] or [`FlowFileError::Parameters`] if the fit is none of linear layers on this manifold.
    pub fn of_points(manifold: &AnyManifold, fit: &Fit) -> Result<Self, FlowFileError> {
        let potential = Potentials::Linear(fit.terms.clone());
        Self::build(manifold.to_string(), SolverConfig::default(), potential, fit.theta.clone())
    }

    /// What [`super::fit_target`] has found, with the [`super::Options::model`] that it was given.
    ///
    /// # Errors
    /// [`FlowFileError::Parameters`] if the flow was built from another configuration.
    pub fn of_target(flow: &Flow, fit: &Fit, model: &ModelConfig) -> Result<Self, FlowFileError> {
        let model = ModelConfig { layers: Layers::Fixed(flow.layers()), ..model.clone() };
        let (manifold, potential) = (flow.manifold().to_string(), Potentials::Network(model));
        Self::build(manifold, SolverConfig::default(), potential, fit.theta.clone())
    }

    fn build(
        manifold: String,
        solver: SolverConfig,
        potential: Potentials,
        theta: Vec<f64>,
    ) -> Result<Self, FlowFileError> {
        let parts = Parts { manifold, solver, potential };
        let flow = parts.flow()?;
        if flow.parameters() != theta.len() {
            return Err(FlowFileError::Parameters { found: theta.len(), expected: flow.parameters() });
        }
        Ok(Self { flow, theta, report: None, parts })
    }

    /// `log q` at points `y`, `[point][coordinate]`, with respect to the Riemannian volume; NaN where there is no
    /// density.
    ///
    /// # Panics
    /// If `y` does not hold whole points.
    pub fn log_prob(&self, y: &[f64]) -> Vec<f64> {
        self.flow.log_prob(&self.theta, y)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`FlowFileError::File`] if the library refuses to write.
    pub fn encode(&self) -> Result<Vec<u8>, FlowFileError> {
        let parts = serde_json::to_string(&self.parts).map_err(|e| metadata(&e))?;
        let mut header = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            (FLOW.to_owned(), parts),
        ]);
        header.extend(self.report.clone().map(|report| (REPORT.to_owned(), report)));
        seal::place(&mut header);
        let bytes = to_bytes(&self.theta);
        let view = TensorView::new(Dtype::F64, vec![self.theta.len()], &bytes);
        let written = view.and_then(|view| serialize([(THETA, view)], Some(header)));
        let bytes = written.map_err(CheckpointError::from)?;
        Ok(seal::close(bytes).map_err(CheckpointError::Format)?)
    }

    /// Reads a file's bytes: of a flow, or of a run's checkpoint, from whose state of training the flow is taken.
    /// Never panics, whatever they are.
    ///
    /// # Errors
    /// [`FlowFileError`] if the bytes are damaged or of something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, FlowFileError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(CheckpointError::from)?;
        let empty = HashMap::new();
        let header = header.metadata().as_ref().unwrap_or(&empty);
        if header.get("format").map(String::as_str) != Some(FORMAT) {
            return Self::of_run(Checkpoint::decode(bytes)?);
        }
        match Seal::of(bytes) {
            Some(Seal { found, written }) if found == written => {}
            Some(Seal { found, written }) => return Err(CheckpointError::Checksum { found, written }.into()),
            None => {
                let problem = "missing".to_owned();
                return Err(CheckpointError::Metadata { key: seal::KEY, problem }.into());
            }
        }
        let text = header.get(FLOW).ok_or_else(|| metadata(&"missing"))?;
        let Parts { manifold, solver, potential } = serde_json::from_str(text).map_err(|e| metadata(&e))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(CheckpointError::from)?;
        let missing =
            |_| CheckpointError::Tensor { name: THETA.to_owned(), problem: "is missing".to_owned() };
        let theta = numbers(THETA, &tensors.tensor(THETA).map_err(missing)?)?;
        let file = Self::build(manifold, solver, potential, theta)?;
        Ok(Self { report: header.get(REPORT).cloned(), ..file })
    }

    /// The flow of a run.
    fn of_run(checkpoint: Checkpoint) -> Result<Self, FlowFileError> {
        let Model { flow, theta, .. } = Model::new(&checkpoint)?;
        let Checkpoint { config, state: State { terms, .. } } = checkpoint;
        let potential = if config.is_linear() {
            Potentials::Linear(terms)
        } else {
            Potentials::Network(ModelConfig { layers: Layers::Fixed(flow.layers()), ..config.model })
        };
        Self::build(flow.manifold().to_string(), config.solver, potential, theta)
    }
}

impl Parts {
    fn flow(&self) -> Result<Flow, FlowFileError> {
        let manifold: AnyManifold = self.manifold.parse().map_err(|e| metadata(&e))?;
        match &self.potential {
            Potentials::Network(model) if model.energy.is_some() => Err(FlowFileError::Energy),
            Potentials::Network(model) => {
                let config = config_of(model, &self.solver);
                Ok(match config.has_charges() {
                    true => LatticeFlow::new(&config, &manifold)?.flow,
                    false => config.flow(&manifold)?,
                })
            }
            Potentials::Linear(terms) => LinearDensity::flow_of(&manifold, terms)?
                .ok_or_else(|| FlowFileError::Terms { manifold: self.manifold.clone() }),
        }
    }
}

/// The error of a file's description of the flow that cannot be read.
fn metadata(problem: &dyn ToString) -> CheckpointError {
    CheckpointError::Metadata { key: FLOW, problem: problem.to_string() }
}

/// What to build a flow from, on a manifold.
pub(super) fn spec(manifold: &AnyManifold, model: &ModelConfig, solver: &SolverConfig) -> FlowSpec {
    config_of(model, solver).flow_spec(manifold)
}

/// A configuration of that model.
fn config_of(model: &ModelConfig, solver: &SolverConfig) -> Config {
    Config {
        seed: 0,
        target: None,
        data: None,
        model: model.clone(),
        solver: solver.clone(),
        training: TrainingConfig::default(),
        evaluation: EvaluationConfig::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::config::preset;
    use crate::fit::{Options, fit_data, fit_target};
    use crate::points::Generator;
    use crate::target;
    use crate::training::Problem;

    fn options() -> Options {
        Options::default().samples(512)
    }

    #[test]
    fn network_is_read_to_the_same_bits() {
        let target = target::by_name("torus-unimodal").unwrap();
        let stack = ModelConfig { hidden: vec![4], layers: Layers::Fixed(2), ..ModelConfig::default() };
        let options = options().steps(3).model(stack);
        let (flow, fit) = fit_target(target.as_ref(), &options).unwrap();
        assert_eq!(flow.layers(), 2);
        let mut file = FlowFile::of_target(&flow, &fit, &options.model).unwrap();
        file.report = Some("{}".to_owned());
        let read = FlowFile::decode(&file.encode().unwrap()).unwrap();
        assert_eq!((&read.theta, &read.report), (&fit.theta, &file.report));
        let y = [0.1, 0.2, 3.0, 6.0];
        assert_eq!(read.log_prob(&y), flow.log_prob(&fit.theta, &y));
        let other = ModelConfig { hidden: vec![5], ..ModelConfig::default() };
        assert!(matches!(FlowFile::of_target(&flow, &fit, &other), Err(FlowFileError::Parameters { .. })));
    }

    #[test]
    fn linear_layers_on_a_product_are_read_to_the_same_bits() {
        let mut generator = Generator::from_seed(5);
        let manifold: AnyManifold = "S2xR1".parse().unwrap();
        let points: Vec<f64> = (0..200)
            .flat_map(|_| {
                let v = [generator.normal(), generator.normal(), 2.0 + generator.normal()];
                let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
                [v[0] / norm, v[1] / norm, v[2] / norm, 1e3 * generator.normal()]
            })
            .collect();
        let (flow, fit) = fit_data(&manifold, &points, &options()).unwrap();
        let file = FlowFile::of_points(&manifold, &fit).unwrap();
        let read = FlowFile::decode(&file.encode().unwrap()).unwrap();
        assert_eq!(read.log_prob(&points), flow.log_prob(&fit.theta, &points));
        let error = FlowFile::of_points(&"T2".parse().unwrap(), &fit).unwrap_err();
        assert!(matches!(error, FlowFileError::Terms { .. }), "{error}");
    }

    #[test]
    fn checkpoint_of_a_run_gives_its_flow() {
        let config = preset::by_name("torus-unimodal").unwrap().config(&[]).unwrap();
        let problem = Problem::new(config, std::path::Path::new(".")).unwrap();
        let mut trainer = problem.trainer().unwrap();
        trainer.step().unwrap();
        let checkpoint = Checkpoint { config: problem.config.clone(), state: trainer.state() };
        let file = FlowFile::decode(&checkpoint.encode().unwrap()).unwrap();
        let y = [0.1, 0.2];
        assert_eq!(file.log_prob(&y), trainer.flow().log_prob(trainer.theta(), &y));
    }

    #[test]
    fn bytes_that_are_damaged_are_refused() {
        let target = target::by_name("torus-unimodal").unwrap();
        let (flow, fit) = fit_target(target.as_ref(), &options().steps(1)).unwrap();
        let bytes = FlowFile::of_target(&flow, &fit, &ModelConfig::default()).unwrap().encode().unwrap();
        for length in [0, 7, 8, 100, bytes.len() - 1] {
            assert!(FlowFile::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        for at in (0..bytes.len()).step_by(97) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(FlowFile::decode(&flipped).is_err(), "byte {at}");
        }
    }

    #[test]
    fn safetensors_file_of_something_else_is_refused() {
        let numbers = to_bytes(&[1.0]);
        let view = TensorView::new(Dtype::F64, vec![1], &numbers).unwrap();
        let bytes = serialize([(THETA, view)], None).unwrap();
        let error = FlowFile::decode(&bytes).unwrap_err();
        assert!(matches!(error, FlowFileError::File(CheckpointError::Foreign { found: None })), "{error}");
    }

    #[test]
    fn fit_that_is_stopped_says_so() {
        let target = target::by_name("torus-unimodal").unwrap();
        let stop = AtomicBool::new(true);
        let error = super::super::fit_target_with(target.as_ref(), &options(), &stop, &mut ()).unwrap_err();
        assert_eq!(error, super::super::FitError::Interrupted { steps: 0 });
    }
}
