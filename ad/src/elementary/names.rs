//! The names of the functions, for a real that has values of its own for each.

/// A function of the table, as [`crate::Real::enclosure`] is asked for it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is documented as a function")]
pub enum Elementary {
    Recip,
    Sqrt,
    Exp,
    ExpM1,
    Exp2,
    Ln,
    Ln1p,
    Log2,
    Log10,
    Cbrt,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Sinh,
    Cosh,
    Tanh,
    Atan,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Erfc,
    LogGamma,
    OneLessSquare,
    Softplus,
    Sigmoid,
    Powi(i32),
    Stumpff(u32),
}
