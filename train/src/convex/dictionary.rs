//! Which functions a layer's psi is made of, and the penalty that keeps it smooth.

use std::ops::Range;

use ircpm_manifolds::{AnyManifold, Coordinates};
use nalgebra::DMatrix;

use super::centres;
use super::specification::{BumpTerm, LayerTerms, ZonalTerm};
use super::survey::Places;
use crate::points::{Generator, Sequence, Spread, base_points};
use crate::weights::Sample;

/// Power of the Laplacian's eigenvalue in the penalty: the energy of third derivatives.
const SMOOTHNESS: i32 = 3;

/// A dictionary and its penalty.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub terms: LayerTerms,
    pub penalty: DMatrix<f64>,
}

/// How rich a dictionary is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Richness {
    /// Highest frequency on two angles; more on one, less on more of them.
    pub frequency: i32,
    /// Numbers of bumps, one for each scale.
    pub bumps: Vec<usize>,
    /// Width of a bump in units of the distance to its neighbours.
    pub coverage: f64,
}

/// Numbers of points for which there are choices of the number of bumps: a comparison takes as long as a fit.
const CHOICE: Range<usize> = 100..4000;
/// Points per bump on spheres and tori, unless there are fewer bumps then than the least number, or more than the most.
const POINTS_PER_BUMP: usize = 12;
/// Largest dimension in which there is a bump per so many points, and in which validation points choose the number.
const MOST_CHOSEN: usize = 3;
const LEAST_BUMPS: usize = 20;
const MOST_BUMPS: usize = 400;
/// The usual number of bumps is divided by this in the choice of fewer.
const FEWER: usize = 3;
/// Points per bump in the choice of more, and most bumps of that choice.
const POINTS_PER_FINE_BUMP: usize = 4;
const MOST_FINE_BUMPS: usize = 100;
/// Most bumps of one scale where there are conditioning variables.
const MOST_CONDITIONAL: usize = 243;
/// Most functions that are not bumps, those that conditioning variables multiply among them.
const MOST_MULTIPLIED: usize = 320;
/// Width of a bump in units of the distance to its neighbours, and that of bumps where structure may be fine: of many points,
/// and of the choice of more.
const COVERAGE: f64 = 0.8;
const FINE_COVERAGE: f64 = 0.65;

impl Richness {
    /// What `count` points of a manifold can bear.
    ///
    /// On one and two angles waves are better than bumps, on spheres bumps are far better than harmonics alone.
    pub(super) fn new(manifold: &AnyManifold, count: usize) -> Self {
        let kinds = manifold.coordinates();
        let angles = self::count(&kinds, |kind| matches!(kind, Coordinates::Angles(_)));
        let is_small_torus = angles == manifold.ambient() && angles <= 2;
        let has_reals = self::count(&kinds, |kind| matches!(kind, Coordinates::Reals(_))) > 0;
        let bumps = match count {
            _ if is_small_torus => vec![],
            // Bumps tell how the density changes with conditioning variables.
            _ if manifold.contexts() > 0 && !has_reals => {
                [9, 27, 81, MOST_CONDITIONAL].into_iter().filter(|k| 8 * k <= count).collect()
            }
            // Neighbours among many centres on a line are too close for the shape of a density.
            _ if manifold.ambient() == 1 => on_a_line(count),
            _ if has_reals => {
                [3, 9, 27, 81].into_iter().filter(|k| 8 * k <= count).take(2 + kinds.len()).collect()
            }
            0..20 => vec![],
            20..100 => vec![count / 10],
            _ => vec![of_points(manifold.dim(), count)],
        };
        let is_fine = !has_reals && manifold.contexts() == 0 && count >= CHOICE.end;
        let coverage = if is_fine { FINE_COVERAGE } else { COVERAGE };
        Self { frequency: if count < 8000 { 6 } else { 8 }, bumps, coverage }
    }

    /// This dictionary, and those with fewer and with more bumps that may suit `count` points better, because the number of
    /// points does not tell how fine the structure of their density is.
    ///
    /// There is a choice of more only where it has few bumps, because the time grows with the cube of their number. On
    /// manifolds of dimension `dim` above three there is none, because it would take longer than the fit.
    pub(super) fn choices(&self, dim: usize, count: usize) -> Vec<Self> {
        let mut choices = vec![self.clone()];
        let usual = of_points(dim, count);
        if dim <= MOST_CHOSEN && CHOICE.contains(&count) && self.bumps == [usual] {
            let fewer = (usual >= FEWER * LEAST_BUMPS).then_some(usual / FEWER);
            let more = (count / POINTS_PER_FINE_BUMP).min(MOST_FINE_BUMPS);
            let more = (more >= 2 * usual).then_some(more);
            choices.extend(fewer.map(|k| Self { bumps: vec![k], ..self.clone() }));
            choices.extend(more.map(|k| Self { bumps: vec![k], coverage: FINE_COVERAGE, ..self.clone() }));
        }
        choices
    }
}

/// Usual number of bumps for so many points on spheres and tori of dimension `dim`. Beyond three dimensions it falls as the
/// number of entries of gradient and Hessian grows, because with it grows the time that a bump takes.
fn of_points(dim: usize, count: usize) -> usize {
    let entries = |dim: usize| dim * (dim + 3) / 2;
    let each = if dim <= MOST_CHOSEN { POINTS_PER_BUMP } else { POINTS_PER_BUMP * entries(dim) / entries(2) };
    (count / each).clamp(LEAST_BUMPS, MOST_BUMPS)
}

/// Numbers of bumps for one real coordinate: the finest scale takes more points, because peaks with a wide gap between
/// them take several layers, each of which follows accidents of the points.
fn on_a_line(count: usize) -> Vec<usize> {
    [(3, 8), (9, 8), (27, 40)]
        .into_iter()
        .filter(|(bumps, each)| each * bumps <= count)
        .map(|row| row.0)
        .collect()
}

impl Choice {
    /// The dictionary for a sample of points of a manifold.
    pub(super) fn new(
        manifold: &AnyManifold,
        sample: &Sample,
        richness: &Richness,
        rng: &mut Generator,
    ) -> Self {
        let mut bumps = vec![];
        for &count in &richness.bumps {
            let centres = centres::k_means(manifold, sample, count, rng);
            let kappas = centres::concentrations(manifold, &centres, richness.coverage);
            let bump = |(centre, kappa): (&[f64], f64)| BumpTerm { centre: centre.to_vec(), kappa };
            bumps.extend(centres.chunks_exact(manifold.ambient()).zip(kappas).map(bump));
        }
        Self::of(manifold, richness, bumps)
    }

    /// The dictionary with these bumps; all its other functions follow from the manifold and the richness.
    pub(super) fn of(manifold: &AnyManifold, richness: &Richness, bumps: Vec<BumpTerm>) -> Self {
        let kinds = manifold.coordinates();
        let (mut zonals, mut of_zonals, mut start) = (vec![], vec![], 0);
        for kind in &kinds {
            if let Coordinates::UnitVector(n) = kind {
                let (terms, block) = harmonics_up_to(start..start + n);
                zonals.extend(terms);
                of_zonals.push(block);
            }
            start += kind.len();
        }
        let reals = count(&kinds, |kind| matches!(kind, Coordinates::Reals(_)));
        let polynomials = reals + reals * (reals + 1) / 2;
        let others = polynomials + of_zonals.iter().map(DMatrix::nrows).sum::<usize>();
        let Multiplied { waves, degree, factors } = multiplied(manifold, others, richness.frequency);
        let mut of_waves = Vec::new();
        for wave in &waves {
            let square = wave.iter().map(|k| f64::from(k * k)).sum::<f64>();
            of_waves.push(DMatrix::from_diagonal_element(2, 2, square.powi(SMOOTHNESS)));
        }
        let of_bumps = [DMatrix::identity(bumps.len(), bumps.len())];
        let of_polynomials = [DMatrix::from_diagonal_element(polynomials, polynomials, POLYNOMIALS)];
        let mut blocks: Vec<_> = [&of_waves[..], &of_zonals, &of_bumps, &of_polynomials].concat();
        for _ in 0..factors {
            blocks.extend([&of_waves[..], &of_zonals, &of_polynomials].concat());
        }
        let polynomials = reals > 0;
        let terms = LayerTerms { waves, zonals, bumps, polynomials, contexts: vec![], degree };
        Self { terms, penalty: block_diagonal(&blocks) }
    }

    /// Where folds of a layer of these functions are looked for, beside points of its own.
    pub(super) fn places<'a>(&'a self, manifold: &'a AnyManifold, data: &'a [f64]) -> Places<'a> {
        Places { manifold, data, bumps: &self.terms.bumps }
    }
}

/// Functions that conditioning variables multiply.
struct Multiplied {
    waves: Vec<Vec<i32>>,
    degree: usize,
    /// Number of products of the variables.
    factors: usize,
}

/// As many frequencies, and as high a degree in the conditioning variables, as [`MOST_MULTIPLIED`] functions allow beside
/// `others` that are multiplied as well: the degree is lowered first, to one, then the frequency, then the degree to zero.
fn multiplied(manifold: &AnyManifold, others: usize, frequency: i32) -> Multiplied {
    let kinds = manifold.coordinates();
    let angles = count(&kinds, |kind| matches!(kind, Coordinates::Angles(_)));
    let k = manifold.contexts();
    let of = |degree: usize, frequency: i32| {
        let waves = if angles > 0 { frequencies(angles, frequency) } else { vec![] };
        let factors = if degree == 0 { 0 } else { k + (degree - 1) * k * (k + 1) / 2 };
        Multiplied { waves, degree, factors }
    };
    if k == 0 {
        return of(0, frequency);
    }
    let lower = (3.min(frequency)..=frequency).rev().map(|frequency| (1, frequency));
    let choices =
        std::iter::once((2, frequency)).chain(lower).map(|(degree, frequency)| of(degree, frequency));
    let fits =
        |choice: &Multiplied| (2 * choice.waves.len() + others) * (1 + choice.factors) <= MOST_MULTIPLIED;
    choices.into_iter().find(fits).unwrap_or_else(|| of(0, frequency))
}

/// Penalty of shifts and scales of real coordinates: little, because they come from standardised data.
const POLYNOMIALS: f64 = 1e-3;

fn block_diagonal(blocks: &[DMatrix<f64>]) -> DMatrix<f64> {
    let side = blocks.iter().map(DMatrix::nrows).sum();
    let (mut matrix, mut at) = (DMatrix::zeros(side, side), 0);
    for block in blocks {
        matrix.view_mut((at, at), block.shape()).copy_from(block);
        at += block.nrows();
    }
    matrix
}

fn count(kinds: &[Coordinates], is: impl Fn(&Coordinates) -> bool) -> usize {
    kinds.iter().filter(|kind| is(kind)).map(|kind| kind.len()).sum()
}

/// Frequencies of the waves, of each pair `±k` one: all within a disk on one or two angles, on more those of single
/// angles and of pairs.
fn frequencies(angles: usize, highest: i32) -> Vec<Vec<i32>> {
    let mut out = Vec::new();
    let single = match angles {
        1 => 2 * highest,
        2 => highest,
        _ => (highest * 2 / 3).max(1),
    };
    let pair = match angles {
        1 | 2 => highest,
        3 | 4 => (highest / 2).max(1),
        _ => (highest / 3).max(1),
    };
    for a in 0..angles {
        for k in 1..=single {
            let mut row = vec![0; angles];
            row[a] = k;
            out.push(row);
        }
        for b in a + 1..angles {
            for k in 1..=pair {
                for l in (-pair..=pair).filter(|&l| l != 0 && k * k + l * l <= pair * pair.max(2)) {
                    let mut row = vec![0; angles];
                    (row[a], row[b]) = (k, l);
                    out.push(row);
                }
            }
        }
    }
    out
}

/// Number of harmonics of degree `l` on the sphere of dimension `n`.
fn harmonics(n: usize, l: usize) -> usize {
    // Homogeneous polynomials of degree l less those of degree l − 2, in n + 1 variables.
    let polynomials = |l: usize| (1..=n).fold(1, |product, i| product * (l + i) / i);
    polynomials(l) - if l >= 2 { polynomials(l - 2) } else { 0 }
}

/// All harmonics up to a degree, as zonal functions, and their penalty: the norm of `Δ^{s/2}` of a function in the
/// uniform measure. Two zonal functions have the inner product `P_l(c·c′)` over the number of harmonics.
fn harmonics_up_to(coordinates: Range<usize>) -> (Vec<ZonalTerm>, DMatrix<f64>) {
    let n = coordinates.len() - 1;
    let highest = match n {
        1 => 12,
        2 => 6,
        3 => 4,
        _ => 3,
    };
    let sphere: AnyManifold = format!("S{n}").parse().expect("a sphere of the manifold");
    let count = harmonics(n, highest);
    let sequence = Sequence::new(Spread::Kronecker, count, sphere.cube_dim());
    let centres = base_points(&sphere, &sequence, &mut Generator::from_seed(1));
    let centre = |j: usize| &centres[j * (n + 1)..(j + 1) * (n + 1)];
    let (mut terms, mut functions) = (Vec::new(), Vec::new());
    for j in 0..count {
        let first = (1..=highest).find(|&l| harmonics(n, l) > j).unwrap_or(highest);
        let degrees = [first, highest];
        terms.push(ZonalTerm { first: coordinates.start, centre: centre(j).to_vec(), degrees });
        functions.extend((first..=highest).map(|l| (j, l)));
    }
    let entry = |row: usize, column: usize| {
        let ((i, l), (j, m)) = (functions[row], functions[column]);
        if l != m {
            return 0.0;
        }
        let cosine = centre(i).iter().zip(centre(j)).map(|(a, b)| a * b).sum();
        ((l * (l + n - 1)) as f64).powi(SMOOTHNESS) / harmonics(n, l) as f64 * gegenbauer(n, l, cosine)
    };
    (terms, DMatrix::from_fn(functions.len(), functions.len(), entry))
}

/// `P_l(t)` on the sphere of dimension `n`, `P_l(1) = 1`.
fn gegenbauer(n: usize, l: usize, t: f64) -> f64 {
    let (mut before, mut now) = (1.0, t);
    for l in 1..l {
        let (l, n) = (l as f64, n as f64);
        (before, now) = (now, ((2.0 * l + n - 1.0) * t * now - l * before) / (l + n - 1.0));
    }
    now
}
