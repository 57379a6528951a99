//! The unit of angles: what the option says, what the header says, what the values show.

use std::f64::consts::TAU;

use super::names::is_usual_angle;
use super::table::Table;
use super::{DataError, Notation, Note, Options, Unit};

/// A turn in radians, with room for a last digit that was rounded up.
const LARGEST_RADIANS: f64 = TAU + 0.01;

/// Words for units in the names of columns.
const WORDS: [(&str, Unit); 13] = [
    ("deg", Unit::Degrees),
    ("degs", Unit::Degrees),
    ("degree", Unit::Degrees),
    ("degrees", Unit::Degrees),
    ("°", Unit::Degrees),
    ("rad", Unit::Radians),
    ("rads", Unit::Radians),
    ("radian", Unit::Radians),
    ("radians", Unit::Radians),
    ("hour", Unit::Hours),
    ("hours", Unit::Hours),
    ("turn", Unit::Turns),
    ("turns", Unit::Turns),
];

/// Words of a name, in small letters.
fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric() && c != '°').filter(|word| !word.is_empty());
    parts.map(str::to_owned).collect()
}

/// The unit that the last word of a column's name says: `phi [deg]`, `phi_deg`, `phi (degrees)`.
pub(super) fn in_name(name: &str) -> Option<Unit> {
    let words = words(name);
    let last = words.last()?;
    if last.ends_with('°') {
        return Some(Unit::Degrees);
    }
    WORDS.iter().find(|(word, _)| word == last).map(|(_, unit)| *unit)
}

/// A name in small letters without its unit.
pub(super) fn without_unit(name: &str) -> String {
    let mut words = words(name);
    if words.len() > 1 && in_name(name).is_some() {
        words.pop();
    }
    words.join("_")
}

/// The unit of the angles in these columns; `numbers` are their values with row and column.
///
/// # Errors
/// [`DataError::UnitsMixed`], [`DataError::UnitUnclear`], [`DataError::RunUnit`] or [`DataError::Angle`] where the option
/// has to decide.
pub(super) fn unit(
    table: &Table<'_>,
    columns: &[usize],
    numbers: impl Iterator<Item = (usize, usize, f64)>,
    options: &Options,
    notes: &mut Vec<Note>,
) -> Result<Unit, DataError> {
    if let Some(unit) = options.unit {
        notes.push(Note::Unit { unit, reason: "the option `unit` says so" });
        return Ok(unit);
    }
    let path = || table.path.to_owned();
    let named: Vec<(&String, Unit)> = columns
        .iter()
        .filter_map(|&column| table.names.get(column).and_then(|name| Some((name, in_name(name)?))))
        .collect();
    if named.iter().any(|(_, unit)| *unit != named[0].1) {
        let units = named.iter().map(|(name, _)| (*name).clone()).collect();
        return Err(DataError::UnitsMixed { path: path(), units });
    }
    // Names that the run's points have speak for its unit; the usual ones stand for radians.
    let own = options.notation.as_ref().filter(|notation| notation.unit != Unit::Radians);
    let names: Vec<&String> = columns.iter().filter_map(|&column| table.names.get(column)).collect();
    let are_own = |own: &Notation| !names.is_empty() && names.iter().all(|name| own.columns.contains(name));
    let are_usual = !names.is_empty() && names.iter().all(|name| is_usual_angle(name));
    let mut numbers = numbers;
    if let (None, Some(own), false) = (named.first(), own, are_usual) {
        if !are_own(own) {
            own_range(own.unit, table, numbers)?;
        }
        notes.push(Note::Unit { unit: own.unit, reason: "the points of the run are" });
        return Ok(own.unit);
    }
    let beyond = numbers.find(|(_, _, x)| x.abs() > LARGEST_RADIANS);
    let (unit, reason) = match (named.first(), beyond) {
        (Some((_, Unit::Radians)), _) => (Unit::Radians, "the header says so"),
        (Some((_, unit)), Some(_)) => (*unit, "the header says so"),
        (Some((_, unit)), None) if own.is_some_and(|own| own.unit == *unit) => (*unit, "the header says so"),
        (Some((name, unit)), None) => {
            return Err(DataError::UnitUnclear { path: path(), header: (*name).clone(), unit: *unit });
        }
        (None, Some((row, column, value))) => {
            let (at, column) = (table.place(row), table.label(column));
            return Err(DataError::Angle { at, column, value });
        }
        (None, None) => (Unit::Radians, "all are within ±2π"),
    };
    notes.push(Note::Unit { unit, reason });
    Ok(unit)
}

/// Refuses angles that need not be in the unit of the run's points.
///
/// # Errors
/// [`DataError::RunUnit`] where all are within ±2π, which radians are; for turns where one is beyond a turn.
fn own_range(
    unit: Unit,
    table: &Table<'_>,
    mut numbers: impl Iterator<Item = (usize, usize, f64)>,
) -> Result<(), DataError> {
    let (is_clear, found) = match unit {
        Unit::Turns => (numbers.all(|(_, _, x)| x.abs() < 1.002), "some here are beyond one"),
        _ => (numbers.any(|(_, _, x)| x.abs() > LARGEST_RADIANS), "all here are within ±2π"),
    };
    if is_clear { Ok(()) } else { Err(DataError::RunUnit { path: table.path.to_owned(), unit, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_at_the_ends_of_names() {
        for (name, unit, rest) in [
            ("phi [deg]", Some(Unit::Degrees), "phi"),
            ("yaw_misalignment_deg", Some(Unit::Degrees), "yaw_misalignment"),
            ("Psi (radians)", Some(Unit::Radians), "psi"),
            ("phi °", Some(Unit::Degrees), "phi"),
            ("time_hours", Some(Unit::Hours), "time"),
            ("degree_of_order", None, "degree_of_order"),
            ("gradient", None, "gradient"),
            ("deg", Some(Unit::Degrees), "deg"),
            ("", None, ""),
        ] {
            assert_eq!((in_name(name), without_unit(name).as_str()), (unit, rest), "{name}");
        }
    }
}
