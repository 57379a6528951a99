//! The same for spheres and products with them.

use ircpm_checker::{CheckError, check};

use crate::run::run_of;
use crate::seal::{change, height, sealed, with_parameters};
use crate::{assert_refused, judge};

/// A network on S² that is averaged over the group C₃ᵥ, whose matrices are not of integers, one on T¹ × S², and a linear
/// layer of zonal harmonics and bumps on S². `ircpm certify` wrote them.
const SPHERE: &str = include_str!("../data/sphere.txt");
pub(crate) const PRODUCT: &str = include_str!("../data/product.txt");
const LINEAR: &str = include_str!("../data/zonals.txt");

#[test]
fn what_the_program_wrote_is_verified() {
    for (text, name) in [(SPHERE, "S2"), (PRODUCT, "T1xS2"), (LINEAR, "S2")] {
        let verified = judge(text).expect("a certificate");
        assert_eq!((verified.manifold.as_str(), verified.bounds.len()), (name, 1));
        assert_eq!(sealed(text), text);
        assert!(check(text.as_bytes(), Some(&run_of(text))).is_ok());
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for text in [SPHERE, PRODUCT, LINEAR] {
        let bytes = text.as_bytes();
        for at in (0..bytes.len()).step_by(3) {
            for flip in [1, 0x20, 0x80] {
                let mut changed = bytes.to_vec();
                changed[at] ^= flip;
                assert!(check(&changed, None).is_err(), "byte {at} flipped by {flip}");
            }
            assert!(check(&bytes[..at], None).is_err(), "cut after {at} bytes");
            assert!(check(&[&bytes[..at], &bytes[at + 1..]].concat(), None).is_err(), "without byte {at}");
        }
    }
}

#[test]
fn false_statements_are_rejected() {
    let to = |text: &'static str| move |_: &str| text.to_owned();
    let count = |by: isize| move |n: &str| (n.parse::<isize>().expect("a count") + by).to_string();
    let identity = |more: &str| format!("element 1 0 0 0 1 0 0 0 {more}");
    let sphere: [(&str, String, &str); 24] = [
        ("bound raised", change(SPHERE, "bound", to("0.63")), "it is not proven"),
        ("bound beyond 1", change(SPHERE, "bound", to("1.5")), "it is not proven"),
        ("bound zero", change(SPHERE, "bound", to("0")), "is not positive"),
        ("record cut", change(SPHERE, "steps", count(-1)), ""),
        ("record extended", change(SPHERE, "steps", count(6)), ""),
        ("nothing but proven cells", change(SPHERE, "record", |rest| "A".repeat(rest.len())), ""),
        ("first depth raised", change(SPHERE, "first-depth", to("6")), "fewer than the first grid"),
        ("first depth lowered", change(SPHERE, "first-depth", to("4")), "after its last cell"),
        ("first depth absurd", change(SPHERE, "first-depth", to("4000000000")), "fewer than the first grid"),
        (
            "exponent's bit flipped",
            with_parameters(SPHERE, |i, x| if i == 3 { x * 16.0 } else { x }),
            "not proven",
        ),
        ("all parameters larger", with_parameters(SPHERE, |_, x| 3.0 * x), "it is not proven"),
        ("largest parameters", with_parameters(SPHERE, |_, x| f64::MAX.copysign(x)), "it is not proven"),
        (
            "parameter NaN",
            with_parameters(SPHERE, |i, x| if i == 7 { f64::NAN } else { x }),
            "parameter 8 is NaN",
        ),
        ("output scale lowered", change(SPHERE, "output-scale", to("0.2")), "it is not proven"),
        ("a coordinate that is not there", change(SPHERE, "coordinate", to("4")), "a feature is"),
        ("a coordinate from zero", change(SPHERE, "coordinate", to("0")), "a feature is"),
        ("a wave of no angle", SPHERE.replacen("coordinate 1", "wave 1", 1), "0 frequencies"),
        (
            "a group that shifts",
            SPHERE.replacen(&identity("1 shift 0 0 0"), &identity("1 shift 0 0 0.1"), 1),
            "an element is",
        ),
        (
            "a group that stretches",
            SPHERE.replacen(&identity("1 shift"), &identity("2 shift"), 1),
            "an element is",
        ),
        ("a group of NaN", SPHERE.replacen(&identity("1 shift"), &identity("NaN shift"), 1), "an element is"),
        ("fewer elements than lines", change(SPHERE, "elements", to("1")), "should begin with"),
        ("another sphere", change(SPHERE, "manifold", to("S3")), "an element is"),
        ("a torus", change(SPHERE, "manifold", to("T3")), "a feature is"),
        ("a sphere of five dimensions", change(SPHERE, "manifold", to("S5")), "at most 4 dimensions"),
    ];
    for (what, text, reason) in &sphere {
        assert_refused(what, &sealed(text), reason);
    }
    let element = "element 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 shift 0 0 0 0\n";
    let other = |words: &str| PRODUCT.replacen(element, &format!("element {words}\n"), 1);
    let product: [(&str, String, &str); 8] = [
        ("bound raised", change(PRODUCT, "bound", to("0.55")), "it is not proven"),
        ("all parameters larger", with_parameters(PRODUCT, |_, x| 3.0 * x), "it is not proven"),
        ("a wave of higher frequency", change(PRODUCT, "wave", to("4")), "it is not proven"),
        ("factors swapped", change(PRODUCT, "manifold", to("S2xT1")), "a feature is"),
        ("an angle that is a feature", change(PRODUCT, "coordinate", to("1")), "a feature is"),
        (
            "an angle among unit vectors",
            other("1 0 0 0 0.5 1 0 0 0 0 1 0 0 0 0 1 shift 0 0 0 0"),
            "an element is",
        ),
        (
            "unit vectors in an angle",
            other("1 0 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 shift 0 0 0 0"),
            "an element is",
        ),
        ("half an angle", other("0.5 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 shift 0 0 0 0"), "an element is"),
    ];
    let linear: [(&str, String, &str); 4] = [
        ("coefficients larger", with_parameters(LINEAR, |_, x| 30.0 * x), "it is not proven"),
        ("bound raised", change(LINEAR, "bound", to("0.8")), "it is not proven"),
        ("fewer zonal harmonics", change(LINEAR, "zonals", to("1")), "should begin with"),
        ("another manifold", change(LINEAR, "manifold", to("S3")), "a zonal harmonic has"),
    ];
    for (what, text, reason) in product.iter().chain(&linear) {
        assert_refused(what, &sealed(text), reason);
    }
}

/// `psi = a c·y` on S²: along the gradient, of length `a √(1 − t²)`, an eigenvalue of `H` is `1 − a t`, across it `r cot r − a t`.
/// Both are least where `t = 1`, for `a < 1.5`: `1 − a`.
#[test]
fn heights_are_verified_up_to_their_fold() {
    for (least, bound, is_true) in [
        (0.4, 0.399, true),
        (0.4, 0.401, false),
        (1e-3, 9e-4, true),
        (-1e-4, 1e-12, false),
        (-1e-4, 9e-5, false),
        (0.0, 1e-12, false),
    ] {
        let verdict = judge(&height(1.0 - least, bound, 6));
        assert_eq!(verdict.is_ok(), is_true, "least eigenvalue {least}, bound {bound}: {verdict:?}");
        if let Err(error) = verdict {
            assert!(matches!(error, CheckError::Cell { layer: 1, .. }), "{error}");
        }
    }
    // Beyond π the formula of `H` is positive again.
    for a in [3.15, 4.0, 12.0, 100.0] {
        assert!(matches!(judge(&height(a, 1e-12, 6)), Err(CheckError::Cell { .. })));
    }
    let text = height(0.6, 0.399, 6);
    for (what, text, reason) in [
        (
            "a vector that is not there",
            change(&text, "zonal", |_| "2 1 1 0 0.6 0.8".to_owned()),
            "a zonal harmonic has",
        ),
        (
            "a vector from zero",
            change(&text, "zonal", |_| "0 1 1 0 0.6 0.8".to_owned()),
            "a zonal harmonic has",
        ),
        (
            "a centre of another sphere",
            change(&text, "zonal", |_| "1 1 1 0.6 0.8".to_owned()),
            "a zonal harmonic has",
        ),
        (
            "degrees the wrong way",
            change(&text, "zonal", |_| "1 2 1 0 0.6 0.8".to_owned()),
            "a zonal harmonic has",
        ),
        ("degree zero", change(&text, "zonal", |_| "1 0 0 0 0.6 0.8".to_owned()), "a zonal harmonic has"),
        (
            "an absurd degree",
            change(&text, "zonal", |_| "1 1 1000000000000 0 0.6 0.8".to_owned()),
            "a zonal harmonic has",
        ),
        ("a higher degree", change(&text, "zonal", |_| "1 2 2 0 0.6 0.8".to_owned()), "it is not proven"),
        ("no centre", change(&text, "zonal", |_| "1 1 1".to_owned()), ""),
        (
            "a centre of NaN",
            change(&text, "zonal", |_| "1 1 1 NaN 0.6 0.8".to_owned()),
            "a zonal harmonic has",
        ),
        ("a longer centre", change(&text, "zonal", |_| "1 1 1 0 1.2 1.6".to_owned()), "it is not proven"),
    ] {
        assert_refused(what, &sealed(&text), reason);
    }
}
