//! Charges on periodic square lattices.

use std::collections::{BTreeMap, BTreeSet};

use super::{Charges, Term, charge_vectors, count_of_vectors, refuse_many};
use crate::error::ChargesError;

/// All charges of a periodic square lattice on some clusters of sites, tied under translations and the point group of
/// the square.
///
/// Site `(x, y)` of an `L × L` lattice is angle `x L + y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Largest sum `‖q‖₁` of the absolute values of a term's charges.
    pub degree: u32,
    /// Whether only charges with sum zero are taken, which depend on differences of angles alone.
    pub differences: bool,
    /// Whether the four corners of a plaquette are a cluster.
    pub plaquette: bool,
    /// Whether a site with its four neighbours is a cluster.
    pub plus: bool,
    /// Whether two plaquettes side by side are a cluster.
    pub block: bool,
    /// Every two sites at most so far apart in both directions, up to half of the side, are a cluster; zero for neighbours
    /// alone.
    pub pairs: usize,
}

impl Default for Square {
    /// Differences of degree 4 on plaquettes and pluses.
    fn default() -> Self {
        Self { degree: 4, differences: true, plaquette: true, plus: true, block: false, pairs: 0 }
    }
}

/// A site relative to another one.
type Offset = (i32, i32);
/// A charge by its sites, ascending.
type Shape = Vec<(Offset, i32)>;

const BOND: [Offset; 2] = [(0, 0), (1, 0)];
const PLAQUETTE: [Offset; 4] = [(0, 0), (1, 0), (1, 1), (0, 1)];
const PLUS: [Offset; 5] = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)];
const BLOCK: [Offset; 6] = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)];

impl Square {
    /// The potential on `side × side` sites. Bonds between neighbours are a cluster in any case.
    ///
    /// # Errors
    /// [`ChargesError`] if the degree is zero, if no charge has it, or if the side is below 3, where a site would be its
    /// own neighbour's neighbour on both sides.
    pub fn charges(&self, side: usize) -> Result<Charges, ChargesError> {
        let lattice = "a square lattice";
        if self.degree == 0 {
            return Err(ChargesError::Zero { lattice, what: "degree" });
        }
        if side < 3 {
            return Err(ChargesError::TooSmall { lattice, found: side, needed: 3 });
        }
        self.clusters(side)
            .iter()
            .try_for_each(|cluster| refuse_many(count_of_vectors(cluster.len(), self.degree)))?;
        let (mut terms, mut labels) = (vec![], vec![]);
        for ((_, representative), orbit) in self.orbits(side) {
            let class = labels.len();
            labels.push(label(&representative));
            let mut instances = BTreeSet::new();
            for shape in &orbit {
                for at in 0..side * side {
                    instances.extend(instance(shape, side, at));
                }
            }
            terms.extend(instances.into_iter().map(|charge| Term { charge, class }));
            refuse_many(terms.len())?;
        }
        Charges::labelled(side * side, &terms, labels)
    }

    /// The bonds between neighbours on `side × side` sites, each once.
    pub fn bonds(side: usize) -> Vec<(usize, usize)> {
        let at = |x: usize, y: usize| (x % side) * side + y % side;
        let of = |site: usize| {
            let (x, y) = (site / side, site % side);
            [(site, at(x + 1, y)), (site, at(x, y + 1))]
        };
        (0..side * side).flat_map(of).collect()
    }

    /// The clusters whose charges are taken.
    fn clusters(&self, side: usize) -> Vec<Vec<Offset>> {
        let mut clusters = vec![BOND.to_vec()];
        if self.plaquette {
            clusters.push(PLAQUETTE.to_vec());
        }
        if self.plus {
            clusters.push(PLUS.to_vec());
        }
        if self.block {
            clusters.push(BLOCK.to_vec());
        }
        // Beyond half of the side two sites are as near the other way round the torus.
        let reach = self.pairs.min(side / 2) as i32;
        clusters.extend((1..=reach).flat_map(|x| (0..=x).map(move |y| vec![(0, 0), (x, y)])));
        clusters
    }

    /// Orbits of shapes under the point group, ordered by their degree and their least shape.
    fn orbits(&self, side: usize) -> BTreeMap<(i32, Shape), BTreeSet<Shape>> {
        let mut orbits = BTreeMap::new();
        for cluster in self.clusters(side) {
            for q in charge_vectors(cluster.len(), self.degree) {
                if self.differences && q.iter().sum::<i32>() != 0 {
                    continue;
                }
                let charged = cluster.iter().copied().zip(q).filter(|(_, q)| *q != 0);
                let shape: Shape = charged.collect();
                let orbit: BTreeSet<Shape> = images(&shape).into_iter().collect();
                let degree = shape.iter().map(|(_, q)| q.abs()).sum();
                if let Some(least) = orbit.first().cloned() {
                    orbits.insert((degree, least), orbit);
                }
            }
        }
        orbits
    }
}

/// The images of a shape under the eight symmetries of the square.
fn images(shape: &Shape) -> Vec<Shape> {
    let symmetries: [fn(Offset) -> Offset; 8] = [
        |(x, y)| (x, y),
        |(x, y)| (-y, x),
        |(x, y)| (-x, -y),
        |(x, y)| (y, -x),
        |(x, y)| (-x, y),
        |(x, y)| (x, -y),
        |(x, y)| (y, x),
        |(x, y)| (-y, -x),
    ];
    symmetries.iter().map(|of| standard(shape.iter().map(|&(at, q)| (of(at), q)).collect())).collect()
}

/// A shape moved to the origin, with ascending sites, whose first charge is positive.
fn standard(mut shape: Shape) -> Shape {
    let left = shape.iter().map(|((x, _), _)| *x).min().unwrap_or(0);
    let low = shape.iter().map(|((_, y), _)| *y).min().unwrap_or(0);
    shape.iter_mut().for_each(|((x, y), _)| (*x, *y) = (*x - left, *y - low));
    shape.sort_unstable();
    if shape.first().is_some_and(|(_, q)| *q < 0) {
        shape.iter_mut().for_each(|(_, q)| *q = -*q);
    }
    shape
}

/// A shape on the lattice with its origin at one site; nothing where its charges cancel.
fn instance(shape: &Shape, side: usize, at: usize) -> Option<Vec<(usize, i32)>> {
    let mut charge = BTreeMap::new();
    for &((x, y), q) in shape {
        let (x, y) = ((at / side + x as usize) % side, (at % side + y as usize) % side);
        *charge.entry(x * side + y).or_insert(0) += q;
    }
    charge.retain(|_, q| *q != 0);
    let flip = *charge.first_key_value()?.1 < 0;
    Some(charge.into_iter().map(|(site, q)| (site, if flip { -q } else { q })).collect())
}

/// The sites and charges of a shape, as in `+1(0,0) -1(1,0)`.
fn label(shape: &Shape) -> String {
    let parts: Vec<String> = shape.iter().map(|((x, y), q)| format!("{q:+}({x},{y})")).collect();
    parts.join(" ")
}
