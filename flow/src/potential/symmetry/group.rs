//! A finite group of isometries, all of its elements.

use ircpm_manifolds::{AnyManifold, Coordinates};
use thiserror::Error;

use super::affine::Affine;
use super::isometry::{effect, obstacle};

/// Most elements that a group may have, because an average evaluates psi once for each.
pub const MAX_ORDER: usize = 1024;

/// A finite group of isometries of one manifold that leave its base density as it is.
///
/// ```
/// use ircpm_flow::{Affine, Group};
///
/// let torus = "T2".parse()?;
/// let swap = Affine::signed_permutation(&[1, 0], &[1.0, 1.0]);
/// let reflection = Affine::signed_permutation(&[0, 1], &[-1.0, 1.0]);
/// let square = Group::generated(&[swap, reflection], &torus)?;
/// assert_eq!(square.order(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    elements: Vec<Affine>,
    coordinates: Vec<Coordinates>,
}

/// Why some maps are not a finite group of isometries of a manifold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAGroup {
    /// There is no element.
    #[error("a group has at least the identity, and no element was given")]
    Empty,
    /// An element has another number of coordinates than points have.
    #[error("element {element} does not act on the {coordinates} coordinates of a point")]
    Coordinates {
        /// Index of the element.
        element: usize,
        /// Coordinates of a point.
        coordinates: usize,
    },
    /// An element is not an isometry, or changes the base density.
    #[error("element {element} is not an isometry of the manifold and its base density: {reason}")]
    NotAnIsometry {
        /// Index of the element.
        element: usize,
        /// What an isometry would need.
        reason: &'static str,
    },
    /// An element is given twice, so that an average would weigh it twice.
    #[error("element {element} is the same as element {first}: give each element of the group once")]
    Repeated {
        /// Index of the first of the two.
        first: usize,
        /// Index of the second.
        element: usize,
    },
    /// A product of two elements is missing.
    #[error(
        "the product of elements {first} and {second} is not among those given: an average is invariant under the whole \
         group alone, so give all its elements, or its generators to Group::generated"
    )]
    NotClosed {
        /// Index of the element that acts last.
        first: usize,
        /// Index of the element that acts first.
        second: usize,
    },
    /// The group has more elements than psi can be evaluated for, or infinitely many.
    #[error(
        "the group has more than {limit} elements, and psi is evaluated once for each: take fewer generators, and \
         entries with all their digits, because rounded ones generate an infinite group"
    )]
    TooLarge {
        /// The most there may be.
        limit: usize,
    },
}

impl Group {
    /// The group of the identity alone.
    pub fn trivial(manifold: &AnyManifold) -> Self {
        Self { elements: vec![Affine::identity(manifold.ambient())], coordinates: manifold.coordinates() }
    }

    /// The group of the given elements, which are all of it.
    ///
    /// # Errors
    /// [`NotAGroup`] with the element that is no isometry or is given twice, or with the product that is missing.
    pub fn new(mut elements: Vec<Affine>, manifold: &AnyManifold) -> Result<Self, NotAGroup> {
        if elements.is_empty() {
            return Err(NotAGroup::Empty);
        }
        if elements.len() > MAX_ORDER {
            return Err(NotAGroup::TooLarge { limit: MAX_ORDER });
        }
        check_isometries(&elements, manifold)?;
        let coordinates = manifold.coordinates();
        elements.iter_mut().for_each(|g| g.round_angles(&coordinates));
        for (element, g) in elements.iter().enumerate() {
            if let Some(first) = elements[..element].iter().position(|e| e.is_near(g, &coordinates)) {
                return Err(NotAGroup::Repeated { first, element });
            }
        }
        for (first, a) in elements.iter().enumerate() {
            for (second, b) in elements.iter().enumerate() {
                let product = a.after(b);
                if !elements.iter().any(|g| g.is_near(&product, &coordinates)) {
                    return Err(NotAGroup::NotClosed { first, second });
                }
            }
        }
        Ok(Self { elements, coordinates })
    }

    /// The group that `generators` generate: all their products. The identity comes first.
    ///
    /// # Errors
    /// [`NotAGroup::NotAnIsometry`] or [`NotAGroup::Coordinates`] with the index of a generator, and
    /// [`NotAGroup::TooLarge`] for more than [`MAX_ORDER`] elements.
    pub fn generated(generators: &[Affine], manifold: &AnyManifold) -> Result<Self, NotAGroup> {
        check_isometries(generators, manifold)?;
        let Self { mut elements, coordinates } = Self::trivial(manifold);
        let mut next = 0;
        while next < elements.len() {
            for g in generators {
                let mut product = g.after(&elements[next]);
                product.reduce(&coordinates);
                if elements.iter().any(|known| known.is_near(&product, &coordinates)) {
                    continue;
                }
                if elements.len() == MAX_ORDER {
                    return Err(NotAGroup::TooLarge { limit: MAX_ORDER });
                }
                elements.push(product);
            }
            next += 1;
        }
        Ok(Self { elements, coordinates })
    }

    /// Number of elements.
    pub fn order(&self) -> usize {
        self.elements.len()
    }

    /// All elements.
    pub fn elements(&self) -> &[Affine] {
        &self.elements
    }

    /// Kinds of the coordinates that the group acts on.
    pub(in crate::potential) fn coordinates(&self) -> &[Coordinates] {
        &self.coordinates
    }
}

/// Checks that all of `maps` are isometries of `manifold`, up to rounding, and leave its base density as it is.
fn check_isometries(maps: &[Affine], manifold: &AnyManifold) -> Result<(), NotAGroup> {
    let (blocks, n) = (manifold.coordinates(), manifold.ambient());
    for (element, g) in maps.iter().enumerate() {
        if g.shift.len() != n || g.matrix.shape() != (n, n) {
            return Err(NotAGroup::Coordinates { element, coordinates: n });
        }
        if let Some(reason) = obstacle(g, &blocks).or_else(|| effect(g, manifold)) {
            return Err(NotAGroup::NotAnIsometry { element, reason });
        }
    }
    Ok(())
}
