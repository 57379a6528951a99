//! Which settings and points training may begin with.

use std::fmt::Display;

use ircpm_manifolds::AnyManifold;

use super::{Source, TrainingError};
use crate::config::TrainingConfig;

/// A number with its name, where it is out of its range.
pub(crate) struct OutOfRange {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) expected: &'static str,
}

impl From<OutOfRange> for TrainingError {
    fn from(OutOfRange { name, value, expected }: OutOfRange) -> Self {
        Self::Setting { name, value, expected }
    }
}

/// Refuses a value that is not `ok`.
pub(crate) fn require(
    ok: bool,
    name: &'static str,
    value: &dyn Display,
    expected: &'static str,
) -> Result<(), OutOfRange> {
    if ok { Ok(()) } else { Err(OutOfRange { name, value: value.to_string(), expected }) }
}

/// Refuses what is not a finite number above zero.
pub(crate) fn require_positive(name: &'static str, value: f64) -> Result<(), OutOfRange> {
    require(value.is_finite() && value > 0.0, name, &value, "a finite number above zero")
}

/// Refuses zero.
pub(crate) fn require_count(name: &'static str, value: usize) -> Result<(), OutOfRange> {
    require(value > 0, name, &value, "at least one")
}

/// Refuses numbers of points that no step may take.
pub(crate) fn require_batch(name: &'static str, value: usize) -> Result<(), OutOfRange> {
    require((1..=1 << 20).contains(&value), name, &value, "an integer from 1 to 2²⁰")
}

/// Refuses settings out of their range; a configuration has been checked for the same.
///
/// # Errors
/// [`TrainingError::Setting`] with the first one.
pub(super) fn check_settings(settings: &TrainingConfig, source: Source<'_>) -> Result<(), TrainingError> {
    let TrainingConfig { goal, learning_rate, clip, log_every, checkpoint_every, .. } = *settings;
    let beta = source.target().map_or(1.0, |(_, beta)| beta);
    for (name, value) in [("beta", beta), ("goal", goal), ("learning_rate", learning_rate)] {
        require_positive(name, value)?;
    }
    require(clip > 0.0, "clip", &clip, "a number above zero; infinity shortens no gradient")?;
    require_count("steps", settings.steps())?;
    require_batch("batch", settings.batch())?;
    for (name, value) in [("log_every", log_every), ("checkpoint_every", checkpoint_every)] {
        require_count(name, value)?;
    }
    Ok(())
}

/// Refuses points that are not on the manifold.
///
/// # Errors
/// [`TrainingError::Point`] with the first one.
///
/// # Panics
/// If there are no points to learn from, not whole points, or not one weight per point.
pub(super) fn check_points(manifold: &AnyManifold, source: Source<'_>) -> Result<(), TrainingError> {
    let Source::Points { train, held_out } = source else { return Ok(()) };
    let n = manifold.ambient();
    assert!(!train.points().is_empty(), "at least one point to learn from");
    for (part, points) in [("training", train), ("held-out", held_out)] {
        assert!(points.points().len().is_multiple_of(n), "whole {part} points of {n} coordinates");
        points.count(n);
        for (index, point) in points.points().chunks_exact(n).enumerate() {
            let invalid = |source| TrainingError::Point { part, index, source };
            manifold.check_point(point).map_err(invalid)?;
        }
    }
    Ok(())
}
