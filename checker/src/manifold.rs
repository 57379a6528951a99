//! Products of tori and unit spheres.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

/// Most dimensions of a manifold.
pub(crate) const LARGEST: usize = 4;

/// A factor of a manifold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factor {
    /// An angle. It has one chart, a turn.
    Angle,
    /// The unit sphere of this dimension. It has a chart for each face of the cube around it.
    Sphere(usize),
}

/// A product of circles, each given by an angle, and unit spheres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifold {
    name: String,
    runs: Vec<Run>,
}

/// A factor, and which of all directions and ambient coordinates are its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) factor: Factor,
    /// Directions of the chart.
    pub(crate) directions: Range<usize>,
    /// Coordinates of a point: one angle, or those of a unit vector.
    pub(crate) coordinates: Range<usize>,
}

impl Factor {
    pub(crate) fn dimension(self) -> usize {
        match self {
            Self::Angle => 1,
            Self::Sphere(n) => n,
        }
    }

    fn coordinates(self) -> usize {
        match self {
            Self::Angle => 1,
            Self::Sphere(n) => n + 1,
        }
    }

    /// Number of charts.
    pub(crate) fn faces(self) -> usize {
        match self {
            Self::Angle => 1,
            Self::Sphere(n) => 2 * (n + 1),
        }
    }
}

impl Manifold {
    /// The manifold of a name: `Tn` and `Sn`, joined by `x`, as `T1xS2`. Nothing for other names and for more than
    /// [`LARGEST`] dimensions.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (mut factors, mut dimension) = (vec![], 0_usize);
        for word in name.split('x') {
            let (letter, digits) = word.split_at_checked(1)?;
            let n: usize = digits.parse().ok().filter(|n| (1..=LARGEST).contains(n))?;
            if n.to_string() != digits {
                return None;
            }
            match letter {
                "T" => factors.extend(std::iter::repeat_n(Factor::Angle, n)),
                "S" => factors.push(Factor::Sphere(n)),
                _ => return None,
            }
            dimension += n;
            if dimension > LARGEST {
                return None;
            }
        }
        let (mut directions, mut coordinates) = (0, 0);
        let runs = factors.into_iter().map(|factor| {
            let starts = (directions, coordinates);
            directions += factor.dimension();
            coordinates += factor.coordinates();
            Run { factor, directions: starts.0..directions, coordinates: starts.1..coordinates }
        });
        Some(Self { name: name.to_owned(), runs: runs.collect() })
    }

    /// The factors.
    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Number of directions.
    pub(crate) fn dimension(&self) -> usize {
        self.runs.last().map_or(0, |run| run.directions.end)
    }

    /// Number of coordinates of a point.
    pub(crate) fn coordinates(&self) -> usize {
        self.runs.last().map_or(0, |run| run.coordinates.end)
    }

    /// The factors that are angles.
    pub(crate) fn angles(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.factor == Factor::Angle)
    }

    /// Whether a coordinate is an angle.
    pub(crate) fn is_angle(&self, coordinate: usize) -> bool {
        self.angles().any(|run| run.coordinates.start == coordinate)
    }

    /// The factor whose coordinates these are, if it is a sphere.
    pub(crate) fn sphere_at(&self, first: usize) -> Option<&Run> {
        self.runs.iter().find(|run| run.factor != Factor::Angle && run.coordinates.start == first)
    }

    /// Number of charts.
    pub(crate) fn charts(&self) -> usize {
        self.runs.iter().map(|run| run.factor.faces()).product()
    }

    /// The number of each factor's face in a chart. That of the first factor changes fastest.
    pub(crate) fn faces(&self, mut chart: usize) -> Vec<usize> {
        let face = |run: &Run| {
            let face = chart % run.factor.faces();
            chart /= run.factor.faces();
            face
        };
        self.runs.iter().map(face).collect()
    }
}

impl Display for Manifold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_products() {
        for (name, dimension, coordinates, charts) in [
            ("T1", 1, 1, 1),
            ("T4", 4, 4, 1),
            ("S1", 1, 2, 4),
            ("S3", 3, 4, 8),
            ("T1xS2", 3, 4, 6),
            ("S2xS2", 4, 6, 36),
        ] {
            let manifold = Manifold::named(name).expect(name);
            assert_eq!((manifold.dimension(), manifold.coordinates()), (dimension, coordinates));
            assert_eq!((manifold.charts(), manifold.to_string()), (charts, name.to_owned()));
        }
        for name in
            ["", "T", "T0", "S5", "T2xS3", "T01", "R2", "T2x", "xS2", "S2 ", "T+2", "S18446744073709551617"]
        {
            assert_eq!(Manifold::named(name), None, "{name}");
        }
    }

    #[test]
    fn faces_of_the_first_factor_change_fastest() {
        let manifold = Manifold::named("S1xT1xS2").expect("a manifold");
        assert_eq!(manifold.faces(0), [0, 0, 0]);
        assert_eq!(manifold.faces(3), [3, 0, 0]);
        assert_eq!(manifold.faces(4), [0, 0, 1]);
        assert_eq!(manifold.faces(23), [3, 0, 5]);
        assert!(manifold.is_angle(2) && !manifold.is_angle(1));
        assert!(
            manifold.sphere_at(3).is_some()
                && manifold.sphere_at(2).is_none()
                && manifold.sphere_at(4).is_none()
        );
    }
}
