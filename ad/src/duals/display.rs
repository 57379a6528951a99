//! Dual numbers as text: `(1.5 + [2, 0]ε)`.

use std::fmt::{Display, Formatter, Result};

use super::{Dual, Guarded, Jet, Lap};

/// `[a, b, c]`, each number with the formatter's options.
fn list<S: Display>(numbers: &[S], f: &mut Formatter<'_>) -> Result {
    f.write_str("[")?;
    for (i, x) in numbers.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        x.fmt(f)?;
    }
    f.write_str("]")
}

/// The value and the first derivatives.
impl<S: Display, const D: usize> Display for Dual<S, D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(")?;
        self.re.fmt(f)?;
        f.write_str(" + ")?;
        list(&self.eps, f)?;
        f.write_str("ε)")
    }
}

/// The value, the gradient, and the rows of the Hessian.
impl<S: Display, const D: usize> Display for Jet<S, D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(")?;
        self.re.fmt(f)?;
        f.write_str(" + ")?;
        list(&self.grad, f)?;
        f.write_str("ε + ½[")?;
        for (i, row) in self.hess.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            list(row, f)?;
        }
        f.write_str("]ε²)")
    }
}

/// The value, the gradient, and the sum of second derivatives.
impl<S: Display, const D: usize> Display for Lap<S, D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(")?;
        self.re.fmt(f)?;
        f.write_str(" + ")?;
        list(&self.grad, f)?;
        f.write_str("ε, Δ = ")?;
        self.lap.fmt(f)?;
        f.write_str(")")
    }
}

impl<A: Display> Display for Guarded<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.fmt(f)
    }
}
