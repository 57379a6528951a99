//! Every mistake: its message and the part to blame; and the limits of what is compiled.

use super::tests::*;
use super::*;

/// What is wrong with a text: the part to blame, and the message.
fn refused(space: &str, text: &str, list: &[(&str, Parameter)]) -> (String, String) {
    let error = Expression::parse(&manifold(space), text, &parameters(list));
    let error = error.err().unwrap_or_else(|| panic!("`{text}` is no error"));
    (text[error.span.clone()].to_owned(), error.kind.to_string())
}

#[test]
fn every_mistake_is_named_with_the_part_to_blame() {
    let cases = [
        ("T2", "", "", "there is no energy"),
        ("T2", "a = 1;", "a = 1;", "there is no energy"),
        ("T2", "cos(theta1", "", "the end stands where an operator, a comma or a ) belongs"),
        ("T2", "cos(theta1))", ")", "`)` stands where an operator or the end belongs"),
        ("T2", "2 theta1", "theta1", "`theta1` stands where an operator"),
        ("T2", "cos(theta1) +", "", "the end stands where a number, a name"),
        ("T2", "cos(theta1)**2", "**", "write ^ for a power"),
        ("T2", "cos(theta1)²", "²", "write x^2"),
        ("T2", "cos(theta1) @ 2", "@", "`@` means nothing here"),
        ("T2", "theta1 < 2", "<", "no comparisons"),
        ("T2", "a = cos(theta1)\n-a", "-a", "never"),
        ("T2", "cos(thta1)", "thta1", "unknown name `thta1`, expected one of `theta1`, `theta2`, `pi`"),
        ("T2", "cos(x1)", "x1", "unknown name `x1`, expected one of `theta1`, `theta2`"),
        ("S2", "theta1", "theta1", "expected one of `x1`, `x2`, `x3`"),
        ("T2", "cosine(theta1)", "cosine", "unknown function `cosine`, expected one of"),
        ("T2", "cos + theta1", "cos", "`cos` is a function"),
        ("T2", "sin(theta1, theta2)", "sin(theta1, theta2)", "2 arguments: write it with one argument"),
        ("T2", "atan2(sin(theta1))", "atan2(sin(theta1))", "1 arguments: write atan2(y, x)"),
        ("T2", "sum()", "sum()", "0 arguments: write sum(i, 1, 8, term)"),
        (
            "T8",
            "sum(i, 1, 8, cos(theta[i+1] - theta[i]))",
            "i+1",
            "index 9 is outside of 1 to 8, where i = 8",
        ),
        ("T2", "cos(theta[0])", "0", "index 0 is outside of 1 to 2"),
        ("T2", "cos(theta[1.5])", "1.5", "1.5 is not an integer"),
        ("T2", "cos(theta[theta1])", "theta1", "an index has to be a number"),
        ("T2", "cos(theta)", "theta", "this is a list of 2, where a number belongs"),
        ("T2", "theta1[1]", "theta1", "this is a number, where a list belongs"),
        ("S2", "dot(x, [1, 2])", "dot(x, [1, 2])", "lists of 3 and of 2 entries"),
        ("T2", "cos(theta1) + ln(0)", "ln(0)", "the value of this constant is -inf"),
        ("T2", "cos(theta1) + 1 / 0", "1 / 0", "the value of this constant is inf"),
        ("T2", "1e999 * cos(theta1)", "1e999", "the value of this constant is inf"),
        ("T2", "theta1 = 2; cos(theta1)", "theta1", "`theta1` already is a coordinate"),
        ("T2", "pi = 3; cos(theta1)", "pi", "`pi` already is the constant"),
        ("T2", "a = 1; b = a; cos(theta1)", "b", "`b` is defined here and never used"),
        ("T2", "sum(i, 1, 3, cos(theta1))", "i", "`i` is defined here and never used"),
        ("T2", "sum(i, 1, 2, sum(i, 1, 2, cos(theta[i])))", "i", "already is defined in this energy"),
        ("T2", "k = 2; log_sum_exp(k, 1, 2, cos(theta[k]))", "k", "already is defined in this energy"),
        ("T2", "max(theta1, 1, 2, cos(theta2))", "theta1", "`theta1` already is a coordinate"),
        ("T2", "a = 2; max(a, 1, 2, cos(theta2))", "a", "write their list, as in max([a, 1, 2, 3])"),
        ("T2", "mod(theta1, 2)", "theta1", "the first argument of mod has to be a number"),
        ("T2", "mod(1, 0) + cos(theta1)", "0", "has to be above 0"),
        ("S2", "vmf(x, [0, 0, 0], 1)", "[0, 0, 0]", "longer than zero"),
        ("S2", "vmf(x, [0, 0, 1], x1)", "x1", "kappa has to be a number"),
        ("S2", "kent(x, [0, 0, 1], [0, 0, 2], 3, 1)", "[0, 0, 2]", "parallel"),
        ("S2", "kent(x, [0,0,1], [1,0,0], 3, 1e9)", "kent(x, [0,0,1], [1,0,0], 3, 1e9)", "at most 2000"),
        ("T2", "min(i, 2, 1, cos(theta[i]))", "min(i, 2, 1, cos(theta[i]))", "there are no terms"),
        ("T2", "[[[[[theta1]]]]][1]", "[[[[[theta1]]]]]", "more than 4 levels"),
        ("T2", "3", "3", "the same everywhere on T2"),
        ("S2", "x1^2 + x2^2 + x3^2", "x1^2 + x2^2 + x3^2", "the same everywhere on S2"),
        ("S2", "ln(x3)", "ln(x3)", "the energy is NaN at x1 ="),
        ("T2", "theta1^2 + cos(theta2)", "theta1", "the energy jumps at the seam of `theta1`"),
        ("T2", "cos(theta1) + sin(theta2 / 2)", "theta2", "the energy jumps at the seam of `theta2`"),
        (
            "T1xT1",
            "cos(theta1)",
            "theta1",
            "several factors of the product: write one of `f1.theta1`, `f2.theta1`",
        ),
        ("T1xT1", "cos(f3.theta1)", "f3.theta1", "expected one of `f1.theta1`, `f2.theta1`"),
    ];
    for (space, text, part, message) in cases {
        let (blamed, said) = refused(space, text, &[]);
        assert!(said.contains(message) || message == "never", "{text}: {said}");
        assert!(blamed == part || message == "never", "{text}: {blamed:?} is blamed: {said}");
    }
}

#[test]
fn parameters_are_named_when_they_are_to_blame() {
    let error = |text: &str, list: &[(&str, Parameter)]| {
        let error = Expression::parse(&manifold("T2"), text, &parameters(list)).expect_err(text);
        (error.parameter().map(str::to_owned), error.kind.to_string())
    };
    let nested = Parameter::from([[[[[1.0]]]]]);
    let cases: [(&str, &str, Parameter, &str); 5] = [
        ("cos(theta1)", "b", 1.0.into(), "does not occur in the energy"),
        ("cos(theta1)", "theta1", 1.0.into(), "has the name of a coordinate"),
        ("b * cos(theta1)", "b", f64::NAN.into(), "not finite"),
        ("b * cos(theta1)", "b", Parameter::List(vec![]), "an empty list"),
        ("b * cos(theta1)", "b", nested, "more than four deep"),
    ];
    for (text, name, value, message) in cases {
        let (blamed, said) = error(text, &[(name, value)]);
        assert_eq!(blamed.as_deref(), Some(name), "{said}");
        assert!(said.contains(message), "{said}");
    }
    let (blamed, said) = error("cos(a[3] * theta1)", &[("a", [1.0, 2.0].into())]);
    assert_eq!((blamed, said.as_str()), (None, "index 3 is outside of 1 to 2"));
}

#[test]
fn texts_that_would_fill_the_memory_are_refused() {
    let deep = |n: usize, open: &str, close: &str| format!("{}theta1{}", open.repeat(n), close.repeat(n));
    for (text, message) in [
        (deep(100_000, "(", ")"), "bytes, at most"),
        (deep(20_000, "(", ")"), "more than 64 levels"),
        (deep(20_000, "-", ""), "more than 64 levels"),
        (deep(20_000, "2^", ""), "more than 64 levels"),
        (deep(10_000, "cos(", ")"), "more than 64 levels"),
        (deep(20_000, "[", "]"), "more than 64 levels"),
        ("sum(i, 1, 1000000000, cos(i * theta1))".to_owned(), "more than 65536 operations"),
        ("sum(i, 1, 1000, sum(j, 1, 1000, cos(i * j * theta1)))".to_owned(), "more than 65536 operations"),
        ("sum(i, 1, 1e300, cos(i * theta1))".to_owned(), "1e300 is outside of ±10⁹"),
        ("sum(i, 1, 1000000000000, cos(i * theta1))".to_owned(), "1e12 is outside of ±10⁹"),
    ] {
        let (_, said) = refused("T2", &text, &[]);
        assert!(said.contains(message), "{}: {said}", &text[..text.len().min(40)]);
    }
    // Lists of lists, each twice as long as the one before.
    let doubled = (1..40).fold("a0 = [sin(theta1), sin(theta2)];".to_owned(), |text, i| {
        format!("{text} a{i} = [a{0} + a{0}, 1][1];", i - 1)
    });
    assert!(Expression::parse(&manifold("T2"), &format!("{doubled} a39[1]"), &Parameters::new()).is_ok());
    // As deep as is allowed, and a long chain of terms, which is not deep.
    assert!(energy("T2", &format!("cos({})", deep(60, "(", ")"))).instructions() == 1);
    assert!(energy("T2", &format!("cos(theta1){}", " + cos(theta2)".repeat(4000))).instructions() > 4000);
}
