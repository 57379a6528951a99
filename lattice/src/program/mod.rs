//! The terms of a potential, arranged for packs: groups of terms on the same few angles, or windows, and where they act on
//! `H`.

mod contract;
mod differences;
mod evaluate;
mod harmonics;
mod windows;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ircpm_flow::Expression;

pub(crate) use contract::{At, Contraction};
use differences::{Difference, differences_of, phases_of_differences};
pub(crate) use evaluate::Local;
pub(crate) use harmonics::Harmonics;
pub(crate) use windows::Kind;

use crate::charges::Charges;
use crate::factor::{Form, Structure, Symbolic, choose, cost_of_clique};
use crate::metric::{Factor, Metric};
use crate::potential::LatticePotential;
use crate::windows::Windows;

/// Largest number of angles of a term that is a product of their harmonics.
pub(crate) const WIDEST: usize = 4;
/// Entries of a symmetric block of so many rows.
pub(crate) const BLOCK: usize = WIDEST * (WIDEST + 1) / 2;

/// What does not depend on where a term acts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Number of factors of `exp(i q · y)`.
    pub factors: usize,
    /// Their signs; that of the first is positive.
    pub signs: [f64; WIDEST],
    /// The charges `q`.
    pub charges: [f64; WIDEST],
    /// `qᵢ qⱼ`, at `i (i + 1)/2 + j` for `j ≤ i`.
    pub products: [f64; BLOCK],
}

/// A factor of `exp(i q · y)`: a harmonic of an angle, or of the difference of two.
#[derive(Clone, Copy, Debug)]
struct Phase {
    /// Which of the cluster's angles; of two, the difference of the first and the second.
    angles: (usize, Option<usize>),
    /// The harmonic `m`, with its sign.
    multiple: i32,
}

/// Terms on the same angles.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Number of angles.
    pub width: usize,
    /// Which list of shapes.
    pub shapes: usize,
    /// The angles, ascending.
    pub angles: [usize; WIDEST],
    /// Places in `H` of the block's entries, in the order of [`Shape::products`]: in its diagonal where `j = i`, else
    /// below it.
    pub slots: [usize; BLOCK],
    /// The first of the terms, which follow each other.
    pub first: usize,
}

/// A combination of more than [`WIDEST`] angles, which is treated as one more angle.
#[derive(Clone, Debug)]
pub(crate) struct Combination {
    /// Sites with their charges, which have no common divisor.
    pub entries: Vec<(usize, f64)>,
    /// Where `uᵢ uⱼ` acts below the diagonal, with its value; empty where the combination is a matrix of rank one beside
    /// the factor.
    pub pairs: Vec<(usize, f64)>,
}

/// A potential arranged for packs.
///
/// *Angles* are the sites' and then the combinations'. Behind their harmonics are those of the differences.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Number of sites.
    pub sites: usize,
    /// Number of parameters: of charges one per class.
    pub classes: usize,
    /// Where the harmonics of every angle, and of every difference, begin.
    pub tables: Vec<usize>,
    pub groups: Vec<Group>,
    pub shapes: Vec<Vec<Shape>>,
    /// The class of every term, in the order of the groups.
    pub class_of: Vec<usize>,
    /// The places of the harmonics that the terms' phases are products of.
    pub places: Vec<[u32; WIDEST]>,
    /// `1/|q|²` of every term.
    pub weights: Vec<f64>,
    /// The differences that psi depends on where all charges have sum zero; else none.
    pub differences: Vec<Difference>,
    pub combinations: Vec<Combination>,
    /// Whether combinations are matrices of rank one beside the factor.
    pub low_rank: bool,
    /// The windows of networks, if psi has those and no charges: its coefficients are then the parameters.
    pub kinds: Vec<Kind>,
    /// The metric of the torus, where it is not the identity.
    pub metric: Option<Factor>,
    pub symbolic: Symbolic,
    pub form: Form,
}

/// The terms on some angles: charges and classes.
type Clusters = BTreeMap<Vec<usize>, BTreeSet<(Vec<i32>, usize)>>;

impl Program {
    /// Arranges a potential, with `H` in the form that `structure` asks for, in the metric `I` unless another is given;
    /// none if elimination would take more than [`crate::factor::MOST_MULTIPLICATIONS`].
    pub(crate) fn new(
        potential: &LatticePotential,
        structure: Structure,
        metric: Option<&Metric>,
    ) -> Option<Self> {
        let bonds = metric.map_or(&[][..], Metric::bonds);
        let bonds: BTreeSet<(u32, u32)> =
            bonds.iter().map(|&(i, j)| (i.min(j) as u32, i.max(j) as u32)).collect();
        let mut program = match potential {
            LatticePotential::Charges(charges) => Self::of_charges(charges, structure, bonds)?,
            LatticePotential::Windows(windows) => Self::of_windows(windows, structure, bonds)?,
        };
        program.metric = metric.map(|metric| Factor::new(metric, &program.symbolic));
        Some(program)
    }

    fn of_windows(windows: &Windows, structure: Structure, bonds: BTreeSet<(u32, u32)>) -> Option<Self> {
        let sites = windows.sites();
        let mut pairs = bonds;
        pairs.extend(windows::pairs_of(windows));
        let (symbolic, form) = choose(sites, &pairs.into_iter().collect::<Vec<_>>(), structure)?;
        Some(Self {
            sites,
            classes: windows.parameters(),
            tables: vec![0; sites + 1],
            groups: vec![],
            shapes: vec![],
            class_of: vec![],
            places: vec![],
            weights: vec![],
            differences: vec![],
            combinations: vec![],
            low_rank: false,
            kinds: windows::kinds_of(windows, &symbolic),
            metric: None,
            symbolic,
            form,
        })
    }

    fn of_charges(charges: &Charges, structure: Structure, bonds: BTreeSet<(u32, u32)>) -> Option<Self> {
        let sites = charges.sites();
        let (clusters, long) = clusters(charges);
        let mut short = bonds;
        short.extend(clusters.keys().filter(|angles| angles.len() > 1).flat_map(|angles| pairs(angles)));
        let ((symbolic, form), low_rank) = factor(sites, short, &long, structure)?;
        let combinations = long.iter().map(|entries| combination(entries, low_rank, &symbolic)).collect();
        let sees_differences = long.is_empty() && charges.is_neutral();
        let differences = if sees_differences { differences_of(&clusters, &symbolic) } else { vec![] };
        let mut program = Self {
            sites,
            classes: charges.labels().len(),
            tables: tables(sites + long.len(), &clusters, &differences),
            groups: vec![],
            shapes: vec![],
            class_of: vec![],
            places: vec![],
            weights: vec![],
            differences,
            combinations,
            low_rank,
            kinds: vec![],
            metric: None,
            symbolic,
            form,
        };
        program.add_groups(&clusters);
        Some(program)
    }

    /// Number of matrices of rank one beside the factor.
    #[inline(always)]
    pub(crate) fn ranks(&self) -> usize {
        if self.low_rank { self.combinations.len() } else { 0 }
    }

    /// Number of angles.
    #[inline(always)]
    pub(crate) fn angles(&self) -> usize {
        self.sites + self.combinations.len()
    }

    /// The coefficient of the cosine of every term; the parameters of windows.
    pub(crate) fn coefficients(&self, theta: &[f64], into: &mut Vec<f64>) {
        into.clear();
        if !self.kinds.is_empty() {
            into.extend_from_slice(theta);
            return;
        }
        into.extend(self.class_of.iter().zip(&self.weights).map(|(&class, weight)| theta[class] * weight));
    }

    fn add_groups(&mut self, clusters: &Clusters) {
        let mut known = HashMap::new();
        for (angles, terms) in clusters {
            let charges: Vec<&Vec<i32>> = terms.iter().map(|(q, _)| q).collect();
            let factors: Vec<Vec<Phase>> = charges.iter().map(|q| self.factors(q)).collect();
            let shapes = *known.entry(charges.clone()).or_insert_with(|| {
                self.shapes
                    .push(charges.iter().zip(&factors).map(|(q, factors)| shape(q, factors)).collect());
                self.shapes.len() - 1
            });
            let mut of = [0; WIDEST];
            of[..angles.len()].copy_from_slice(angles);
            self.groups.push(Group {
                width: angles.len(),
                shapes,
                angles: of,
                slots: self.slots(angles),
                first: self.class_of.len(),
            });
            let places: Vec<_> = factors.iter().map(|factors| self.places_of(angles, factors)).collect();
            self.places.extend(places);
            self.class_of.extend(terms.iter().map(|&(_, class)| class));
            let weights: Vec<f64> = charges.iter().map(|q| self.weight(angles, q)).collect();
            self.weights.extend(weights);
        }
    }

    /// The factors of `exp(i q · y)`, one per angle, or fewer where psi depends on differences.
    fn factors(&self, q: &[i32]) -> Vec<Phase> {
        if !self.differences.is_empty() {
            return phases_of_differences(q);
        }
        q.iter().enumerate().map(|(i, &multiple)| Phase { angles: (i, None), multiple }).collect()
    }

    /// Where the harmonics of a term on some angles are.
    fn places_of(&self, angles: &[usize], factors: &[Phase]) -> [u32; WIDEST] {
        let mut places = [0; WIDEST];
        for (place, factor) in places.iter_mut().zip(factors) {
            let number = match factor.angles {
                (i, None) => angles[i],
                (i, Some(j)) => self.angles() + self.difference(angles[i], angles[j]),
            };
            *place = (self.tables[number] + factor.multiple.unsigned_abs() as usize - 1) as u32;
        }
        places
    }

    /// `1/|q|²` of a term by its charges on some angles.
    fn weight(&self, angles: &[usize], q: &[i32]) -> f64 {
        let square = |angle: usize| match angle.checked_sub(self.sites) {
            Some(k) => self.combinations[k].entries.iter().map(|(_, q)| q * q).sum(),
            None => 1.0,
        };
        1.0 / angles.iter().zip(q).map(|(&angle, &q)| f64::from(q * q) * square(angle)).sum::<f64>()
    }

    /// Places in `H` of a block on some angles.
    fn slots(&self, angles: &[usize]) -> [usize; BLOCK] {
        let mut slots = [0; BLOCK];
        for (i, &a) in angles.iter().enumerate() {
            for (j, &b) in angles[..i].iter().enumerate() {
                slots[i * (i + 1) / 2 + j] = self.symbolic.entry(a as u32, b as u32) as usize;
            }
            // Combinations follow behind the diagonal.
            let place = if a < self.sites { self.symbolic.place[a] as usize } else { a };
            slots[i * (i + 1) / 2 + i] = place;
        }
        slots
    }
}

/// The factor of `H` with terms on the pairs `short` and combinations of many sites, and whether these are matrices of rank
/// one beside it.
fn factor(
    sites: usize,
    short: BTreeSet<(u32, u32)>,
    long: &[Vec<(u32, i32)>],
    structure: Structure,
) -> Option<((Symbolic, Form), bool)> {
    let list = |pairs: &BTreeSet<(u32, u32)>| pairs.iter().copied().collect::<Vec<_>>();
    let beside = if long.is_empty() || structure == Structure::Dense {
        None
    } else {
        choose(sites, &list(&short), structure)
    };
    let cost_beside = beside
        .as_ref()
        .map(|(symbolic, _)| symbolic.cost() + long.len() * (3 * symbolic.len() + (4 + long.len()) * sites));
    // Sites that are all neighbours of each other cost as much in any order.
    let least = long.iter().map(|entries| cost_of_clique(entries.len())).max().unwrap_or(0);
    if cost_beside.is_some_and(|cost| cost < least) {
        return beside.map(|factor| (factor, true));
    }
    let mut all = short;
    for entries in long {
        all.extend(pairs(&entries.iter().map(|&(site, _)| site as usize).collect::<Vec<_>>()));
    }
    match (choose(sites, &list(&all), structure), cost_beside) {
        (Some((symbolic, form)), cost) if cost.is_none_or(|cost| cost >= symbolic.cost()) => {
            Some(((symbolic, form), false))
        }
        _ => beside.map(|factor| (factor, true)),
    }
}

/// Terms by their angles, and the combinations of many sites, which are the angles behind the sites.
fn clusters(charges: &Charges) -> (Clusters, Vec<Vec<(u32, i32)>>) {
    let (mut clusters, mut long): (Clusters, Vec<Vec<(u32, i32)>>) = (BTreeMap::new(), vec![]);
    for m in 0..charges.terms() {
        let charge = charges.charge(m);
        let (angles, q): (Vec<usize>, Vec<i32>) = if charge.len() <= WIDEST {
            charge.iter().map(|&(site, q)| (site as usize, q)).unzip()
        } else {
            let divisor = charge.iter().fold(0, |d, &(_, q)| common_divisor(d, q.abs()));
            let primitive: Vec<(u32, i32)> = charge.iter().map(|&(site, q)| (site, q / divisor)).collect();
            let number = long.iter().position(|known| *known == primitive).unwrap_or_else(|| {
                long.push(primitive);
                long.len() - 1
            });
            (vec![charges.sites() + number], vec![divisor])
        };
        clusters.entry(angles).or_default().insert((q, charges.class(m)));
    }
    (clusters, long)
}

fn common_divisor(a: i32, b: i32) -> i32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// All pairs of some sites.
fn pairs(sites: &[usize]) -> Vec<(u32, u32)> {
    let of =
        |(i, &a): (usize, &usize)| sites[..i].iter().map(move |&b| (b as u32, a as u32)).collect::<Vec<_>>();
    sites.iter().enumerate().flat_map(of).collect()
}

fn combination(entries: &[(u32, i32)], low_rank: bool, symbolic: &Symbolic) -> Combination {
    let mut pairs = vec![];
    for (i, &(a, p)) in entries.iter().enumerate().filter(|_| !low_rank) {
        pairs.extend(entries[..i].iter().map(|&(b, q)| (symbolic.entry(a, b) as usize, f64::from(p * q))));
    }
    Combination { entries: entries.iter().map(|&(site, q)| (site as usize, f64::from(q))).collect(), pairs }
}

/// Where the harmonics of every angle begin, as many as its largest charge, and those of every difference. Angles need
/// only their first harmonic for the latter.
fn tables(angles: usize, clusters: &Clusters, differences: &[Difference]) -> Vec<usize> {
    let mut largest = vec![0; angles];
    for (angles, terms) in clusters {
        for (q, _) in terms {
            for (&angle, q) in angles.iter().zip(q) {
                let charge = if differences.is_empty() { q.unsigned_abs() as usize } else { 1 };
                largest[angle] = charge.max(largest[angle]);
            }
        }
    }
    largest.extend(differences.iter().map(|difference| difference.largest));
    let mut starts = vec![0];
    starts.extend(largest.iter().scan(0, |sum, &of| {
        *sum += of;
        Some(*sum)
    }));
    starts
}

fn shape(q: &[i32], factors: &[Phase]) -> Shape {
    let mut shape = Shape {
        factors: factors.len(),
        signs: [1.0; WIDEST],
        charges: [0.0; WIDEST],
        products: [0.0; BLOCK],
    };
    for (sign, factor) in shape.signs.iter_mut().zip(factors) {
        *sign = f64::from(factor.multiple.signum());
    }
    for (i, &p) in q.iter().enumerate() {
        shape.charges[i] = f64::from(p);
        for (j, &r) in q[..=i].iter().enumerate() {
            shape.products[i * (i + 1) / 2 + j] = f64::from(p * r);
        }
    }
    shape
}
