//! The velocity field of a potential at one pack of points, and its pull-back.

use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};
use ircpm_flow::{EvaluatedPack, Expression, Network, Potential};
use ircpm_manifolds::{Block, BlockMut, Coordinates, Manifold};

/// What the field is a function of, besides point and time.
pub(super) struct Field<'a, M> {
    pub manifold: &'a M,
    pub network: &'a Network,
    pub theta: &'a [f64],
    /// Whether points are unit vectors.
    unit: bool,
}

/// One evaluation of the field, with what its pull-back needs.
pub(super) struct Stage<R: Real, const D: usize> {
    /// The point on the manifold, `n` coordinates.
    pub y: Vec<R>,
    /// `grad psi`, in ambient coordinates.
    pub velocity: Vec<R>,
    /// `Δpsi`.
    pub divergence: R,
    /// One over the length of the vector that the point was brought from.
    inverse_length: R,
    /// `D × n`.
    frame: Vec<R>,
    /// `grad psi` in the frame.
    gradient: [R; D],
    time: f64,
    units: <Network as Potential>::Saved<R, D>,
}

impl<R: Real, const D: usize> Default for Stage<R, D> {
    fn default() -> Self {
        let zero = R::zero();
        let [y, velocity, frame] = [vec![], vec![], vec![]];
        let (gradient, units) = ([zero; D], Default::default());
        Self { y, velocity, divergence: zero, inverse_length: zero, frame, gradient, time: 0.0, units }
    }
}

/// Memory of evaluations and pull-backs, which stages share.
pub(super) struct FieldWorkspace<R: Real, const D: usize> {
    jets: <Network as Potential>::JetWorkspace<R, D>,
    sweep: <Network as Potential>::SweepWorkspace<Lap<R, D>>,
    z_jet: Vec<Jet<R, D>>,
    z: Vec<Lap<R, D>>,
    z_bar: Vec<Lap<R, D>>,
    dz: Vec<Lap<R, D>>,
}

impl<R: Real, const D: usize> Default for FieldWorkspace<R, D> {
    fn default() -> Self {
        let [z, z_bar, dz] = [vec![], vec![], vec![]];
        Self { jets: Default::default(), sweep: Default::default(), z_jet: vec![], z, z_bar, dz }
    }
}

impl<R: Real, const D: usize> FieldWorkspace<R, D> {
    /// Makes room for the pull-backs of so many stages, whose gradients in the parameters are summed together.
    #[inline(always)]
    pub(super) fn begin<M: Manifold>(&mut self, field: &Field<'_, M>, stages: usize) {
        let inputs = field.network.inputs();
        self.z.resize(inputs, Lap::zero());
        self.z_bar.resize(inputs, Lap::zero());
        self.dz.resize(inputs, Lap::zero());
        field.network.begin(stages, &mut self.sweep);
    }

    /// Adds the gradient in the parameters that the pull-backs since [`FieldWorkspace::begin`] have left.
    #[inline(always)]
    pub(super) fn accumulate<M: Manifold>(&self, field: &Field<'_, M>, theta_bar: &mut [f64]) {
        R::vectorized(
            #[inline(always)]
            || field.network.accumulate(&self.sweep, theta_bar),
        );
    }
}

impl<'a, M: Manifold> Field<'a, M> {
    /// The field of a network over the coordinates of `manifold`, followed by time if it has one input more.
    pub(super) fn new(manifold: &'a M, network: &'a Network, theta: &'a [f64]) -> Self {
        let unit = matches!(manifold.coordinates()[..], [Coordinates::UnitVector(_)]);
        Self { manifold, network, theta, unit }
    }

    /// Brings the ambient vector `s` to the manifold along its ray, in place; returns one over its length, and one on a
    /// torus, where every vector is a point of the cover.
    #[inline(always)]
    pub(super) fn retract<R: Real>(&self, s: &mut [R]) -> R {
        if !self.unit {
            return R::one();
        }
        let mut square = R::zero();
        for c in 0..s.len() {
            square = s[c].mul_add(s[c], square);
        }
        let inverse = R::one() / square.sqrt_real();
        for c in 0..s.len() {
            s[c] *= inverse;
        }
        inverse
    }

    /// Turns the cotangent of the point `y` into that of the vector of which [`Field::retract`] has made it.
    #[inline(always)]
    pub(super) fn pull_back_retraction<R: Real>(&self, y: &[R], inverse_length: R, y_bar: &mut [R]) {
        if !self.unit {
            return;
        }
        let mut radial = R::zero();
        for c in 0..y.len() {
            radial = y[c].mul_add(y_bar[c], radial);
        }
        for c in 0..y.len() {
            y_bar[c] = (y_bar[c] - radial * y[c]) * inverse_length;
        }
    }

    /// Evaluates the field at the point that `s` is brought to; `save` says whether a pull-back will follow.
    #[inline(always)]
    pub(super) fn evaluate<R: Real, const D: usize>(
        &self,
        s: &[R],
        time: f64,
        save: bool,
        stage: &mut Stage<R, D>,
        work: &mut FieldWorkspace<R, D>,
    ) {
        let (m, n) = (self.manifold, s.len());
        let FieldWorkspace { jets, z_jet: z, .. } = work;
        stage.y.clear();
        stage.y.extend_from_slice(s);
        stage.velocity.resize(n, R::zero());
        stage.frame.resize(D * n, R::zero());
        z.resize(self.network.inputs(), Jet::zero());
        stage.time = time;
        R::vectorized(
            #[inline(always)]
            || {
                stage.inverse_length = self.retract(&mut stage.y);
                m.frame(&stage.y, BlockMut::dense(&mut stage.frame, n));
                let mut t = [Jet::zero(); D];
                for i in 0..D {
                    t[i] = Jet::variable(R::zero(), i);
                }
                m.lift(&stage.y, Block::dense(&stage.frame, n), &t, &mut z[..n]);
                for c in n..z.len() {
                    z[c] = Jet::constant(time);
                }
            },
        );
        let saved = if save { Some(&mut stage.units) } else { None };
        let psi = R::vectorized(
            #[inline(always)]
            || self.network.jets(self.theta, z, jets, saved),
        );
        stage.gradient = psi.grad;
        stage.divergence = R::zero();
        for i in 0..D {
            stage.divergence += psi.hess[i][i];
        }
        for c in 0..n {
            let mut sum = R::zero();
            for i in 0..D {
                sum = stage.frame[i * n + c].mul_add(psi.grad[i], sum);
            }
            stage.velocity[c] = sum;
        }
    }

    /// Writes the cotangent of the stage's vector `s` into `s_bar`, for those of velocity and divergence, and leaves the
    /// gradient in the parameters as number `p` of those to accumulate.
    ///
    /// Nothing depends on the choice of the frame, so it is taken to move in parallel transport. A coordinate's first
    /// derivatives along the frame are the frame itself, in which the velocity is the combination `gradient`.
    #[inline(always)]
    pub(super) fn pull_back<R: Real, const D: usize>(
        &self,
        stage: &Stage<R, D>,
        p: usize,
        (velocity_bar, divergence_bar): (&[R], R),
        y_bar: &mut [R],
        work: &mut FieldWorkspace<R, D>,
    ) {
        let (m, n) = (self.manifold, y_bar.len());
        let FieldWorkspace { sweep, z, z_bar, dz, .. } = work;
        let Stage { y, frame, gradient, units, .. } = stage;
        let (mut seeds, mut directions) = ([Lap::zero(); D], [[R::zero(); D]; D]);
        for i in 0..D {
            directions[i][i] = R::one();
            seeds[i] = Lap::seeded(R::zero(), directions[i]);
        }
        let mut psi_bar = Lap::zero();
        psi_bar.lap = divergence_bar;
        R::vectorized(
            #[inline(always)]
            || {
                m.lift(y, Block::dense(frame, n), &seeds, &mut z[..n]);
                for c in n..z.len() {
                    z[c] = Lap::constant(stage.time);
                }
                for i in 0..D {
                    for c in 0..n {
                        psi_bar.grad[i] = frame[i * n + c].mul_add(velocity_bar[c], psi_bar.grad[i]);
                    }
                }
            },
        );
        let pack = EvaluatedPack { p, z: &*z, directions: &directions, saved: units };
        R::vectorized(
            #[inline(always)]
            || self.network.contract(self.theta, pack, psi_bar, z_bar, sweep),
        );
        R::vectorized(
            #[inline(always)]
            || {
                for c in 0..n {
                    y_bar[c] = R::zero();
                    for i in 0..D {
                        z_bar[c].grad[i] = gradient[i].mul_add(velocity_bar[c], z_bar[c].grad[i]);
                    }
                }
                for k in 0..D {
                    m.lift_derivative(y, Block::dense(frame, n), &seeds, k, &mut dz[..n]);
                    let mut along = R::zero();
                    for c in 0..n {
                        along += dz[c].pair(z_bar[c]);
                    }
                    for c in 0..n {
                        y_bar[c] = frame[k * n + c].mul_add(along, y_bar[c]);
                    }
                }
            },
        );
    }

    /// As [`Field::pull_back_retraction`], at a stage.
    #[inline(always)]
    pub(super) fn pull_back_stage<R: Real, const D: usize>(&self, stage: &Stage<R, D>, y_bar: &mut [R]) {
        self.pull_back_retraction(&stage.y, stage.inverse_length, y_bar);
    }
}
