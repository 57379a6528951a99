//! Manifolds, potentials and layers of one's own in a flow, and what is refused.

use std::fmt;
use std::sync::Arc;

use ircpm_ad::elementary::smooth;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar, linear::Weight};
use ircpm_flow::check::{flow_violations, potential_violations};
use ircpm_flow::{
    ConcaveMap, Cotangents, Derived, Direction, EvaluatedPack, Expression, FeatureMap, Features, Flow,
    FlowError, FlowSpec, Gradients, Map, MapError, Minimiser, Network, Potential, Record, Solver,
    ThetaGradient, Workspace,
};
use ircpm_manifolds::{AnyManifold, Base, BlockMut, Cost, InvalidPoint, Manifold, Product, Torus};

/// The hyperbolic plane as one sheet of a hyperboloid in Minkowski space: a metric that is not the dot product.
#[derive(Clone, Debug)]
struct Hyperbolic;

/// `x₀ y₀ + x₁ y₁ − x₂ y₂`.
fn minkowski<S: Scalar>(x: &[S], y: &[S]) -> S {
    x[0] * y[0] + x[1] * y[1] - x[2] * y[2]
}

impl fmt::Display for Hyperbolic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("H2")
    }
}

impl Manifold for Hyperbolic {
    fn dim(&self) -> usize {
        2
    }
    fn ambient(&self) -> usize {
        3
    }
    fn origin(&self) -> Vec<f64> {
        vec![0.0, 0.0, 1.0]
    }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        if p.len() != 3 {
            return Err(InvalidPoint::Length { expected: 3, found: p.len() });
        }
        match p.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(InvalidPoint::NotFinite { index, value: p[index] }),
            None => Ok(()),
        }
    }
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        let u = -minkowski(v, v);
        for c in 0..3 {
            q[c] = p[c] * smooth::cos_sqrt(u) + v[c] * smooth::sinc_sqrt(u);
        }
    }
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let along = minkowski(p, q);
        for c in 0..3 {
            v[c] = q[c] + p[c] * along;
        }
        // r / sinh r, as a series at coincident points.
        let square = minkowski(v, v);
        let sinh = square.sqrt();
        let near = -(square * (1.0 / 6.0)) + 1.0;
        let ratio = S::select_gt(square.value(), S::Base::constant(1e-10), sinh.asinh() / sinh, near);
        for c in 0..3 {
            v[c] *= ratio;
        }
        // Infinite, but NaN beside a coordinate that is not finite.
        (v[0] + v[1] + v[2]).value() * 0.0 + f64::INFINITY
    }
    /// The frame at the origin, carried along the geodesic from there: `e + (e·p)/(1 + p₂) (p + o)`.
    fn frame<S: Scalar>(&self, p: &[S], mut frame: BlockMut<'_, S>) {
        for i in 0..2 {
            let share = p[i] / (p[2] + 1.0);
            let row = frame.row_mut(i);
            for c in 0..3 {
                row[c] = share * p[c] + if c == i { 1.0 } else { 0.0 };
            }
            row[2] += share;
        }
    }
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        let mut q = [S::zero(); 3];
        self.exp(p, v, &mut q);
        let share = minkowski(&q, w) / (-minkowski(p, &q) + 1.0);
        for c in 0..3 {
            out[c] = w[c] + share * (p[c] + q[c]);
        }
    }
    fn lower<S: Scalar>(&self, _: &[S], v: &mut [S]) {
        v[2] = -v[2];
    }
}

impl Cost for Hyperbolic {
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        (v[0] + v[1]) * 0.0 + f64::INFINITY
    }
}

impl Base for Hyperbolic {
    /// A normal distribution of the tangent vector at the origin, carried along: its area grows by `sinh r / r`.
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        let (origin, mut v) = ([S::zero(), S::zero(), S::one()], [S::zero(); 3]);
        self.log(&origin, p, &mut v);
        let u = minkowski(&v, &v);
        u * -0.5 - smooth::sinc_sqrt(-u).ln() - std::f64::consts::TAU.ln()
    }
    fn cube_dim(&self) -> usize {
        2
    }
    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        let r = (-2.0 * (1.0 - u[0]).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * u[1]).sin_cos();
        self.exp(&[0.0, 0.0, 1.0], &[r * cosine, r * sine, 0.0], p);
    }
    fn log_volume(&self) -> Option<f64> {
        None
    }
}

/// `θ₀ log z₂ + θ₁ z₀ / z₂ + θ₂ z₁² / z₂²`.
#[derive(Debug)]
struct Slopes;

impl Expression for Slopes {
    fn inputs(&self) -> usize {
        3
    }
    fn parameters(&self) -> usize {
        3
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let (a, b) = (z[0] / z[2], z[1] / z[2]);
        theta[0] * z[2].ln() + theta[1] * a + theta[2] * b * b
    }
}

#[test]
fn manifold_with_a_metric_of_its_own_makes_a_lawful_flow() {
    assert_eq!(ircpm_manifolds::check::violations(&Hyperbolic, 3), [], "the laws of a manifold");
    let map: Arc<dyn Map> =
        Arc::new(ConcaveMap::<_, _, 2>::new(Hyperbolic, Derived(Slopes), Solver::default()).unwrap());
    let flow = Flow::from_maps(vec![map; 2], false).unwrap();
    let x = crate::networks::points(flow.manifold(), 4, 1);
    let violations = flow_violations(&flow, &[0.3, 0.2, -0.1, -0.1, 0.15, 0.2], &x);
    assert!(violations.is_empty(), "{violations:?}");

    // What is known of spheres and tori is not known of this manifold, whose cost has no smallest eigenvalue.
    let theta = [0.3, 0.2, -0.1, -0.1, 0.15, 0.2];
    let bounds = &flow.potential_bounds(&theta, &x)[0];
    assert_eq!((bounds.sharp(), bounds.coarse(), bounds.gradients.len()), (None, None, 1));
    assert!(bounds.is_regular() && bounds.gradients[0].radius.is_nan() && bounds.hessian.value > 0.0);

    // The minimiser knows the metric too: its products of first order are the rows of the differential.
    let one = Flow::from_maps(
        vec![Arc::new(ConcaveMap::<_, _, 2>::new(Hyperbolic, Derived(Slopes), Solver::default()).unwrap())],
        false,
    );
    let (one, theta) = (one.unwrap(), &theta[..3]);
    let differential = one.differential(theta, &x[..3]).remove(0).expect("the solve succeeds");
    let minimiser = Minimiser::new(&Hyperbolic, &Slopes, theta, &x[..3], &differential.image).unwrap();
    for (k, covector) in [[1.0, 0.0], [0.0, 1.0]].iter().enumerate() {
        let product = minimiser.vector_jacobian_products(covector, &[]).unwrap().remove(0);
        for (a, b) in product.point.iter().zip(&differential.point.row(k)) {
            assert!((a - b).abs() < 1e-11, "{a} is not {b}");
        }
        for (a, b) in product.theta.iter().zip(&differential.parameters.row(k)) {
            assert!((a - b).abs() < 1e-11, "{a} is not {b}");
        }
    }

    // psi and the frame are infinite at zero, which is no point: a failed sample must not be read there.
    let theta = [0.3, 0.2, -0.1, -0.1, 0.15, 0.2];
    let mut spoilt = x.clone();
    spoilt[3] = f64::NAN;
    let ones = vec![1.0; x.len()];
    for direction in [Direction::Forward, Direction::Inverse] {
        let pulled = flow.vjp(direction, &theta, &spoilt, &ones, &ones[..4]);
        assert_eq!(pulled.ok, [true, false, true, true]);
        assert!(pulled.theta.iter().chain(&pulled.points).all(|g| g.is_finite()), "{pulled:?}");
    }
    let mut jacobian = ircpm_flow::Jacobian::default();
    flow.jacobian(&theta, &spoilt, &ones[..4], 0.1, &mut jacobian);
    assert!(jacobian.blocks().flatten().skip(1).step_by(4).all(|&g| g == 0.0), "the failed sample's column");
}

/// A shift of the torus by the parameters, which saves what it likes.
#[derive(Debug)]
struct Shift(AnyManifold);

#[derive(Default)]
struct Runs(usize);

impl Map for Shift {
    fn manifold(&self) -> &AnyManifold {
        &self.0
    }
    fn parameters(&self) -> usize {
        2
    }
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        theta.fill_with(|| uniform(1.0));
    }
    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        record: &mut Record,
        _: &mut Workspace,
    ) {
        record.resize(points.len() / 2, 2);
        let sign = if direction == Direction::Forward { 1.0 } else { -1.0 };
        let (from, to) = match direction {
            Direction::Forward => (&mut record.x, &mut record.y),
            Direction::Inverse => (&mut record.y, &mut record.x),
        };
        from.copy_from_slice(points);
        for (k, to) in to.iter_mut().enumerate() {
            *to = (points[k] + sign * theta[k % 2]).rem_euclid(std::f64::consts::TAU);
        }
        record.log_det.fill(0.0);
        record.converged.fill(true);
        record.ok.fill(true);
        record.saved_mut().get_mut::<Runs>().0 += 1;
    }
    fn pull_back(
        &self,
        direction: Direction,
        _: &[f64],
        record: &Record,
        cotangents: Cotangents<'_>,
        into: Gradients<'_>,
        _: &mut Workspace,
    ) {
        assert!(record.saved().get::<Runs>().is_some_and(|runs| runs.0 > 0));
        let sign = if direction == Direction::Forward { 1.0 } else { -1.0 };
        let (bars, samples) = (cotangents.points, cotangents.log_det.len());
        match into.theta {
            ThetaGradient::Sum(sum) => {
                bars.iter().enumerate().for_each(|(k, bar)| sum[k % 2] += sign * bar);
            }
            ThetaGradient::Each(columns) => {
                let place = |k: usize| k % 2 * samples + k / 2;
                bars.iter().enumerate().for_each(|(k, bar)| columns[place(k)] += sign * bar);
            }
        }
        into.points.copy_from_slice(cotangents.points);
    }
    fn potential(&self, _: &[f64], _: &[f64], psi: &mut [f64], _: &mut Workspace) {
        psi.fill(0.0);
    }
}

/// The identity, which has no parameters.
#[derive(Debug)]
struct Idle(AnyManifold);

impl Map for Idle {
    fn manifold(&self) -> &AnyManifold {
        &self.0
    }
    fn parameters(&self) -> usize {
        0
    }
    fn initial(&self, _: &mut dyn FnMut(f64) -> f64, _: &mut [f64]) {}
    fn run(
        &self,
        direction: Direction,
        _: &[f64],
        points: &[f64],
        record: &mut Record,
        work: &mut Workspace,
    ) {
        Shift(self.0.clone()).run(direction, &[0.0; 2], points, record, work);
    }
    fn pull_back(
        &self,
        _: Direction,
        _: &[f64],
        _: &Record,
        given: Cotangents<'_>,
        into: Gradients<'_>,
        _: &mut Workspace,
    ) {
        into.points.copy_from_slice(given.points);
    }
    fn potential(&self, _: &[f64], _: &[f64], psi: &mut [f64], _: &mut Workspace) {
        psi.fill(0.0);
    }
}

/// `θ₀ cos z₀ + θ₁ cos(z₀ − z₁)`.
#[derive(Debug)]
struct Coupled;

impl Expression for Coupled {
    fn inputs(&self) -> usize {
        2
    }
    fn parameters(&self) -> usize {
        2
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        theta[0] * z[0].cos() + theta[1] * (z[0] - z[1]).cos()
    }
}

/// The map of [`Coupled`] on T².
fn coupled() -> Arc<dyn Map> {
    let torus: Product = "T2".parse().unwrap();
    Arc::new(ConcaveMap::<_, _, 2>::new(torus, Derived(Coupled), Solver::default()).unwrap())
}

#[test]
fn stack_of_different_potentials_and_a_foreign_layer_is_lawful() {
    let torus: AnyManifold = "T2".parse().unwrap();
    let network = Flow::new(crate::networks::spec("T2", 1, true, &[4])).unwrap();
    let maps = vec![coupled(), Arc::new(Shift(torus)) as Arc<dyn Map>, coupled()];
    let flow = Flow::from_maps(maps, false).unwrap();
    assert_eq!((flow.parameters(), flow.slot(1), flow.is_shared()), (6, 2..4, false));
    let x = crate::networks::points(flow.manifold(), 4, 2);
    let violations = flow_violations(&flow, &[0.2, 0.1, 0.7, -0.4, -0.1, 0.3], &x);
    assert!(violations.is_empty(), "{violations:?}");
    assert_eq!(network.manifold(), flow.manifold());
    let idle = Flow::from_maps(vec![Arc::new(Idle(flow.manifold().clone()))], true).unwrap();
    let mut jacobian = ircpm_flow::Jacobian::default();
    idle.jacobian(&[], &x, &[1.0; 4], 0.1, &mut jacobian);
    assert_eq!((jacobian.parameters(), jacobian.blocks().len()), (0, 0));
    assert_eq!(flow_violations(&idle, &[], &x), []);
    let (_, eigenvalues) = flow.inverse_with_eigenvalues(&[0.0; 6], &x);
    assert!(eigenvalues.iter().all(|&e| e == 1.0), "{eigenvalues:?}");
}

/// [`Coupled`] with fast forms, one of which may be wrong.
#[derive(Debug)]
struct Fast(&'static str);

impl Expression for Fast {
    fn inputs(&self) -> usize {
        2
    }
    fn parameters(&self) -> usize {
        2
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        Coupled.value(theta, z)
    }
    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        theta[0] *= factor;
        theta[1] *= if self.0 == "rescale" { 1.0 } else { factor };
        true
    }
}

impl Fast {
    /// One, or a little more for the form that is wrong.
    fn fault(&self, form: &str) -> f64 {
        if self.0 == form { 1.0 + 1e-6 } else { 1.0 }
    }
}

impl Potential for Fast {
    type SweepWorkspace<S: Algebra> = Vec<(S, S, S)>;
    type JetWorkspace<R: Real, const D: usize> = ();
    type Saved<R: Real, const D: usize> = ();

    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        _: &mut (),
        _: Option<&mut ()>,
    ) -> Jet<R, D> {
        let w = |k: usize| theta[k].into() * self.fault("jets");
        z[0].cos() * w(0) + (z[0] - z[1]).cos() * w(1)
    }
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut Vec<(S, S, S)>) {
        sweep.resize(packs, (S::zero(), S::zero(), S::zero()));
    }
    fn forward<S: Algebra>(&self, theta: &[f64], p: usize, z: &[S], sweep: &mut Vec<(S, S, S)>) -> S {
        (sweep[p].0, sweep[p].1) = (z[0], z[0] - z[1]);
        (sweep[p].0.cos() * theta[0] + sweep[p].1.cos() * theta[1]) * self.fault("forward")
    }
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        psi_bar: S,
        z_bar: &mut [S],
        sweep: &mut Vec<(S, S, S)>,
    ) {
        sweep[p].2 = psi_bar;
        let (a, b, _) = sweep[p];
        z_bar[1] = (b.sin() * theta[1] * self.fault("backward")).act(psi_bar);
        z_bar[0] = (-(a.sin() * theta[0])).act(psi_bar) - z_bar[1];
    }
    fn replace_cotangents<R: Real, const D: usize>(
        &self,
        _: &[f64],
        pack: EvaluatedPack<'_, (), R, D>,
        psi_bar: Lap<R, D>,
        _: &mut [Lap<R, D>],
        sweep: &mut Vec<(Lap<R, D>, Lap<R, D>, Lap<R, D>)>,
    ) {
        sweep[pack.p].2 = psi_bar * self.fault("replace_cotangents");
    }
    fn accumulate<S: Algebra>(&self, sweep: &Vec<(S, S, S)>, theta_bar: &mut [f64]) {
        for &(a, b, psi_bar) in sweep {
            theta_bar[0] += a.cos().pair(psi_bar).sum() * self.fault("accumulate");
            theta_bar[1] += b.cos().pair(psi_bar).sum();
        }
    }
    fn accumulate_each<S: Algebra>(&self, sweep: &Vec<(S, S, S)>, rows: &mut [S::Base]) {
        for (&(a, b, psi_bar), row) in sweep.iter().zip(rows.chunks_exact_mut(2)) {
            row[0] += a.cos().pair(psi_bar) * self.fault("accumulate_each");
            row[1] += b.cos().pair(psi_bar);
        }
    }
}

#[test]
fn public_check_finds_each_wrong_form_of_a_potential() {
    let (theta, points) = ([0.7, -0.4], [0.3, 1.1, 2.5, 4.0]);
    assert_eq!(potential_violations(&Fast("none"), &theta, &points), []);
    assert_eq!(potential_violations(&Derived(Coupled), &theta, &points), []);
    let m: AnyManifold = "S2xT1".parse().unwrap();
    let features = FeatureMap::new(&Features::Harmonics { order: 2 }, &m).unwrap();
    let network = Network::new(features, &[5, 4], 3.0);
    let weights: Vec<f64> = (0..network.parameters()).map(|k| (1.1 * k as f64).sin()).collect();
    let sphere = [0.6, 0.0, 0.8, 0.4, 0.0, -1.0, 0.0, 2.0];
    assert_eq!(potential_violations(&network, &weights, &sphere), []);
    for (form, law) in [
        ("jets", "jets agree with the value over jets"),
        ("forward", "forward is the value"),
        ("backward", "backward is the gradient in the coordinates"),
        ("accumulate", "accumulate adds the gradient in the parameters"),
        ("accumulate_each", "accumulate_each adds the gradient of each pack to its row"),
        ("replace_cotangents", "replace_cotangents leaves the gradient of the others"),
        ("rescale", "rescale scales psi, or changes nothing"),
    ] {
        let found = potential_violations(&Fast(form), &theta, &points);
        assert!(found.iter().any(|v| v.law == law), "{form}: {found:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_cause() {
    let torus: Product = "T2".parse().unwrap();
    let solver = Solver::default();
    let wrong = ConcaveMap::<_, _, 3>::new(torus.clone(), Derived(Coupled), solver).unwrap_err();
    assert!(matches!(wrong, MapError::Dimension { dim: 2, compiled: 3, .. }), "{wrong}");
    let wrong = ConcaveMap::<_, _, 2>::new(torus.clone(), Derived(Slopes), solver).unwrap_err();
    assert!(matches!(wrong, MapError::Coordinates { ambient: 2, inputs: 3, .. }), "{wrong}");
    // Both have two coordinates, but those of the circle are a unit vector.
    let circle: AnyManifold = "S1".parse().unwrap();
    let features = FeatureMap::new(&Features::Coordinates, &circle).unwrap();
    let network = Derived(Network::new(features, &[3], 1.0));
    let wrong = ConcaveMap::<_, _, 2>::new(torus.clone(), network, solver).unwrap_err();
    assert!(matches!(wrong, MapError::Kinds { .. }), "{wrong}");
    let idle = Solver { max_steps: 0, ..solver };
    assert!(ConcaveMap::<_, _, 2>::new(torus, Derived(Coupled), idle).is_err());

    let circle: AnyManifold = Torus::new(1).unwrap().into();
    let mixed = Flow::from_maps(vec![coupled(), Arc::new(Shift(circle))], false).unwrap_err();
    assert!(matches!(mixed, FlowError::OtherManifold { layer: 1, .. }), "{mixed}");
    assert!(Flow::from_maps(vec![], true).is_err());
    let spec =
        FlowSpec { manifold: AnyManifold::new(Hyperbolic), ..crate::networks::spec("T2", 1, true, &[4]) };
    assert!(matches!(Flow::new(spec).unwrap_err(), FlowError::Features(_) | FlowError::NoKernels { .. }));
}
