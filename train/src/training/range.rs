//! Which settings and points training may begin with.

use std::fmt::Display;

use ircpm_manifolds::AnyManifold;

use super::{Source, TrainingError};
use crate::config::TrainingConfig;

/// Refuses settings out of their range; a configuration has been checked for the same.
///
/// # Errors
/// [`TrainingError::Setting`] with the first one.
pub(super) fn check_settings(settings: &TrainingConfig, source: Source<'_>) -> Result<(), TrainingError> {
    let refuse = |ok: bool, name, value: &dyn Display, expected| {
        let error = TrainingError::Setting { name, value: value.to_string(), expected };
        if ok { Ok(()) } else { Err(error) }
    };
    let TrainingConfig { goal, learning_rate, clip, log_every, checkpoint_every, .. } = *settings;
    let beta = source.target().map_or(1.0, |(_, beta)| beta);
    for (name, value) in [("beta", beta), ("goal", goal), ("learning_rate", learning_rate)] {
        refuse(value.is_finite() && value > 0.0, name, &value, "a finite number above zero")?;
    }
    refuse(clip > 0.0, "clip", &clip, "a number above zero; infinity shortens no gradient")?;
    refuse(settings.steps() > 0, "steps", &settings.steps(), "at least one")?;
    let batch = settings.batch();
    refuse((1..=1 << 20).contains(&batch), "batch", &batch, "an integer from 1 to 2²⁰")?;
    for (name, value) in [("log_every", log_every), ("checkpoint_every", checkpoint_every)] {
        refuse(value > 0, name, &value, "at least one")?;
    }
    Ok(())
}

/// Refuses points that are not on the manifold.
///
/// # Errors
/// [`TrainingError::Point`] with the first one.
///
/// # Panics
/// If there are no points to learn from, or not whole points.
pub(super) fn check_points(manifold: &AnyManifold, source: Source<'_>) -> Result<(), TrainingError> {
    let Source::Points { train, held_out } = source else { return Ok(()) };
    let n = manifold.ambient();
    assert!(!train.is_empty(), "at least one point to learn from");
    for (part, points) in [("training", train), ("held-out", held_out)] {
        assert!(points.len().is_multiple_of(n), "whole {part} points of {n} coordinates");
        for (index, point) in points.chunks_exact(n).enumerate() {
            let invalid = |source| TrainingError::Point { part, index, source };
            manifold.check_point(point).map_err(invalid)?;
        }
    }
    Ok(())
}
