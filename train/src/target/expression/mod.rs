//! Energies as text: `-(cos(theta1 - a) + cos(theta2 - 5.96))`.
//!
//! A text is split into tokens, parsed into a tree, and compiled into a graph in which sums are written out and equal
//! parts are shared. The graph becomes a list of instructions on registers, which runs over any scalar, in lanes for
//! several packs of samples at a time. The language is described in `docs/energies.md`.
//!
//! No library was found that gives a tree with the places of its parts and evaluates it over scalars of one's own.

mod arithmetic;
mod calls;
mod check;
mod compiler;
mod error;
mod functions;
mod graph;
mod lanes;
#[cfg(test)]
mod mistakes;
mod names;
mod parameter;
mod parser;
mod program;
mod reverse;
#[cfg(test)]
mod tests;
mod token;
mod value;

use std::sync::Arc;

use ircpm_ad::derivative::ScalarField;
use ircpm_ad::{Isa, Scalar};
use ircpm_certify::SpaceModel;
use ircpm_flow::{Energy, partial_derivatives};
use ircpm_manifolds::AnyManifold;

use super::Target;
use compiler::Compiler;
use error::Fault;
pub use error::{ExpressionError, ExpressionErrorKind};
use lanes::{Energies, Gradients};
use names::Names;
pub use parameter::{Parameter, Parameters};
use program::Program;

/// Most bytes of a text.
const LONGEST: usize = 1 << 16;

/// An energy that was written as text.
///
/// As a [`Target`] its name is `energy`, and its `log Z` is unknown unless [`Expression::with_log_z`] gives it. As a [`ScalarField`] it is a function of the ambient
/// coordinates over any scalar.
///
/// ```
/// use ircpm_train::target::{Expression, Parameters, Target};
///
/// let text = "-kappa * sum(i, 1, 2, cos(theta[i] - mu[i]))";
/// let parameters =
///     Parameters::from([("kappa".to_owned(), 2.0.into()), ("mu".to_owned(), [4.18, 5.96].into())]);
/// let energy = Expression::parse(&"T2".parse()?, text, &parameters)?;
/// let (mut u, mut gradient) = ([0.0], [0.0; 2]);
/// energy.gradients(&[4.18, 5.96], &mut u, &mut gradient);
/// assert_eq!((u[0], gradient), (-4.0, [0.0, 0.0]));
///
/// let error = Expression::parse(&"T2".parse()?, "cos(theta3)", &Parameters::new()).unwrap_err();
/// assert_eq!(&error.text[error.span.clone()], "theta3");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expression {
    manifold: AnyManifold,
    program: Program,
    /// The same with all values, for gradients.
    with_all_values: Program,
    isa: Isa,
    /// Inverse temperature and exact `log Z` at it.
    log_z: Option<[f64; 2]>,
}

impl Expression {
    /// Reads an energy over the coordinates of `manifold` and the `parameters`, and looks at it at some points.
    ///
    /// # Errors
    /// [`ExpressionError`] for a text that is not understood, longer than 64 KiB, nested deeper than 64 levels or larger
    /// than 65,536 operations with all sums written out; for a parameter that is not used or not finite; and for an
    /// energy that is the same everywhere, not finite at one of the points, or not periodic in an angle.
    pub fn parse(
        manifold: &AnyManifold,
        text: &str,
        parameters: &Parameters,
    ) -> Result<Self, ExpressionError> {
        compile(manifold, text, parameters)
            .map(|[program, with_all_values]| {
                let manifold = manifold.clone();
                Self { manifold, program, with_all_values, isa: Isa::best(), log_z: None }
            })
            .map_err(|fault| fault.in_text(text))
    }

    /// The value of a text of numbers and `parameters` that refers to no coordinate of `manifold`.
    ///
    /// # Errors
    /// [`ExpressionError`] for a text that is not understood or too large, as with [`Expression::parse`]; for one that
    /// depends on coordinates, and for a value that is not finite. Parameters need not be used.
    ///
    /// ```
    /// use ircpm_train::target::{Expression, Parameters};
    ///
    /// let parameters = Parameters::from([("beta".to_owned(), 2.0.into())]);
    /// let log_z = Expression::number(&"T1".parse()?, "log(2 * pi * bessel_i0e(beta)) + beta", &parameters)?;
    /// assert!((log_z - 2.661_870_6).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn number(
        manifold: &AnyManifold,
        text: &str,
        parameters: &Parameters,
    ) -> Result<f64, ExpressionError> {
        value(manifold, text, parameters).map_err(|fault| fault.in_text(text))
    }

    /// The same energy with its `log Z` in nats at the inverse temperature `beta`. Nobody checks it: the KL of a report
    /// is right only if this is.
    #[must_use]
    pub fn with_log_z(self, log_z: f64, beta: f64) -> Self {
        Self { log_z: Some([beta, log_z]), ..self }
    }

    /// The energy of a density: one that neither falls nor keeps its value towards infinity, where that is seen along a
    /// real coordinate. `text` is what it was read from.
    ///
    /// # Errors
    /// [`ExpressionError`] of the kind `Unbounded`.
    pub fn of_density(self, text: &str) -> Result<Self, ExpressionError> {
        match check::examine_growth(&self.manifold, &Names::new(&self.manifold), &self.program) {
            Ok(()) => Ok(self),
            Err(kind) => Err(ExpressionError { text: text.to_owned(), span: 0..text.len(), kind }),
        }
    }

    /// The same energy on a given instruction set instead of the fastest.
    #[must_use]
    pub fn on(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }

    /// Number of instructions that an evaluation takes.
    pub fn instructions(&self) -> usize {
        self.program.len()
    }
}

/// Refuses a text that is longer than any that is read.
fn check_length(text: &str) -> Result<(), Fault> {
    if text.len() > LONGEST {
        let kind = ExpressionErrorKind::TooLong { length: text.len(), limit: LONGEST };
        return Err(Fault::new(&(0..text.len()), kind));
    }
    Ok(())
}

fn value(manifold: &AnyManifold, text: &str, parameters: &Parameters) -> Result<f64, Fault> {
    check_length(text)?;
    let names = Names::new(manifold);
    let (definitions, node) = parser::parse(text)?;
    let mut compiler = Compiler::new(&names, manifold.ambient(), parameters, text)?;
    let output = compiler.output(&definitions, &node)?;
    let what = "this";
    compiler
        .graph
        .value(output)
        .ok_or_else(|| Fault::new(&node.span, ExpressionErrorKind::NotConstant { what }))
}

/// The program of an energy, and the one with all values.
fn compile(manifold: &AnyManifold, text: &str, parameters: &Parameters) -> Result<[Program; 2], Fault> {
    check_length(text)?;
    let names = Names::new(manifold);
    let (definitions, energy) = parser::parse(text)?;
    let mut compiler = Compiler::new(&names, manifold.ambient(), parameters, text)?;
    let output = compiler.energy(&definitions, &energy)?;
    if compiler.graph.value(output).is_some() {
        let kind = ExpressionErrorKind::Constant { manifold: manifold.to_string() };
        return Err(Fault::new(&energy.span, kind));
    }
    let program = Program::new(&compiler.graph, output, manifold.ambient());
    check::examine(manifold, &names, &program).map_err(|(kind, coordinate)| {
        let used = coordinate.and_then(|place| compiler.first_use[place].clone());
        Fault::new(&used.unwrap_or(energy.span), kind)
    })?;
    Ok([program, Program::with_all_values(&compiler.graph, output, manifold.ambient())])
}

impl Target for Expression {
    fn name(&self) -> &str {
        "energy"
    }
    fn manifold(&self) -> &AnyManifold {
        &self.manifold
    }
    fn log_z(&self, beta: f64) -> Option<f64> {
        self.log_z.filter(|[known, _]| *known == beta).map(|[_, log_z]| log_z)
    }
    fn energies(&self, y: &[f64], u: &mut [f64]) {
        let n = self.manifold.ambient();
        assert_eq!(y.len(), n * u.len(), "points of {n} coordinates");
        self.isa.dispatch(Energies { program: &self.program, y, u });
    }
    fn gradients(&self, y: &[f64], u: &mut [f64], grad: &mut [f64]) {
        let n = self.manifold.ambient();
        assert_eq!(y.len(), n * u.len(), "points of {n} coordinates");
        assert_eq!(grad.len(), y.len(), "gradients of {n} coordinates");
        self.isa.dispatch(Gradients { program: &self.with_all_values, y, u, grad });
    }
    fn differentiable(&self) -> Option<Arc<dyn Energy>> {
        Some(Arc::new(self.clone()))
    }
    fn energy_model(&self, y: &[SpaceModel]) -> Option<SpaceModel> {
        Some(self.eval(y))
    }
}

impl Energy for Expression {
    fn inputs(&self) -> usize {
        self.manifold.ambient()
    }
    fn derivatives(&self, order: usize, samples: usize, points: &[f64], out: &mut [f64]) {
        partial_derivatives(self, self.isa, order, samples, points, out);
    }
}

impl ScalarField for Expression {
    /// # Panics
    /// If `y` is not as long as a point of the manifold.
    #[inline(always)]
    fn eval<S: Scalar>(&self, y: &[S]) -> S {
        assert_eq!(y.len(), self.manifold.ambient(), "coordinates of one point");
        self.program.value(y)
    }
}
