//! The state of an unfinished fit of linear layers in a checkpoint: arrays as tensors, the rest as JSON.

use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, numbers};
use crate::convex::{GrowthState, LayerState, MemberState};
use crate::points::Generator;

/// Key among the metadata.
pub(super) const KEY: &str = "growth";

/// What is not a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    penalties: Vec<usize>,
    gains: Vec<f64>,
    /// The generator of every stack.
    generators: Vec<Generator>,
}

/// What is not a tensor, as JSON.
///
/// # Errors
/// [`CheckpointError::Metadata`] if the library refuses to write.
pub(super) fn to_json(growth: &GrowthState) -> Result<String, CheckpointError> {
    let GrowthState { penalties, gains, members } = growth;
    let generators = members.iter().map(|member| member.rng.clone()).collect();
    let header = Header { penalties: penalties.clone(), gains: gains.clone(), generators };
    serde_json::to_string(&header).map_err(|e| CheckpointError::metadata(KEY, &e))
}

/// All arrays with their names.
pub(super) fn arrays(growth: &GrowthState) -> impl Iterator<Item = (String, &[f64])> {
    growth.members.iter().enumerate().flat_map(|(m, member)| {
        member.layers.iter().enumerate().flat_map(move |(l, layer)| {
            let names = LayerState::NAMES.map(|name| GrowthState::name(m, l, name));
            names.into_iter().zip(layer.arrays())
        })
    })
}

/// The state of this JSON and these tensors: every stack has as many layers as there are penalties.
///
/// # Errors
/// [`CheckpointError`] if a part is missing or no part of such a state.
pub(super) fn read(json: &str, tensors: &SafeTensors<'_>) -> Result<GrowthState, CheckpointError> {
    let Header { penalties, gains, generators } =
        serde_json::from_str(json).map_err(|e| CheckpointError::metadata(KEY, &e))?;
    let array = |member: usize, layer: usize, name: &str| {
        let name = GrowthState::name(member, layer, name);
        let view = tensors.tensor(&name).map_err(|_| CheckpointError::tensor(&name, "is missing"))?;
        numbers(&name, &view)
    };
    let layer = |m: usize, l: usize| -> Result<LayerState, CheckpointError> {
        let [centres, concentrations, parameters, barrier, weights] = LayerState::NAMES;
        Ok(LayerState {
            centres: array(m, l, centres)?,
            concentrations: array(m, l, concentrations)?,
            parameters: array(m, l, parameters)?,
            barrier: array(m, l, barrier)?,
            weights: array(m, l, weights)?,
        })
    };
    let member = |(m, rng): (usize, Generator)| -> Result<MemberState, CheckpointError> {
        let layers = (0..penalties.len()).map(|l| layer(m, l)).collect::<Result<_, _>>()?;
        Ok(MemberState { rng, layers })
    };
    let members = generators.into_iter().enumerate().map(member).collect::<Result<_, _>>()?;
    Ok(GrowthState { penalties, gains, members })
}
