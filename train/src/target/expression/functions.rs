//! The functions of the language.

#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::{Real, Scalar};

/// Functions of one number: the variant, its names, and its value.
macro_rules! unary {
    ($($variant:ident $names:expr, |$x:ident| $value:expr;)*) => {
        /// A function of one number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Unary {
            $($variant,)*
        }

        impl Unary {
            /// All functions with their names, the usual name first.
            pub(super) const ALL: &'static [(&'static [&'static str], Unary)] =
                &[$((&$names, Unary::$variant),)*];

            /// Applies the function to `count` numbers from `from` on, and writes the results from `to` on.
            ///
            /// Every function is compiled by itself for the instruction set, because all of them in one function would
            /// take long to compile.
            #[inline(always)]
            pub(super) fn run<S: Scalar>(self, file: &mut [S], from: usize, to: usize, count: usize) {
                match self {
                    $(Self::$variant => S::Base::vectorized(
                        #[inline(always)]
                        || {
                            for k in 0..count {
                                let $x = file[from + k];
                                file[to + k] = $value;
                            }
                        },
                    ),)*
                }
            }
        }
    };
}

unary! {
    Abs ["abs"], |x| {
        // At 0 the derivative is 0, the least subgradient; NaN stays NaN.
        let zero = S::Base::zero();
        S::select_gt(x.value(), zero, x, S::select_gt(zero, x.value(), -x, x * 0.0))
    };
    Exp ["exp"], |x| x.exp();
    ExpM1 ["exp_m1", "expm1"], |x| x.exp_m1();
    Exp2 ["exp2"], |x| x.exp2();
    Ln ["ln", "log"], |x| x.ln();
    Ln1p ["ln_1p", "log1p"], |x| x.ln_1p();
    Log2 ["log2"], |x| x.log2();
    Log10 ["log10"], |x| x.log10();
    Sqrt ["sqrt"], |x| x.sqrt();
    Cbrt ["cbrt"], |x| x.cbrt();
    Sin ["sin"], |x| x.sin();
    Cos ["cos"], |x| x.cos();
    Tan ["tan"], |x| x.tan();
    Asin ["asin", "arcsin"], |x| x.asin();
    Acos ["acos", "arccos"], |x| x.acos();
    Atan ["atan", "arctan"], |x| x.atan();
    Sinh ["sinh"], |x| x.sinh();
    Cosh ["cosh"], |x| x.cosh();
    Tanh ["tanh"], |x| x.tanh();
    Asinh ["asinh"], |x| x.asinh();
    Acosh ["acosh"], |x| x.acosh();
    Atanh ["atanh"], |x| x.atanh();
    Softplus ["softplus"], |x| x.softplus();
    Sigmoid ["sigmoid"], |x| x.sigmoid();
    Erf ["erf"], |x| x.erf();
    Erfc ["erfc"], |x| x.erfc();
    LogGamma ["log_gamma", "lgamma"], |x| x.log_gamma();
    Digamma ["digamma"], |x| x.digamma();
    BesselI0e ["bessel_i0e"], |x| x.bessel_i0e();
    BesselI1e ["bessel_i1e"], |x| x.bessel_i1e();
}

impl Unary {
    /// The function at one number.
    pub(super) fn value(self, x: f64) -> f64 {
        let mut file = [x, 0.0];
        self.run(&mut file, 0, 1, 1);
        file[1]
    }
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Atan2,
    Hypot,
    Min,
    Max,
}

/// One loop for each operation, the rarer ones compiled by themselves.
macro_rules! binary_loop {
    ($file:ident, $at:ident, $to:ident, $count:ident, |$x:ident, $y:ident| $value:expr) => {
        for k in 0..$count {
            let ($x, $y) = ($file[$at[0] + k], $file[$at[1] + k]);
            $file[$to + k] = $value;
        }
    };
    (apart $file:ident, $at:ident, $to:ident, $count:ident, |$x:ident, $y:ident| $value:expr) => {
        S::Base::vectorized(
            #[inline(always)]
            || binary_loop!($file, $at, $to, $count, |$x, $y| $value),
        )
    };
}

impl Binary {
    /// Applies the operation to `count` pairs of numbers from `from` on, and writes the results from `to` on.
    #[inline(always)]
    pub(super) fn run<S: Scalar>(self, file: &mut [S], from: [usize; 2], to: usize, count: usize) {
        match self {
            Self::Add => binary_loop!(file, from, to, count, |x, y| x + y),
            Self::Sub => binary_loop!(file, from, to, count, |x, y| x - y),
            Self::Mul => binary_loop!(file, from, to, count, |x, y| x * y),
            Self::Div => binary_loop!(apart file, from, to, count, |x, y| x / y),
            Self::Pow => binary_loop!(apart file, from, to, count, |x, y| x.pow(y)),
            Self::Atan2 => binary_loop!(apart file, from, to, count, |x, y| x.atan2(y)),
            Self::Hypot => binary_loop!(apart file, from, to, count, |x, y| x.hypot(y)),
            Self::Min => binary_loop!(file, from, to, count, |x, y| larger(x, y, -x.value(), -y.value())),
            Self::Max => binary_loop!(file, from, to, count, |x, y| larger(x, y, x.value(), y.value())),
        }
    }

    /// The operation on one pair of numbers.
    pub(super) fn value(self, x: f64, y: f64) -> f64 {
        let mut file = [x, y, 0.0];
        self.run(&mut file, [0, 1], 2, 1);
        file[2]
    }
}

/// The one of `x` and `y` whose key is larger. Of equal ones the mean, so that each takes half of the derivative; NaN
/// if either is.
#[inline(always)]
fn larger<S: Scalar>(x: S, y: S, key_x: S::Base, key_y: S::Base) -> S {
    S::select_gt(key_x, key_y, x, S::select_gt(key_y, key_x, y, x * 0.5 + y * 0.5))
}

/// A sum or the like of all terms of a list, or over an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    Sum,
    Product,
    Min,
    Max,
    LogSumExp,
}

/// What a name stands for when arguments follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Unary(Unary),
    Binary(Binary),
    Reduction(Reduction),
    Mod,
    Dot,
    Norm,
    VonMises,
    VonMisesFisher,
    Kent,
    Bingham,
}

/// Functions of several arguments, and how they are written.
const SEVERAL: [(&str, Function, &str); 16] = [
    ("pow", Function::Binary(Binary::Pow), "pow(x, p)"),
    ("atan2", Function::Binary(Binary::Atan2), "atan2(y, x)"),
    ("hypot", Function::Binary(Binary::Hypot), "hypot(x, y)"),
    ("sum", Function::Reduction(Reduction::Sum), "sum(i, 1, 8, term) or sum(list)"),
    ("product", Function::Reduction(Reduction::Product), "product(i, 1, 8, factor) or product(list)"),
    ("min", Function::Reduction(Reduction::Min), "min(a, b)"),
    ("max", Function::Reduction(Reduction::Max), "max(a, b)"),
    (
        "log_sum_exp",
        Function::Reduction(Reduction::LogSumExp),
        "log_sum_exp(a, b) or log_sum_exp(k, 1, 4, term)",
    ),
    ("mod", Function::Mod, "mod(i, n)"),
    ("dot", Function::Dot, "dot(a, b)"),
    ("norm", Function::Norm, "norm(a)"),
    ("von_mises", Function::VonMises, "von_mises(theta, mu, kappa)"),
    ("vmf", Function::VonMisesFisher, "vmf(x, mu, kappa)"),
    ("von_mises_fisher", Function::VonMisesFisher, "von_mises_fisher(x, mu, kappa)"),
    ("kent", Function::Kent, "kent(x, mu, axis, kappa, beta)"),
    ("bingham", Function::Bingham, "bingham(x, matrix)"),
];

/// The function of that name, and how it is written.
pub(super) fn find(name: &str) -> Option<(Function, &'static str)> {
    let several = SEVERAL.iter().find(|(known, ..)| *known == name);
    if let Some((_, function, usage)) = several {
        return Some((*function, *usage));
    }
    let unary = Unary::ALL.iter().find(|(names, _)| names.contains(&name));
    unary.map(|(_, function)| (Function::Unary(*function), "it with one argument, as in cos(theta1)"))
}

/// Names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let unary = Unary::ALL.iter().flat_map(|(names, _)| names.iter().copied());
    unary.chain(SEVERAL.iter().map(|(name, ..)| *name))
}
