//! How psi depends on the energy that it is built from.

use ircpm_ad::{Real, Scalar};

/// A function `f` of the energy `u`, with parameters `θ`.
///
/// Near a minimum of psi the flow concentrates mass (Lemma 2 and section 3.3 of arXiv:2110.01288), so that psi may be
/// built from the energy of the target. The form of the paper's four parameters is not known; this one is our choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// `f(u) = a u`, of one parameter.
    Multiple,
    /// `f(u) = τ (β softplus(s) − α softplus(−s))`, `s = (u − μ)/τ`, of four parameters `ln α`, `ln β`, `m` and `ln t`
    /// with `μ = origin + unit · m` and `τ = unit · t`.
    ///
    /// It is smooth and increasing: its slope goes from `α` below `μ` to `β` above, over a width of `τ`.
    Slopes {
        /// An energy in the middle of those that matter.
        origin: f64,
        /// A difference of energies that matters; positive.
        unit: f64,
    },
}

/// Most parameters of a [`Shape`].
pub(super) const MOST: usize = 4;

impl Shape {
    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Multiple => 1,
            Self::Slopes { .. } => MOST,
        }
    }

    /// `f(u)`, its definition.
    pub(super) fn value<S: Scalar>(&self, theta: &[S], u: S) -> S {
        match *self {
            Self::Multiple => theta[0] * u,
            Self::Slopes { origin, unit } => {
                let tau = theta[3].exp() * unit;
                let s = (u - origin - theta[2] * unit) / tau;
                tau * (theta[1].exp() * s.softplus() - theta[0].exp() * (-s).softplus())
            }
        }
    }

    /// `f` and its first three derivatives at real energies `u`.
    #[inline(always)]
    pub(super) fn derivatives<R: Real>(&self, theta: &[f64; MOST], u: R) -> [R; 4] {
        match *self {
            Self::Multiple => [u * theta[0], R::constant(theta[0]), R::zero(), R::zero()],
            Self::Slopes { origin, unit } => Slopes::new(theta, origin, unit, u).derivatives(),
        }
    }

    /// The derivatives of `f` in its parameters at real energies `u`, each with its first two derivatives in `u`.
    #[inline(always)]
    pub(super) fn sensitivities<R: Real>(&self, theta: &[f64; MOST], u: R) -> [[R; 4]; MOST] {
        let zero = R::zero();
        match *self {
            Self::Multiple => [[u, R::one(), zero, zero], [zero; 4], [zero; 4], [zero; 4]],
            Self::Slopes { origin, unit } => Slopes::new(theta, origin, unit, u).sensitivities(unit),
        }
    }

    /// Slopes that move points by a little, with the random part of `uniform`.
    pub(super) fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        match self {
            Self::Multiple => theta[0] = 0.1 + uniform(0.05),
            Self::Slopes { .. } => {
                let slope = (0.1_f64).ln();
                theta.copy_from_slice(&[slope + uniform(0.2), slope + uniform(0.2), uniform(0.2), 0.0]);
            }
        }
    }

    /// Turns the parameters of `f` into those of `factor · f`; `false` where there are none.
    pub(super) fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        match self {
            Self::Multiple => theta[0] *= factor,
            Self::Slopes { .. } if factor > 0.0 => theta[..2].iter_mut().for_each(|x| *x += factor.ln()),
            Self::Slopes { .. } => return false,
        }
        true
    }
}

/// [`Shape::Slopes`] at one energy, over reals.
struct Slopes<R> {
    alpha: f64,
    beta: f64,
    tau: f64,
    s: R,
    /// `softplus(s)`, `softplus(−s)`.
    softplus: [R; 2],
    /// `σ(s)`, `σ(−s)`.
    sigmoid: [R; 2],
}

impl<R: Real> Slopes<R> {
    #[inline(always)]
    fn new(theta: &[f64; MOST], origin: f64, unit: f64, u: R) -> Self {
        let tau = unit * theta[3].exp();
        let s = (u - (origin + unit * theta[2])) / tau;
        Self {
            alpha: theta[0].exp(),
            beta: theta[1].exp(),
            tau,
            s,
            softplus: [s.softplus(), (-s).softplus()],
            sigmoid: [s.sigmoid(), (-s).sigmoid()],
        }
    }

    /// `σ′(s)/τ` and its derivative in `u`.
    #[inline(always)]
    fn curvature(&self) -> [R; 2] {
        let [above, below] = self.sigmoid;
        let first = above * below / self.tau;
        [first, first * (below - above) / self.tau]
    }

    #[inline(always)]
    fn derivatives(&self) -> [R; 4] {
        let Self { alpha, beta, tau, softplus, sigmoid, .. } = self;
        let [first, second] = self.curvature();
        let rise = beta - alpha;
        [
            (softplus[0] * *beta - softplus[1] * *alpha) * *tau,
            sigmoid[0] * *beta + sigmoid[1] * *alpha,
            first * rise,
            second * rise,
        ]
    }

    #[inline(always)]
    fn sensitivities(&self, unit: f64) -> [[R; 4]; MOST] {
        let Self { alpha, beta, tau, s, softplus, sigmoid } = self;
        let [f, f1, f2, f3] = self.derivatives();
        let ([first, _], zero, width) = (self.curvature(), R::zero(), *s * *tau);
        [
            [-softplus[1] * (tau * alpha), sigmoid[1] * *alpha, -first * *alpha, zero],
            [softplus[0] * (tau * beta), sigmoid[0] * *beta, first * *beta, zero],
            [-f1 * unit, -f2 * unit, -f3 * unit, zero],
            [f - width * f1, -(width * f2), -f2 - width * f3, zero],
        ]
    }
}
