//! One layer: the map of a potential of local terms.

mod clamped;
mod eigenvalues;
mod factored;
mod newton;
mod pull_back;
mod run;
mod saved;
mod single;

use ircpm_ad::Isa;
use ircpm_flow::{
    Cotangents, Direction, Expression, Gradients, Map, Record, Solver, ThetaGradient, Workspace,
};
use ircpm_manifolds::{AnyManifold, InvalidManifold, Torus};
use nalgebra::DMatrix;

pub(crate) use eigenvalues::Lowest;
pub(crate) use factored::along;

use crate::charges::Charges;
use crate::error::ChargesError;
use crate::factor::{Form, MOST_MULTIPLICATIONS, Structure};
use crate::metric::Metric;
use crate::potential::LatticePotential;
use crate::program::{Group, Kind, Program, Shape};
use eigenvalues::{SignedLogDets, SmallestEigenvalues};
use pull_back::PullBack;
use run::{Buffers, Run, Values};
use saved::Parameters;
use single::Single;

/// The implicit Riemannian concave potential map of a [`LatticePotential`] on the torus of its angles.
///
/// `H = I + Hess psi` is factored in the [`Form`] that its pattern asks for, in lanes over samples, and all results are
/// exact: log-determinants, solves, and the entries of `H⁻¹` that gradients read. A record keeps two points and six
/// numbers per sample, and the parameters; everything else is evaluated again when it is asked for.
///
/// In another flat metric `G` of the torus ([`LatticeMap::in_metric`]) `H = G + ∂∂psi`. Its eigenvalues are those of `G⁻¹H`,
/// and `grad psi`, `H` and `Hess psi` of one sample are given in an orthonormal frame of `G`.
///
/// As a [`Map`]:
/// - forward is a Newton minimisation on the cover of the torus, from `y = x`; images are wrapped at the end;
/// - [`Map::smallest_eigenvalues`] are found by bisection with the inertia of `H − σ`, to 1e-9 of the width of
///   Gershgorin's bounds;
/// - [`Map::clamp_eigenvalues`] has to find all eigenvalues of a sample that is below the floor, of which `H` is then
///   kept in full: time `D³` and memory `D²` for each of those, and nothing more for the others.
#[derive(Clone, Debug)]
pub struct LatticeMap {
    psi: LatticePotential,
    metric: Option<Metric>,
    program: Program,
    torus: Torus,
    manifold: AnyManifold,
    solver: Solver,
    isa: Isa,
}

impl LatticeMap {
    /// The map of a potential, [`Charges`] or [`crate::Windows`], with `H` in the cheapest form, on the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`ChargesError::Solver`] if the solver's numbers are out of range, and [`ChargesError::Fill`] if elimination of `H` would
    /// take more than [`crate::factor::MOST_MULTIPLICATIONS`].
    pub fn new(psi: impl Into<LatticePotential>, solver: Solver) -> Result<Self, ChargesError> {
        Self::on(psi, solver, Structure::Automatic, Isa::best())
    }

    /// As [`LatticeMap::new`], with `H` in a form of choice and on a given instruction set.
    ///
    /// # Errors
    /// As [`LatticeMap::new`].
    pub fn on(
        psi: impl Into<LatticePotential>,
        solver: Solver,
        structure: Structure,
        isa: Isa,
    ) -> Result<Self, ChargesError> {
        Self::of(psi.into(), None, solver, structure, isa)
    }

    /// As [`LatticeMap::new`], in another flat metric of the torus.
    ///
    /// # Errors
    /// As [`LatticeMap::new`], and [`ChargesError::Sites`] if the metric is on another number of angles.
    pub fn in_metric(
        psi: impl Into<LatticePotential>,
        metric: Metric,
        solver: Solver,
    ) -> Result<Self, ChargesError> {
        Self::of(psi.into(), Some(metric), solver, Structure::Automatic, Isa::best())
    }

    fn of(
        psi: LatticePotential,
        metric: Option<Metric>,
        solver: Solver,
        structure: Structure,
        isa: Isa,
    ) -> Result<Self, ChargesError> {
        solver.check()?;
        let of = |_: InvalidManifold| ChargesError::Empty { what: "a site" };
        let torus = Torus::new(psi.sites()).map_err(of)?;
        if let Some(metric) = metric.as_ref().filter(|metric| metric.sites() != psi.sites()) {
            return Err(ChargesError::Sites { expected: psi.sites(), found: metric.sites() });
        }
        let program = Program::new(&psi, structure, metric.as_ref())
            .ok_or(ChargesError::Fill { most: MOST_MULTIPLICATIONS })?;
        Ok(Self { psi, metric, program, torus, manifold: AnyManifold::new(torus), solver, isa })
    }

    /// The metric of the torus, where it is not `I`.
    pub fn metric(&self) -> Option<&Metric> {
        self.metric.as_ref()
    }

    /// `log det G`.
    fn log_det_of_metric(&self) -> f64 {
        self.program.metric.as_ref().map_or(0.0, |metric| metric.log_det)
    }

    /// The potential.
    pub fn psi(&self) -> &LatticePotential {
        &self.psi
    }

    /// The potential, where it is one of charges.
    pub fn charges(&self) -> Option<&Charges> {
        match &self.psi {
            LatticePotential::Charges(charges) => Some(charges),
            LatticePotential::Windows(_) => None,
        }
    }

    /// The potential at one point.
    fn single<'a>(&'a self, theta: &'a [f64], y: &'a [f64]) -> Single<'a> {
        Single { potential: &self.psi, program: &self.program, theta, y }
    }

    /// The form of `H`, or of what of it is not of low rank.
    pub fn form(&self) -> Form {
        self.program.form
    }

    /// Number of matrices of rank one in `H` beside that form.
    pub fn ranks(&self) -> usize {
        self.program.ranks()
    }

    /// Number of entries of the factor below the diagonal.
    pub fn entries(&self) -> usize {
        self.program.symbolic.len()
    }

    /// Number of multiplications of one elimination of `H`.
    pub fn elimination_cost(&self) -> usize {
        self.program.symbolic.cost()
    }

    /// Number of multiplications of one step of a minimisation, each with at most one addition: the products of
    /// harmonics, `psi`, its gradient and `H`, one elimination and one solve. Sines and cosines are not counted, nor the
    /// exponentials of networks.
    pub fn operations(&self) -> usize {
        let program = &self.program;
        let by_differences = !program.differences.is_empty();
        // Where psi depends on differences, the first angle's slope and the diagonal of H follow from the others.
        let free = |width: usize| width - usize::from(by_differences);
        let term = |width: usize, shape: &Shape| {
            5 * (shape.factors - 1) + 2 + free(width) + free(width) * (free(width) + 1) / 2
        };
        let of_group = |group: &Group| {
            let shapes = program.shapes[group.shapes].iter();
            shapes.map(|shape| term(group.width, shape)).sum::<usize>()
        };
        let terms: usize = program.groups.iter().map(of_group).sum();
        // The first harmonic of an angle takes no product, that of a difference four.
        let products = |pair: &[usize]| 4 * (pair[1] - pair[0]).saturating_sub(1);
        let harmonics =
            program.tables.windows(2).map(products).sum::<usize>() + 4 * program.differences.len();
        let networks: usize = program.kinds.iter().map(Kind::operations).sum();
        terms + harmonics + networks + self.elimination_cost() + 2 * self.entries() + self.psi.sites()
    }

    /// Number of doubles per sample of the pack in flight that a run keeps in the buffers of its thread: the points, harmonics, `H` and
    /// its factor. Networks of windows have buffers besides.
    ///
    /// It is counted after an evaluation, not computed by a formula.
    pub fn buffers(&self) -> usize {
        let a = self.coefficients(&vec![0.0; self.psi.parameters()]);
        self.isa.dispatch(Buffers { map: self, a: &a })
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// The coefficients of all terms.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub(crate) fn coefficients(&self, theta: &[f64]) -> Vec<f64> {
        assert_eq!(theta.len(), self.psi.parameters(), "parameters of a map");
        let mut a = vec![];
        self.program.coefficients(theta, &mut a);
        a
    }
}

impl Map for LatticeMap {
    fn manifold(&self) -> &AnyManifold {
        &self.manifold
    }

    fn parameters(&self) -> usize {
        self.psi.parameters()
    }

    /// So small that the eigenvalues of `H` lie between 0.9 and 1.1 for charges, and between 0.5 and 1.5 for windows.
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        self.psi.initial(uniform, theta);
    }

    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        record: &mut Record,
        work: &mut Workspace,
    ) {
        let (a, n) = (self.coefficients(theta), self.psi.sites());
        assert!(points.len().is_multiple_of(n), "points have {n} coordinates");
        record.resize(points.len() / n, n);
        record.saved_mut().get_mut::<Parameters>().set(theta);
        self.isa.dispatch(Run { map: self, a: &a, direction, points, record, work });
    }

    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        record: &Record,
        cotangents: Cotangents<'_>,
        mut into: Gradients<'_>,
        work: &mut Workspace,
    ) {
        let a = self.coefficients(theta);
        check_lengths(self.parameters(), record, cotangents, &into);
        let saved = Parameters::of(record);
        self.isa.dispatch(PullBack {
            map: self,
            a: &a,
            direction,
            record,
            saved,
            cotangents,
            into: &mut into,
            work,
        });
        for (&sample, clamped) in &saved.clamped {
            clamped.pull_back(self, (direction, theta), (record, sample), cotangents, &mut into);
        }
    }

    fn hessian(&self, record: &Record, sample: usize) -> Option<DMatrix<f64>> {
        let saved = Parameters::of(record);
        if let Some(clamped) = saved.clamped.get(&sample) {
            return Some(clamped.matrix());
        }
        let n = self.psi.sites();
        Some(self.single(&saved.theta, &record.y[sample * n..(sample + 1) * n]).derivatives().1)
    }

    fn potential_derivatives(&self, record: &Record, gradient: &mut [f64], hessian: &mut [f64]) -> bool {
        let n = self.psi.sites();
        assert_eq!(gradient.len(), record.samples() * n, "one gradient per sample");
        assert_eq!(hessian.len(), record.samples() * n * n, "one Hessian per sample");
        let saved = Parameters::of(record);
        for (s, y) in record.y.chunks_exact(n).enumerate() {
            let (of, h) = self.single(&saved.theta, y).derivatives();
            gradient[s * n..(s + 1) * n].copy_from_slice(of.as_slice());
            let h = h - DMatrix::identity(n, n);
            hessian[s * n * n..(s + 1) * n * n].copy_from_slice(h.as_slice());
        }
        true
    }

    fn smallest_eigenvalues(&self, record: &Record, out: &mut [f64]) {
        assert_eq!(out.len(), record.samples(), "one eigenvalue per sample");
        let saved = Parameters::of(record);
        let a = self.coefficients(&saved.theta);
        self.isa.dispatch(SmallestEigenvalues { map: self, a: &a, points: &record.y, out });
        for (&sample, clamped) in &saved.clamped {
            out[sample] = clamped.smallest();
        }
    }

    fn signed_log_dets(&self, record: &Record, log_det: &mut [f64], sign: &mut [f64]) {
        let samples = record.samples();
        assert!(log_det.len() == samples && sign.len() == samples, "one determinant per sample");
        let a = self.coefficients(&Parameters::of(record).theta);
        self.isa.dispatch(SignedLogDets { map: self, a: &a, record, log_det, sign });
    }

    fn clamp_eigenvalues(&self, floor: f64, record: &mut Record, lowest: &mut [f64]) {
        assert!(floor > 0.0 && floor.is_finite(), "a floor of {floor}");
        assert_eq!(lowest.len(), record.samples(), "one eigenvalue per sample");
        clamped::clamp_eigenvalues(self, floor, record, lowest);
    }

    fn potential(&self, theta: &[f64], points: &[f64], psi: &mut [f64], work: &mut Workspace) {
        let a = self.coefficients(theta);
        assert_eq!(points.len(), psi.len() * self.psi.sites(), "points have one coordinate per site");
        self.isa.dispatch(Values { map: self, a: &a, points, psi, work });
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        self.psi.rescale(theta, factor)
    }
}

/// Checks the lengths of what a pull-back reads and writes.
///
/// # Panics
/// If one of them is wrong, or the record is not for gradients.
fn check_lengths(parameters: usize, record: &Record, cotangents: Cotangents<'_>, into: &Gradients<'_>) {
    let samples = record.samples();
    match &into.theta {
        ThetaGradient::Sum(sum) => assert_eq!(sum.len(), parameters, "gradient in the parameters of a map"),
        ThetaGradient::Each(columns) => {
            assert_eq!(columns.len(), parameters * samples, "gradients of every sample of a map");
        }
    }
    assert_eq!(into.points.len(), record.y.len(), "cotangents of the points that the run started from");
    assert_eq!(cotangents.points.len(), record.y.len(), "cotangents of the points that the run ended at");
    assert_eq!(cotangents.log_det.len(), samples, "cotangents of log-determinants");
    assert!(record.saves(), "a record to pull back through is `Record::for_gradients()`");
}
