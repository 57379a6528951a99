//! Derivatives over intervals, to third order, against those of doubles at numbers within.

use ircpm_ad::elementary::smooth;
use ircpm_ad::interval::Interval;
use ircpm_ad::{Algebra, Dual, Jet, Scalar, log_sum_exp};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

type Third<R> = Dual<Dual<Dual<R, 1>, 1>, 1>;

fn third<R: Scalar>(x: R) -> Third<R> {
    Dual::variable(Dual::variable(Dual::variable(x, 0), 0), 0)
}

/// Compares all coefficients at a number, and over an interval with numbers within.
fn check(what: &str, at: f64, enclosed: &[Interval], exact: &[f64]) {
    for (i, (y, &exact)) in enclosed.iter().zip(exact).enumerate() {
        let slack = 1e-11 * (1.0 + exact.abs());
        assert!(
            y.lo() <= exact + slack && y.hi() >= exact - slack,
            "{what} at {at}, coefficient {i}: {y:?} does not contain {exact:e}"
        );
    }
}

/// Tries a function of one variable, generic over its scalar.
macro_rules! tries {
    ($($name:literal: |$x:ident| $y:expr, $low:expr, $high:expr;)*) => {
        #[test]
        fn third_derivatives_are_enclosed() {
            let mut rng = Pcg64::seed_from_u64(3);
            $({
                fn f<S: Scalar>($x: S) -> S { $y }
                for _ in 0..300 {
                    let low: f64 = rng.random_range($low..$high);
                    let width = 10_f64.powf(rng.random_range(-9.0..-1.0));
                    let high = (low + width).min($high);
                    let wide = f(third(Interval::new(low, high)));
                    for k in 0..=4 {
                        let x = (low + (high - low) * f64::from(k) / 4.0).min(high);
                        let exact = f(third(x));
                        check($name, x, Algebra::coefficients(&[wide]), Algebra::coefficients(&[exact]));
                        let narrow = f(third(Interval::point(x)));
                        check($name, x, Algebra::coefficients(&[narrow]), Algebra::coefficients(&[exact]));
                        let width = narrow.eps[0].eps[0].eps[0];
                        let size = 1.0 + width.magnitude();
                        assert!(width.hi() - width.lo() < 1e-9 * size, "{} at {x}: {width:?}", $name);
                    }
                }
            })*
        }
    };
}

tries! {
    "recip": |x| x.recip(), 0.3, 4.0;
    "quotient": |x| (x + 0.1) / (x * x + 2.0), -4.0, 4.0;
    "sqrt": |x| x.sqrt(), 0.3, 4.0;
    "exp": |x| x.exp(), -3.0, 3.0;
    "exp_m1": |x| x.exp_m1(), -3.0, 3.0;
    "exp2": |x| x.exp2(), -3.0, 3.0;
    "ln": |x| x.ln(), 0.3, 4.0;
    "ln_1p": |x| x.ln_1p(), -0.6, 4.0;
    "log2": |x| x.log2(), 0.3, 4.0;
    "log10": |x| x.log10(), 0.3, 4.0;
    "cbrt": |x| x.cbrt(), 0.3, 4.0;
    "sin": |x| x.sin(), -9.0, 9.0;
    "cos": |x| x.cos(), -9.0, 9.0;
    "tan": |x| x.tan(), -1.2, 1.2;
    "asin": |x| x.asin(), -0.9, 0.9;
    "acos": |x| x.acos(), -0.9, 0.9;
    "atan": |x| x.atan(), -4.0, 4.0;
    "sinh": |x| x.sinh(), -3.0, 3.0;
    "cosh": |x| x.cosh(), -3.0, 3.0;
    "tanh": |x| x.tanh(), -3.0, 3.0;
    "asinh": |x| x.asinh(), -3.0, 3.0;
    "acosh": |x| x.acosh(), 1.3, 4.0;
    "atanh": |x| x.atanh(), -0.8, 0.8;
    "softplus": |x| x.softplus(), -6.0, 6.0;
    "sigmoid": |x| x.sigmoid(), -6.0, 6.0;
    "powi": |x| x.powi(3) + x.powi(-2), 0.4, 3.0;
    "powf": |x| x.powf(1.3), 0.4, 3.0;
    "pow": |x| x.pow(x * 0.5 + 1.0), 0.4, 3.0;
    "atan2": |x| x.sin().atan2(x.cos() + 2.0), -4.0, 4.0;
    "hypot": |x| (x + 5.0).hypot(x.cos()), -4.0, 4.0;
    "log_sum_exp": |x| log_sum_exp(&[x, x.sin(), -x]), -3.0, 3.0;
    "cos sqrt": |x| smooth::cos_sqrt(x), 0.1, 9.0;
    "sinc sqrt": |x| smooth::sinc_sqrt(x), 0.0, 30.0;
    "r cot r": |x| smooth::r_cot_r(x), 0.1, 8.0;
    "one minus r cot r": |x| smooth::one_minus_r_cot_r_over_u(x), 0.0, 8.0;
    "one minus sinc": |x| smooth::one_minus_sinc_over_u(x), -5.0, 30.0;
}

#[test]
fn the_arc_tangent_of_two_keeps_all_values_at_its_jump() {
    let y = Interval::new(-0.1, 0.1).atan2(Interval::new(-2.0, -1.0));
    assert!(y.contains(3.1) && y.contains(-3.1), "{y:?}");
    let dual = Dual::<Interval, 1>::variable(Interval::new(-0.1, 0.1), 0);
    let y = dual.atan2(Dual::fixed(Interval::new(-2.0, -1.0)));
    assert!(y.re.contains(3.1) && y.re.contains(-3.1) && y.eps[0].contains(-0.8), "{y:?}");
}

/// A network of two hidden layers in two variables, over jets of any kind.
fn network<S: Scalar>(x: [S; 2]) -> S {
    let mut layer = vec![x[0].cos(), x[0].sin(), x[1].cos(), x[1].sin()];
    for l in 0..2 {
        let unit = |i: usize| {
            let weight = |j: usize| f64::sin((1 + i * 7 + j * 3 + l) as f64);
            layer.iter().enumerate().fold(S::constant(0.1), |sum, (j, &x)| sum + x * weight(j)).softplus()
        };
        layer = (0..6).map(unit).collect();
    }
    layer.into_iter().enumerate().fold(S::zero(), |sum, (i, x)| sum + x * f64::cos(i as f64))
}

#[test]
fn jets_of_a_network_are_enclosed_over_boxes() {
    type Cubic<R> = Jet<Dual<R, 2>, 2>;
    fn seeded<R: Scalar>(x: [R; 2]) -> [Cubic<R>; 2] {
        [0, 1].map(|i| Jet::variable(Dual::variable(x[i], i), i))
    }
    let mut rng = Pcg64::seed_from_u64(5);
    for _ in 0..200 {
        let low = [0; 2].map(|_| rng.random_range(0.0..6.3));
        let width: f64 = 10_f64.powf(rng.random_range(-8.0..-1.0));
        let over = network(seeded(low.map(|l| Interval::new(l, l + width))));
        for _ in 0..5 {
            let at = low.map(|l| l + width * rng.random_range(0.0..1.0));
            let exact = network(seeded(at));
            check("network", at[0], Algebra::coefficients(&[over]), Algebra::coefficients(&[exact]));
        }
    }
}
