//! The map from its definition, over any scalar: `phi` as a sum of exponentials, derivatives by nested duals.

use ircpm_ad::{Dual, Scalar, log_sum_exp};
use ircpm_manifolds::{BlockMut, Coordinates, Manifold, Product};

/// A potential without symmetry.
pub(crate) struct Oracle {
    pub manifold: Product,
    pub smoothing: f64,
    pub constant: bool,
}

impl Oracle {
    /// `−γ log Σ exp(−(d²(x, yᵢ)/2 + αᵢ)/γ)`.
    pub(crate) fn phi<S: Scalar>(&self, theta: &[S], x: &[S]) -> S {
        let (m, n) = (&self.manifold, self.manifold.ambient());
        let components = theta.len() / (n + 1);
        let mut exponents = vec![];
        for i in 0..components {
            let y = self.projected(&theta[i * n..][..n]);
            let mut v = vec![S::zero(); n];
            m.log(x, &y, &mut v);
            let cost = v.iter().map(|&v| v * v).sum::<S>() * 0.5;
            exponents.push(-(cost + theta[components * n + i]) / self.smoothing);
        }
        if self.constant {
            exponents.push(S::zero());
        }
        log_sum_exp(&exponents) * -self.smoothing
    }

    /// The point that parameters stand for.
    fn projected<S: Scalar>(&self, free: &[S]) -> Vec<S> {
        let (mut point, mut start) = (free.to_vec(), 0);
        for kind in self.manifold.coordinates() {
            let of = start..start + kind.len();
            if let Coordinates::UnitVector(_) = kind {
                let length = free[of.clone()].iter().map(|&x| x * x).sum::<S>().sqrt();
                point[of.clone()].iter_mut().for_each(|x| *x /= length);
            }
            start = of.end;
        }
        point
    }

    fn frame<S: Scalar>(&self, x: &[S]) -> Vec<S> {
        let mut frame = vec![S::zero(); x.len() * self.manifold.dim()];
        self.manifold.frame(x, BlockMut::dense(&mut frame, x.len()));
        frame
    }

    /// `exp_x(Σ tᵢ Eᵢ)`.
    fn moved<S: Scalar>(&self, x: &[S], frame: &[S], t: &[S]) -> Vec<S> {
        let n = x.len();
        let (mut v, mut y) = (vec![S::zero(); n], vec![S::zero(); n]);
        for (t, row) in t.iter().zip(frame.chunks_exact(n)) {
            v.iter_mut().zip(row).for_each(|(v, &e)| *v += *t * e);
        }
        self.manifold.exp(x, &v, &mut y);
        y
    }

    /// `T(x)`, on the cover.
    pub(crate) fn image<S: Scalar, const D: usize>(&self, theta: &[S], x: &[S]) -> Vec<S> {
        let frame = self.frame(x);
        let fixed = |numbers: &[S]| numbers.iter().map(|&x| Dual::<S, D>::fixed(x)).collect::<Vec<_>>();
        let t: Vec<_> = (0..D).map(|i| Dual::variable(S::zero(), i)).collect();
        let phi = self.phi(&fixed(theta), &self.moved(&fixed(x), &fixed(&frame), &t));
        let t: Vec<S> = phi.eps.iter().map(|&g| -g).collect();
        self.moved(x, &frame, &t)
    }

    /// `T(x)` and `log|det DT(x)|`.
    pub(crate) fn image_with_log_det<S: Scalar, const D: usize>(&self, theta: &[S], x: &[S]) -> (Vec<S>, S) {
        let n = x.len();
        let fixed = |numbers: &[S]| numbers.iter().map(|&x| Dual::<S, D>::fixed(x)).collect::<Vec<_>>();
        let t: Vec<_> = (0..D).map(|i| Dual::variable(S::zero(), i)).collect();
        let start = self.moved(&fixed(x), &fixed(&self.frame(x)), &t);
        let image = self.image::<_, D>(&fixed(theta), &start);
        let y: Vec<S> = image.iter().map(|y| y.re).collect();
        let frame = self.frame(&y);
        let mut matrix = vec![];
        for row in frame.chunks_exact(n) {
            for j in 0..D {
                matrix.push(row.iter().zip(&image).map(|(&e, y)| e * y.eps[j]).sum::<S>());
            }
        }
        // Squared, because the frames may have different orientations.
        let determinant = determinant(D, &matrix);
        (y, (determinant * determinant).ln() * 0.5)
    }
}

/// By expansion along the first row.
fn determinant<S: Scalar>(d: usize, matrix: &[S]) -> S {
    if d == 1 {
        return matrix[0];
    }
    let mut sum = S::zero();
    for column in 0..d {
        let others = (d..d * d).filter(|k| k % d != column).map(|k| matrix[k]);
        let minor = determinant(d - 1, &others.collect::<Vec<_>>());
        let term = matrix[column] * minor;
        sum += if column.is_multiple_of(2) { term } else { -term };
    }
    sum
}
