//! The logarithm of the gamma function and its derivatives.

use std::f64::consts::{PI, TAU};

use crate::elementary::Function;
use crate::real::Real;
use crate::scalar::Scalar;

/// `ln Γ(2 + z) = Σ cₖ zᵏ`, with `c₁ = 1 − γ` and `cₖ = (−1)ᵏ (ζ(k) − 1)/k`.
const AROUND_TWO: [f64; 27] = [
    0.42278433509846713,
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-05,
    -4.492623673813314e-05,
    2.050721277567069e-05,
    -9.439488275268397e-06,
    4.374866789907488e-06,
    -2.039215753801366e-06,
    9.55141213040742e-07,
    -4.492469198764566e-07,
    2.1207184805554665e-07,
    -1.0043224823968099e-07,
    4.7698101693639804e-08,
    -2.2711094608943164e-08,
    1.0838659214896955e-08,
    -5.183475041970047e-09,
    2.4836745438024785e-09,
    -1.1921401405860912e-09,
    5.731367241678862e-10,
    -2.7595228851242334e-10,
];

/// Bernoulli's numbers `B₂, B₄, …`.
const BERNOULLI: [f64; 12] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43_867.0 / 798.0,
    -174_611.0 / 330.0,
    854_513.0 / 138.0,
    -236_364_091.0 / 2730.0,
];

/// From here on Stirling's series is summed.
const LARGE: f64 = 13.0;

/// `ln |Γ(x)|`, infinite at 0, −1, −2, …; relative error 2e-15 for `x > 0`, absolute error so small beside `|x|` below.
pub fn log_gamma(x: f64) -> f64 {
    if x <= 0.0 {
        // Γ(x) Γ(1 − x) = π / sin πx, by the distance from the nearest integer.
        let sine = (PI * (x - x.round())).sin().abs();
        return if sine == 0.0 { f64::INFINITY } else { (PI / sine).ln() - log_gamma(1.0 - x) };
    }
    if x >= LARGE {
        let (inverse, mut sum) = (1.0 / (x * x), 0.0);
        for (k, b) in BERNOULLI[..8].iter().enumerate().rev() {
            let n = 2.0 * (k as f64 + 1.0);
            sum = sum * inverse + b / (n * (n - 1.0));
        }
        return (x - 0.5) * (x.ln() - 1.0) + 0.5 * (TAU.ln() - 1.0) + sum / x;
    }
    // Down into [1.5, 2.5], or up from below.
    let (mut x, mut product) = (x, 1.0);
    while x > 2.5 {
        x -= 1.0;
        product *= x;
    }
    if x < 0.5 {
        return log_gamma(x + 1.0) - x.ln();
    }
    if x < 1.5 {
        return series(x - 1.0) - (x - 1.0).ln_1p();
    }
    series(x - 2.0) + f64::ln(product)
}

/// `ln Γ(2 + z)` for `|z| ≤ ½`.
fn series(z: f64) -> f64 {
    AROUND_TWO.iter().rev().fold(0.0, |sum, c| sum * z + c) * z
}

/// `ψ⁽ⁿ⁾(x)`, the derivative of order `n + 1` of `ln Γ(x)`: the digamma function for 0, the trigamma function for 1.
///
/// Relative error 1e-14 for `x > 0`, and absolute for the digamma function near its zero at 1.46. NaN at the poles
/// 0, −1, −2, …
#[derive(Clone, Copy, Debug)]
pub struct Polygamma(pub u32);

impl<R: Real> Function<R> for Polygamma {
    const INFINITE_SLOPE: bool = true;

    #[inline(always)]
    fn value(self, x: R) -> R {
        x.map(|x| polygamma(self.0, x))
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        x.apply(Polygamma(self.0 + 1))
    }
}

fn polygamma(n: u32, x: f64) -> f64 {
    let sign = if n.is_multiple_of(2) { -1.0 } else { 1.0 };
    if x <= 0.0 {
        if x == x.round() {
            return f64::NAN;
        }
        // From ψ(1 − x) − ψ(x) = π cot πx, differentiated n times.
        return -sign * polygamma(n, 1.0 - x) - PI * cotangent_derivative(n, x);
    }
    if x == f64::INFINITY {
        return if n == 0 { x } else { 0.0 };
    }
    // Σ 1/(x + i)ⁿ⁺¹ up to where the series is good.
    let (mut x, mut sum) = (x, 0.0);
    let power = n as i32 + 1;
    while x < LARGE + f64::from(n) {
        sum += x.powi(-power);
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    // Bernoulli's terms: B₂ₖ (2k + n − 1)!/(2k)! / x²ᵏ⁺ⁿ, here over (n − 1)! and without the power of x.
    let order = f64::from(n);
    let (mut tail, mut factor) = (0.0, 1.0);
    let mut terms = [0.0; BERNOULLI.len()];
    for (k, b) in BERNOULLI.iter().enumerate() {
        let m = 2.0 * (k as f64 + 1.0);
        // (m + n − 1)!/(m! (n − 1)!) by its last two factors; for n = 0 it is read as (m − 1)!/m!.
        factor *= if n == 0 { 1.0 } else { (m + order - 1.0) * (m + order - 2.0) / (m * (m - 1.0)) };
        terms[k] = b * if n == 0 { 1.0 / m } else { factor };
    }
    for term in terms.iter().rev() {
        tail = (tail + term) * inverse;
    }
    if n == 0 {
        return x.ln() - 0.5 / x - tail - sum;
    }
    let factorial: f64 = (1..n).map(f64::from).product();
    sign * factorial * (order * sum + x.powi(-(n as i32)) * (1.0 + 0.5 * order / x + tail))
}

/// The derivative of order `n` of `cot πx`, a polynomial in it: `cot′ = −π (1 + cot²)`.
fn cotangent_derivative(n: u32, x: f64) -> f64 {
    let cotangent = 1.0 / (PI * (x - x.round())).tan();
    let mut polynomial = vec![0.0, 1.0];
    for _ in 0..n {
        let mut next = vec![0.0; polynomial.len() + 1];
        for k in 1..polynomial.len() {
            let slope = -PI * k as f64 * polynomial[k];
            next[k - 1] += slope;
            next[k + 1] += slope;
        }
        polynomial = next;
    }
    polynomial.iter().rev().fold(0.0, |sum, c| sum * cotangent + c)
}
