//! Potentials and their derivatives over boxes of angles.

use crate::ball::{Ball, TINY, UNIT};
use crate::functions::{exp, sin_cos, softplus};
use crate::jet::{Jet, Layout};
use crate::map::{Element, Map, Network, Potential, Terms};

/// The potential of a layer, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Psi<'a> {
    layout: Layout,
    theta: &'a [f64],
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    /// With the phases of the features for each element.
    Network(&'a Network, Vec<Vec<Phase>>),
    Linear(&'a Terms, Vec<Phase>),
}

/// `Σ mᵢ θᵢ + shift`.
#[derive(Clone, Debug)]
struct Phase {
    m: Vec<f64>,
    shift: Ball,
}

/// The jets of the units of one hidden layer: centres and radii apart, `[unit][coefficient]`.
#[derive(Debug, Default)]
struct Units {
    centres: Vec<f64>,
    radii: Vec<f64>,
}

impl Phase {
    fn new(row: &[i32]) -> Self {
        Self { m: row.iter().map(|&m| f64::from(m)).collect(), shift: Ball::ZERO }
    }

    /// The phase of a row at the image of a point: `m · (M θ + b) = (Mᵀ m) · θ + m · b`.
    fn at_image(row: &[i32], element: &Element) -> Self {
        let n = row.len();
        let m =
            (0..n).map(|j| (0..n).map(|i| f64::from(row[i]) * f64::from(element.matrix[i * n + j])).sum());
        let shift = row.iter().zip(&element.shift).map(|(&m, &b)| Ball::exact(b) * f64::from(m));
        Self { m: m.collect(), shift: shift.fold(Ball::ZERO, |sum, x| sum + x) }
    }

    fn over(&self, angles: &[Ball]) -> Ball {
        self.m.iter().zip(angles).fold(self.shift, |sum, (&m, &x)| if m == 0.0 { sum } else { sum + x * m })
    }
}

impl<'a> Psi<'a> {
    /// The potential of layer `l` of a map that the format's reader has accepted.
    pub(crate) fn new(map: &'a Map, l: usize) -> Self {
        let layer = &map.layers[l];
        let kind = match &map.potential {
            Potential::Network(network) => {
                let of = |g: &Element| network.waves.iter().map(|row| Phase::at_image(row, g)).collect();
                Kind::Network(network, network.elements.iter().map(of).collect())
            }
            Potential::Linear => {
                Kind::Linear(&layer.terms, layer.terms.waves.iter().map(|row| Phase::new(row)).collect())
            }
        };
        Self { layout: Layout::new(map.dimension), theta: &layer.theta, kind }
    }

    /// Where the derivatives stand.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// psi and its derivatives, those of third order on demand, over the box of the angles.
    pub(crate) fn jet(&self, angles: &[Ball], has_third: bool) -> Jet {
        let n = self.layout.len(has_third);
        match &self.kind {
            Kind::Network(network, elements) => {
                let mut sum = vec![Ball::ZERO; n];
                for phases in elements {
                    add(&mut sum, &self.network(network, phases, angles, n));
                }
                let share = Ball::exact(elements.len() as f64).recip() * Ball::exact(network.scale).recip();
                sum.into_iter().map(|x| x * share).collect()
            }
            Kind::Linear(terms, phases) => self.linear(terms, phases, angles, n),
        }
    }

    /// Jets of `cos s` and `sin s`, one after the other.
    fn wave(&self, phase: &Phase, angles: &[Ball], out: &mut [Ball]) {
        let (sin, cos) = sin_cos(phase.over(angles));
        let (first, second) = out.split_at_mut(out.len() / 2);
        self.layout.along(&[cos, -sin, -cos, sin], &phase.m, first);
        self.layout.along(&[sin, cos, -sin, -cos], &phase.m, second);
    }

    fn network(&self, network: &Network, phases: &[Phase], angles: &[Ball], n: usize) -> Jet {
        let mut values = vec![Ball::ZERO; 2 * phases.len() * n];
        for (phase, out) in phases.iter().zip(values.chunks_exact_mut(2 * n)) {
            self.wave(phase, angles, out);
        }
        let (mut units, mut theta, mut sums) = (Units::default(), self.theta, vec![]);
        for &outputs in network.hidden.iter().chain([&1]) {
            let inputs = values.len() / n;
            let (weights, rest) = theta.split_at(outputs * inputs);
            let (biases, rest) = rest.split_at(outputs);
            theta = rest;
            units.fill(&values);
            sums = units.apply(weights, biases, n);
            if rest.is_empty() {
                break;
            }
            values = vec![Ball::ZERO; sums.len()];
            for (x, out) in sums.chunks_exact(n).zip(values.chunks_exact_mut(n)) {
                self.layout.chain(&softplus(x[0]), x, out);
            }
        }
        sums
    }

    fn linear(&self, terms: &Terms, phases: &[Phase], angles: &[Ball], n: usize) -> Jet {
        // The double next to the root of 2 is within 2⁻⁵³ of it. Programs multiply by the double.
        let root = Ball::new(std::f64::consts::SQRT_2, 2.0 * UNIT);
        let mut psi = vec![Ball::ZERO; n];
        let mut pair = vec![Ball::ZERO; 2 * n];
        let (of_waves, of_bumps) = self.theta.split_at(2 * phases.len());
        for (phase, a) in phases.iter().zip(of_waves.chunks_exact(2)) {
            self.wave(phase, angles, &mut pair);
            for (out, a) in pair.chunks_exact_mut(n).zip(a) {
                out.iter_mut().for_each(|x| *x = *x * (root * *a));
                add(&mut psi, out);
            }
        }
        for ((kappa, centre), &a) in terms.bumps.iter().zip(of_bumps) {
            let mut bump = self.bump(*kappa, centre, angles, n);
            let factor = Ball::exact(*kappa).recip() * a;
            bump.iter_mut().for_each(|x| *x = *x * factor);
            add(&mut psi, &bump);
        }
        psi
    }

    /// `exp(κ Σᵢ (cos(θᵢ − cᵢ) − 1))`.
    ///
    /// Programs compute the exponent from rounded numbers `κ cos c`, `κ sin c` and `κ D`. The exponent and its
    /// derivatives are widened by `2⁻⁴⁸ κ` per angle, so that what is shown holds for their function too.
    fn bump(&self, kappa: f64, centre: &[f64], angles: &[Ball], n: usize) -> Jet {
        let slack = kappa * (32.0 * UNIT);
        let mut exponent = vec![Ball::ZERO; n];
        for (i, (&angle, &c)) in angles.iter().zip(centre).enumerate() {
            let (sin, cos) = sin_cos(angle + -c);
            let scaled = |x: Ball| (x * kappa).widened(slack);
            let mut direction = vec![0.0; angles.len()];
            direction[i] = 1.0;
            let mut one = vec![Ball::ZERO; n];
            self.layout.along(&[cos + -1.0, -sin, -cos, sin].map(scaled), &direction, &mut one);
            add(&mut exponent, &one);
        }
        let mut bump = vec![Ball::ZERO; n];
        self.layout.chain(&[exp(exponent[0]); 4], &exponent, &mut bump);
        bump
    }
}

fn add(sum: &mut [Ball], other: &[Ball]) {
    for (x, &y) in sum.iter_mut().zip(other) {
        *x = *x + y;
    }
}

impl Units {
    fn fill(&mut self, values: &[Ball]) {
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
    fn apply(&self, weights: &[f64], biases: &[f64], n: usize) -> Vec<Ball> {
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
