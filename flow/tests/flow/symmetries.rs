//! Symmetries by name: their groups, their texts, and what is refused.

use ircpm_flow::check::flow_violations;
use ircpm_flow::{
    Affine, Features, Flow, FlowError, FlowSpec, Group, InvalidSymmetry, NotAGroup, Symmetries, Symmetry,
};
use ircpm_manifolds::AnyManifold;

use crate::networks::{points, regular, spec};

fn parsed(names: &[&str]) -> Vec<Symmetry> {
    names.iter().map(|name| name.parse().unwrap_or_else(|e| panic!("{e}"))).collect()
}

/// The error of symmetries that do not fit a manifold.
fn refused(manifold: &str, names: &[&str]) -> String {
    let manifold: AnyManifold = manifold.parse().unwrap();
    Symmetries::new(&parsed(names), &manifold).expect_err(&names.join(", ")).to_string()
}

#[test]
fn groups_have_their_known_orders() {
    let table: &[(&str, &[&str], usize)] = &[
        ("T2", &[], 1),
        ("T4", &["permutations"], 24),
        ("T1", &["permutations"], 1),
        ("T6", &["shifts"], 6),
        ("T6", &["shifts", "reversal"], 12),
        ("S2xS2xS2", &["permutations"], 6),
        ("S2xT1xS2", &["f1.Oh", "f2.inversion"], 96),
        ("T3", &["inversion"], 2),
        ("T3", &["reflections"], 8),
        ("T3", &["reflections", "permutations"], 48),
        ("T2", &["permutation(-2, 1)"], 4),
        ("T2", &["turns(1/2, 1/3)"], 6),
        ("T2", &["turns(1/100, 0)"], 100),
        ("T3", &["translations(1, 1, 1)", "shifts"], 3),
        ("S3", &["matrix(0 1 0 0, 1 0 0 0, 0 0 0 1, 0 0 -1 0)"], 4),
        ("S2", &["C1"], 1),
        ("S2", &["Cs"], 2),
        ("S2", &["Ci"], 2),
        ("S2", &["C7"], 7),
        ("S2", &["C256"], 256),
        ("S2", &["C5v"], 10),
        ("S2", &["C5h"], 10),
        ("S2", &["D5"], 10),
        ("S2", &["D5h"], 20),
        ("S2", &["D5d"], 20),
        ("S2", &["D2d"], 8),
        ("S2", &["S2"], 2),
        ("S2", &["S6"], 6),
        ("S2", &["T"], 12),
        ("S2", &["Td"], 24),
        ("S2", &["Th"], 24),
        ("S2", &["O"], 24),
        ("R3", &["Oh"], 48),
        ("S2", &["I"], 60),
        ("S2", &["Ih"], 120),
    ];
    for (manifold, names, order) in table {
        let manifold: AnyManifold = manifold.parse().unwrap();
        let symmetries = Symmetries::new(&parsed(names), &manifold).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(symmetries.group().order(), *order, "{names:?} on {manifold}");
        // Products of up to 256 rotations are still elements, to rounding.
        let again = Group::generated(symmetries.group().elements(), &manifold).unwrap();
        assert_eq!(again.order(), *order, "{names:?} on {manifold}, from all its elements");
    }
}

#[test]
fn text_of_a_symmetry_is_read_back() {
    for text in [
        "permutations",
        "shifts",
        "reversal",
        "inversion",
        "reflections",
        "permutation(2, -1)",
        "turns(1/2, 0, -1/3)",
        "matrix(0.6 0.8, 0.8 -0.6)",
        "translations(1, -1)",
        "rotations(1, 2)",
        "f2.rotations(1, 2)",
        "f1.Oh",
        "C4v",
        "D3h",
        "D2d",
        "S4",
        "Cs",
        "Ih",
    ] {
        let symmetry: Symmetry = text.parse().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(symmetry.to_string(), text);
    }
    assert_eq!(" turns( 1 / 2 ,0 ) ".parse::<Symmetry>().unwrap().to_string(), "turns(1/2, 0)");
}

#[test]
fn text_that_names_no_symmetry_is_refused_with_a_reason() {
    for text in ["", "permute", "Q4", "C", "C4w", "Cv", "f2", "4", "é", "shifts(1)", "f1.f2.Oh"] {
        let error = text.parse::<Symmetry>().expect_err(text);
        assert!(matches!(error, InvalidSymmetry::Unknown { .. }), "{text}: {error}");
    }
    for (text, reason) in [
        ("C0", "from 1 to 256"),
        ("C1000", "from 1 to 256"),
        ("S3", "C3h"),
        ("permutation(2, x)", "`x` should be an integer"),
        ("turns(1/0, 0)", "a fraction of a turn"),
        ("turns(0.5, 0)", "a fraction of a turn"),
        ("rotations(-1, 2)", "the number of a coordinate"),
        ("matrix(1 0, a 1)", "`a` should be a number"),
        ("turns(1/2", "not closed"),
    ] {
        let error = text.parse::<Symmetry>().expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn symmetries_that_do_not_fit_are_refused_with_a_reason() {
    let table: &[(&str, &[&str], &str)] = &[
        ("T2", &["C4v"], "three coordinates"),
        ("T2xS2", &["Oh"], "write f1. or f2."),
        ("T2xS2", &["f3.Oh"], "there is no factor f3"),
        ("T2xS2", &["f0.Oh"], "there is no factor f0"),
        ("T2xS2", &["permutations"], "not alike"),
        ("T2", &["permutation(1, 1)"], "each of the sites 1 to 2 once"),
        ("T2", &["permutation(1, 2, 3)"], "each of the sites 1 to 2 once"),
        ("S2", &["turns(1/2, 0, 0)"], "it moves angles"),
        ("T2", &["turns(1/2)"], "1 numbers for 2 angles"),
        ("T2", &["translations(0, 0)"], "moves nothing"),
        ("T2", &["matrix(0.6 -0.8, 0.8 0.6)"], "fractions of angles"),
        ("S2", &["matrix(2 0 0, 0 1 0, 0 0 1)"], "not orthogonal"),
        ("S2", &["matrix(1 0, 0 1)"], "3 rows of 3 numbers"),
        ("S2", &["matrix(0.6 -0.8 0, 0.8 0.6 0, 0 0 1)"], "more than 1024 elements"),
        ("T8", &["permutations"], "more than 1024 elements"),
        ("T2", &["turns(1/2000, 0)"], "more than 1024 elements"),
        ("S2", &["rotations(1, 1)"], "each once"),
        ("S2", &["rotations(3, 4)"], "coordinates 1 to 3"),
        ("R2", &["rotations(1, 2)"], "of a sphere"),
        ("S3", &["rotations(1, 2)", "rotations(3, 4)"], "one set"),
        ("S2", &["rotations(1, 2)", "Oh"], "moves its coordinates"),
        ("T2", &["translations(1, -1)", "permutation(-2, 1)"], "turns its direction"),
        (
            "T3",
            &["translations(2147483647, 2147483646, 5)", "translations(3, 2147483629, 2147483587)"],
            "too large",
        ),
    ];
    for (manifold, names, reason) in table {
        let error = refused(manifold, names);
        assert!(error.contains(reason), "{names:?} on {manifold}: {error}");
        assert!(names.iter().any(|name| error.contains(name)), "{names:?} on {manifold}: {error}");
    }
}

#[test]
fn continuous_symmetries_choose_the_inputs_of_the_network() {
    let flow = |manifold: &str, names: &[&str], features: Features| {
        Flow::new(FlowSpec { features, symmetry: parsed(names), ..spec(manifold, 1, true, &[3]) })
    };
    let inputs = |manifold: &str, names: &[&str], order: usize| {
        let flow = flow(manifold, names, Features::Harmonics { order }).unwrap();
        // Weights and biases of three units, and of the output.
        (flow.parameters() - 4 - 3) / 3
    };
    assert_eq!(inputs("T3", &[], 2), 12);
    assert_eq!(inputs("T3", &["translations(1, -2, 3)"], 1), 4);
    assert_eq!(inputs("T3", &["translations(1, -2, 3)", "translations(-2, 4, -6)"], 2), 8);
    assert_eq!(inputs("T3", &["translations(1, 1, 0)", "translations(0, 1, 1)"], 1), 2);
    assert_eq!(inputs("T1xS2", &["f2.rotations(1, 3)"], 2), 5);
    let constant =
        flow("T2", &["translations(1, 0)", "translations(0, 1)"], Features::Harmonics { order: 1 });
    assert!(matches!(constant.unwrap_err(), FlowError::Features(_)));
    let chosen = Features::Combinations { directions: vec![vec![1, 1]], order: 1 };
    assert!(flow("T2", &["inversion"], chosen.clone()).is_ok());
    assert!(matches!(flow("T2", &["translations(1, -1)"], chosen).unwrap_err(), FlowError::Features(_)));
}

#[test]
fn groups_take_isometries_alone() {
    let torus: AnyManifold = "T2".parse().unwrap();
    let group = |elements: Vec<Affine>| Group::new(elements, &torus).map(|group| group.order());
    let swap = Affine::signed_permutation(&[1, 0], &[1.0; 2]);
    let third = Affine::translation(&[std::f64::consts::TAU / 3.0, 0.0]);
    assert_eq!(group(vec![Affine::identity(2), swap.clone()]), Ok(2));
    assert_eq!(group(vec![Affine::identity(2), third.clone(), third.after(&third)]), Ok(3));
    assert_eq!(group(vec![]), Err(NotAGroup::Empty));
    assert!(matches!(group(vec![Affine::identity(2), third.clone()]), Err(NotAGroup::NotClosed { .. })));
    assert!(matches!(group(vec![swap.clone()]), Err(NotAGroup::NotClosed { .. })));
    assert_eq!(Group::generated(&[swap.clone(), third], &torus).unwrap().order(), 18);
    // What multiplies angles is an integer, or psi would jump where they wrap.
    let mut nearly = swap.clone();
    nearly.matrix[(0, 1)] -= 3e-10;
    for rounded in
        [Group::new(vec![Affine::identity(2), nearly.clone()], &torus), Group::generated(&[nearly], &torus)]
    {
        assert!(rounded.unwrap().elements().iter().all(|g| g.matrix.iter().all(|x| x.fract() == 0.0)));
    }
    let twice = vec![Affine::identity(2), Affine::identity(2)];
    assert!(matches!(group(twice), Err(NotAGroup::Repeated { first: 0, element: 1 })));
    let mut double = Affine::identity(2);
    double.matrix *= 2.0;
    assert!(matches!(group(vec![double]), Err(NotAGroup::NotAnIsometry { element: 0, .. })));
    let eighth = Affine::rotation(2, (0, 1), 0.25 * std::f64::consts::PI);
    assert!(matches!(group(vec![eighth]), Err(NotAGroup::NotAnIsometry { .. })));
    assert!(matches!(group(vec![Affine::identity(3)]), Err(NotAGroup::Coordinates { .. })));
    // A quarter turn that mixes two spheres is orthogonal, and takes points off them; a shift of R² keeps distances,
    // and moves the normal distribution.
    let mixed = Affine::rotation(6, (0, 3), std::f64::consts::FRAC_PI_2);
    let shifts = [("S2", vec![0.0, 0.0, 1.0]), ("R2", vec![0.5, 0.0])];
    let shifts = shifts.into_iter().map(|(name, shift)| (name, Affine::translation(&shift)));
    for (name, g) in [("S2xS2", mixed)].into_iter().chain(shifts) {
        let refused = Group::generated(&[g], &name.parse().unwrap());
        assert!(matches!(refused, Err(NotAGroup::NotAnIsometry { element: 0, .. })), "{name}: {refused:?}");
    }
}

#[test]
fn laws_of_flows_hold_for_symmetric_ones() {
    let table: [(&str, &[&str]); 3] = [
        ("T2", &["translations(1, -1)", "permutations"]),
        ("S2", &["D3"]),
        ("T1xS2", &["f2.Ci", "f1.inversion"]),
    ];
    for (seed, (manifold, names)) in (420..).zip(table) {
        let flow = FlowSpec { symmetry: parsed(names), ..spec(manifold, 2, false, &[4, 5]) };
        let flow = Flow::new(flow).unwrap();
        let (theta, _) = regular(&flow, seed);
        let violations = flow_violations(&flow, &theta, &points(flow.manifold(), 3, seed));
        assert!(violations.is_empty(), "{names:?} on {manifold}, seed {seed}: {violations:?}");
    }
}
