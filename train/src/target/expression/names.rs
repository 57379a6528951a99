//! The names of a manifold's coordinates.
//!
//! Angles are `theta1`, `theta2`, …; coordinates of spheres (the ambient unit vector), of Euclidean spaces and of other
//! embeddings are `x1`, `x2`, …; `theta` and `x` are the lists of them. The factors of a product are `f1`, `f2`, … in
//! order, as in `f2.x1`; without a factor a name means the only factor that has it.

use std::ops::Range;

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::error::ExpressionErrorKind;

/// Names of all coordinates.
pub(super) struct Names(Vec<Group>);

/// Coordinates of one factor.
struct Group {
    base: &'static str,
    /// Places of the coordinates in a point.
    places: Range<usize>,
}

/// What a name stands for: places in a point.
pub(super) enum Coordinate {
    One(usize),
    All(Range<usize>),
}

/// Most coordinates that a message lists one by one.
const MOST_LISTED: usize = 24;

impl Names {
    pub(super) fn new(manifold: &AnyManifold) -> Self {
        let mut start = 0;
        let group = |run: Coordinates| {
            let places = start..start + run.len();
            start = places.end;
            Group { base: if matches!(run, Coordinates::Angles(_)) { "theta" } else { "x" }, places }
        };
        Self(manifold.coordinates().into_iter().map(group).collect())
    }

    /// What `name` stands for, `None` if it is no coordinate.
    pub(super) fn find(&self, name: &str) -> Result<Option<Coordinate>, ExpressionErrorKind> {
        let plain = ascii(name);
        let (factor, plain) = match plain.split_once('.') {
            Some((factor, rest)) => {
                let Some(factor) = factor.strip_prefix('f').and_then(number) else { return Ok(None) };
                (Some(factor), rest)
            }
            None => (None, plain.as_str()),
        };
        let mut found = None;
        let mut candidates = Vec::new();
        for (i, group) in self.0.iter().enumerate() {
            let Some(digits) = plain.strip_prefix(group.base) else { continue };
            if factor.is_some_and(|factor| factor != i + 1) {
                continue;
            }
            if digits.is_empty() {
                found = Some(Coordinate::All(group.places.clone()));
            } else if let Some(n) = number(digits).filter(|n| *n <= group.places.len()) {
                found = Some(Coordinate::One(group.places.start + n - 1));
            } else {
                continue;
            }
            candidates.push(format!("`f{}.{plain}`", i + 1));
        }
        if candidates.len() > 1 {
            let candidates = candidates.join(", ");
            return Err(ExpressionErrorKind::Ambiguous { name: name.to_owned(), candidates });
        }
        Ok(found)
    }

    /// The shortest name of the coordinate at a place.
    pub(super) fn name(&self, place: usize) -> String {
        let position = self.0.iter().position(|group| group.places.contains(&place));
        let Some((i, group)) = position.map(|i| (i, &self.0[i])) else { return String::new() };
        let shared = self.0.iter().filter(|other| other.base == group.base).count() > 1;
        let factor = if shared { format!("f{}.", i + 1) } else { String::new() };
        format!("{factor}{}{}", group.base, place - group.places.start + 1)
    }

    /// The point, coordinate by coordinate, for a message.
    pub(super) fn point(&self, p: &[f64]) -> String {
        let shown = p.iter().take(8).enumerate();
        let mut parts: Vec<String> = shown.map(|(i, x)| format!("{} = {x:.4}", self.name(i))).collect();
        if p.len() > parts.len() {
            parts.push("…".to_owned());
        }
        parts.join(", ")
    }

    /// The names that a message offers: the first ones of many.
    pub(super) fn listed(&self) -> Vec<String> {
        let count = self.0.last().map_or(0, |group| group.places.end);
        (0..count.min(MOST_LISTED)).map(|i| self.name(i)).collect()
    }

    /// Places of all angles.
    pub(super) fn angles(&self) -> impl Iterator<Item = usize> {
        self.0.iter().filter(|group| group.base == "theta").flat_map(|group| group.places.clone())
    }
}

/// A number from 1 on, without leading zeros.
fn number(digits: &str) -> Option<usize> {
    if digits.starts_with(['0', '+']) { None } else { digits.parse().ok() }
}

/// `θ₁` and `π` as one types them without a special keyboard.
pub(super) fn ascii(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            'θ' => plain.push_str("theta"),
            'π' => plain.push_str("pi"),
            '₀'..='₉' => plain.extend(char::from_digit(c as u32 - '₀' as u32, 10)),
            c => plain.push(c),
        }
    }
    plain
}
