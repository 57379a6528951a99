//! What the optional features add. Each test needs its feature: `cargo test --all-features`.

#[cfg(feature = "serde")]
#[test]
fn dual_types_survive_a_round_trip_through_json() {
    use ircpm_ad::{Dual, Guarded, Jet, Lap};
    fn check<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        x: &T,
        text: &str,
    ) {
        assert_eq!(serde_json::to_string(x).unwrap(), text);
        assert_eq!(serde_json::from_str::<T>(text).unwrap(), *x);
    }
    check(&Dual::new(1.5, [2.0, 3.0]), r#"{"re":1.5,"eps":[2.0,3.0]}"#);
    check(
        &Dual::new(Dual::new(1.0, [2.0]), [Dual::new(3.0, [4.0])]),
        r#"{"re":{"re":1.0,"eps":[2.0]},"eps":[{"re":3.0,"eps":[4.0]}]}"#,
    );
    let jet = Jet { re: 1.0, grad: [2.0, 3.0], hess: [[4.0, 5.0], [5.0, 6.0]] };
    check(&jet, r#"{"re":1.0,"grad":[2.0,3.0],"hess":[[4.0,5.0],[5.0,6.0]]}"#);
    check(&Lap { re: 1.0, grad: [2.0], lap: 3.0 }, r#"{"re":1.0,"grad":[2.0],"lap":3.0}"#);
    check(&Guarded(Dual::new(1.0, [2.0])), r#"{"re":1.0,"eps":[2.0]}"#);
    let long = Dual::<f64, 40>::new(0.0, std::array::from_fn(|i| i as f64));
    assert_eq!(serde_json::from_str::<Dual<f64, 40>>(&serde_json::to_string(&long).unwrap()).unwrap(), long);
    let short =
        serde_json::from_str::<Dual<f64, 3>>(r#"{"re":1.5,"eps":[2.0,3.0]}"#).unwrap_err().to_string();
    assert!(short.contains("invalid length 2, expected an array of length 3"), "{short}");
    assert!(serde_json::from_str::<Dual<f64, 1>>(r#"{"re":1.5,"eps":[2.0,3.0]}"#).is_err());
}

#[cfg(feature = "num-traits")]
#[test]
fn dual_types_are_numbers_to_num_traits() {
    use ircpm_ad::{Dual, Jet, Lap, Scalar, Taylor};
    use num_traits::{Inv, One, Pow, Zero};
    fn check<
        T: Scalar + Zero + One + Inv<Output = T> + Pow<i32, Output = T> + Pow<f64, Output = T> + PartialEq,
    >(
        x: T,
    ) {
        assert!(<T as Zero>::zero().is_zero() && <T as One>::one().is_one() && !x.is_zero());
        assert!(x * <T as One>::one() == x && x + <T as Zero>::zero() == x);
        assert!(x.inv() == x.recip() && Pow::pow(x, 3) == x.powi(3) && Pow::pow(x, 0.5) == x.powf(0.5));
    }
    check(Dual::new(1.5, [2.0, 3.0]));
    check(Jet::<f64, 2>::variable(0.3, 1));
    check(Lap::<f64, 2>::seeded(0.3, [1.0, 2.0]));
    check(Taylor::<f64, 3>::variable(0.3));
    // A tangent alone is not zero.
    assert!(!Dual::new(0.0, [1.0]).is_zero());
}

#[cfg(feature = "nalgebra")]
mod matrices {
    use ircpm_ad::matrix::Lu;
    use ircpm_ad::{Dual, Scalar};
    use nalgebra::{DMatrix, DVector, Matrix2, Vector2};

    type D = Dual<f64, 1>;

    /// A matrix that depends on `t`, and its derivative.
    fn at(t: D) -> (DMatrix<D>, DMatrix<f64>) {
        let entry =
            |i: usize, j: usize| (t * (1.0 + i as f64 - 2.0 * j as f64)).sin() + f64::from(i == j) * 2.0;
        let a = DMatrix::from_fn(3, 3, entry);
        let slope = a.map(|entry| entry.eps[0]);
        (a, slope)
    }

    fn values(a: &DMatrix<D>) -> DMatrix<f64> {
        a.map(|entry| entry.re)
    }

    #[test]
    fn sums_and_products_of_matrices_of_duals_follow_the_product_rule() {
        let t = D::variable(0.7, 0);
        let (a, slope) = at(t);
        let (b, other) = at(t * t);
        let product = &a * &b + &a;
        let expected = &slope * values(&b) + values(&a) * &other + &slope;
        assert!((product.map(|x| x.re) - (values(&a) * values(&b) + values(&a))).amax() < 1e-15);
        assert!((product.map(|x| x.eps[0]) - expected).amax() < 1e-14);
        let v = DVector::from_fn(3, |i, _| t * (i as f64 - 0.5));
        // d/dt of t² Σ cᵢ².
        assert!((v.dot(&v).eps[0] - 2.0 * 0.7 * (0.25 + 0.25 + 2.25)).abs() < 1e-15);
        let w = (a * &v) * t - v;
        assert_eq!(w.len(), 3);
        let small = Matrix2::new(t, D::one(), D::zero(), t) * Vector2::new(t, t);
        assert_eq!((small[0].eps[0], small[1].eps[0]), (2.0 * 0.7 + 1.0, 2.0 * 0.7));
    }

    #[test]
    fn solution_with_a_matrix_of_duals_has_the_derivative_of_the_inverse() {
        let (a, slope) = at(D::variable(0.7, 0));
        let b = DMatrix::from_fn(3, 2, |i, j| D::constant((i + 2 * j) as f64 - 1.0));
        let x = Lu::from_matrix(&a).unwrap().solution(&b);
        assert!((values(&a) * values(&x) - values(&b)).amax() < 1e-14);
        // dx = −A⁻¹ dA x, by nalgebra's own inverse.
        let expected = -(values(&a).try_inverse().unwrap() * slope * values(&x));
        assert!((x.map(|x| x.eps[0]) - expected).amax() < 1e-13);
        assert_eq!(Lu::from_matrix(&DMatrix::<D>::zeros(2, 2)).unwrap_err().column, 0);
    }
}
