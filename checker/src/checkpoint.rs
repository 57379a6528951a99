//! The parameters of a run.

use safetensors::{Dtype, SafeTensors};

/// The bytes are not those of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: {0}")]
pub struct NotACheckpoint(pub String);

/// The parameters in the bytes of a `checkpoint.safetensors`: the tensor `theta` of 64-bit numbers.
///
/// # Errors
/// [`NotACheckpoint`] if there is no such tensor.
pub fn parameters(bytes: &[u8]) -> Result<Vec<f64>, NotACheckpoint> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| NotACheckpoint(error.to_string()))?;
    let theta = file.tensor("theta").map_err(|error| NotACheckpoint(error.to_string()))?;
    if theta.dtype() != Dtype::F64 {
        return Err(NotACheckpoint("`theta` is not of 64-bit numbers".to_owned()));
    }
    let (words, _) = theta.data().as_chunks::<8>();
    Ok(words.iter().map(|&word| f64::from_le_bytes(word)).collect())
}
