//! The state of training between two steps, as a safetensors file.
//!
//! | tensor | type | |
//! |---|---|---|
//! | `theta` | f64 | parameters |
//! | `optimiser.*` | f64 | state of the optimiser and of its choice of points |
//! | `rng` | u8 | generator of the base points, as JSON |
//! | `growth.M.L.*` | f64 | of an unfinished fit, layer `L` of stack `M`: [`crate::convex::LayerState`] |
//!
//! Metadata: `format`, `version`, the effective configuration as TOML, the [`Progress`], a `checksum` of the whole file
//! and, of linear layers, their `terms` as JSON; of an unfinished fit of them `growth` as JSON. Training that goes on from here takes the same steps, to the bit, as
//! training that was never stopped. Nothing of the time is in the file: equal states give equal bytes.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, serialize};

use super::growth;
use super::seal::{self, Seal};
use super::{Progress, State};
use crate::config::{Config, ConfigError};
use crate::optimiser::Tensors;
use crate::points::Generator;

const FORMAT: &str = "ircpm-checkpoint-3";
/// The format before files had a checksum.
const UNSEALED: &str = "ircpm-checkpoint-2";
const OPTIMISER: &str = "optimiser.";
/// Key of the functions of linear layers, as JSON.
const TERMS: &str = "terms";

/// A saved state, with the configuration of its run.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The effective configuration.
    pub config: Config,
    /// The state of training.
    pub state: State,
}

/// Why a checkpoint cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a safetensors file, or cut short.
    #[error("damaged, or not a safetensors file ({0}); put back an undamaged copy, or train again")]
    Format(String),
    /// Not the bytes that were written.
    #[error(
        "damaged: its checksum is {found:08x}, that of what was written is {written:08x}; put back an undamaged copy, or \
         train again"
    )]
    Checksum {
        /// The checksum of the bytes.
        found: u32,
        /// The checksum in the file.
        written: u32,
    },
    /// A safetensors file of something else.
    #[error(
        "a safetensors file, but not a checkpoint of this program ({}, not {FORMAT:?})",
        found.as_ref().map_or("it names no format".to_owned(), |found| format!("its format is {found:?}"))
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
    /// The checkpoint is of another run than the configuration beside it.
    #[error(
        "written with another seed, [target], [data], [model] or [training] than config.toml has; put back the run's \
         own configuration, or its own checkpoint"
    )]
    OtherRun,
    /// The stored configuration is invalid.
    #[error("its configuration is invalid: {0}")]
    Config(#[from] ConfigError),
}

impl From<SafeTensorError> for CheckpointError {
    fn from(error: SafeTensorError) -> Self {
        Self::Format(error.to_string())
    }
}

impl CheckpointError {
    pub(super) fn tensor(name: &str, problem: impl Into<String>) -> Self {
        Self::Tensor { name: name.to_owned(), problem: problem.into() }
    }

    /// The error of a tensor of parameters that is of no such model.
    pub fn size(found: usize, parameters: usize) -> Self {
        Self::tensor("theta", format!("holds {found} numbers, but the model has {parameters} parameters"))
    }

    pub(super) fn metadata(key: &'static str, problem: &dyn ToString) -> Self {
        Self::Metadata { key, problem: problem.to_string() }
    }
}

impl Checkpoint {
    /// The file's bytes.
    ///
    /// # Errors
    /// `Format` if the library refuses to write.
    pub fn encode(&self) -> Result<Vec<u8>, CheckpointError> {
        let State { theta, optimiser, generator, progress, terms, growth } = &self.state;
        let rng = serde_json::to_vec(generator).map_err(|e| CheckpointError::metadata("rng", &e))?;
        let progress =
            serde_json::to_string(progress).map_err(|e| CheckpointError::metadata("progress", &e))?;
        let mut metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("config".to_owned(), self.config.to_toml()),
            ("progress".to_owned(), progress),
        ]);
        if !terms.is_empty() {
            let terms = serde_json::to_string(terms).map_err(|e| CheckpointError::metadata(TERMS, &e))?;
            metadata.insert(TERMS.to_owned(), terms);
        }
        let mut tensors = vec![("theta".to_owned(), to_bytes(theta))];
        if let Some(growth) = growth {
            metadata.insert(growth::KEY.to_owned(), growth::to_json(growth)?);
            tensors.extend(growth::arrays(growth).map(|(name, values)| (name, to_bytes(values))));
        }
        tensors
            .extend(optimiser.iter().map(|(name, values)| (format!("{OPTIMISER}{name}"), to_bytes(values))));
        let mut views = Vec::with_capacity(tensors.len() + 1);
        for (name, bytes) in &tensors {
            views.push((name.as_str(), TensorView::new(Dtype::F64, vec![bytes.len() / 8], bytes)?));
        }
        views.push(("rng", TensorView::new(Dtype::U8, vec![rng.len()], &rng)?));
        seal::place(&mut metadata);
        let bytes = serialize(views, Some(metadata))?;
        seal::close(bytes).map_err(CheckpointError::Format)
    }

    /// Reads a file's bytes. Never panics, whatever they are.
    ///
    /// # Errors
    /// [`CheckpointError`] if the bytes are damaged or of something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let seal = Seal::of(bytes);
        if let Some(Seal { found, written }) = seal
            && found != written
        {
            return Err(CheckpointError::Checksum { found, written });
        }
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let empty = HashMap::new();
        let metadata = header.metadata().as_ref().unwrap_or(&empty);
        let found = metadata.get("format");
        match found.map(String::as_str) {
            Some(UNSEALED) => {}
            Some(FORMAT) if seal.is_some() => {}
            Some(FORMAT) => return Err(CheckpointError::metadata(seal::KEY, &"missing")),
            _ => return Err(CheckpointError::Foreign { found: found.cloned() }),
        }
        let text = |key| metadata.get(key).ok_or_else(|| CheckpointError::metadata(key, &"missing"));
        let config = Config::parse(text("config")?, "configuration in the checkpoint")?;
        let progress: Progress =
            serde_json::from_str(text("progress")?).map_err(|e| CheckpointError::metadata("progress", &e))?;
        if let Some((name, count)) = progress.impossible() {
            return Err(CheckpointError::metadata("progress", &format!("`{name}` is {count}")));
        }
        let tensors = SafeTensors::deserialize(bytes)?;
        let rng = tensors.tensor("rng").map_err(|_| CheckpointError::tensor("rng", "is missing"))?;
        let generator: Generator =
            serde_json::from_slice(rng.data()).map_err(|e| CheckpointError::tensor("rng", e.to_string()))?;
        let theta = tensors.tensor("theta").map_err(|_| CheckpointError::tensor("theta", "is missing"))?;
        let mut optimiser = Tensors::new();
        for (name, view) in tensors.iter() {
            if let Some(short) = name.strip_prefix(OPTIMISER) {
                optimiser.insert(short.to_owned(), numbers(name, &view)?);
            }
        }
        let theta = numbers("theta", &theta)?;
        let terms = match metadata.get(TERMS) {
            Some(text) => serde_json::from_str(text).map_err(|e| CheckpointError::metadata(TERMS, &e))?,
            None => vec![],
        };
        let growth = metadata.get(growth::KEY).map(|text| growth::read(text, &tensors)).transpose()?;
        if let Some(growth) = &growth
            && growth.gains.len() != progress.step
        {
            let problem = format!("it has {} layers after {} steps", growth.gains.len(), progress.step);
            return Err(CheckpointError::metadata(growth::KEY, &problem));
        }
        Ok(Self { config, state: State { theta, optimiser, generator, progress, terms, growth } })
    }
}

/// The bytes of an f64 tensor.
pub(crate) fn to_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The numbers of an f64 tensor, all finite.
pub(crate) fn numbers(name: &str, view: &TensorView<'_>) -> Result<Vec<f64>, CheckpointError> {
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
