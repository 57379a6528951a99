//! Energies as text: `-(cos(theta1 - a) + cos(theta2 - 5.96))`.
//!
//! A text is split into tokens, parsed into a tree, and compiled into a graph in which sums are written out and equal
//! parts are shared. The graph becomes a list of instructions on registers, which runs over any scalar, in lanes for
//! several packs of samples at a time. The language is described in `docs/energies.md`.
//!
//! No library was found that gives a tree with the places of its parts and evaluates it over scalars of one's own.

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
#[cfg(test)]
mod tests;
mod token;
mod value;

use ircpm_ad::derivative::ScalarField;
use ircpm_ad::{Isa, Scalar};
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
/// As a [`Target`] its name is `energy` and its `log Z` is unknown. As a [`ScalarField`] it is a function of the ambient
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
    isa: Isa,
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
            .map(|program| Self { manifold: manifold.clone(), program, isa: Isa::best() })
            .map_err(|Fault { span, kind }| ExpressionError { text: text.to_owned(), span, kind })
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

fn compile(manifold: &AnyManifold, text: &str, parameters: &Parameters) -> Result<Program, Fault> {
    if text.len() > LONGEST {
        let kind = ExpressionErrorKind::TooLong { length: text.len(), limit: LONGEST };
        return Err(Fault::new(&(0..text.len()), kind));
    }
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
    Ok(program)
}

impl Target for Expression {
    fn name(&self) -> &str {
        "energy"
    }
    fn manifold(&self) -> &AnyManifold {
        &self.manifold
    }
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
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
        self.isa.dispatch(Gradients { program: &self.program, y, u, grad });
    }
}

impl ScalarField for Expression {
    /// # Panics
    /// If `y` is not as long as a point of the manifold.
    fn eval<S: Scalar>(&self, y: &[S]) -> S {
        assert_eq!(y.len(), self.manifold.ambient(), "coordinates of one point");
        self.program.value(y)
    }
}
