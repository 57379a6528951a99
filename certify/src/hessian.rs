//! Enclosures of `H` over cells.

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use ircpm_flow::Expression;

use crate::cubic::Cubic;
use crate::eigenvalue::Matrix;

/// `H = 1 + Hess psi` as a function of cells.
#[derive(Debug)]
pub(crate) struct Hessian<'a, E, const D: usize> {
    potential: &'a E,
    theta: Vec<Cubic<D>>,
}

/// `H` over a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enclosure<const D: usize> {
    /// At the middle.
    pub(crate) at: Matrix<D>,
    /// At all points of the cell.
    pub(crate) over: Matrix<D>,
    /// How much of the width of [`Enclosure::over`] is due to the length of each side; NaN if nothing is known.
    pub(crate) widths: [f64; D],
}

impl<'a, E: Expression, const D: usize> Hessian<'a, E, D> {
    /// `H` of a potential with given parameters.
    pub(crate) fn new(potential: &'a E, theta: &[f64]) -> Self {
        Self { potential, theta: theta.iter().map(|&w| Cubic::constant(w)).collect() }
    }

    /// psi and its derivatives over a box.
    fn psi(&self, angles: &[Interval; D]) -> Cubic<D> {
        let z: [Cubic<D>; D] = std::array::from_fn(|k| Cubic::variable(angles[k], k));
        self.potential.value(&self.theta, &z)
    }

    /// `H` at one point.
    pub(crate) fn at(&self, point: [f64; D]) -> Matrix<D> {
        of(&self.psi(&point.map(Interval::point)))
    }

    /// `H` over a box, by the mean value theorem for each entry: `H(y) ∈ H(m) + Σₖ ∂ₖH(box) (yₖ − mₖ)`, and no more
    /// than the enclosure of the entry itself.
    pub(crate) fn over(&self, angles: &[Interval; D]) -> Enclosure<D> {
        let at = self.at(angles.map(Interval::middle));
        let psi = self.psi(angles);
        let plain = of(&psi);
        let (mut over, mut widths) = (at, [0.0; D]);
        if !psi.is_defined() {
            // No derivative means anything there.
            return Enclosure { at, over: plain, widths: [f64::NAN; D] };
        }
        for i in 0..D {
            for j in 0..D {
                for k in 0..D {
                    let change = psi.third(i, j, k) * (angles[k] - angles[k].middle());
                    over[i][j] += change;
                    widths[k] += change.magnitude();
                }
                over[i][j] = both(over[i][j], plain[i][j]);
            }
        }
        Enclosure { at, over, widths }
    }
}

/// What two enclosures of one number agree on; the other one if one is undefined.
fn both(a: Interval, b: Interval) -> Interval {
    if a.is_undefined() {
        b
    } else if b.is_undefined() {
        a
    } else {
        a.intersection(b)
    }
}

/// The unit matrix, the Hessian of the cost on a torus, plus that of psi; undefined where psi is.
fn of<const D: usize>(psi: &Cubic<D>) -> Matrix<D> {
    let entry = |i: usize, j: usize| {
        let unit = if i == j { 1.0 } else { 0.0 };
        if psi.is_defined() { psi.second(i, j) + unit } else { Interval::UNDEFINED }
    };
    std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)))
}
