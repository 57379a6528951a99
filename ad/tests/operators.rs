//! Operators of the dual types, against the same expression written with the bare products and sums.

use ircpm_ad::{Dual, Guarded, Isa, Jet, Kernel, Lap, Real, Scalar};

/// Every operator of a concrete type between values, references and constants.
macro_rules! assert_operators {
    ($name:expr, $x:expr, $y:expr) => {{
        let (x, y) = ($x, $y);
        let same = |what: &str, a, b| assert_eq!(a, b, "{what} of {}", $name);
        same("&x + y", &x + y, x + y);
        same("x − &y", x - &y, x - y);
        same("&x · &y", &x * &y, x * y);
        same("&x / &y", &x / &y, x / y);
        same("−&x", -&x, -x);
        same("&x · 2", &x * 2.0, x * 2.0);
        let two = Scalar::constant(2.0);
        same("2 + x", 2.0 + x, two + x);
        same("2 − x", 2.0 - x, two - x);
        same("2 · x", 2.0 * x, x + x);
        same("2 / x", 2.0 / x, two / x);
        same("2 − &x", 2.0 - &x, two - x);
        same("from", 2.0.into(), two);
        same("default", Default::default(), Scalar::zero());
        let assigned = |f: fn(&mut _, _)| {
            let mut z = x;
            f(&mut z, y);
            z
        };
        same("x /= y", assigned(|z, y| *z /= y), x / y);
        same("x += c", assigned(|z, _| *z += 0.3), x + 0.3);
        same("x −= c", assigned(|z, _| *z -= 0.3), x - 0.3);
        same("x *= c", assigned(|z, _| *z *= 0.3), x * 0.3);
        same("x /= c", assigned(|z, _| *z /= 0.3), x / 0.3);
        same("sum", [x, y, x].into_iter().sum(), x + y + x);
        same("sum of references", [x, y].iter().sum(), x + y);
        same("product", [x, y, x].into_iter().product(), x * y * x);
        same("product of references", [x, y].iter().product(), x * y);
    }};
}

#[test]
fn operators_agree_for_values_references_and_constants() {
    assert_operators!("Dual", Dual::new(0.7, [1.0, 0.3]), Dual::new(-1.3, [0.2, -0.9]));
    let jet = |x: f64| Jet::<f64, 2> { re: x, grad: [1.0, -x], hess: [[0.5, x], [x, 2.0]] };
    assert_operators!("Jet", jet(0.7), jet(-1.3));
    let lap = |x: f64| Lap::<f64, 2> { re: x, grad: [1.0, -x], lap: 0.5 };
    assert_operators!("Lap", lap(0.7), lap(-1.3));
    assert_operators!("Guarded", Guarded(jet(0.7)), Guarded(jet(-1.3)));
    let nested = |x: f64| Dual::<_, 1>::new(Dual::new(x, [1.0]), [Dual::new(1.0, [x])]);
    assert_operators!("Dual of Dual", nested(0.7), nested(-1.3));
}

#[test]
fn numbers_are_written_with_their_derivatives() {
    let dual = Dual::new(1.5, [2.0, 0.25]);
    assert_eq!(format!("{dual}"), "(1.5 + [2, 0.25]ε)");
    assert_eq!(format!("{dual:.1}"), "(1.5 + [2.0, 0.2]ε)");
    let jet = Jet { re: 1.0, grad: [2.0, 3.0], hess: [[4.0, 5.0], [5.0, 6.0]] };
    assert_eq!(format!("{jet}"), "(1 + [2, 3]ε + ½[[4, 5], [5, 6]]ε²)");
    assert_eq!(format!("{}", Lap { re: 1.0, grad: [2.0], lap: 3.0 }), "(1 + [2]ε, Δ = 3)");
    assert_eq!(format!("{}", Dual::new(dual, [dual])), "((1.5 + [2, 0.25]ε) + [(1.5 + [2, 0.25]ε)]ε)");
}

/// What generic code may write: the operators that `Scalar` promises.
struct Promised;

impl Kernel for Promised {
    type Output = Vec<f64>;

    fn run<R: Real>(self) -> Vec<f64> {
        fn mean<S: Scalar>(x: &[S]) -> S {
            let mut y: S = x.iter().copied().sum();
            y /= x.len() as f64;
            y += 1.0;
            y -= 0.5;
            y *= 2.0;
            y /= S::constant(4.0);
            y * x.iter().copied().product::<S>()
        }
        let y = mean(&[Dual::<R, 1>::variable(R::constant(2.0), 0), Dual::constant(4.0)]);
        vec![y.re.lane(0), y.eps[0].lane(R::LANES - 1)]
    }
}

#[test]
fn generic_code_has_assignments_with_constants_sums_and_products_in_lanes() {
    // ((x + 4)/2 + ½)/2 · 4x is x² + 5x.
    for found in Isa::available().into_iter().map(|isa| isa.dispatch(Promised)).chain([Promised.run::<f64>()])
    {
        assert_eq!(found, [14.0, 9.0]);
    }
}

#[test]
fn is_finite_looks_at_every_coefficient() {
    let (x, bad) = (Dual::new(1.0, [2.0, 3.0]), f64::NAN);
    assert!(x.is_finite() && !Dual::new(1.0, [2.0, bad]).is_finite() && !Dual::new(bad, [2.0]).is_finite());
    let jet = Jet { re: 1.0, grad: [2.0, 3.0], hess: [[4.0, 5.0], [5.0, 6.0]] };
    assert!(jet.is_finite() && !Jet { hess: [[4.0, 5.0], [5.0, f64::INFINITY]], ..jet }.is_finite());
    assert!(
        !Lap { re: 1.0, grad: [2.0], lap: bad }.is_finite()
            && Lap { re: 1.0, grad: [2.0], lap: 1.0 }.is_finite()
    );
    for isa in Isa::available() {
        let lanes = isa.dispatch(Finite);
        assert!(lanes.into_iter().all(|(all, one_infinite)| all && !one_infinite), "{}", isa.name());
    }
}

/// Whether a pack is finite, and whether it is with an infinite number in each lane in turn.
struct Finite;

impl Kernel for Finite {
    type Output = Vec<(bool, bool)>;

    fn run<R: Real>(self) -> Vec<(bool, bool)> {
        let with = |lane: usize| R::from_fn(|i| if i == lane { f64::NEG_INFINITY } else { f64::MAX });
        (0..R::LANES).map(|lane| (with(R::LANES).is_finite(), with(lane).is_finite())).collect()
    }
}
