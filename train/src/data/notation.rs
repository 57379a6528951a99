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
    use crate::data::{Options, decode};

    fn manifold(name: &str) -> AnyManifold {
        name.parse().unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The points of a table, and its notation.
    fn read(text: &str, on: &str, options: &Options) -> (Vec<f64>, Notation) {
        let read = decode(text.as_bytes(), "x.csv".as_ref(), &manifold(on), options);
        let read = read.unwrap_or_else(|e| panic!("{text}: {e}"));
        (read.points, read.notation)
    }

    /// Points as the program writes them to CSV, with a column of another quantity.
    fn written(notation: &Notation, on: &str, points: &[f64]) -> String {
        let on = manifold(on);
        let names = notation.column_names(&on);
        let mut text = names.join(",") + ",log_q\n";
        for row in notation.rows(&on, points).chunks(names.len()) {
            row.iter().for_each(|x| text.push_str(&format!("{x:?},")));
            text.push_str("-1.5\n");
        }
        text
    }

    #[test]
    fn tables_are_written_as_they_were_read_and_read_again_without_options() {
        let deg = Options { unit: Some(Unit::Degrees), ..Options::default() };
        let hours = Options { unit: Some(Unit::Hours), ..Options::default() };
        let turns = Options { unit: Some(Unit::Turns), ..Options::default() };
        let globe = Options { lat_lon: true, ..Options::default() };
        let none = Options::default();
        for (text, on, options, header) in [
            ("phi,psi\n-60,130\n-120,-45\n", "T2", &deg, "phi,psi"),
            // Nothing in these numbers says degrees.
            ("phi,psi\n1,3\n2,4\n", "T2", &deg, "phi,psi"),
            ("phi [deg],psi [deg]\n60,130\n1,2\n", "T2", &deg, "phi [deg],psi [deg]"),
            ("60,130\n1,2.5\n", "T2", &deg, "theta1 [deg],theta2 [deg]"),
            ("theta1,theta2\n60,130\n1,2\n", "T2", &deg, "theta1 [deg],theta2 [deg]"),
            (
                "phi [deg],psi [deg]\n0.5,1.3\n1,2\n",
                "T2",
                &none_of_unit(Unit::Radians),
                "phi [rad],psi [rad]",
            ),
            ("phi,psi\n-1.25,1.3\n3.125,-3\n", "T2", &none, "phi,psi"),
            ("h,dec\n23.5,1\n0.5,2\n", "T1xR1", &hours, "h,dec"),
            ("a,b\n0.25,0.5\n0.875,0\n", "T2", &turns, "a,b"),
            ("time,latitude,longitude\n2001,-3.5,101.5\n2002,50,-70\n", "S2", &globe, "latitude,longitude"),
            ("lat,lon\n-3.5,101.5\n-50,290\n", "S2", &globe, "lat,lon"),
            ("45,90\n-10.5,170\n", "S2", &globe, "lat,lon"),
            (
                "h,lat,lon\n6,0,90\n12,90,0\n",
                "T1xS2",
                &Options { lat_lon: true, ..hours.clone() },
                "h,lat,lon",
            ),
            ("x,y,z\n0,0.6,0.8\n1,0,0\n", "S2", &none, "x,y,z"),
        ] {
            let (points, notation) = read(text, on, options);
            let again = written(&notation, on, &points);
            assert_eq!(again.lines().next(), Some(format!("{header},log_q").as_str()), "{text}");
            let numbers = |text: &str, skip: usize| -> Vec<f64> {
                let fields = text.lines().filter(|line| !line.starts_with(char::is_alphabetic));
                let fields =
                    fields.flat_map(|line| line.split(',').skip(skip).take(header.split(',').count()));
                fields.map(|field| field.parse().expect("a number")).collect()
            };
            let skip = usize::from(text.starts_with("time"));
            for (given, back) in numbers(text, skip).iter().zip(numbers(&again, 0)) {
                assert!((given - back).abs() <= 1e-13 * given.abs().max(1.0), "{text}: {given}, {back}");
            }
            let of_run = Options { notation: Some(notation.clone()), ..Options::default() };
            let (same, its) = read(&again, on, &of_run);
            let exact = notation.unit == Unit::Radians && !notation.lat_lon;
            for (x, y) in points.iter().zip(&same) {
                assert!(if exact { x == y } else { (x - y).abs() < 1e-14 }, "{text}: {x}, {y}");
            }
            assert_eq!((its.unit, its.lat_lon), (notation.unit, notation.lat_lon), "{text}");
        }
    }

    fn none_of_unit(unit: Unit) -> Options {
        Options { unit: Some(unit), ..Options::default() }
    }

    #[test]
    fn other_units_are_named_in_the_header_and_read_again() {
        let deg = Options { unit: Some(Unit::Degrees), ..Options::default() };
        let (points, notation) = read("Phi,psi\n-60,130\n-120,-45\n", "T2", &deg);
        for (unit, header) in [
            (Unit::Radians, "phi [rad],psi [rad],log_q"),
            (Unit::Hours, "phi [hours],psi [hours],log_q"),
            (Unit::Degrees, "Phi,psi,log_q"),
        ] {
            let other = notation.clone().with(&manifold("T2"), Some(unit), None).expect("angles");
            let text = written(&other, "T2", &points);
            assert_eq!(text.lines().next(), Some(header));
            let of_run = Options { notation: Some(notation.clone()), ..Options::default() };
            let (same, _) = read(&text, "T2", &of_run);
            assert!(points.iter().zip(&same).all(|(x, y)| (x - y).abs() < 1e-14), "{text}");
        }
        let vectors =
            Notation { lat_lon: true, ..Notation::default() }.with(&manifold("S2"), None, Some(false));
        assert_eq!(vectors.expect("a sphere"), Notation::default());
        let no_angles = Notation::default().with(&manifold("S2"), Some(Unit::Degrees), None);
        assert!(matches!(no_angles, Err(DataError::NoAngles { .. })));
        let no_sphere = Notation::default().with(&manifold("T2"), None, Some(true));
        assert!(matches!(no_sphere, Err(DataError::NoSphere { .. })));
    }

    #[test]
    fn points_of_a_run_in_degrees_are_not_taken_for_radians_nor_the_other_way() {
        let on = manifold("T2");
        let notation = Notation {
            unit: Unit::Degrees,
            columns: vec!["phi".into(), "psi".into()],
            ..Notation::default()
        };
        let of_run = Options { notation: Some(notation), ..Options::default() };
        let read =
            |text: &str| decode(text.as_bytes(), "x.csv".as_ref(), &on, &of_run).map(|read| read.points);
        let near = |points: Vec<f64>, degrees: f64| (points[0].to_degrees() - degrees).abs() < 1e-12;
        assert!(near(read("40.5,50\n1,2\n").expect("degrees"), 40.5));
        // The usual names stand for radians whatever the run was fitted to.
        assert!(near(read("theta1,theta2\n0.5,1\n1,2\n").expect("radians"), 0.5_f64.to_degrees()));
        assert!(matches!(read("theta1,theta2\n40,1\n1,2\n"), Err(DataError::Angle { .. })));
        let unclear = read("0.5,1.5\n1,2\n").expect_err("either unit").to_string();
        assert!(
            unclear.contains("are in degrees") && unclear.contains("--unit deg or --unit rad"),
            "{unclear}"
        );
        let turns = Options {
            notation: Some(Notation { unit: Unit::Turns, ..Notation::default() }),
            ..Options::default()
        };
        assert!(decode(b"0.5,0.25\n1.0,0\n", "x.csv".as_ref(), &on, &turns).is_ok());
        assert!(matches!(
            decode(b"0.5,0.25\n3.0,0\n", "x.csv".as_ref(), &on, &turns),
            Err(DataError::RunUnit { .. })
        ));
    }

    #[test]
    fn unit_vectors_of_a_run_of_latitudes_are_known_by_their_length() {
        let options = Options {
            notation: Some(Notation { lat_lon: true, ..Notation::default() }),
            ..Options::default()
        };
        let read = |text: &str| {
            decode(text.as_bytes(), "x.csv".as_ref(), &manifold("S2"), &options).map(|read| read.points)
        };
        assert_eq!(read("0,0.6,0.8\n1,0,0\n").expect("unit vectors"), [0.0, 0.6, 0.8, 1.0, 0.0, 0.0]);
        assert_eq!(read("x1,x2,x3\n0,0.6,0.8\n1,0,0\n").expect("unit vectors")[..3], [0.0, 0.6, 0.8]);
        assert!(matches!(read("45,90,-2.5\n1,0,0\n"), Err(DataError::Columns { .. })));
    }

    #[test]
    fn ends_of_the_ranges_are_met_once() {
        let signed = |unit| Notation { unit, signed: true, ..Notation::default() };
        let last = TAU.next_down();
        for unit in Unit::ALL {
            let plain = Notation { unit, ..Notation::default() };
            assert!(plain.angle(last) < unit.turn() && plain.angle(0.0) == 0.0, "{unit}");
            assert_eq!(signed(unit).angle(TAU / 2.0), -0.5 * unit.turn(), "{unit}");
            assert!(signed(unit).angle(last) < 0.0 && plain.angle(f64::NAN).is_nan(), "{unit}");
        }
        let pole = Notation { lat_lon: true, ..Notation::default() }
            .rows(&manifold("S2"), &[0.0, 0.0, -1.0, 0.0, -1.0, 0.0]);
        assert_eq!(pole, [-90.0, 0.0, 0.0, 270.0]);
        assert!(
            Notation { lat_lon: true, ..Notation::default() }
                .rows(&manifold("S2"), &[f64::NAN; 3])
                .iter()
                .all(|x| x.is_nan())
        );
    }

    #[test]
    fn description_says_units_and_ranges() {
        let deg = Notation { unit: Unit::Degrees, signed: true, lat_lon: true, columns: vec![] };
        for (notation, on, words) in [
            (Notation::default(), "T2", Some("angles in radians from 0 to 2π")),
            (
                Notation { signed: true, ..Notation::default() },
                "T1xR1",
                Some("angles in radians from -π to π"),
            ),
            (deg.clone(), "T2", Some("angles in degrees from -180 to 180")),
            (deg, "S2", Some("latitudes and longitudes in degrees, these from -180 to 180")),
            (Notation::default(), "S3", Some("directions as unit vectors")),
            (Notation::default(), "R2", None),
        ] {
            assert_eq!(notation.description(&manifold(on)).as_deref(), words, "{on}");
        }
    }
}
