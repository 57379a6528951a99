//! What a run says of its map: its parameters, its configuration and the functions of its linear layers.

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use toml::Table;

use crate::map::{Bump, Terms, Zonal};

/// What the name of a checkpoint's format begins with.
const FORMAT: &str = "ircpm-checkpoint-";

/// The bytes are not those of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: {0}")]
pub struct NotACheckpoint(pub String);

/// A run's `checkpoint.safetensors`, as far as a certificate is compared with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The parameters of all layers.
    pub(crate) theta: Vec<f64>,
    /// The configuration.
    pub(crate) config: Table,
    /// The functions of linear layers, nothing in place of those that no certificate is of; none for other potentials.
    pub(crate) terms: Option<Vec<Option<Terms>>>,
}

/// The functions of a layer, as a checkpoint writes them in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTerms {
    waves: Vec<Vec<i32>>,
    zonals: Vec<StoredZonal>,
    bumps: Vec<StoredBump>,
    /// Whether there are polynomials, which are functions on Rⁿ alone.
    polynomials: bool,
    /// Conditioning variables, and the degree of the polynomials in them, of a conditional density.
    #[serde(default)]
    contexts: Vec<serde_json::Value>,
    #[serde(default)]
    degree: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredZonal {
    first: usize,
    centre: Vec<f64>,
    degrees: [usize; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBump {
    kappa: f64,
    centre: Vec<f64>,
}

impl Checkpoint {
    /// Reads the bytes of a `checkpoint.safetensors`: the tensor `theta` of 64-bit numbers, the configuration in TOML under
    /// `config`, and the functions of linear layers in JSON under `terms`.
    ///
    /// # Errors
    /// [`NotACheckpoint`] if one of the first two is missing, or one cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, NotACheckpoint> {
        let fault = |problem: &dyn ToString| NotACheckpoint(problem.to_string());
        let file = SafeTensors::deserialize(bytes).map_err(|error| fault(&error))?;
        let theta = file.tensor("theta").map_err(|error| fault(&error))?;
        if theta.dtype() != Dtype::F64 {
            return Err(fault(&"`theta` is not of 64-bit numbers"));
        }
        let (words, _) = theta.data().as_chunks::<8>();
        let theta = words.iter().map(|&word| f64::from_le_bytes(word)).collect();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| fault(&error))?;
        let text = |key: &str| header.metadata().as_ref().and_then(|texts| texts.get(key));
        if text("format").is_none_or(|format| !format.starts_with(FORMAT)) {
            return Err(fault(&"it is of another program"));
        }
        let config = text("config").ok_or_else(|| fault(&"it has no configuration"))?;
        let config = config.parse().map_err(|error: toml::de::Error| fault(&error.message()))?;
        let terms = text("terms").map(|terms| serde_json::from_str::<Vec<StoredTerms>>(terms)).transpose();
        let terms = terms.map_err(|error| fault(&error))?;
        let terms = terms.map(|layers| layers.into_iter().map(StoredTerms::terms).collect());
        Ok(Self { theta, config, terms })
    }
}

impl StoredTerms {
    /// The functions; nothing for polynomials and conditional densities.
    fn terms(self) -> Option<Terms> {
        if self.polynomials || !self.contexts.is_empty() || self.degree > 0 {
            return None;
        }
        let zonal = |StoredZonal { first, centre, degrees }| Zonal { first, centre, degrees };
        let bump = |StoredBump { kappa, centre }| Bump { kappa, centre };
        Some(Terms {
            waves: self.waves,
            zonals: self.zonals.into_iter().map(zonal).collect(),
            bumps: self.bumps.into_iter().map(bump).collect(),
        })
    }
}
