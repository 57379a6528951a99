//! One axis that goes around: an angle, or the longitude.

use std::f64::consts::{PI, TAU};

use super::PictureError;
use super::figure::Panel;
use super::square::axis;
use crate::data::{Notation, Unit};

/// Labels at quarters of a turn of radians.
const RADIANS: [&str; 5] = ["0", "π/2", "π", "3π/2", "2π"];
const SIGNED_RADIANS: [&str; 5] = ["−π", "−π/2", "0", "π/2", "π"];

/// An axis from the beginning of a turn to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    label: String,
    unit: Unit,
    signed: bool,
}

impl Turn {
    /// The axis of an angle in the unit and range of a notation.
    pub(super) fn new(label: String, notation: &Notation) -> Self {
        Self { label, unit: notation.unit, signed: notation.signed }
    }

    /// Radians at the beginning.
    pub(super) fn start(&self) -> f64 {
        if self.signed { -PI } else { 0.0 }
    }

    /// Where an angle in radians from 0 to 2π is seen, from 0 to 1.
    pub(super) fn fraction(&self, radians: f64) -> f64 {
        let behind = if self.signed && radians >= PI { radians - TAU } else { radians };
        (behind - self.start()) / TAU
    }

    /// Where an angle in the unit and range of the axis is seen, from 0 to 1.
    pub(super) fn fraction_of(&self, angle: f64) -> f64 {
        angle / self.unit.turn() + if self.signed { 0.5 } else { 0.0 }
    }

    /// Labels at quarters of the turn.
    fn ticks(&self) -> [String; 5] {
        match (self.unit, self.signed) {
            (Unit::Radians, false) => RADIANS.map(str::to_owned),
            (Unit::Radians, true) => SIGNED_RADIANS.map(str::to_owned),
            (unit, signed) => [0.0, 0.25, 0.5, 0.75, 1.0].map(|share: f64| {
                let share = if signed { share - 0.5 } else { share };
                (share * unit.turn()).to_string().replace('-', "−")
            }),
        }
    }

    /// Draws ticks, labels and name along the lower or the left edge.
    pub(super) fn draw(&self, panel: &Panel<'_>, lower: bool) -> Result<(), PictureError> {
        let ticks = self.ticks().into_iter().enumerate().map(|(i, label)| (i as f64 / 4.0, label));
        axis(panel, lower, &self.label, &ticks.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_seen_beside_their_labels_in_every_unit() {
        for (unit, signed, labels) in [
            (Unit::Degrees, false, ["0", "90", "180", "270", "360"]),
            (Unit::Degrees, true, ["−180", "−90", "0", "90", "180"]),
            (Unit::Hours, false, ["0", "6", "12", "18", "24"]),
            (Unit::Turns, true, ["−0.5", "−0.25", "0", "0.25", "0.5"]),
            (Unit::Radians, true, SIGNED_RADIANS),
        ] {
            let notation = Notation { unit, signed, ..Notation::default() };
            let turn = Turn::new("a".into(), &notation);
            assert_eq!(turn.ticks(), labels);
            for radians in [0.0, 0.1, 1.0, 3.0, PI, 4.0, TAU.next_down()] {
                let expected = turn.fraction_of(notation.angle(radians));
                assert!((turn.fraction(radians) - expected).abs() < 1e-15, "{unit}, {radians}");
            }
        }
    }
}
