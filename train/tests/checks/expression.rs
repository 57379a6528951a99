//! What must hold of any text given as an energy; replayed from `tests/regressions/expression`, and fuzzed.

use ircpm_train::target::{Expression, ExpressionError, Parameters, Target};

/// Parses `bytes` as an energy on several manifolds if they are text. An energy can be evaluated; an error blames a part
/// of the text, and says something.
pub(crate) fn parses_or_explains(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let parameters =
        Parameters::from([("a".to_owned(), 0.5.into()), ("b".to_owned(), [[1.0, 0.0], [2.0, -1.0]].into())]);
    for (manifold, parameters) in [
        ("T2", &Parameters::new()),
        ("T2", &parameters),
        ("S2xR1", &parameters),
        ("T1xT1", &Parameters::new()),
    ] {
        let manifold = manifold.parse().expect("a manifold's name");
        match Expression::parse(&manifold, text, parameters) {
            Ok(energy) => {
                let y = manifold.origin();
                let (mut u, mut v, mut gradient) = ([0.0], [0.0], vec![0.0; y.len()]);
                energy.energies(&y, &mut u);
                energy.gradients(&y, &mut v, &mut gradient);
                let far = (u[0] - v[0]).abs() > 1e-9 * u[0].abs().max(1.0);
                assert!(!far, "{text}: {} alone, {} with its gradient", u[0], v[0]);
                energy.of_density(text).err().iter().for_each(blames_and_explains);
            }
            Err(error) => blames_and_explains(&error),
        }
    }
}

fn blames_and_explains(error: &ExpressionError) {
    assert!(error.text.get(error.span.clone()).is_some(), "{}: {:?}", error.text, error.span);
    assert!(!error.kind.to_string().is_empty() && error.line() > 0 && error.column() > 0);
}
