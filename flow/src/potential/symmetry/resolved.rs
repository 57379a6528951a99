//! Symmetries of one manifold, made concrete.

use ircpm_manifolds::AnyManifold;

use super::kernel::integer_kernel;
use super::words::{Factors, Meaning};
use super::{Affine, Group, NotAGroup, Symmetry};
use crate::error::{FeatureError, SymmetryError};
use crate::potential::features::angular_coordinates;
use crate::potential::{FeatureMap, Features};

/// Several symmetries of one manifold together: a finite group, and continuous groups that it keeps.
///
/// A psi whose inputs are [`Symmetries::features`] and that is averaged over [`Symmetries::group`] is invariant under
/// all of them: finite elements carry translations and rotations of the kept kinds to others of the same kinds, so the
/// average of functions that do not notice these does not either.
#[derive(Clone, Debug, PartialEq)]
pub struct Symmetries {
    names: Vec<String>,
    group: Group,
    /// Generators of the group, with the index of the symmetry that each is from.
    generators: Vec<(usize, Affine)>,
    /// Directions of translations, one number per coordinate, with the index of the symmetry.
    translations: Vec<(usize, Vec<i32>)>,
    /// A basis of the integer combinations of angles that no translation changes.
    kernel: Vec<Vec<i32>>,
    /// Sets of coordinates that are rotated among each other, with the index of the symmetry.
    rotated: Vec<(usize, Vec<usize>)>,
}

impl Symmetries {
    /// The group that `symmetries` generate on `manifold`; of none the trivial one.
    ///
    /// # Errors
    /// [`SymmetryError`] if one of them means nothing on the manifold or is no isometry of it, if the group has too
    /// many elements, or if a finite one does not keep a continuous one.
    pub fn new(symmetries: &[Symmetry], manifold: &AnyManifold) -> Result<Self, SymmetryError> {
        let names: Vec<String> = symmetries.iter().map(Symmetry::to_string).collect();
        let fail = |symmetry: &str, reason: String| SymmetryError {
            manifold: manifold.to_string(),
            symmetry: symmetry.to_owned(),
            reason,
        };
        let factors = Factors::new(&manifold.coordinates());
        let (mut generators, mut translations, mut rotated) = (vec![], vec![], vec![]);
        for (index, symmetry) in symmetries.iter().enumerate() {
            let meaning = symmetry.meaning(&factors).map_err(|reason| fail(&names[index], reason))?;
            let Meaning { generators: g, translations: t, rotated: r } = meaning;
            generators.extend(g.into_iter().map(|g| (index, g)));
            translations.extend(t.into_iter().map(|t| (index, t)));
            if !r.is_empty() {
                rotated.push((index, r));
            }
        }
        let elements: Vec<Affine> = generators.iter().map(|(_, g)| g.clone()).collect();
        let group = Group::generated(&elements, manifold).map_err(|error| match error {
            NotAGroup::NotAnIsometry { element, reason } => {
                fail(&names[generators[element].0], format!("it is no isometry: {reason}"))
            }
            error => fail(&names.join(", "), error.to_string()),
        })?;
        let rows: Vec<Vec<i32>> = translations.iter().map(|(_, v)| v.clone()).collect();
        let kernel = integer_kernel(&rows, manifold.ambient()).ok_or_else(|| {
            fail(&names.join(", "), "the integers of its translations are too large".into())
        })?;
        let angular = angular_coordinates(&manifold.coordinates());
        let of_angles = |m: &Vec<i32>| m.iter().zip(&angular).any(|(&m, &angle)| m != 0 && angle);
        let kernel = kernel.into_iter().filter(of_angles).collect();
        let all = Self { names, group, generators, translations, kernel, rotated };
        all.check_normal().map_err(|(index, reason)| fail(&all.names[index], reason))?;
        Ok(all)
    }

    /// Checks that the finite group keeps the continuous ones; else the index of a symmetry, and why not.
    fn check_normal(&self) -> Result<(), (usize, String)> {
        self.check_spheres()?;
        for (from, g) in &self.generators {
            let finite = &self.names[*from];
            for (index, v) in &self.translations {
                let moved = |i: usize| (0..v.len()).map(|j| g.matrix[(i, j)] * f64::from(v[j])).sum::<f64>();
                let across = |m: &Vec<i32>| (0..v.len()).map(|i| f64::from(m[i]) * moved(i)).sum::<f64>();
                if self.kernel.iter().any(|m| across(m).abs() > 0.5) {
                    return Err((
                        *index,
                        format!("`{finite}` turns its direction into others: add these as well"),
                    ));
                }
            }
            for (index, set) in &self.rotated {
                let all: Vec<usize> = self.rotated.iter().flat_map(|(_, set)| set.clone()).collect();
                let leaves = |i: usize, j: usize| !all.contains(&i) && g.matrix[(i, j)].abs() > 1e-9;
                if (0..g.coordinates()).any(|i| set.iter().any(|&j| leaves(i, j))) {
                    return Err((
                        *index,
                        format!("`{finite}` moves its coordinates to others: leave one of them out"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Checks that each sphere has one set of rotated coordinates at most. Of two, the length of either part would be
    /// one more invariant function, which no coordinate tells.
    fn check_spheres(&self) -> Result<(), (usize, String)> {
        let mut start = 0;
        for block in self.group.coordinates() {
            let run = start..start + block.len();
            start = run.end;
            let mut sets = self.rotated.iter().filter(|(_, set)| run.contains(&set[0]));
            if let (Some(_), Some((index, _))) = (sets.next(), sets.next()) {
                return Err((
                    *index,
                    "a sphere has one set of rotated coordinates at most: write one".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// The finite group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Whether there is no continuous symmetry.
    pub fn is_finite(&self) -> bool {
        self.translations.is_empty() && self.rotated.is_empty()
    }

    /// Names of the symmetries, in the order in which they were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Elements that generate the group, each with the index of its symmetry: the generators of the finite ones, the
    /// translations by `angle` times the given integers, and rotations by `angle` in planes of two coordinates.
    pub fn examples(&self, angle: f64) -> Vec<(usize, Affine)> {
        let n = self.group.elements()[0].coordinates();
        let shift = |v: &Vec<i32>| v.iter().map(|&v| f64::from(v) * angle).collect::<Vec<_>>();
        let translations =
            self.translations.iter().map(|(index, v)| (*index, Affine::translation(&shift(v))));
        let rotations = self.rotated.iter().flat_map(|(index, set)| {
            set.windows(2).map(move |pair| (*index, Affine::rotation(n, (pair[0], pair[1]), angle)))
        });
        self.generators.iter().cloned().chain(translations).chain(rotations).collect()
    }

    /// Inputs of a network that no continuous symmetry changes, made from `features`.
    ///
    /// # Errors
    /// [`FeatureError`] if the features do not fit the manifold, if they are chosen so that a continuous symmetry has
    /// no place among them, or if nothing is left.
    pub fn features(&self, features: &Features, manifold: &AnyManifold) -> Result<FeatureMap, FeatureError> {
        if self.is_finite() {
            return FeatureMap::new(features, manifold);
        }
        let rotated: Vec<usize> = self.rotated.iter().flat_map(|(_, set)| set.clone()).collect();
        match features {
            Features::Harmonics { order } => FeatureMap::invariant(*order, &self.kernel, &rotated, manifold),
            Features::Coordinates => FeatureMap::new(features, manifold)
                .and_then(|_| FeatureMap::invariant(1, &[], &rotated, manifold)),
            Features::Subset { .. } | Features::Combinations { .. } => Err(FeatureError {
                manifold: manifold.to_string(),
                reason:
                    "translations and rotations choose the inputs of the network themselves: use harmonics \
                         or coordinates beside them"
                        .to_owned(),
            }),
        }
    }
}
