//! What a symmetry's name means on a manifold.

use std::f64::consts::TAU;
use std::ops::Range;

use ircpm_manifolds::Coordinates;
use nalgebra::DMatrix;

use super::{Affine, Symmetry};

/// What one name stands for, as it acts on all `n` coordinates of a point.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    /// Generators of a finite group.
    pub(super) generators: Vec<Affine>,
    /// Directions along which angles are translated.
    pub(super) translations: Vec<Vec<i32>>,
    /// Coordinates that are rotated among each other.
    pub(super) rotated: Vec<usize>,
}

/// Some or all factors of a manifold: where their coordinates lie among the `n` of a point, and what they are.
#[derive(Clone, Debug)]
pub(super) struct Factors {
    n: usize,
    runs: Vec<(Range<usize>, Coordinates)>,
}

impl Factors {
    pub(super) fn new(blocks: &[Coordinates]) -> Self {
        let mut n = 0;
        let mut run = |block: &Coordinates| {
            n += block.len();
            (n - block.len()..n, *block)
        };
        let runs = blocks.iter().map(&mut run).collect();
        Self { n, runs }
    }

    fn only(&self, number: usize) -> Result<Self, String> {
        let run = number.checked_sub(1).and_then(|i| self.runs.get(i));
        let missing = || format!("there is no factor f{number}, they are f1 to f{}", self.runs.len());
        Ok(Self { n: self.n, runs: vec![run.ok_or_else(missing)?.clone()] })
    }

    /// All coordinates.
    fn span(&self) -> Range<usize> {
        let (first, last) = (self.runs.first(), self.runs.last());
        first.map_or(0, |(run, _)| run.start)..last.map_or(0, |(run, _)| run.end)
    }

    /// The single factor, as long as there is one.
    fn single(&self) -> Result<(Range<usize>, Coordinates), String> {
        match &self.runs[..] {
            [run] => Ok(run.clone()),
            _ => Err("it is one of a single factor: write f1. or f2. … before it".to_owned()),
        }
    }

    /// Coordinates of each site.
    fn sites(&self) -> Result<Vec<Range<usize>>, String> {
        if let [(run, _)] = &self.runs[..] {
            return Ok(run.clone().map(|i| i..i + 1).collect());
        }
        if self.runs.iter().any(|(_, kind)| *kind != self.runs[0].1) {
            return Err(
                "it moves whole factors, and these are not alike: write f1. or f2. … before it, for \
                        the coordinates of one"
                    .to_owned(),
            );
        }
        Ok(self.runs.iter().map(|(run, _)| run.clone()).collect())
    }

    /// All coordinates, which are angles.
    fn angles(&self, given: usize) -> Result<Range<usize>, String> {
        let span = self.span();
        if self.runs.iter().any(|(_, kind)| !matches!(kind, Coordinates::Angles(_))) {
            return Err(
                "it moves angles, and there are other coordinates: write f1. or f2. … before it, for \
                        the angles of one factor"
                    .to_owned(),
            );
        }
        if span.len() != given {
            return Err(format!("it has {given} numbers for {} angles: give one for each", span.len()));
        }
        Ok(span)
    }

    /// What takes site `|from[i]| − 1`, or its opposite if the number is negative, to site `i`.
    fn permutation(&self, from: &[i32]) -> Result<Affine, String> {
        let sites = self.sites()?;
        let mut sorted: Vec<usize> = from.iter().map(|s| s.unsigned_abs() as usize).collect();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..=sites.len()) {
            return Err(format!(
                "it should have each of the sites 1 to {} once, with a minus sign or without",
                sites.len()
            ));
        }
        let mut g = Affine::identity(self.n);
        for (to, &signed) in sites.iter().zip(from) {
            let source = &sites[signed.unsigned_abs() as usize - 1];
            for (i, j) in to.clone().zip(source.clone()) {
                g.matrix[(i, i)] = 0.0;
                g.matrix[(i, j)] = f64::from(signed.signum());
            }
        }
        Ok(g)
    }

    fn opposite(&self, coordinates: Range<usize>) -> Affine {
        let mut g = Affine::identity(self.n);
        coordinates.for_each(|i| g.matrix[(i, i)] = -1.0);
        g
    }
}

impl Symmetry {
    /// What it stands for on these factors.
    ///
    /// # Errors
    /// In words, why it means nothing there.
    pub(super) fn meaning(&self, on: &Factors) -> Result<Meaning, String> {
        let finite = |generators| Ok(Meaning { generators, ..Meaning::default() });
        let permuted = |order: &dyn Fn(i32) -> Vec<i32>| {
            let count =
                i32::try_from(on.sites()?.len()).map_err(|_| "there are too many sites".to_owned())?;
            on.permutation(&order(count))
        };
        let shift: &dyn Fn(i32) -> Vec<i32> = &|n| (2..=n).chain([1]).collect();
        match self {
            Self::Permutations => {
                let swap =
                    permuted(&|n| if n < 2 { vec![1] } else { [2, 1].into_iter().chain(3..=n).collect() })?;
                finite(vec![swap, permuted(shift)?])
            }
            Self::Shifts => finite(vec![permuted(shift)?]),
            Self::Reversal => finite(vec![permuted(&|n| (1..=n).rev().collect())?]),
            Self::Inversion => finite(vec![on.opposite(on.span())]),
            Self::Reflections => finite(on.span().map(|i| on.opposite(i..i + 1)).collect()),
            Self::Permutation(from) => finite(vec![on.permutation(from)?]),
            Self::Turns(turns) => {
                let mut g = Affine::identity(on.n);
                for (i, &(n, d)) in on.angles(turns.len())?.zip(turns) {
                    g.shift[i] = TAU * f64::from(n) / f64::from(d);
                }
                finite(vec![g])
            }
            Self::Matrix(rows) => {
                let (span, n) = (on.span(), rows.len());
                if span.len() != n || rows.iter().any(|row| row.len() != n) {
                    return Err(format!("it should have {0} rows of {0} numbers", span.len()));
                }
                let matrix = DMatrix::from_fn(n, n, |i, j| rows[i][j]);
                finite(vec![Affine { matrix, ..Affine::identity(n) }.embedded(on.n, span.start)])
            }
            Self::PointGroup(group) => {
                let (run, kind) = on.single()?;
                if !matches!(kind, Coordinates::UnitVector(3) | Coordinates::Reals(3)) {
                    return Err("point groups act on three coordinates, those of S2 or R3".to_owned());
                }
                finite(group.generators().iter().map(|g| g.embedded(on.n, run.start)).collect())
            }
            Self::Translations(v) => {
                let span = on.angles(v.len())?;
                let mut direction = vec![0; on.n];
                direction[span].copy_from_slice(v);
                if v.iter().all(|&v| v == 0) {
                    return Err("it moves nothing: give a number that is not zero".to_owned());
                }
                Ok(Meaning { translations: vec![direction], ..Meaning::default() })
            }
            Self::Rotations(coordinates) => rotations(coordinates, on),
            Self::Factor(number, inner) => inner.meaning(&on.only(*number)?),
        }
    }
}

fn rotations(coordinates: &[usize], on: &Factors) -> Result<Meaning, String> {
    let (run, kind) = on.single()?;
    let Coordinates::UnitVector(n) = kind else {
        return Err("rotations among coordinates are those of a sphere".to_owned());
    };
    let mut sorted = coordinates.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != coordinates.len() || sorted.len() < 2 || sorted.iter().any(|i| !(1..=n).contains(i)) {
        return Err(format!("it should have two or more of the coordinates 1 to {n}, each once"));
    }
    Ok(Meaning { rotated: sorted.iter().map(|i| run.start + i - 1).collect(), ..Meaning::default() })
}
