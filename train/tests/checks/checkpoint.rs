//! What must hold of any bytes given as a checkpoint or as a flow; replayed from `tests/regressions/checkpoint`, and
//! fuzzed.

use std::path::Path;

use ircpm_train::fit::FlowFile;
use ircpm_train::training::checkpoint::{Checkpoint, CheckpointError};
use ircpm_train::training::{Model, Problem};

/// Models with more parameters are not evaluated, because that takes too long.
const MOST_PARAMETERS: usize = 512;
/// The most bytes to which the numbers of a file are padded.
const MOST_NUMBERS: usize = 1 << 16;

/// Decodes `bytes` as they are, with their checksum put right, and with the lengths in the header put right as well.
/// What is decoded is the same when it is written and read again; an error says something on one line.
pub(crate) fn decodes_or_explains(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), measured(bytes)] {
        let sealed = sealed(bytes.clone());
        decodes_or_explains_as_is(&bytes);
        if sealed != bytes {
            decodes_or_explains_as_is(&sealed);
        }
    }
}

fn decodes_or_explains_as_is(bytes: &[u8]) {
    match Checkpoint::decode(bytes) {
        Ok(checkpoint) => continues_or_explains(&checkpoint),
        Err(error) => is_explanation(&error),
    }
    match FlowFile::decode(bytes) {
        Ok(file) => {
            let written = file.encode().expect("a flow that was read");
            let again = FlowFile::decode(&written).expect("a flow that was written");
            assert_eq!(again.theta, file.theta);
            if file.theta.len() <= MOST_PARAMETERS {
                let origin = file.flow.manifold().origin();
                let bits = |file: &FlowFile| file.log_prob(&origin)[0].to_bits();
                assert_eq!(bits(&again), bits(&file));
            }
        }
        Err(error) => is_explanation(&error),
    }
}

/// Writes a checkpoint and reads it again, builds its model, and takes one step of training if it is short.
fn continues_or_explains(checkpoint: &Checkpoint) {
    let written = checkpoint.encode().expect("a checkpoint that was read");
    let again = Checkpoint::decode(&written).expect("a checkpoint that was written");
    assert_eq!(again.state.theta, checkpoint.state.theta);
    assert_eq!(again.state.growth, checkpoint.state.growth);
    assert_eq!(again.config.to_toml(), checkpoint.config.to_toml());
    match Model::new(checkpoint) {
        Ok(model) if model.theta.len() <= MOST_PARAMETERS => {
            let density = model.flow.log_prob(&model.theta, &model.flow.manifold().origin());
            // NaN where the map folds.
            assert!(density[0] != f64::INFINITY, "{density:?}");
        }
        Ok(_) => {}
        Err(error) => is_explanation(&error),
    }
    let Checkpoint { config, state } = checkpoint.clone();
    let is_short = config.training.batch() <= 256 && config.evaluation.samples <= 4096;
    // A target alone, because there is no file of points.
    if config.data.is_some() || !is_short || state.progress.done || state.theta.len() > MOST_PARAMETERS {
        return;
    }
    let Ok(problem) = Problem::new(config, Path::new(".")) else { return };
    let Some(problem) = problem.at(&state) else { return };
    match problem.resume(state) {
        Ok(mut trainer) => {
            if let Err(error) = trainer.step() {
                assert!(!error.to_string().is_empty());
            }
        }
        Err(error) => is_explanation(&error),
    }
}

fn is_explanation(error: &dyn std::error::Error) {
    let text = error.to_string();
    assert!(!text.is_empty(), "{error:?}");
}

/// The bytes with the checksum that they should have.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Err(CheckpointError::Checksum { found, .. }) = Checkpoint::decode(&bytes) {
        let key = b"\"checksum\":\"";
        let at = bytes.windows(key.len()).position(|window| window == key).expect("what was compared");
        bytes[at + key.len()..][..8].copy_from_slice(format!("{found:08x}").as_bytes());
    }
    bytes
}

/// The bytes with the length that their header has, and as many numbers as it speaks of.
fn measured(bytes: &[u8]) -> Vec<u8> {
    let Some((_, text)) = bytes.split_first_chunk::<8>() else { return bytes.to_vec() };
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<serde_json::Value>();
    let Some(Ok(header)) = values.next() else { return bytes.to_vec() };
    let end = values.byte_offset();
    let end = end + text[end..].iter().take_while(|&&byte| byte == b' ').count();
    let tensors = header.as_object().into_iter().flatten();
    let needed = tensors.filter_map(|(_, tensor)| tensor["data_offsets"][1].as_u64()).max().unwrap_or(0);
    let mut numbers = text[end..].to_vec();
    numbers.resize(usize::try_from(needed).unwrap_or(0).min(MOST_NUMBERS), 0);
    [&(end as u64).to_le_bytes(), &text[..end], &numbers].concat()
}
