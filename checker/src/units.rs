//! Sums of the layers of a network, in doubles, with a bound of their error.

use crate::ball::{Ball, TINY, UNIT};

/// The jets of the units of one hidden layer: centres and radii apart, `[unit][coefficient]`.
#[derive(Debug, Default)]
pub(crate) struct Units {
    centres: Vec<f64>,
    radii: Vec<f64>,
}

impl Units {
    /// Takes the jets of all units, one after the other.
    pub(crate) fn fill(&mut self, values: &[Ball]) {
        self.centres.clear();
        self.radii.clear();
        self.centres.extend(values.iter().map(|x| x.centre()));
        self.radii.extend(values.iter().map(|x| x.radius()));
    }

    /// The jets of `W x + b`, of `n` coefficients each.
    ///
    /// A sum of `k` products of the centres, computed in doubles, differs from the exact one by at most
    /// `γ Σ |w| |c|` with `γ = k u/(1 − k u)`, and by `k η` where products underflow (N. J. Higham, *Accuracy and Stability of
    /// Numerical Algorithms*, 3.1). The deviation of `x` from the centres adds `Σ |w| r`. The bias is one more product,
    /// with 1. `γ` is taken more than twice as large, which makes up for the rounding of the radius, by as many
    /// operations. Underflows are below the summand of every deviation and the one of the sum.
    pub(crate) fn apply(&self, weights: &[f64], biases: &[f64], n: usize) -> Vec<Ball> {
        let inputs = self.centres.len() / n;
        let gamma = (inputs + 16) as f64 * (4.0 * UNIT);
        let far: Vec<f64> =
            self.centres.iter().zip(&self.radii).map(|(c, r)| r + gamma * c.abs() + TINY).collect();
        let mut out = Vec::with_capacity(biases.len() * n);
        let (mut centres, mut radii) = (vec![0.0; n], vec![0.0; n]);
        for (row, &bias) in weights.chunks_exact(inputs).zip(biases) {
            centres.fill(0.0);
            radii.fill(0.0);
            (centres[0], radii[0]) = (bias, gamma * bias.abs());
            for ((&w, c), f) in row.iter().zip(self.centres.chunks_exact(n)).zip(far.chunks_exact(n)) {
                let size = w.abs();
                for i in 0..n {
                    centres[i] += w * c[i];
                    radii[i] += size * f[i];
                }
            }
            // Of a sum that overflows nothing is known, though its radius may not overflow.
            let ball = |c: f64, r: f64| {
                if c.is_finite() { Ball::new(c, r * (1.0 + gamma) + TINY) } else { Ball::ALL }
            };
            out.extend(centres.iter().zip(&radii).map(|(&c, &r)| ball(c, r)));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The coefficients of jets of one direction and second order.
    const N: usize = 3;

    #[test]
    fn sums_of_a_layer_are_enclosed() {
        let mut units = Units::default();
        let x = [[1.0, 0.1, 3.0], [-1e17, 0.3, 1e-310], [1e17, -0.7, 0.0]];
        let balls: Vec<Ball> =
            x.iter().flatten().map(|&c| Ball::new(c, 1e-3 * f64::from(u8::from(c == 0.1)))).collect();
        units.fill(&balls);
        let out = units.apply(&[1.0, 1.0, 1.0, 0.5, -1e300, 1e308], &[0.25, 0.0], N);
        // The doubles lose the 1.25 beside 1e17. 0.1 + 0.3 − 0.7 is known to 1e-3 only.
        assert!(out[0].lower() <= 1.25 && out[0].upper() >= 1.25);
        assert!((out[1].radius() - 1e-3).abs() < 1e-9 && out[1].lower() < -0.3 && out[1].upper() > -0.3);
        assert!(out[2].lower() <= 3.0 && out[2].upper() >= 3.0 && out[2].radius() < 1e-13);
        // 1e325 is no double.
        assert!(!out[3].lower().is_finite() && !out[3].upper().is_finite());
    }
}
