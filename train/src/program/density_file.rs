//! The proven bounds of a run's density, tied to the checkpoint that they are about.

use serde::{Deserialize, Serialize};

use super::RunError;
use super::folder::{Folder, file};
use crate::density_proof::DensityProof;

/// `density.json` as it is written: the bounds, and the checksum of the checkpoint's bytes.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    proof: &'a DensityProof,
    checkpoint: &'a str,
}

/// As it is read.
#[derive(Deserialize)]
struct Stored {
    #[serde(flatten)]
    proof: DensityProof,
    checkpoint: String,
}

/// Writes the bounds that are proven of the state whose checkpoint has this checksum.
///
/// # Errors
/// [`RunError::Folder`] if they cannot be written.
pub fn write_density(proof: &DensityProof, checksum: &str, folder: &Folder) -> Result<(), RunError> {
    let record = Record { proof, checkpoint: checksum };
    let text = serde_json::to_string_pretty(&record).expect("a proof has string keys only") + "\n";
    Ok(folder.write(file::DENSITY, text.as_bytes())?)
}

/// The bounds that are proven of the state whose checkpoint has this checksum, at the inverse temperature β; none if there
/// are none of it.
///
/// # Errors
/// [`RunError::Folder`] if the file cannot be read, [`RunError::Density`] if it is not one of this program.
pub fn read_density(checksum: &str, beta: f64, folder: &Folder) -> Result<Option<DensityProof>, RunError> {
    if !folder.path(file::DENSITY).exists() {
        return Ok(None);
    }
    let bytes = folder.read(file::DENSITY)?;
    let fault = |source| RunError::Density { path: folder.path(file::DENSITY), source };
    let Stored { proof, checkpoint } = serde_json::from_slice(&bytes).map_err(fault)?;
    Ok((checkpoint == checksum && proof.beta == beta && proof.is_proven()).then_some(proof))
}
