//! Symmetries as text.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::{InvalidSymmetry, Symmetry};

/// Words without arguments.
const WORDS: [(&str, Symmetry); 5] = [
    ("permutations", Symmetry::Permutations),
    ("shifts", Symmetry::Shifts),
    ("reversal", Symmetry::Reversal),
    ("inversion", Symmetry::Inversion),
    ("reflections", Symmetry::Reflections),
];

impl Display for Symmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = |&(n, d): &(i32, u32)| if d == 1 { n.to_string() } else { format!("{n}/{d}") };
        match self {
            Self::Permutation(sites) => write!(f, "permutation({})", list(sites.iter())),
            Self::Turns(turns) => write!(f, "turns({})", list(turns.iter().map(fraction))),
            Self::Matrix(rows) => {
                write!(f, "matrix({})", list(rows.iter().map(|row| joined(row.iter(), " "))))
            }
            Self::PointGroup(group) => write!(f, "{group}"),
            Self::Translations(v) => write!(f, "translations({})", list(v.iter())),
            Self::Rotations(coordinates) => write!(f, "rotations({})", list(coordinates.iter())),
            Self::Factor(factor, inner) => write!(f, "f{factor}.{inner}"),
            word => {
                let name = WORDS.iter().find(|(_, symmetry)| symmetry == word).map(|(name, _)| *name);
                f.write_str(name.unwrap_or_default())
            }
        }
    }
}

fn list<T: Display>(items: impl Iterator<Item = T>) -> String {
    joined(items, ", ")
}

fn joined<T: Display>(items: impl Iterator<Item = T>, by: &str) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(by)
}

impl FromStr for Symmetry {
    type Err = InvalidSymmetry;

    fn from_str(text: &str) -> Result<Self, InvalidSymmetry> {
        let text = text.trim();
        if let Some((prefix, inner)) = text.split_once('.')
            && let Some(factor) = prefix.strip_prefix('f').and_then(|number| number.parse().ok())
        {
            return Ok(Self::Factor(factor, Box::new(without_factor(inner.trim())?)));
        }
        without_factor(text)
    }
}

/// A symmetry of all factors, or of one that is already read. It does not read another one, because a text may have
/// any number of them.
fn without_factor(text: &str) -> Result<Symmetry, InvalidSymmetry> {
    if let Some((_, symmetry)) = WORDS.iter().find(|(name, _)| *name == text) {
        return Ok(symmetry.clone());
    }
    let Some((name, rest)) = text.split_once('(') else {
        return text.parse().map(Symmetry::PointGroup);
    };
    let arguments = rest.strip_suffix(')').ok_or_else(|| {
        InvalidSymmetry::new(text, "the bracket is not closed: write it as in `turns(1/2, 0)`")
    })?;
    let items: Vec<&str> = arguments.split(',').map(str::trim).collect();
    match name.trim() {
        "permutation" => numbers(text, &items, "an integer, such as -2").map(Symmetry::Permutation),
        "translations" => numbers(text, &items, "an integer, such as -1").map(Symmetry::Translations),
        "rotations" => {
            numbers(text, &items, "the number of a coordinate, such as 1").map(Symmetry::Rotations)
        }
        "turns" => {
            items.iter().map(|item| fraction(text, item)).collect::<Result<_, _>>().map(Symmetry::Turns)
        }
        "matrix" => {
            let row = |item: &&str| {
                numbers(text, &item.split_whitespace().collect::<Vec<_>>(), "a number, such as 0.5")
            };
            items.iter().map(row).collect::<Result<_, _>>().map(Symmetry::Matrix)
        }
        _ => Err(InvalidSymmetry::unknown(text)),
    }
}

fn numbers<T: FromStr>(text: &str, items: &[&str], expected: &str) -> Result<Vec<T>, InvalidSymmetry> {
    let number = |item: &&str| {
        item.parse().map_err(|_| InvalidSymmetry::new(text, format!("`{item}` should be {expected}")))
    };
    items.iter().map(number).collect()
}

/// `-1/3` as numerator and denominator.
fn fraction(text: &str, item: &str) -> Result<(i32, u32), InvalidSymmetry> {
    let (numerator, denominator) = item.split_once('/').unwrap_or((item, "1"));
    match (numerator.trim().parse(), denominator.trim().parse()) {
        (Ok(numerator), Ok(denominator)) if denominator > 0 => Ok((numerator, denominator)),
        _ => {
            let reason = format!("`{item}` should be a fraction of a turn, such as 1/2 or 0");
            Err(InvalidSymmetry::new(text, reason))
        }
    }
}
