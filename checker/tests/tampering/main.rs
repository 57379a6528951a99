//! Certificates that were altered are rejected, and those of maps that fold; certificates of true statements are verified.

mod run;
mod seal;
mod spheres;

use ircpm_checker::{CheckError, Verified, check};
use run::run_of;
use seal::{change, cosine, parameters, sealed, with_parameters};

/// A network on T² with four group elements, and two linear layers on T². `ircpm certify` wrote both.
const NETWORK: &str = include_str!("../data/network.txt");
const LINEAR: &str = include_str!("../data/linear.txt");

fn judge(text: &str) -> Result<Verified, CheckError> {
    check(text.as_bytes(), None)
}

/// The text is rejected or refused, for this reason.
fn assert_refused(what: &str, text: &str, reason: &str) {
    let error = check(text.as_bytes(), None).expect_err(what);
    assert!(error.to_string().contains(reason), "{what}: {error}");
}

#[test]
fn what_the_program_wrote_is_verified() {
    let network = judge(NETWORK).expect("a certificate");
    assert_eq!((network.manifold.as_str(), network.bounds.len()), ("T2", 1));
    assert!(network.to_string().starts_with("VERIFIED: the map is a diffeomorphism of T2\n"));
    let linear = judge(LINEAR).expect("a certificate");
    assert_eq!(linear.bounds.len(), 2);
    // Enclosures of this kind need few halvings more.
    for verified in [network, linear] {
        assert!(verified.looked_at < 2 * verified.cells, "{verified:?}");
    }
    for text in [NETWORK, LINEAR] {
        assert_eq!(sealed(text), text);
        assert!(check(text.as_bytes(), Some(&run_of(text))).is_ok());
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for text in [NETWORK, LINEAR] {
        let bytes = text.as_bytes();
        for at in (0..bytes.len()).step_by(13) {
            for flip in [1, 0x20, 0x80] {
                let mut changed = bytes.to_vec();
                changed[at] ^= flip;
                assert!(check(&changed, None).is_err(), "byte {at} flipped by {flip}");
            }
            assert!(check(&bytes[..at], None).is_err(), "cut after {at} bytes");
            assert!(check(&[&bytes[..at], &bytes[at + 1..]].concat(), None).is_err(), "without byte {at}");
        }
        assert!(check(&[bytes, b"\n"].concat(), None).is_err());
        assert!(check(&[bytes, b"end\n"].concat(), None).is_err());
    }
}

/// With digests that are right, mathematics or the format refuses what is false.
#[test]
fn false_statements_are_rejected() {
    let to = |text: &'static str| move |_: &str| text.to_owned();
    let bound = |text: &str, factor: f64| {
        change(text, "bound", |x| (x.parse::<f64>().expect("a number") * factor).to_string())
    };
    let first = |rest: &str| rest.chars().next().expect("a character").to_string();
    let network: [(&str, String, &str); 38] = [
        ("bound raised", bound(NETWORK, 1.06), "it is not proven"),
        ("bound beyond 1", change(NETWORK, "bound", to("1.5")), "it is not proven"),
        ("bound negative", bound(NETWORK, -1.0), "is not positive"),
        ("bound zero", change(NETWORK, "bound", to("0")), "is not positive"),
        ("bound NaN", change(NETWORK, "bound", to("NaN")), "not finite"),
        ("bound infinite", change(NETWORK, "bound", to("inf")), "not finite"),
        (
            "record cut",
            change(NETWORK, "steps", |n| (n.parse::<usize>().expect("a count") - 1).to_string()),
            "",
        ),
        (
            "record extended",
            change(NETWORK, "steps", |n| (n.parse::<usize>().expect("a count") + 6).to_string()),
            "",
        ),
        (
            "a cell that was halved said to be proven",
            change(NETWORK, "record", |rest| rest.replacen(|digit| digit != 'A', "A", 1)),
            "after its last cell",
        ),
        (
            "nothing but proven cells",
            change(NETWORK, "record", |rest| "A".repeat(rest.len())),
            "after its last cell",
        ),
        (
            "record of other characters",
            change(NETWORK, "record", |rest| rest.replace('A', "!")),
            "stands for no steps",
        ),
        ("first depth raised", change(NETWORK, "first-depth", to("6")), "fewer than the first grid"),
        ("first depth lowered", change(NETWORK, "first-depth", to("4")), "after its last cell"),
        ("first depth absurd", change(NETWORK, "first-depth", to("4000000000")), "fewer than the first grid"),
        ("first depth negative", change(NETWORK, "first-depth", to("-1")), "no number"),
        (
            "sign of the output flipped",
            with_parameters(NETWORK, |i, x| if i >= 40 { -x } else { x }),
            "it is not proven",
        ),
        (
            "exponent's bit flipped",
            with_parameters(NETWORK, |i, x| if i == 3 { x * 16.0 } else { x }),
            "it is not proven",
        ),
        ("all parameters larger", with_parameters(NETWORK, |_, x| 1.5 * x), "it is not proven"),
        ("largest parameters", with_parameters(NETWORK, |_, x| f64::MAX.copysign(x)), "it is not proven"),
        (
            "parameter NaN",
            with_parameters(NETWORK, |i, x| if i == 7 { f64::NAN } else { x }),
            "parameter 8 is NaN",
        ),
        (
            "parameter infinite",
            with_parameters(NETWORK, |i, x| if i == 0 { f64::INFINITY } else { x }),
            "parameter 1 is inf",
        ),
        (
            "more parameters than there are",
            change(NETWORK, "parameters", to("1000000000000000000")),
            "parameters",
        ),
        ("parameters of other digits", change(NETWORK, "theta", |rest| rest.replace('3', "g")), "16 digits"),
        ("width changed", change(NETWORK, "hidden", to("9")), "parameters, not"),
        ("width absurd", change(NETWORK, "hidden", to("1048576 1048576 1048576 1048576")), "parameters"),
        ("width zero", change(NETWORK, "hidden", to("0")), "units"),
        ("output scale lowered", change(NETWORK, "output-scale", to("0.5")), "it is not proven"),
        ("output scale negative", change(NETWORK, "output-scale", to("-1")), "should lie between"),
        (
            "features of higher frequency",
            change(NETWORK, "wave", |row| row.replace('1', "3")),
            "it is not proven",
        ),
        ("features of no torus", change(NETWORK, "wave", |row| format!("{row} 0")), "frequencies"),
        (
            "group of no isometries",
            change(NETWORK, "element", |_| "1 1 0 1 shift 0 0".to_owned()),
            "signed permutation",
        ),
        (
            "group that shifts by NaN",
            change(NETWORK, "element", |_| "1 0 0 1 shift NaN 0".to_owned()),
            "signed permutation",
        ),
        ("fewer elements than lines", change(NETWORK, "elements", to("1")), "should begin with"),
        ("manifold of another dimension", change(NETWORK, "manifold", to("T3")), "frequencies"),
        ("manifold of another kind", change(NETWORK, "manifold", to("S2")), "frequencies"),
        ("manifold that is none", change(NETWORK, "manifold", to("R2")), "a product of tori and spheres"),
        ("no copies", change(NETWORK, "copies", to("0")), "one layer at least"),
        ("charges", change(NETWORK, "potential", to("charges")), "`network` or `linear`"),
    ];
    for (what, text, reason) in &network {
        assert_refused(what, &sealed(text), reason);
    }
    let linear: [(&str, String, &str); 7] = [
        ("coefficients larger", with_parameters(LINEAR, |_, x| 4.0 * x), "it is not proven"),
        ("wave of higher frequency", change(LINEAR, "wave", |row| row.replace('1', "4")), "it is not proven"),
        (
            "more layers than there are",
            change(LINEAR, "layers", to("1000000000000000000")),
            "it should be `layer 3`",
        ),
        ("a layer left over", change(LINEAR, "layers", to("1")), "it should be `end`"),
        (
            "more waves than there are",
            change(LINEAR, "waves", to("1000000000000000000")),
            "should begin with",
        ),
        (
            "a bump of no concentration",
            LINEAR.replacen("bumps 0\n", "bumps 1\nbump 0 1 1\n", 1),
            "positive concentration",
        ),
        ("an empty record", change(LINEAR, "record", |rest| first(rest)), ""),
    ];
    for (what, text, reason) in &linear {
        assert_refused(what, &sealed(text), reason);
    }
}

#[test]
fn heads_of_something_else_are_refused() {
    assert_refused(
        "a later version",
        &sealed(&NETWORK.replacen("certificate 2", "certificate 3", 1)),
        "another version",
    );
    assert_refused(
        "another statement",
        &sealed(&NETWORK.replacen("diffeomorphism", "isometry", 1)),
        "it should be `statement",
    );
    assert_refused(
        "digest of the parameters",
        &sealed(NETWORK).replacen("parameters-sha256 ", "parameters-sha256 0", 1),
        "altered",
    );
    for text in ["", "\n", "sha256 0\n", "ircpm-certificate 2", "ircpm-certificate 2\nsha256 0\n"] {
        assert!(judge(text).is_err());
    }
    assert!(check(b"\xff\xfe\0", None).is_err());
    let body = NETWORK.replacen("parameters-sha256 ", "parameters-sha256 0", 1);
    let at = body.rfind("\nsha256 ").expect("a digest") + 1;
    let digest: String =
        <sha2::Sha256 as sha2::Digest>::digest(&body[..at]).iter().map(|b| format!("{b:02x}")).collect();
    assert_refused(
        "another digest of parameters",
        &format!("{}sha256 {digest}\n", &body[..at]),
        "the parameters are others",
    );
}

/// Other true statements, with digests that are right, are verified as what they are; a run tells that they are of other
/// maps.
#[test]
fn true_statements_on_other_maps_are_those_of_another_run() {
    let lower = sealed(&change(NETWORK, "bound", |_| "0.01".to_owned()));
    assert_eq!(judge(&lower).expect("a true statement").bounds, [0.01]);
    let own = run_of(NETWORK);
    let bit = sealed(&with_parameters(NETWORK, |i, x| if i == 5 { x.next_up() } else { x }));
    let verified = judge(&bit).expect("a true statement on another map");
    assert_ne!(verified.digest, judge(NETWORK).expect("a certificate").digest);
    let error = check(bit.as_bytes(), Some(&own)).expect_err("another map");
    assert!(error.to_string().contains("parameter 6 is"), "{error}");

    // A layer is dropped, and two are swapped.
    let own = run_of(LINEAR);
    let (one, two) = (LINEAR.find("layer 1\n").expect("a layer"), LINEAR.find("layer 2\n").expect("a layer"));
    let end = LINEAR.find("end\n").expect("an end");
    let (head, first, second) = (&LINEAR[..one], &LINEAR[one..two], &LINEAR[two..end]);
    let dropped = sealed(&format!("{}{first}end\n", head.replacen("layers 2", "layers 1", 1)));
    let swap = second.replacen("layer 2", "layer 1", 1) + &first.replacen("layer 1", "layer 2", 1);
    let swapped = sealed(&format!("{head}{swap}end\n"));
    for text in [dropped, swapped] {
        assert!(judge(&text).is_ok());
        assert!(matches!(check(text.as_bytes(), Some(&own)), Err(CheckError::OtherMap { .. })));
    }
}

#[test]
fn a_fold_of_a_ten_thousandth_is_rejected() {
    let root = std::f64::consts::SQRT_2;
    for (least, bound, is_true) in
        [(1e-4, 9e-5, true), (-1e-4, 1e-12, false), (-1e-4, 9e-5, false), (0.0, 1e-12, false)]
    {
        let verdict = judge(&cosine((1.0 - least) / root, bound, 12));
        assert_eq!(verdict.is_ok(), is_true, "least eigenvalue {least}, bound {bound}: {verdict:?}");
        if let Err(error) = verdict {
            // The first of the cells where the cosine is 1.
            assert!(matches!(error, CheckError::Cell { layer: 1, cell: 1, .. }), "{error}");
        }
    }
    // The last layer of the network is scaled until the eigenvalue that was found least is −1e-4.
    let claimed = judge(NETWORK).expect("a certificate").bounds[0];
    let parameters = parameters(NETWORK).len();
    for fold in [1e-4, 0.3] {
        let scale = (1.0 + fold) / (1.0 - LEAST);
        let units = parameters - 9;
        let folded = with_parameters(NETWORK, |i, x| if i >= units { scale * x } else { x });
        let folded = change(&folded, "bound", |_| "1e-9".to_owned());
        assert_refused("a network that folds", &sealed(&folded), "it is not proven");
    }
    assert!(claimed < LEAST && claimed > 0.94 * LEAST);
}

/// The smallest eigenvalue that the search met for the network.
const LEAST: f64 = 0.487902;

/// `H = 1 + a φ″` with the bump `φ = exp(κ (cos(θ − c) − 1))/κ`, whose second derivative is −1 at its centre and nowhere
/// less.
#[test]
fn bumps_are_verified_and_rejected() {
    for (kappa, centre) in [(1.0, 0.0), (4.0, 2.5), (30.0, -1.0)] {
        let text = |bound: f64| {
            let text =
                cosine(0.0, bound, 10).replacen("bumps 0\n", &format!("bumps 1\nbump {kappa} {centre}\n"), 1);
            let text = change(&text, "theta", |rest| format!("{rest} {:016x}", 0.5_f64.to_bits()));
            sealed(&change(&text, "parameters", |_| "3".to_owned()))
        };
        assert!(judge(&text(0.499)).is_ok(), "{:?}", judge(&text(0.499)));
        assert!(matches!(judge(&text(0.501)), Err(CheckError::Cell { .. })));
    }
}
