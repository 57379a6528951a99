//! Derivatives of [`Cubic`] against nested duals.

use ircpm_ad::elementary::smooth::sinc_sqrt;
use ircpm_ad::{Dual, Jet, Scalar, log_sum_exp};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;

type Oracle<R> = Jet<Dual<R, 2>, 2>;

/// Every operation and several functions.
fn expression<S: Scalar>([x, y]: [S; 2]) -> [S; 6] {
    let theta = S::constant(0.7);
    let a = (x * theta + y * y).softplus() - x.sin() * (y + 3.0).ln();
    let b = theta / (x * x + 2.0) + (a / theta) * theta.exp() - (a * a * a) / 3.0;
    let c = S::select_gt(x.value(), S::Base::constant(-100.0), a, theta) * (y.recip() - 2.0);
    let d = log_sum_exp(&[x, y, theta]) + (-x).sigmoid() * b.atan() + sinc_sqrt(y);
    let e = y.powi(3).sqrt() * (x * y).atan2(y + 1.0).cos().tanh();
    [a, b, c, d, e, [x, y, theta].into_iter().product()]
}

#[test]
fn coefficients_are_those_of_nested_duals() {
    let mut rng = Pcg64::seed_from_u64(1);
    for _ in 0..200 {
        let at = [rng.random_range(-2.0..2.0), rng.random_range(0.5..3.0)];
        let width: f64 = 10_f64.powf(rng.random_range(-9.0..-1.5));
        let over = at.map(|x| Interval::new(x, x + width));
        let reach = over.map(|x| x - x.middle());
        let variable =
            |k: usize| Cubic::variable(over[k], Interval::point(over[k].middle()), k).within(reach);
        let found = expression([0, 1].map(variable));
        let inner = at.map(|x| x + width * rng.random_range(0.0..1.0));
        let exact = expression([0, 1].map(|k| Oracle::variable(Dual::variable(inner[k], k), k)));
        let middle = over.map(Interval::middle);
        let at = expression([0, 1].map(|k| Oracle::variable(Dual::variable(middle[k], k), k)));
        for (number, (found, (exact, at))) in found.iter().zip(exact.iter().zip(&at)).enumerate() {
            assert_encloses(number, found, exact, width);
            let (grad, hess) = found.at();
            for i in 0..2 {
                let (slope, bend) = (at.grad[i].re, at.hess[i][1].re);
                assert!((grad[i].middle() - slope).abs() < 1e-9 * (1.0 + slope.abs()), "{number}: {grad:?}");
                assert!((hess[i][1].middle() - bend).abs() < 1e-8 * (1.0 + bend.abs()), "{number}: {hess:?}");
            }
        }
    }
}

fn assert_encloses(number: usize, found: &Cubic<2>, exact: &Oracle<f64>, width: f64) {
    let check = |what: &str, y: Interval, exact: f64| {
        let slack = 1e-10 * (1.0 + exact.abs());
        assert!(y.lo() <= exact + slack && y.hi() >= exact - slack, "{number} {what}: {y:?}, not {exact}");
        assert!(y.radius() < 1e6 * width * (1.0 + exact.abs()) + slack, "{number} {what}: {y:?} is too wide");
    };
    let (grad, hess) = found.over();
    check("value", found.value(), exact.re.re);
    for i in 0..2 {
        check("gradient", grad[i], exact.grad[i].re);
        for j in 0..2 {
            check("Hessian", hess[i][j], exact.hess[i][j].re);
            for k in 0..2 {
                check("third derivative", found.third(i, j, k), exact.hess[i][j].eps[k]);
            }
        }
    }
}

#[test]
fn undefined_values_leave_no_derivative_defined() {
    let x = Cubic::<2>::variable(Interval::new(-1.0, 1.0), Interval::ZERO, 0)
        .within([Interval::new(-1.0, 1.0); 2]);
    let y = x.sqrt() + x.ln() * Cubic::constant(0.0);
    assert!(!y.is_defined() && y.over().0[0].is_undefined() && !Scalar::is_finite(y));
    let constant = Cubic::<2>::constant(-1.0).ln();
    assert!(!(constant + x).is_defined());
}

#[test]
fn gradients_that_jump_are_not_narrowed() {
    let x = Cubic::<1>::variable(Interval::new(-0.5, 1.0), Interval::point(0.25), 0);
    let x = x.within([Interval::new(-0.75, 0.75)]);
    let size = Cubic::select_gt(x.value(), Interval::ZERO, x, -x);
    // |x| x² is smooth to second order, but |x| is not.
    let ([slope], _) = size.over();
    assert!(slope.contains(-1.0) && slope.contains(1.0), "{slope:?}");
    let ([slope], [[bend]]) = (size * x * x).over();
    assert!(slope.contains(-0.75) && slope.contains(3.0), "{slope:?}");
    assert!(bend.contains(0.0) && bend.contains(6.0), "{bend:?}");
}
