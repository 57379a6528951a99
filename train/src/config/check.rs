//! Which values a key may hold. Called by serde, so that an error gets the span of the value.

use std::fmt::{self, Formatter};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use ircpm_lattice::metric::LARGEST_STIFFNESS;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::Layers;
use crate::optimiser;
use crate::target;

/// A finite number above zero.
pub(super) fn positive<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    let x = f64::deserialize(input)?;
    if x.is_finite() && x > 0.0 {
        Ok(x)
    } else {
        Err(D::Error::custom(format!("{x} is not a finite number above zero")))
    }
}

/// A floor under eigenvalues that leaves a map room to move.
pub(super) fn min_eigenvalue<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    let x = f64::deserialize(input)?;
    if x > 0.0 && x <= 0.5 { Ok(Some(x)) } else { Err(D::Error::custom(format!("{x} is not in (0, 0.5]"))) }
}

/// A norm of the gradient that still tells a minimiser from other points.
pub(super) fn tolerance<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    let x = f64::deserialize(input)?;
    if x > 0.0 && x <= 0.01 { Ok(x) } else { Err(D::Error::custom(format!("{x} is not in (0, 0.01]"))) }
}

/// A file's name.
pub(super) fn file<'de, D: Deserializer<'de>>(input: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(input)?;
    if path.as_os_str().is_empty() { Err(D::Error::custom("give the name of a file")) } else { Ok(path) }
}

/// A CRC-32 in hexadecimal digits.
pub(super) fn crc32<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(input)?;
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Some(text))
    } else {
        Err(D::Error::custom("give the eight hexadecimal digits of a CRC-32"))
    }
}

/// A share: at least 0 and below 1.
pub(super) fn share<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    let x = f64::deserialize(input)?;
    if (0.0..1.0).contains(&x) { Ok(x) } else { Err(D::Error::custom(format!("{x} is not in [0, 1)"))) }
}

/// Between 0 and 1, both excluded.
pub(super) fn wall<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    let x = f64::deserialize(input)?;
    if x > 0.0 && x < 1.0 { Ok(x) } else { Err(D::Error::custom(format!("{x} is not between 0 and 1"))) }
}

/// A stiffness of a metric.
pub(super) fn stiffness<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    let (x, largest) = (f64::deserialize(input)?, LARGEST_STIFFNESS);
    if (0.0..=largest).contains(&x) {
        Ok(x)
    } else {
        Err(D::Error::custom(format!("{x} is not between 0 and {largest}")))
    }
}

/// An integer within bounds. Read as signed, so that a negative number gets the same message as one too large.
fn within<'de, D: Deserializer<'de>>(input: D, range: RangeInclusive<u64>) -> Result<u64, D::Error> {
    check(i64::deserialize(input)?, range)
}

fn check<E: Error>(n: i64, range: RangeInclusive<u64>) -> Result<u64, E> {
    let (low, high) = (range.start(), range.end());
    let inside = u64::try_from(n).ok().filter(|n| range.contains(n));
    inside.ok_or_else(|| E::custom(format!("{n} is not an integer from {low} to {high}")))
}

fn size<'de, D: Deserializer<'de>>(input: D, range: RangeInclusive<u64>) -> Result<usize, D::Error> {
    usize::try_from(within(input, range)?).map_err(D::Error::custom)
}

pub(super) fn seed<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    within(input, 0..=i64::MAX as u64)
}

/// The word `auto`, or a number of layers.
pub(super) fn layers<'de, D: Deserializer<'de>>(input: D) -> Result<Layers, D::Error> {
    struct Either;

    impl Visitor<'_> for Either {
        type Value = Layers;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("\"auto\" or an integer from 1 to 64")
        }

        fn visit_i64<E: Error>(self, n: i64) -> Result<Layers, E> {
            check(n, 1..=64).map(|n| Layers::Fixed(n as usize))
        }

        fn visit_u64<E: Error>(self, n: u64) -> Result<Layers, E> {
            self.visit_i64(i64::try_from(n).unwrap_or(i64::MAX))
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<Layers, E> {
            let unknown = || E::custom(format!("{word:?} is neither \"auto\" nor an integer from 1 to 64"));
            if word == super::AUTO { Ok(Layers::Auto) } else { Err(unknown()) }
        }
    }

    input.deserialize_any(Either)
}

pub(super) fn order<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    size(input, 1..=64)
}

pub(super) fn range<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    size(input, 1..=8)
}

pub(super) fn degree<'de, D: Deserializer<'de>>(input: D) -> Result<u32, D::Error> {
    within(input, 1..=16).map(|degree| degree as u32)
}

pub(super) fn optional_batch<'de, D: Deserializer<'de>>(input: D) -> Result<Option<usize>, D::Error> {
    size(input, 1..=1 << 20).map(Some)
}

pub(super) fn optional_count<'de, D: Deserializer<'de>>(input: D) -> Result<Option<usize>, D::Error> {
    count(input).map(Some)
}

pub(super) fn count<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    size(input, 1..=1_000_000_000)
}

pub(super) fn count_or_zero<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    size(input, 0..=1_000_000_000)
}

/// Two samples at least: a standard error needs them.
pub(super) fn samples<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    size(input, 2..=1 << 24)
}

/// One point at least for each independent shift.
pub(super) fn uniform<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    size(input, 8..=1 << 24)
}

pub(super) fn hidden<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<usize>, D::Error> {
    let widths = Vec::<i64>::deserialize(input)?;
    if widths.len() > 16 {
        return Err(D::Error::custom(format!("{} hidden layers: give the widths of 1 to 16", widths.len())));
    }
    widths.into_iter().map(|n| check(n, 1..=4096).map(|n| n as usize)).collect()
}

pub(super) fn directions<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Vec<i32>>, D::Error> {
    let rows = Vec::<Vec<i32>>::deserialize(input)?;
    if rows.is_empty() {
        return Err(D::Error::custom("no directions: the network would have no input"));
    }
    match rows.iter().find(|row| row.iter().all(|&m| m == 0)) {
        Some(row) => Err(D::Error::custom(format!("the direction {row:?} is constant on the manifold"))),
        None => Ok(rows),
    }
}

pub(super) fn target_name<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(input)?;
    if target::by_name(&name).is_some() {
        return Ok(Some(name));
    }
    if target::FAMILIES.contains(&name.as_str()) {
        let meaning = "write a number from 1 to 4096 for N, and one from 2 to 64 for both L";
        return Err(D::Error::custom(format!("`{name}` stands for many targets: {meaning}")));
    }
    known(name, "target", &[&target::names()[..], &target::FAMILIES].concat()).map(Some)
}

pub(super) fn optimiser_name<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let names: Vec<&str> = std::iter::once(super::AUTO).chain(optimiser::names()).collect();
    known(String::deserialize(input)?, "optimiser", &names)
}

/// Worded like serde's own messages for unknown variants, so that one function finds the nearest spelling in all.
fn known<E: Error>(name: String, what: &str, names: &[&str]) -> Result<String, E> {
    if names.contains(&name.as_str()) {
        return Ok(name);
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Err(E::custom(format!("unknown {what} `{name}`, expected one of {}", names.join(", "))))
}

/// Symmetries as their names: a list of them, or one by itself.
pub(super) mod symmetry {
    use std::fmt::{self, Formatter};

    use ircpm_flow::Symmetry;
    use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;

    /// Each adds generators of a group, whose products are tried.
    const MOST: usize = 32;

    struct Named(Symmetry);

    struct Name;

    impl Visitor<'_> for Name {
        type Value = Named;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("the name of a symmetry, such as \"Oh\"")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Named, E> {
            name.parse().map(Named).map_err(E::custom)
        }
    }

    impl<'de> Deserialize<'de> for Named {
        fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
            input.deserialize_str(Name)
        }
    }

    struct OneOrMore;

    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<Symmetry>;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("the name of a symmetry, such as \"Oh\", or a list of names")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Vec<Symmetry>, E> {
            Name.visit_str(name).map(|Named(symmetry)| vec![symmetry])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Vec<Symmetry>, A::Error> {
            let mut symmetries = vec![];
            while let Some(Named(symmetry)) = names.next_element()? {
                symmetries.push(symmetry);
                if symmetries.len() > MOST {
                    return Err(A::Error::custom(format!("give at most {MOST} symmetries")));
                }
            }
            Ok(symmetries)
        }
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Vec<Symmetry>, D::Error> {
        input.deserialize_any(OneOrMore)
    }

    pub(in crate::config) fn serialize<S: Serializer>(
        symmetries: &[Symmetry],
        output: S,
    ) -> Result<S::Ok, S::Error> {
        output.collect_seq(symmetries.iter().map(Symmetry::to_string))
    }
}

/// A manifold as its name.
pub(super) mod manifold {
    use ircpm_manifolds::{AnyManifold, InvalidManifold};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::config) fn serialize<S: Serializer>(
        manifold: &AnyManifold,
        output: S,
    ) -> Result<S::Ok, S::Error> {
        output.collect_str(manifold)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<AnyManifold, D::Error> {
        let name = String::deserialize(input)?;
        let manifold: AnyManifold = name.parse().map_err(|error| match error {
            // Between two letters x, or before one, there is nothing to name.
            InvalidManifold::UnknownFactor { factor } if factor.trim().is_empty() => {
                D::Error::custom(InvalidManifold::UnknownFactor { factor: name })
            }
            error => D::Error::custom(error),
        })?;
        if manifold.contexts() > 0 {
            return Err(D::Error::custom(format!(
                "{manifold} has conditioning variables: leave the factor C out, and name their columns by data.context"
            )));
        }
        Ok(manifold)
    }
}

/// A manifold as its name, where the key may be missing.
pub(super) mod optional_manifold {
    use ircpm_manifolds::AnyManifold;
    use serde::{Deserializer, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(
        manifold: &Option<AnyManifold>,
        output: S,
    ) -> Result<S::Ok, S::Error> {
        match manifold {
            Some(manifold) => super::manifold::serialize(manifold, output),
            None => output.serialize_none(),
        }
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<AnyManifold>, D::Error> {
        super::manifold::deserialize(input).map(Some)
    }
}
