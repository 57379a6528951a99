//! What a network sees of a point.

use ircpm_ad::{Algebra, Scalar};
use ircpm_manifolds::{AnyManifold, Coordinates};

use crate::error::FeatureError;

/// Features as a user names them. Those that a group of isometries does not change make a flow that commutes with the
/// group (Lemma 1 of arXiv:2110.01288).
#[derive(Clone, Debug, PartialEq)]
pub enum Features {
    /// Ambient coordinates, for spheres and Rⁿ.
    Coordinates,
    /// Some of the ambient coordinates: invariant under isometries that move only the others.
    Subset {
        /// Indices of the coordinates.
        coordinates: Vec<usize>,
    },
    /// `cos kθ` and `sin kθ`, `k = 1..=order`, of every angle; ambient coordinates of other factors.
    Harmonics {
        /// Highest harmonic.
        order: usize,
    },
    /// `cos ks` and `sin ks`, `k = 1..=order`, of integer combinations `s = Σ mᵢ θᵢ`: invariant under the translations
    /// that do not change any `s`.
    Combinations {
        /// The rows `m`.
        directions: Vec<Vec<i32>>,
        /// Highest harmonic.
        order: usize,
    },
}

/// Features of the points of one manifold, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    inputs: usize,
    /// Which of the inputs are angles.
    angular: Vec<bool>,
    terms: Vec<Term>,
}

/// One or two features.
#[derive(Clone, Debug, PartialEq)]
enum Term {
    /// Coordinate `i`.
    Coordinate(usize),
    /// `cos s` and `sin s` of `s = Σ m θ`, by index and factor.
    Wave(Vec<(usize, f64)>),
}

impl FeatureMap {
    /// Features of the points of `manifold`.
    ///
    /// # Errors
    /// [`FeatureError`] when they do not fit it: angles that are not there, no features at all, coordinates on a
    /// torus, where they would not be periodic.
    pub fn new(features: &Features, manifold: &AnyManifold) -> Result<Self, FeatureError> {
        let fail = |reason: String| FeatureError { manifold: manifold.to_string(), reason };
        let angular = angular_coordinates(&manifold.coordinates());
        let coordinate = |i: usize| match angular.get(i) {
            None => {
                Err(fail(format!("there is no coordinate {i}; points have {} coordinates", angular.len())))
            }
            Some(true) => Err(fail(format!(
                "coordinate {i} is an angle, and psi would jump where it wraps: use harmonics"
            ))),
            Some(false) => Ok(Term::Coordinate(i)),
        };
        let mut terms = Vec::new();
        match features {
            Features::Coordinates => {
                for i in 0..angular.len() {
                    terms.push(coordinate(i)?);
                }
            }
            Features::Subset { coordinates } => {
                for &i in coordinates {
                    terms.push(coordinate(i)?);
                }
            }
            Features::Harmonics { order } => {
                for (i, &angle) in angular.iter().enumerate() {
                    if angle {
                        terms.extend((1..=*order).map(|k| Term::Wave(vec![(i, k as f64)])));
                    } else {
                        terms.push(Term::Coordinate(i));
                    }
                }
            }
            Features::Combinations { directions, order } => {
                for direction in directions {
                    if direction.len() != angular.len() || angular.contains(&false) {
                        return Err(fail(format!(
                            "the direction {direction:?} wants {} angles and nothing else",
                            direction.len()
                        )));
                    }
                    terms.extend((1..=*order).map(|k| wave(direction, k)));
                }
            }
        }
        if terms.is_empty() {
            return Err(fail(
                "there are none: give an order, directions or coordinates of at least one".into(),
            ));
        }
        Ok(Self { inputs: angular.len(), angular, terms })
    }

    /// Features that translations of angles along `translations` and rotations of the coordinates `rotated` among each
    /// other do not change: `cos ks` and `sin ks`, `k = 1..=order`, of the integer combinations `s = m · θ` in `kernel`,
    /// and the other coordinates that are no angles.
    ///
    /// Every smooth function that is invariant is one of these: the characters of the torus that a translation keeps
    /// are those of the kernel, and rotations of some coordinates of a sphere are transitive on the points with given
    /// others.
    ///
    /// # Errors
    /// [`FeatureError`] when there are none, so that psi would be constant.
    pub(super) fn invariant(
        order: usize,
        kernel: &[Vec<i32>],
        rotated: &[usize],
        manifold: &AnyManifold,
    ) -> Result<Self, FeatureError> {
        let angular = angular_coordinates(&manifold.coordinates());
        let waves = kernel.iter().flat_map(|m| (1..=order).map(|k| wave(m, k)));
        let kept = (0..angular.len()).filter(|i| !angular[*i] && !rotated.contains(i));
        let terms: Vec<Term> = waves.chain(kept.map(Term::Coordinate)).collect();
        if terms.is_empty() {
            let reason = "the symmetry leaves no function but constants: psi would do nothing".into();
            return Err(FeatureError { manifold: manifold.to_string(), reason });
        }
        Ok(Self { inputs: angular.len(), angular, terms })
    }

    /// Whether these are features of points whose coordinates are of these kinds: angles where there should be angles.
    pub fn fits(&self, kinds: &[Coordinates]) -> bool {
        angular_coordinates(kinds) == self.angular
    }

    /// Number of ambient coordinates.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.terms.iter().map(Term::len).sum()
    }

    /// Whether there are none; never true for a map that [`FeatureMap::new`] made.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Features of a tile: `z` is `[pack][coordinate]`, `out` `[pack][feature]`.
    #[inline(always)]
    pub fn eval<S: Scalar>(&self, z: &[S], out: &mut [S]) {
        for (z, out) in z.chunks_exact(self.inputs).zip(out.chunks_exact_mut(self.len())) {
            let mut f = 0;
            for term in &self.terms {
                match term {
                    Term::Coordinate(i) => out[f] = z[*i],
                    Term::Wave(combination) => {
                        let s = phase(combination, z);
                        out[f] = s.cos();
                        out[f + 1] = s.sin();
                    }
                }
                f += term.len();
            }
        }
    }

    /// Cotangents of the coordinates, from the features `f` and their cotangents.
    #[inline(always)]
    pub fn pull_back<S: Algebra>(&self, f: &[S], f_bar: &[S], z_bar: &mut [S]) {
        z_bar.fill(S::zero());
        let features = f.chunks_exact(self.len()).zip(f_bar.chunks_exact(self.len()));
        for ((f, f_bar), z_bar) in features.zip(z_bar.chunks_exact_mut(self.inputs)) {
            let mut k = 0;
            for term in &self.terms {
                match term {
                    Term::Coordinate(i) => z_bar[*i] += f_bar[k],
                    Term::Wave(combination) => {
                        // d cos s = −sin s ds and d sin s = cos s ds, both at hand as features.
                        let s_bar = f[k].act(f_bar[k + 1]) - f[k + 1].act(f_bar[k]);
                        for &(i, m) in combination {
                            z_bar[i] += s_bar * m;
                        }
                    }
                }
                k += term.len();
            }
        }
    }
}

impl Term {
    fn len(&self) -> usize {
        match self {
            Term::Coordinate(_) => 1,
            Term::Wave(_) => 2,
        }
    }
}

/// `Σ m θ`.
#[inline(always)]
fn phase<S: Scalar>(combination: &[(usize, f64)], z: &[S]) -> S {
    let mut s = S::zero();
    for &(i, m) in combination {
        s += z[i] * m;
    }
    s
}

fn wave(direction: &[i32], k: usize) -> Term {
    let combination = direction.iter().enumerate().filter(|(_, m)| **m != 0);
    Term::Wave(combination.map(|(i, &m)| (i, f64::from(m) * k as f64)).collect())
}

/// For every ambient coordinate, whether it is an angle.
pub(super) fn angular_coordinates(kinds: &[Coordinates]) -> Vec<bool> {
    let of = |run: &Coordinates| std::iter::repeat_n(matches!(run, Coordinates::Angles(_)), run.len());
    kinds.iter().flat_map(of).collect()
}
