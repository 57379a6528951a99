//! Certificates beside the runs that they shall be about.

use std::collections::HashMap;

use ircpm_checker::{CheckError, Checkpoint, Verified, check};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::seal::parameters;
use crate::spheres::PRODUCT;
use crate::{LINEAR, NETWORK};

/// The configuration of the run of [`PRODUCT`], as far as it says what the map is.
const PLAIN: &str = "[target]\nmanifold = \"T1xS2\"\n[model]\nlayers = 1\nshared = false\nhidden = [8]\noutput_scale = 1\n\
                     [model.features.harmonics]\norder = 1\n";

/// A checkpoint with the parameters of a certificate.
fn checkpoint(text: &str, config: &str, terms: Option<&str>) -> Checkpoint {
    let bytes: Vec<u8> = parameters(text).iter().flat_map(|x| x.to_le_bytes()).collect();
    let theta = TensorView::new(Dtype::F64, vec![bytes.len() / 8], &bytes).expect("a tensor");
    let texts = [("format", "ircpm-checkpoint-3"), ("config", config)];
    let mut texts = HashMap::from(texts.map(|(key, text)| (key.to_owned(), text.to_owned())));
    texts.extend(terms.map(|terms| ("terms".to_owned(), terms.to_owned())));
    let file = safetensors::serialize([("theta", theta)], Some(texts)).expect("a file");
    Checkpoint::read(&file).expect("a checkpoint")
}

/// The functions of a certificate's linear layers, in JSON.
fn terms_of(text: &str) -> String {
    let list = |words: &[&str]| format!("[{}]", words.join(","));
    let lines = |layer: &str, key: &str, json: &dyn Fn(&[&str]) -> String| {
        let rows = layer.lines().filter_map(|line| line.strip_prefix(key));
        let rows = rows.map(|row| json(&row.split(' ').collect::<Vec<_>>()));
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    };
    let layer = |layer: &str| {
        let waves = lines(layer, "wave ", &list);
        let zonals = lines(layer, "zonal ", &|words| {
            let first = words[0].parse::<usize>().expect("a number") - 1;
            let (degrees, centre) = (list(&words[1..3]), list(&words[3..]));
            format!(r#"{{"first":{first},"centre":{centre},"degrees":{degrees}}}"#)
        });
        let bumps = lines(layer, "bump ", &|words| {
            format!(r#"{{"kappa":{},"centre":{}}}"#, words[0], list(&words[1..]))
        });
        format!(r#"{{"waves":{waves},"zonals":{zonals},"bumps":{bumps},"polynomials":false}}"#)
    };
    let layers: Vec<String> = text.split("\nlayer ").skip(1).map(layer).collect();
    format!("[{}]", layers.join(","))
}

/// The configuration of the run of a certificate with the simplest features of its manifold.
fn config_of(text: &str) -> String {
    let rest = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    let symmetry = if ["", "1"].contains(&rest("elements ")) { "" } else { "symmetry = [\"swap\"]\n" };
    let hidden = rest("hidden ").replace(' ', ", ");
    PLAIN
        .replacen("T1xS2", rest("manifold "), 1)
        .replacen("layers = 1\n", &format!("layers = {}\n{symmetry}", rest("layers ")), 1)
        .replacen("[8]", &format!("[{hidden}]"), 1)
}

/// The run of a certificate in the test data.
pub(crate) fn run_of(text: &str) -> Checkpoint {
    let terms = text.contains("\npotential linear\n").then(|| terms_of(text));
    checkpoint(text, &config_of(text), terms.as_deref())
}

fn beside(text: &str, config: &str, terms: Option<&str>) -> Result<Verified, CheckError> {
    check(text.as_bytes(), Some(&checkpoint(text, config, terms)))
}

#[test]
fn what_is_not_compared_is_named() {
    let verified = beside(PRODUCT, PLAIN, None).expect("the run's own certificate");
    assert_eq!(verified.not_compared.as_deref(), Some(&[][..]), "{verified}");
    let by_name = config_of(NETWORK).replacen("manifold = \"T2\"", "name = \"of-tomorrow\"", 1);
    let verified = beside(NETWORK, &by_name, None).expect("the run's own certificate");
    let rest = "NOT compared: the manifold, which is that of a target by name; features and group";
    assert!(verified.to_string().contains(rest), "{verified}");
    let by_name = by_name.replacen("of-tomorrow", "torus-unimodal", 1).replacen("= 1\n", "= \"auto\"\n", 1);
    let verified = beside(NETWORK, &by_name, None).expect("the run's own certificate");
    assert!(verified.to_string().contains("NOT compared: the number of layers; features"), "{verified}");
    // As earlier versions wrote combinations.
    let rows = "[model.features.invariant]\ndirections = [[1, 0], [0, 1]]\norder = 1\n";
    let earlier = config_of(NETWORK).replacen("[model.features.harmonics]\norder = 1\n", rows, 1);
    let error =
        beside(NETWORK, &earlier.replacen("symmetry = [\"swap\"]\n", "", 1), None).expect_err("a group");
    assert!(error.to_string().contains("averaged over a group"), "{error}");
    let verified = check(LINEAR.as_bytes(), Some(&run_of(LINEAR))).expect("the run's own certificate");
    assert!(verified.to_string().contains("potentials and parameters are those of the run"), "{verified}");
}

#[test]
fn a_potential_of_another_form_is_another_map() {
    let change = |from: &str, to: &str| {
        let changed = PLAIN.replacen(from, to, 1);
        assert_ne!(changed, PLAIN, "{from}");
        changed
    };
    for (config, reason) in [
        (change("T1xS2", "S2xT1"), "it is on T1xS2"),
        (change("[8]", "[4, 4]"), "hidden layers"),
        (change("output_scale = 1", "output_scale = 2.5"), "output scale"),
        (change("layers = 1", "layers = 2"), "layers and copies"),
        (change("layers = 1\nshared = false", "layers = 3\nshared = true"), "layers and copies"),
        (change("order = 1", "order = 2"), "features"),
        (
            change("[model.features.harmonics]\norder", "[model.features.subset]\ncoordinates = [1]\norder"),
            "features",
        ),
        (change("layers = 1", "layers = 1\nenergy = \"slopes\""), "another potential"),
        (change("hidden = [8]\n", ""), "no `model.hidden`"),
        (change("layers = 1\nshared = false", "layers = \"auto\"\nshared = 1"), "no `model.shared`"),
        (change("layers = 1", "layers = 1.0"), "no `model.layers`"),
        (change("manifold = \"T1xS2\"", "manifold = 3"), "no text"),
        (change("manifold = \"T1xS2\"", "name = \"torus-unimodal\""), "the run on T2"),
        (change("order = 1", "order = 2000000000"), "features"),
    ] {
        let error = beside(PRODUCT, &config, None).expect_err(reason);
        assert!(
            matches!(error, CheckError::OtherMap { .. }) && error.to_string().contains(reason),
            "{error}"
        );
    }
    let alone = config_of(NETWORK).replacen("symmetry = [\"swap\"]\n", "", 1);
    let error = beside(NETWORK, &alone, None).expect_err("a group");
    assert!(error.to_string().contains("averaged over a group"), "{error}");
}

#[test]
fn other_functions_are_another_map() {
    let (config, terms) = (config_of(LINEAR), terms_of(LINEAR));
    for terms in [
        terms.replacen("[1,0]", "[7,0]", 1),
        terms.replacen("[1,0],", "", 1),
        terms.replacen("\"bumps\":[]", "\"bumps\":[{\"kappa\":4.0,\"centre\":[0.0,1.0]}]", 1),
    ] {
        let error = beside(LINEAR, &config, Some(&terms)).expect_err("other functions");
        assert!(error.to_string().contains("functions of its linear layers"), "{error}");
    }
    for other in ["\"polynomials\":true", "\"polynomials\":false,\"contexts\":[{\"shift\":0.5}]"] {
        let terms = terms.replacen("\"polynomials\":false", other, 1);
        let error = beside(LINEAR, &config, Some(&terms)).expect_err("functions of no certificate");
        assert!(matches!(error, CheckError::OtherMap { .. }), "{error}");
    }
    let error = beside(LINEAR, &config, None).expect_err("a network");
    assert!(error.to_string().contains("the checkpoint has none"), "{error}");
    let error = beside(NETWORK, &config_of(NETWORK), Some("[]")).expect_err("linear layers");
    assert!(error.to_string().contains("of a network"), "{error}");
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let refused = |config: Option<&str>, terms: Option<&str>| {
        let theta = TensorView::new(Dtype::F64, vec![0], &[]).expect("a tensor");
        let texts = [("format", Some("ircpm-checkpoint-3")), ("config", config), ("terms", terms)];
        let texts =
            texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.to_owned()))).collect();
        let file = safetensors::serialize([("theta", theta)], Some(texts)).expect("a file");
        Checkpoint::read(&file).expect_err("no checkpoint").to_string()
    };
    assert!(refused(None, None).contains("no configuration"));
    assert!(refused(Some("= 3"), None).starts_with("not a checkpoint"));
    for terms in ["[", "[{}]", r#"[{"waves":[[0.5]],"zonals":[],"bumps":[],"polynomials":false}]"#] {
        assert!(refused(Some(""), Some(terms)).starts_with("not a checkpoint"), "{terms}");
    }
    let theta = TensorView::new(Dtype::F64, vec![0], &[]).expect("a tensor");
    let texts = HashMap::from([("config".to_owned(), PLAIN.to_owned())]);
    let foreign = safetensors::serialize([("theta", theta)], Some(texts)).expect("a file");
    assert!(Checkpoint::read(&foreign).expect_err("no checkpoint").to_string().contains("another program"));
}
