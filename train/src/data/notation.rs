//! How points are written in a table: the unit of angles, latitudes and longitudes, names of columns.

use std::f64::consts::TAU;

use ircpm_manifolds::{AnyManifold, Coordinates};
use serde::{Deserialize, Serialize};

use super::names::{is_usual_angle, usual_names};
use super::select::{Role, WRITTEN, roles};
use super::unit::{in_name, without_unit};
use super::{DataError, Unit};

/// Degrees in half a turn.
const HALF: f64 = 180.0;

/// How points are written in a table. By default angles are radians from 0 to 2π, directions unit vectors, and columns
/// have the names of [`super::coordinate_names`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notation {
    /// Unit of the angles.
    pub unit: Unit,
    /// Whether angles and longitudes are from minus half a turn to half a turn; else they are from zero to a turn.
    pub signed: bool,
    /// Whether points of S² are latitude and longitude in degrees; else they are unit vectors.
    pub lat_lon: bool,
    /// Names of the columns; empty for the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

impl Default for Notation {
    fn default() -> Self {
        Self { unit: Unit::Radians, signed: false, lat_lon: false, columns: vec![] }
    }
}

impl Notation {
    /// The notation of a table from the names of its columns and its numbers, `[row][role]`.
    ///
    /// Angles and longitudes are signed where one is negative. Longitudes without other angles are as well where none is
    /// beyond 180 degrees, because most maps have them so.
    pub(super) fn of(names: Vec<String>, roles: &[Role], numbers: &[f64], unit: Unit) -> Self {
        let turning =
            || numbers.iter().zip(roles.iter().cycle()).filter(|(_, role)| role.turn(unit).is_some());
        let is_negative = turning().any(|(x, _)| *x < 0.0);
        let is_beyond_half = turning().any(|(x, role)| role.turn(unit).is_some_and(|turn| *x > 0.5 * turn));
        let is_map = roles.contains(&Role::Longitude) && !roles.contains(&Role::Angle);
        let signed = is_negative || (is_map && !is_beyond_half);
        let lat_lon = roles.contains(&Role::Latitude);
        let columns = if are_usable(&names) { names } else { vec![] };
        let mut notation = Self { unit, signed, lat_lon, columns };
        notation.rename(roles, |name| match in_name(name) {
            Some(said) => said != unit,
            // These names stand for radians.
            None => unit != Unit::Radians && is_usual_angle(name),
        });
        notation
    }

    /// Adds the unit to the names of angles for which it has to be said.
    fn rename(&mut self, roles: &[Role], has_to: impl Fn(&str) -> bool) {
        let angles = self.columns.iter_mut().zip(roles).filter(|(_, role)| **role == Role::Angle);
        for (name, _) in angles.filter(|(name, _)| has_to(name)) {
            *name = with_unit(&without_unit(name), self.unit);
        }
    }

    /// The same notation with another unit or another choice of latitudes, where they are given.
    ///
    /// # Errors
    /// [`DataError::NoAngles`] or [`DataError::NoSphere`] where the manifold has not what the option is for.
    pub fn with(
        mut self,
        manifold: &AnyManifold,
        unit: Option<Unit>,
        lat_lon: Option<bool>,
    ) -> Result<Self, DataError> {
        let all = roles(manifold, true);
        if unit.is_some() && !all.contains(&Role::Angle) {
            return Err(DataError::NoAngles { manifold: manifold.to_string() });
        }
        if lat_lon.is_some() && !all.contains(&Role::Latitude) {
            return Err(DataError::NoSphere { manifold: manifold.to_string() });
        }
        if let Some(lat_lon) = lat_lon.filter(|asked| *asked != self.lat_lon) {
            self.lat_lon = lat_lon;
            self.columns.clear();
        }
        if let Some(unit) = unit.filter(|asked| *asked != self.unit) {
            self.unit = unit;
            self.rename(&roles(manifold, self.lat_lon), |_| true);
        }
        Ok(self)
    }

    /// Names of the columns of a point. The usual names of angles say their unit where it is not the radian.
    pub fn column_names(&self, manifold: &AnyManifold) -> Vec<String> {
        if let Some(names) = self.own_names(manifold) {
            return names.to_vec();
        }
        let roles = roles(manifold, self.lat_lon);
        let of = |(name, role): (String, &Role)| match (role, self.unit) {
            (Role::Angle, unit) if unit != Unit::Radians => with_unit(&name, unit),
            _ => name,
        };
        usual_names(manifold, self.lat_lon).into_iter().zip(&roles).map(of).collect()
    }

    /// The names that the columns were given; none if they have the usual ones.
    pub(crate) fn own_names(&self, manifold: &AnyManifold) -> Option<&[String]> {
        // A configuration may have been written by hand.
        let count = roles(manifold, self.lat_lon).len();
        (self.columns.len() == count && are_usable(&self.columns)).then_some(&self.columns[..])
    }

    /// The name of an angle with the unit, unless that is in the name.
    #[cfg(feature = "program")]
    pub(crate) fn label(&self, name: &str) -> String {
        if in_name(name).is_some() { name.to_owned() } else { format!("{name} ({})", self.unit.name()) }
    }

    /// Points (`[point][coordinate]`, angles from 0 to 2π) as rows of the columns' numbers. NaN stays NaN; radians from 0
    /// to 2π, unit vectors and real coordinates keep their bits.
    ///
    /// # Panics
    /// If `points` does not hold whole points of the manifold.
    pub fn rows(&self, manifold: &AnyManifold, points: &[f64]) -> Vec<f64> {
        assert!(points.len().is_multiple_of(manifold.ambient()), "whole points of {manifold}");
        let blocks = manifold.coordinates();
        let mut rows = Vec::with_capacity(points.len());
        for point in points.chunks_exact(manifold.ambient()) {
            let mut start = 0;
            for block in &blocks {
                let coordinates = &point[start..start + block.len()];
                start += block.len();
                match (block, coordinates) {
                    (Coordinates::Angles(_), angles) => {
                        rows.extend(angles.iter().map(|angle| self.angle(*angle)));
                    }
                    (Coordinates::UnitVector(3), &[x, y, z]) if self.lat_lon => {
                        rows.extend(self.on_globe([x, y, z]));
                    }
                    (_, plain) => rows.extend(plain),
                }
            }
        }
        rows
    }

    /// An angle between 0 and 2π in the unit and the range.
    pub(crate) fn angle(&self, radians: f64) -> f64 {
        let turn = self.unit.turn();
        let angle = if self.unit == Unit::Radians { radians } else { radians / TAU * turn };
        // The difference of two numbers within a factor of two has no rounding, so radians keep their bits.
        if self.signed && angle >= 0.5 * turn { angle - turn } else { angle }
    }

    /// Latitude and longitude of a unit vector in degrees. The latitude is exact at the poles as well, where the arcsine
    /// would lose half of the digits.
    fn on_globe(&self, [x, y, z]: [f64; 3]) -> [f64; 2] {
        let (latitude, longitude) = (z.atan2(x.hypot(y)).to_degrees(), y.atan2(x).to_degrees());
        [latitude, if self.signed || longitude >= 0.0 { longitude } else { longitude + 2.0 * HALF }]
    }

    /// Units and ranges of what is written, for a reader; none where the manifold has real coordinates alone.
    pub fn description(&self, manifold: &AnyManifold) -> Option<String> {
        let range = |turn: f64, unit: &str| {
            let number =
                |x: f64| if unit == "radians" { format!("{}π", x / TAU * 2.0) } else { x.to_string() };
            let high = if self.signed { 0.5 * turn } else { turn };
            let (low, high) =
                (if self.signed { format!("-{}", number(high)) } else { "0".into() }, number(high));
            format!("from {low} to {}", if high == "1π" { "π" } else { &high }).replace("-1π", "-π")
        };
        let roles = roles(manifold, self.lat_lon);
        let mut parts = vec![];
        if roles.contains(&Role::Angle) {
            let unit = self.unit.to_string();
            parts.push(format!("angles in {unit} {}", range(self.unit.turn(), &unit)));
        }
        if roles.contains(&Role::Latitude) {
            parts
                .push(format!("latitudes and longitudes in degrees, these {}", range(2.0 * HALF, "degrees")));
        } else if manifold.coordinates().iter().any(|block| matches!(block, Coordinates::UnitVector(_))) {
            parts.push("directions as unit vectors".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl Role {
    /// A turn, of what goes around.
    fn turn(self, unit: Unit) -> Option<f64> {
        match self {
            Self::Angle => Some(unit.turn()),
            Self::Longitude => Some(2.0 * HALF),
            Self::Latitude | Self::Plain => None,
        }
    }
}

/// A name that says its unit, so that it is read again.
fn with_unit(name: &str, unit: Unit) -> String {
    format!("{name} [{}]", unit.name())
}

/// Whether a table with a header of these names can be read again: each is there, is no number, comment or column of
/// something else, and stands once.
fn are_usable(names: &[String]) -> bool {
    let is_usable = |name: &String| {
        name == name.trim()
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !name.contains([',', ';', '"', '\''])
            && !name.contains(char::is_control)
            && !WRITTEN.contains(&name.as_str())
            && name.parse::<f64>().is_err()
    };
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    !names.is_empty() && names.iter().all(is_usable) && sorted.windows(2).all(|pair| pair[0] != pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_ranges_are_met_once() {
        let signed = |unit| Notation { unit, signed: true, ..Notation::default() };
        let last = TAU.next_down();
        let sphere = "S2".parse().expect("a manifold");
        for unit in Unit::ALL {
            let plain = Notation { unit, ..Notation::default() };
            assert!(plain.angle(last) < unit.turn() && plain.angle(0.0) == 0.0, "{unit}");
            assert_eq!(signed(unit).angle(TAU / 2.0), -0.5 * unit.turn(), "{unit}");
            assert!(signed(unit).angle(last) < 0.0 && plain.angle(f64::NAN).is_nan(), "{unit}");
        }
        let pole = Notation { lat_lon: true, ..Notation::default() }
            .rows(&sphere, &[0.0, 0.0, -1.0, 0.0, -1.0, 0.0]);
        assert_eq!(pole, [-90.0, 0.0, 0.0, 270.0]);
        assert!(
            Notation { lat_lon: true, ..Notation::default() }
                .rows(&sphere, &[f64::NAN; 3])
                .iter()
                .all(|x| x.is_nan())
        );
    }
}
