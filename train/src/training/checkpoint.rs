//! The state of training between two steps, as a safetensors file.
//!
//! | tensor | type | |
//! |---|---|---|
//! | `theta` | f64 | parameters |
//! | `optimiser.*` | f64 | state of the optimiser and of its choice of points |
//! | `rng` | u8 | generator of the base points, as JSON |
//!
//! Metadata: `format`, `version`, the effective configuration as TOML, and the [`Progress`] as JSON. Training that goes
//! on from here takes the same steps, to the bit, as training that was never stopped.

use std::collections::HashMap;

use rand_pcg::Pcg64;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use super::collocation::End;
use crate::config::{Config, ConfigError};
use crate::optimiser::Tensors;
use crate::program::RunError;
use crate::program::folder::{Folder, file};

const FORMAT: &str = "ircpm-checkpoint-2";
const OPTIMISER: &str = "optimiser.";

/// Everything that the next step depends on, and what the steps so far have cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The effective configuration.
    pub config: Config,
    /// Parameters, [`ircpm_flow::Flow::parameters`] of them.
    pub theta: Vec<f64>,
    /// The optimiser's tensors.
    pub optimiser: Tensors,
    /// The generator of base points or minibatches.
    pub rng: Pcg64,
    /// How far training has come.
    pub progress: Progress,
}

/// How far training has come, and what it met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps taken.
    pub step: usize,
    /// Whether training has come to its end.
    pub done: bool,
    /// Inverse temperature that least squares have come to.
    #[serde(default)]
    pub beta: Option<f64>,
    /// Root mean square of the last step's residuals in nats, of least squares.
    #[serde(default)]
    pub residual: Option<f64>,
    /// Why least squares ended.
    #[serde(default)]
    pub end: Option<End>,
    /// Whether they were made against a defended target.
    #[serde(default)]
    pub defended: bool,
    /// Whether the last survey saw a fold in the model that training ended with.
    #[serde(default)]
    pub fold_seen: bool,
    /// The smallest eigenvalue of `H` that it saw; none where it is not known, or beyond the injectivity radius.
    #[serde(default)]
    pub lowest_seen: Option<f64>,
    /// Steps whose gradient was shortened.
    pub clipped_steps: u64,
    /// Inner solves that failed; their base points were left out of the step.
    pub unconverged: u64,
    /// Wall-clock time of training in seconds.
    pub wall_seconds: f64,
    /// Processor time of training in seconds, all threads together.
    pub cpu_seconds: f64,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not a safetensors file, or cut short.
    #[error("damaged, or not a safetensors file ({0}); put back an undamaged copy, or train again")]
    Format(#[from] SafeTensorError),
    /// A safetensors file of something else.
    #[error(
        "a safetensors file, but not a checkpoint of this program (its format is {found:?}, not {FORMAT:?})"
    )]
    Foreign {
        /// What it says it is.
        found: Option<String>,
    },
    /// A tensor is missing, of another type, or not of the right size.
    #[error(
        "tensor `{name}` {problem}; the file is damaged, or the configuration beside it is of another run"
    )]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The stored configuration or progress cannot be read.
    #[error("its metadata `{key}` cannot be read: {problem}; the file is damaged")]
    Metadata {
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Of another run than the configuration beside it.
    #[error(
        "written with another seed, [target], [data], [model] or [training] than config.toml has; put back the run's \
         own configuration, or its own checkpoint"
    )]
    OtherRun,
    /// The stored configuration is invalid.
    #[error("its configuration is invalid: {0}")]
    Config(#[from] ConfigError),
}

impl CheckpointError {
    fn tensor(name: &str, problem: impl Into<String>) -> Self {
        Self::Tensor { name: name.to_owned(), problem: problem.into() }
    }

    fn metadata(key: &'static str, problem: &dyn ToString) -> Self {
        Self::Metadata { key, problem: problem.to_string() }
    }
}

impl Checkpoint {
    /// The file's bytes.
    ///
    /// # Errors
    /// `Format` if the library refuses to write.
    pub fn encode(&self) -> Result<Vec<u8>, CheckpointError> {
        let rng = serde_json::to_vec(&self.rng).map_err(|e| CheckpointError::metadata("rng", &e))?;
        let progress =
            serde_json::to_string(&self.progress).map_err(|e| CheckpointError::metadata("progress", &e))?;
        let metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("config".to_owned(), self.config.to_toml()),
            ("progress".to_owned(), progress),
        ]);
        let mut tensors = vec![("theta".to_owned(), to_bytes(&self.theta))];
        tensors.extend(
            self.optimiser.iter().map(|(name, values)| (format!("{OPTIMISER}{name}"), to_bytes(values))),
        );
        let mut views = Vec::with_capacity(tensors.len() + 1);
        for (name, bytes) in &tensors {
            views.push((name.as_str(), TensorView::new(Dtype::F64, vec![bytes.len() / 8], bytes)?));
        }
        views.push(("rng", TensorView::new(Dtype::U8, vec![rng.len()], &rng)?));
        Ok(serialize(views, Some(metadata))?)
    }

    /// Writes the checkpoint of a run.
    ///
    /// # Errors
    /// `Write` if the folder refuses, `Checkpoint` if the state cannot be encoded.
    pub fn save(&self, folder: &Folder) -> Result<(), RunError> {
        let bytes = self.encode().map_err(|source| located(folder, source))?;
        folder.write(file::CHECKPOINT, &bytes)
    }

    /// Reads the checkpoint of a run.
    ///
    /// # Errors
    /// `NoCheckpoint` if it is not there, `Read` if it cannot be read, `Checkpoint` if it is damaged or of something
    /// else.
    pub fn load(folder: &Folder) -> Result<Self, RunError> {
        if !folder.path(file::CHECKPOINT).exists() {
            return Err(RunError::NoCheckpoint { path: folder.root().to_owned() });
        }
        Self::decode(&folder.read(file::CHECKPOINT)?).map_err(|source| located(folder, source))
    }

    /// Checks that the parameters are those of a model of this size.
    ///
    /// # Errors
    /// `Tensor` if they are more or fewer.
    pub fn check_size(&self, parameters: usize) -> Result<(), CheckpointError> {
        if self.theta.len() == parameters {
            return Ok(());
        }
        let problem =
            format!("holds {} numbers, but the model has {parameters} parameters", self.theta.len());
        Err(CheckpointError::tensor("theta", problem))
    }

    /// Reads a file's bytes. Never panics, whatever they are.
    ///
    /// # Errors
    /// [`CheckpointError`] if the bytes are damaged or of something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let empty = HashMap::new();
        let metadata = header.metadata().as_ref().unwrap_or(&empty);
        let found = metadata.get("format");
        if found.map(String::as_str) != Some(FORMAT) {
            return Err(CheckpointError::Foreign { found: found.cloned() });
        }
        let text = |key| metadata.get(key).ok_or_else(|| CheckpointError::metadata(key, &"missing"));
        let config = Config::parse(text("config")?, "configuration in the checkpoint")?;
        let progress: Progress =
            serde_json::from_str(text("progress")?).map_err(|e| CheckpointError::metadata("progress", &e))?;
        let tensors = SafeTensors::deserialize(bytes)?;
        let rng = tensors.tensor("rng").map_err(|_| CheckpointError::tensor("rng", "is missing"))?;
        let rng =
            serde_json::from_slice(rng.data()).map_err(|e| CheckpointError::tensor("rng", e.to_string()))?;
        let theta = tensors.tensor("theta").map_err(|_| CheckpointError::tensor("theta", "is missing"))?;
        let mut optimiser = Tensors::new();
        for (name, view) in tensors.iter() {
            if let Some(short) = name.strip_prefix(OPTIMISER) {
                optimiser.insert(short.to_owned(), numbers(name, &view)?);
            }
        }
        Ok(Self { config, theta: numbers("theta", &theta)?, optimiser, rng, progress })
    }
}

/// Names the file that an error is about.
pub(crate) fn located(folder: &Folder, source: CheckpointError) -> RunError {
    RunError::Checkpoint { path: folder.path(file::CHECKPOINT), source }
}

fn to_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The numbers of an f64 tensor, all finite.
fn numbers(name: &str, view: &TensorView<'_>) -> Result<Vec<f64>, CheckpointError> {
    if view.dtype() != Dtype::F64 {
        return Err(CheckpointError::tensor(name, format!("has type {:?}, not F64", view.dtype())));
    }
    let (words, _) = view.data().as_chunks::<8>();
    let values: Vec<f64> = words.iter().map(|&word| f64::from_le_bytes(word)).collect();
    match values.iter().find(|x| !x.is_finite()) {
        Some(x) => Err(CheckpointError::tensor(name, format!("holds {x}"))),
        None => Ok(values),
    }
}
