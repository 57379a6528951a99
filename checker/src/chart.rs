//! Boxes in the charts of a manifold, and the coordinates of their points as functions on the chart.
//!
//! An angle is its own chart. The unit sphere in `n + 1` coordinates has one for each face of the cube `[−1, 1]ⁿ⁺¹`: face
//! `2a` is where coordinate `a` (from 0) is 1, face `2a + 1` where it is −1. A point `u` of `[−1, 1]ⁿ` stands for the unit
//! vector along `v`, which has ±1 in place `a` and the numbers `u`, in their order, in the other places.

use std::ops::Range;

use crate::ball::Ball;
use crate::functions::reciprocal_root;
use crate::jet::{Jet, Layout};
use crate::manifold::{Factor, Manifold};

/// A box in a chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Patch<'a> {
    manifold: &'a Manifold,
    chart: usize,
    sides: Vec<Ball>,
}

/// The coordinates of the points of a box.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// Of the chart.
    pub(crate) sides: Vec<Ball>,
    /// Angles, and the coordinates of unit vectors, as functions on the chart.
    pub(crate) coordinates: Vec<Jet>,
}

impl<'a> Patch<'a> {
    /// The box with these sides, of which those on faces lie within `[−1, 1]`.
    pub(crate) fn new(manifold: &'a Manifold, chart: usize, sides: Vec<Ball>) -> Self {
        Self { manifold, chart, sides }
    }

    pub(crate) fn manifold(&self) -> &'a Manifold {
        self.manifold
    }

    /// Chart coordinates: angles in radians, and coordinates on faces.
    pub(crate) fn sides(&self) -> &[Ball] {
        &self.sides
    }

    /// The point whose chart coordinates are the centres of the balls, exactly.
    pub(crate) fn middle(&self) -> Self {
        let sides = self.sides.iter().map(|side| Ball::exact(side.centre())).collect();
        Self { sides, ..self.clone() }
    }

    /// Lower and upper ends of the angles and of the vectors `v`.
    pub(crate) fn ends(&self) -> Vec<[f64; 2]> {
        let ends = |x: &Ball| [x.lower(), x.upper()];
        let mut all = vec![];
        for (run, face) in self.manifold.runs().iter().zip(self.manifold.faces(self.chart)) {
            let mut own: Vec<[f64; 2]> = self.sides[run.directions.clone()].iter().map(ends).collect();
            if run.factor != Factor::Angle {
                own.insert(face / 2, [height(face); 2]);
            }
            all.extend(own);
        }
        all
    }

    /// The coordinates of its points, with derivatives of third order on demand.
    pub(crate) fn point(&self, layout: &Layout, has_third: bool) -> Point {
        let n = layout.len(has_third);
        let mut coordinates = vec![];
        for (run, face) in self.manifold.runs().iter().zip(self.manifold.faces(self.chart)) {
            match run.factor {
                Factor::Angle => {
                    let mut angle = vec![Ball::ZERO; n];
                    (angle[0], angle[1 + run.directions.start]) =
                        (self.sides[run.directions.start], Ball::exact(1.0));
                    coordinates.push(angle);
                }
                Factor::Sphere(_) => {
                    coordinates.extend(self.unit_vector(layout, n, run.directions.clone(), face));
                }
            }
        }
        Point { sides: self.sides.clone(), coordinates }
    }

    /// `v/√w` with `w = |v|² = 1 + |u|²`. The function `w^{−1/2}` has the derivatives `−w^{−3/2}/2`, `3 w^{−5/2}/4`
    /// and `−15 w^{−7/2}/8`.
    fn unit_vector(&self, layout: &Layout, n: usize, directions: Range<usize>, face: usize) -> Vec<Jet> {
        let mut w = vec![Ball::ZERO; n];
        w[0] = Ball::exact(1.0);
        for k in directions.clone() {
            let u = self.sides[k];
            w[0] = w[0] + u * u;
            w[1 + k] = u * 2.0;
            w[layout.second(k, k)] = Ball::exact(2.0);
        }
        w[0] = w[0].within(1.0, 1.0 + directions.len() as f64);
        let root = reciprocal_root(w[0]);
        let square = root * root;
        let (third, fifth) = (root * square, root * square * square);
        let f = [root, third * -0.5, fifth * 0.75, fifth * square * -1.875];
        let mut inverse = vec![Ball::ZERO; n];
        layout.chain(&f, &w, &mut inverse);
        let mut vector: Vec<Jet> =
            directions.map(|k| layout.times_coordinate(k, self.sides[k], &inverse)).collect();
        vector.insert(face / 2, inverse.iter().map(|&x| x * height(face)).collect());
        vector
    }
}

impl Point {
    /// Narrows the coordinates over a box by those at its middle.
    pub(crate) fn narrow(&mut self, at: &Self, layout: &Layout) {
        for (over, at) in self.coordinates.iter_mut().zip(&at.coordinates) {
            layout.narrow(over, at, &self.sides);
        }
    }
}

/// The coordinate of the cube that is fixed on a face.
fn height(face: usize) -> f64 {
    if face.is_multiple_of(2) { 1.0 } else { -1.0 }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    /// The unit vector of a point of a face.
    fn vector(face: usize, u: &[f64]) -> Vec<f64> {
        let mut v = u.to_vec();
        v.insert(face / 2, height(face));
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter().map(|x| x / length).collect()
    }

    /// Each derivative is the central difference of the one before, and a box has those of its points.
    #[test]
    fn derivatives_are_those_of_unit_vectors() {
        let mut rng = Pcg64::seed_from_u64(3);
        let step = 1e-4;
        for n in 1..4 {
            let manifold = Manifold::named(&format!("S{n}")).expect("a sphere");
            let layout = Layout::new(n);
            for chart in (0..manifold.charts()).cycle().take(40) {
                let u: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
                let jets = |u: &[f64]| {
                    let sides = u.iter().map(|&u| Ball::exact(u)).collect();
                    Patch::new(&manifold, chart, sides).point(&layout, true).coordinates
                };
                let at = jets(&u);
                for (jet, x) in at.iter().zip(vector(chart, &u)) {
                    assert!((jet[0].centre() - x).abs() < 1e-15 && jet.iter().all(|x| x.radius() < 1e-13));
                }
                for k in 0..n {
                    let moved = |step: f64| {
                        let mut u = u.clone();
                        u[k] += step;
                        jets(&u)
                    };
                    let (before, after) = (moved(-step), moved(step));
                    for c in 0..=n {
                        let slope =
                            |place: usize| (after[c][place] - before[c][place]).centre() / (2.0 * step);
                        let near = |place: usize, x: f64| assert!((at[c][place].centre() - x).abs() < 1e-6);
                        near(1 + k, slope(0));
                        (0..n).for_each(|i| near(layout.second(i, k), slope(1 + i)));
                        (0..n).for_each(|i| {
                            (0..n).for_each(|j| near(layout.third(i, j, k), slope(layout.second(i, j))));
                        });
                    }
                }
                let r = 10_f64.powf(rng.random_range(-6.0..-1.0));
                let sides = u.iter().map(|&u| Ball::new(u, r)).collect();
                let patch = Patch::new(&manifold, chart, sides);
                let mut over = patch.point(&layout, true);
                let plain = over.coordinates.clone();
                over.narrow(&patch.middle().point(&layout, false), &layout);
                let inside: Vec<f64> = u.iter().map(|u| u + r * rng.random_range(-1.0..1.0)).collect();
                for ((over, plain), inside) in over.coordinates.iter().zip(plain).zip(jets(&inside)) {
                    for ((over, plain), x) in over.iter().zip(plain).zip(inside) {
                        assert!(over.lower() <= x.lower() + 1e-14 && x.upper() <= over.upper() + 1e-14);
                        assert!(over.radius() <= plain.radius() + 1e-14 && over.radius() < 200.0 * r + 1e-13);
                    }
                }
            }
        }
    }

    #[test]
    fn factors_have_their_own_directions() {
        let manifold = Manifold::named("T1xS2").expect("a product");
        let layout = Layout::new(3);
        let patch =
            Patch::new(&manifold, 3, vec![Ball::new(2.0, 0.5), Ball::new(0.25, 0.25), Ball::exact(-0.5)]);
        assert_eq!(patch.ends().len(), 4);
        let ends = patch.ends();
        assert!(
            ends[0][0] <= 1.5 && ends[1][1] >= 0.5 && ends[2] == [-1.0; 2] && ends[3][0] > -0.501,
            "{ends:?}"
        );
        let Point { coordinates, .. } = patch.point(&layout, true);
        assert_eq!(coordinates[0][..4], [Ball::new(2.0, 0.5), Ball::exact(1.0), Ball::ZERO, Ball::ZERO]);
        for jet in &coordinates[1..] {
            for place in [1, layout.second(0, 1), layout.second(0, 0), layout.third(0, 1, 2)] {
                assert!(jet[place].magnitude() < 1e-290);
            }
        }
    }
}
