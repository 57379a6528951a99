//! The charts of products of tori and spheres, and geodesics, frames and boxes in them.

use std::f64::consts::TAU;
use std::ops::{Neg, Range};

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use ircpm_manifolds::Coordinates;

use crate::cell::Cell;
use crate::cubic::Cubic;
use crate::taylor_model::TaylorModel;

/// A factor of the manifold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Factor {
    /// One angle: the chart is a turn.
    Angle,
    /// The sphere of dimension `n`: a chart for each face of the cube.
    Sphere(usize),
}

/// The charts of a manifold of dimension `D`.
///
/// A sphere has a chart for each face of the cube `[−1, 1]ⁿ⁺¹`, the central projection of the face: face `2a` where
/// coordinate `a` is 1, face `2a + 1` where it is −1. The other coordinates, in their order, are those of the chart.
/// Geodesics are straight lines in it. The number of a chart of a product is made of the numbers of the faces; the first
/// factor's changes fastest.
#[derive(Clone, Debug)]
pub(crate) struct Atlas<const D: usize> {
    factors: Vec<Factor>,
}

/// What calculus at the points of a box needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings<const D: usize> {
    /// The ambient coordinates as functions of normal coordinates at the point, up to third order.
    ///
    /// The normal coordinates belong to the frame at the middle, carried to the point in parallel along the geodesic.
    pub(crate) jets: Vec<Cubic<D>>,
    /// The normal coordinates, at the middle, of all points.
    pub(crate) reach: [Interval; D],
    /// The normal coordinates, at the middle, of one point: `tₖ = Σⱼ speeds[k][j] (uⱼ − mⱼ)`, `u` and `m` in the chart.
    pub(crate) speeds: [[Interval; D]; D],
}

impl Factor {
    fn dimension(self) -> usize {
        match self {
            Self::Angle => 1,
            Self::Sphere(n) => n,
        }
    }

    /// The number of ambient coordinates.
    pub(crate) fn coordinates(self) -> usize {
        match self {
            Self::Angle => 1,
            Self::Sphere(n) => n + 1,
        }
    }

    fn faces(self) -> usize {
        match self {
            Self::Angle => 1,
            Self::Sphere(n) => 2 * (n + 1),
        }
    }
}

impl<const D: usize> Atlas<D> {
    /// The charts of the manifold whose points have these coordinates; nothing if it is no product of tori and spheres, or
    /// not of dimension `D`.
    pub(crate) fn new(coordinates: &[Coordinates]) -> Option<Self> {
        let mut factors = vec![];
        for run in coordinates {
            match *run {
                Coordinates::Angles(n) => factors.extend(std::iter::repeat_n(Factor::Angle, n)),
                Coordinates::UnitVector(n @ 2..) => factors.push(Factor::Sphere(n - 1)),
                _ => return None,
            }
        }
        (factors.iter().map(|factor| factor.dimension()).sum::<usize>() == D).then_some(Self { factors })
    }

    /// The directions of each sphere of dimension two or more, the curved factors.
    pub(crate) fn curved(&self) -> impl Iterator<Item = Range<usize>> {
        self.runs().filter(|(factor, _)| matches!(factor, Factor::Sphere(2..))).map(|(_, range)| range)
    }

    /// The factors and their directions.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Factor, Range<usize>)> {
        self.factors.iter().scan(0, |start, &factor| {
            let range = *start..*start + factor.dimension();
            *start = range.end;
            Some((factor, range))
        })
    }

    /// The cells of all charts: `2^depth` parts of every angle, and a quarter as many of a side of a cube, whose faces
    /// are a quarter of a turn wide.
    pub(crate) fn grid(&self, depth: u32) -> Vec<Cell<D>> {
        let mut depths = [depth; D];
        for (factor, range) in self.runs() {
            if factor != Factor::Angle {
                depths[range].fill(depth.saturating_sub(2));
            }
        }
        Cell::grid(self.charts(), depths)
    }

    /// The number of charts.
    pub(crate) fn charts(&self) -> usize {
        self.factors.iter().map(|factor| factor.faces()).product()
    }

    /// The chart coordinates of a cell: angles, and coordinates on a face of a cube, which are exact.
    pub(crate) fn sides(&self, cell: &Cell<D>) -> [Interval; D] {
        let turn = Interval::around(TAU);
        let mut sides = [Interval::ZERO; D];
        for (factor, range) in self.runs() {
            for k in range {
                let [lo, hi] = cell.ends(k);
                sides[k] = match factor {
                    Factor::Angle => (turn * Interval::point(lo)).hull(turn * Interval::point(hi)),
                    Factor::Sphere(_) => Interval::new(2.0 * lo - 1.0, 2.0 * hi - 1.0),
                };
            }
        }
        sides
    }

    /// A box in a chart as ambient coordinates: angles, and for each sphere a box on the surface of the cube, from which
    /// central projection leads to the sphere.
    pub(crate) fn on_cubes(&self, chart: usize, sides: &[Interval; D]) -> Vec<Interval> {
        let mut ambient = vec![];
        self.each(chart, |factor, face, range| match factor {
            Factor::Angle => ambient.push(sides[range.start]),
            Factor::Sphere(_) => {
                let vector = std::iter::once(Interval::ONE).chain(sides[range].iter().copied());
                ambient.extend(on_face(face, vector.collect()));
            }
        });
        ambient
    }

    /// The ambient coordinates of the points of a box in a chart, as functions over the box.
    pub(crate) fn models<const V: usize, const M: usize>(
        &self,
        chart: usize,
        sides: &[Interval; D],
    ) -> Vec<TaylorModel<V, M>> {
        let mut ambient = vec![];
        self.each(chart, |factor, face, range| {
            let u: Vec<_> = range.map(|k| TaylorModel::coordinate(sides[k], k)).collect();
            match factor {
                Factor::Angle => ambient.extend(u),
                Factor::Sphere(_) => {
                    let length = u.iter().fold(TaylorModel::constant(1.0), |sum, &u| sum + u * u).sqrt();
                    let height = length.recip();
                    let unit = std::iter::once(height).chain(u.into_iter().map(|u| u * height));
                    ambient.extend(on_face(face, unit.collect()));
                }
            }
        });
        ambient
    }

    /// The surroundings of the points of a box with the given middle. Of a box that is too wide nothing is known.
    pub(crate) fn surroundings(
        &self,
        chart: usize,
        sides: &[Interval; D],
        middle: &[f64; D],
    ) -> Surroundings<D> {
        let mut around =
            Surroundings { jets: vec![], reach: [Interval::ZERO; D], speeds: [[Interval::ZERO; D]; D] };
        self.each(chart, |factor, face, range| match factor {
            Factor::Angle => {
                let k = range.start;
                around.speeds[k][k] = Interval::ONE;
                around.jets.push(Cubic::variable(sides[k], Interval::point(middle[k]), k));
            }
            Factor::Sphere(_) => {
                around.sphere(face, &sides[range.clone()], &middle[range.clone()], range);
            }
        });
        let Surroundings { jets, reach, speeds } = &mut around;
        *reach = speeds.map(|row| (0..D).map(|j| row[j] * (sides[j] - middle[j])).sum());
        jets.iter_mut().for_each(|jet| *jet = jet.within(*reach));
        around
    }

    /// Every factor with the number of its face and its directions.
    fn each(&self, mut chart: usize, mut f: impl FnMut(Factor, usize, Range<usize>)) {
        for (factor, range) in self.runs() {
            f(factor, chart % factor.faces(), range);
            chart /= factor.faces();
        }
    }
}

/// A vector whose first coordinate points away from the centre of the cube through a face, in ambient coordinates.
pub(crate) fn on_face<T: Neg<Output = T>>(face: usize, mut vector: Vec<T>) -> Vec<T> {
    let height = vector.remove(0);
    vector.insert(face / 2, if face.is_multiple_of(2) { height } else { -height });
    vector
}

/// The inverse of [`on_face`].
pub(crate) fn from_face<T: Neg<Output = T>>(face: usize, mut vector: Vec<T>) -> Vec<T> {
    let height = vector.remove(face / 2);
    vector.insert(0, if face.is_multiple_of(2) { height } else { -height });
    vector
}

impl<const D: usize> Surroundings<D> {
    /// Adds the sphere with these directions.
    ///
    /// With `p` the middle and `eₖ` its frame, `y` has the parts `xₖ = ⟨eₖ, y⟩` and `x₀ = ⟨p, y⟩`; its normal coordinates
    /// are `tₖ = ρ/sin ρ · xₖ`, and parallel transport from `p` makes `eₖ − xₖ/(1 + x₀) (p + y)` of `eₖ`.
    fn sphere(&mut self, face: usize, u: &[Interval], middle: &[f64], range: Range<usize>) {
        let n = u.len();
        let m: Vec<Interval> = middle.iter().map(|&m| Interval::point(m)).collect();
        let (p, y) = (projection(&m), projection(u));
        let frame = frame(&p);
        // The frame is orthogonal to (1, m), so that ⟨eₖ, (1, u)⟩ = ⟨eₖ, (0, u − m)⟩, where nothing cancels.
        let part = |k: usize| (0..n).map(|j| frame[k][j + 1] * (u[j] - m[j])).sum::<Interval>() * y[0];
        let x: Vec<Interval> = (0..n).map(part).collect();
        let x0 = cosine(&m, u, p[0] * y[0], &x);
        let jet = |c: usize| {
            let axis = |k: usize| match k.checked_sub(range.start) {
                Some(k) if k < n => [frame[k][c] - x[k] / (x0 + 1.0) * (p[c] + y[c]), frame[k][c]],
                _ => [Interval::ZERO; 2],
            };
            let axes = [0, 1].map(|at: usize| std::array::from_fn(|k| axis(k)[at]));
            exponential([y[c], p[c]], axes, &range)
        };
        self.jets.extend(on_face(face, (0..=n).map(jet).collect()));
        // ρ/sin ρ lies between 1 and tan ρ/sin ρ = 1/x₀.
        let scale = y[0] * Interval::ONE.hull(x0.recip());
        for k in 0..n {
            for j in 0..n {
                self.speeds[range.start + k][range.start + j] = frame[k][j + 1] * scale;
            }
        }
    }
}

/// `(1, u)/√(1 + |u|²)`: every coordinate rises with its own `u`, and falls in size with the others.
fn projection(u: &[Interval]) -> Vec<Interval> {
    let squares: Vec<Interval> = u.iter().map(|u| u.square()).collect();
    let rest = |i: usize| (0..u.len()).filter(|&j| j != i).map(|j| squares[j]).sum::<Interval>() + 1.0;
    let at = |u: f64, rest: f64| {
        let u = Interval::point(u);
        u / (u.square() + rest).sqrt()
    };
    let coordinate = |i: usize| {
        let (u, rest) = (u[i], rest(i));
        let low = at(u.lo(), if u.lo() >= 0.0 { rest.hi() } else { rest.lo() });
        let high = at(u.hi(), if u.hi() >= 0.0 { rest.lo() } else { rest.hi() });
        low.hull(high)
    };
    let height = rest(u.len()).sqrt().recip();
    std::iter::once(height).chain((0..u.len()).map(coordinate)).collect()
}

/// An orthonormal frame at `p`: images of the axes but the first under the reflection that swaps `p` and minus the first
/// axis, with which `p` has an acute angle.
pub(crate) fn frame<T: Scalar>(p: &[T]) -> Vec<Vec<T>> {
    let axis = |k: usize| {
        let entry = |j: usize| {
            if j == 0 {
                return -p[k];
            }
            let product = p[k] * p[j] / (p[0] + 1.0);
            if j == k { -product + 1.0 } else { -product }
        };
        (0..p.len()).map(entry).collect()
    };
    (1..p.len()).map(axis).collect()
}

/// The cosine of the angle between two points of a face, `heights (1 + m·u)` and `√(1 − |x|²)`; undefined unless it is
/// known to be positive.
fn cosine(m: &[Interval], u: &[Interval], heights: Interval, x: &[Interval]) -> Interval {
    let product = (m.iter().zip(u).map(|(&m, &u)| m * u).sum::<Interval>() + 1.0) * heights;
    let root = (-x.iter().map(|x| x.square()).sum::<Interval>() + 1.0).sqrt();
    if product.lo() > 0.0 { product.intersection(root) } else { Interval::UNDEFINED }
}

/// A coordinate of `exp_y(Σ tₖ Eₖ) = y (1 − |t|²/2) + (1 − |t|²/6) Σ tₖ Eₖ` up to third order, `axes` that of the `Eₖ`, over
/// a box and at its middle.
fn exponential<const D: usize>(y: [Interval; 2], axes: [[Interval; D]; 2], range: &Range<usize>) -> Cubic<D> {
    let second = |i: usize, j: usize| {
        if i == j && range.contains(&i) { y.map(|y| -y) } else { [Interval::ZERO; 2] }
    };
    let third = |[i, j, k]: [usize; 3]| {
        // All three directions are the sphere's where two are equal and the third one's axis is not zero.
        let pair = |i: usize, j: usize, k: usize| {
            if i == j && range.contains(&i) { axes[0][k] } else { Interval::ZERO }
        };
        -(pair(i, j, k) + pair(j, k, i) + pair(i, k, j)) / 3.0
    };
    Cubic::new(y, axes, second, third)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    /// A random point: angles within a turn, unit vectors.
    fn random(kinds: &[Coordinates], rng: &mut Pcg64) -> Vec<f64> {
        let mut point = vec![];
        for kind in kinds {
            let start = point.len();
            if let Coordinates::Angles(n) = kind {
                point.extend((0..*n).map(|_| rng.random_range(0.0..TAU)));
            } else {
                point.extend((0..kind.len()).map(|_| rng.random_range(-1.0..1.0)));
                let length = point[start..].iter().map(|x: &f64| x * x).sum::<f64>().sqrt();
                point[start..].iter_mut().for_each(|x| *x /= length);
            }
        }
        point
    }

    /// Every random point lies, up to rounding, in a cell of the grid: its box on the cubes, and the box of its jets.
    fn covers<const D: usize>(kinds: &[Coordinates], cells: usize) {
        let atlas = Atlas::<D>::new(kinds).unwrap();
        let grid = atlas.grid(3);
        assert_eq!(grid.len(), cells);
        let boxes: Vec<_> = grid
            .iter()
            .map(|cell| {
                let sides = atlas.sides(cell);
                let around = atlas.surroundings(cell.chart(), &sides, &sides.map(Interval::middle));
                let jets: Vec<Interval> = around.jets.iter().map(|jet| jet.value()).collect();
                (atlas.on_cubes(cell.chart(), &sides), jets)
            })
            .collect();
        let mut rng = Pcg64::seed_from_u64(D as u64);
        for _ in 0..300 {
            let point = random(kinds, &mut rng);
            let mut on_cubes = point.clone();
            let mut start = 0;
            for kind in kinds {
                let run = start..start + kind.len();
                if let Coordinates::UnitVector(_) = kind {
                    let largest = point[run.clone()].iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
                    on_cubes[run.clone()].iter_mut().for_each(|x| *x /= largest);
                }
                start = run.end;
            }
            let within = |sides: &[Interval], point: &[f64]| {
                sides.iter().zip(point).all(|(side, x)| side.lo() - 1e-14 <= *x && *x <= side.hi() + 1e-14)
            };
            let found = boxes.iter().filter(|(sides, _)| within(sides, &on_cubes)).count();
            assert!((1..=1 << D).contains(&found), "{point:?} lies in {found} cells");
            assert!(boxes.iter().all(|(sides, jets)| !within(sides, &on_cubes) || within(jets, &point)));
        }
    }

    #[test]
    fn the_cells_of_all_charts_cover_the_manifold() {
        covers::<2>(&[Coordinates::Angles(2)], 64);
        covers::<1>(&[Coordinates::UnitVector(2)], 4 * 2);
        covers::<2>(&[Coordinates::UnitVector(3)], 6 * 4);
        covers::<3>(&[Coordinates::UnitVector(4)], 8 * 8);
        covers::<3>(&[Coordinates::Angles(1), Coordinates::UnitVector(3)], 8 * 6 * 4);
        covers::<3>(&[Coordinates::UnitVector(2), Coordinates::UnitVector(3)], 4 * 6 * 8);
    }

    #[test]
    fn boxes_on_spheres_are_as_narrow_as_their_corners() {
        let sides = [Interval::new(-0.5, 0.25), Interval::new(0.5, 1.0)];
        let y = projection(&sides);
        let at = |u: f64, v: f64| 1.0 / (1.0 + u * u + v * v).sqrt();
        let exact = [
            (at(0.5, 1.0), at(0.0, 0.5)),
            (-0.5 * at(0.5, 0.5), 0.25 * at(0.25, 0.5)),
            (0.5 * at(0.5, 0.5), at(0.0, 1.0)),
        ];
        for (y, (lo, hi)) in y.iter().zip(exact) {
            assert!((y.lo() - lo).abs() < 1e-15 && (y.hi() - hi).abs() < 1e-15, "{y:?}, not {lo} to {hi}");
        }
    }

    #[test]
    fn other_manifolds_have_no_charts_here() {
        assert!(Atlas::<2>::new(&[Coordinates::Reals(2)]).is_none());
        assert!(Atlas::<3>::new(&[Coordinates::UnitVector(3)]).is_none());
        assert!(Atlas::<0>::new(&[Coordinates::UnitVector(1)]).is_none());
    }
}
