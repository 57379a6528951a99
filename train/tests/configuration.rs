//! The configuration as a library: no text panics, every key is checked, and what is written is read back.

use ircpm_train::config::preset::PRESETS;
use ircpm_train::config::{Config, Layers, Override};
use ircpm_train::training::Problem;
use proptest::prelude::*;

const VALID: &str = "[target]\nname = \"torus-unimodal\"\n";

#[test]
fn effective_configuration_parses_to_itself_for_every_preset() {
    for preset in PRESETS {
        let config = preset.config(&[]).unwrap_or_else(|e| panic!("{e}"));
        let text = config.to_toml();
        assert_eq!(Config::parse(&text, "config.toml").as_ref(), Ok(&config), "{text}");
    }
}

#[test]
fn every_preset_builds_a_flow_with_the_parameters_it_is_known_by() {
    let parameters = [1249, 1249, 1249, 706, 1059, 738, 866, 1369, 17_153];
    for (preset, expected) in PRESETS.into_iter().zip(parameters) {
        let config = preset.config(&[]).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
        let problem = Problem::new(config, ".".as_ref()).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
        assert_eq!(problem.flow.parameters(), expected, "{}", preset.name);
        assert!(preset.description().ends_with('.'), "{}", preset.name);
    }
}

#[test]
fn layers_are_a_number_or_auto_and_auto_by_default() {
    let layers = |text: &str| Config::parse(&format!("{VALID}{text}"), "a.toml").unwrap().model.layers;
    assert_eq!(layers(""), Layers::Auto);
    assert_eq!(layers("[model]\nlayers = \"auto\""), Layers::Auto);
    assert_eq!(layers("[model]\nlayers = 3"), Layers::Fixed(3));
    let error = Config::parse(&format!("{VALID}[model]\nlayers = \"many\""), "a.toml").unwrap_err();
    assert!(error.message.contains("neither \"auto\" nor an integer from 1 to 64"), "{error}");
    assert_eq!(&error.text[error.span.clone()], "\"many\"");
}

#[test]
fn number_out_of_range_is_refused_with_its_line() {
    let cases = [
        ("training", "steps = 0"),
        ("training", "batch = -1"),
        ("training", "batch = 99999999999"),
        ("training", "learning_rate = nan"),
        ("training", "learning_rate = inf"),
        ("training", "clip = 0.0"),
        ("training", "warmup = 2000"),
        ("training", "optimiser = \"adamm\""),
        ("training", "loss = \"likelihood\""),
        ("model", "layers = 0"),
        ("model", "layers = 65"),
        ("model", "layers = -1"),
        ("model", "layers = 1.5"),
        ("model", "layers = \"many\""),
        ("model", "layers = [1]"),
        ("model", "hidden = []"),
        ("model", "hidden = [32, 0]"),
        ("model", "output_scale = -1.0"),
        ("model", "features = { harmonics = { order = 0 } }"),
        ("model", "features = { invariant = { directions = [[0, 0]], order = 1 } }"),
        ("model", "feature = 3"),
        ("solver", "tolerance = 0"),
        ("solver", "tolerance = 1e300"),
        ("evaluation", "samples = 1073741824"),
        ("evaluation", "uniform = 1073741824"),
        ("evaluation", "samples = 1"),
    ];
    for (section, line) in cases {
        let text = format!("{VALID}[{section}]\n{line}\n");
        let error = Config::parse(&text, "a.toml").expect_err(line);
        assert!(error.line() <= 4 && error.span.end <= text.len(), "{line}: {error}");
    }
}

#[test]
fn unknown_name_is_answered_with_the_nearest() {
    let error = Config::parse("[target]\nname = \"torus-unimodel\"\n", "a.toml").expect_err("no such target");
    assert_eq!(error.help().as_deref(), Some("did you mean `torus-unimodal`?"));
    let error =
        Config::parse(&format!("{VALID}[training]\nbatchs = 3\n"), "a.toml").expect_err("no such key");
    assert_eq!((error.line(), error.help().as_deref()), (4, Some("did you mean `batch`?")));
}

#[test]
fn override_replaces_a_key_and_its_error_shows_its_own_text() {
    let set = |text: &str| text.parse::<Override>().unwrap_or_else(|e| panic!("{e}"));
    let sets =
        [set("training.steps=7"), set("target.name=torus-correlated"), set("model.features=\"coordinates\"")];
    let config = Config::parse_with(VALID, "a.toml", &sets).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.training.steps, Some(7));
    assert_eq!(config.target.and_then(|target| target.name).as_deref(), Some("torus-correlated"));

    let error = Config::parse_with(VALID, "a.toml", &[sets[0].clone(), set("training.batch=0")])
        .expect_err("empty batch");
    assert_eq!((error.name.as_str(), error.text.as_str()), ("--set", "training.batch=0"));
    assert_eq!(&error.text[error.span], "0");
}

#[test]
fn value_of_another_shape_is_answered_with_the_right_one() {
    let cases = [
        ("[training]\nsteps = 1.5\n", "an integer"),
        ("[training]\nclip = \"small\"\n", "a number"),
        ("[model]\nshared = 1\n", "true or false"),
        ("[model]\nfeatures = \"harmonics\"\n", "order = 1"),
    ];
    for (lines, remedy) in cases {
        let error = Config::parse(&format!("{VALID}{lines}"), "a.toml").expect_err(lines);
        assert!(error.help().is_some_and(|help| help.contains(remedy)), "{lines}: {error}");
    }
}

#[test]
fn override_that_is_not_one_key_is_refused() {
    let deep = format!("{}b=1", "a.".repeat(10_000));
    for text in ["seed", "=1", ".=1", "seed=1\ntarget.beta=2", &deep] {
        assert!(text.parse::<Override>().is_err(), "{text}");
    }
    assert!("model.hidden=[\n8,\n8]".parse::<Override>().is_ok(), "one value over several lines");
}

#[test]
fn override_replaces_a_whole_table_by_a_table() {
    let text = format!("{VALID}[model]\nfeatures.harmonics.order = 1\n");
    let set = "model.features={invariant={directions=[[1,1]],order=2}}"
        .parse::<Override>()
        .expect("of the form key=value");
    assert!(Config::parse_with(&text, "a.toml", &[set]).is_ok());
}

#[test]
fn old_keys_of_features_still_read_and_new_ones_are_written() {
    let model = |features: &str| Config::parse(&format!("{VALID}[model]\nfeatures = {features}\n"), "a.toml");
    let old = model("{ invariant = { directions = [[1, 1]], order = 2 } }").unwrap();
    let new = model("{ combinations = { directions = [[1, 1]], order = 2 } }").unwrap();
    assert_eq!(old, new);
    assert!(old.to_toml().contains("combinations") && !old.to_toml().contains("invariant"));
    let subset = model("{ subset = { coordinates = [2] } }").unwrap();
    let spec = subset.flow_spec(&"S2".parse().unwrap());
    assert_eq!(spec.features, ircpm_flow::Features::Subset { coordinates: vec![2] });
}

proptest! {
    #[test]
    fn parse_never_panics_on_any_text(text in any::<String>(), set in any::<String>()) {
        let _ = Config::parse(&text, "any");
        if let Ok(set) = set.parse::<Override>() {
            let _ = Config::parse_with(&text, "any", &[set]);
        }
    }

    #[test]
    fn parse_never_panics_on_a_damaged_configuration(at in 0..600usize, byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = PRESETS[2].config(&[]).expect("a preset").to_toml().into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Err(error) = Config::parse(&String::from_utf8_lossy(&bytes), "damaged") {
            prop_assert!(error.span.end <= error.text.len());
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn warm_up_that_least_squares_do_not_read_is_no_error_afterwards() {
    let text = "[target]\nname = \"torus-multi-modal\"\n[training]\nwarmup = 500\n";
    let problem = Problem::new(Config::parse(text, "warm.toml").unwrap(), ".".as_ref()).unwrap();
    assert!(problem.config.training.is_least_squares());
    let written = problem.config.to_toml();
    assert_eq!(Config::parse(&written, "config.toml").unwrap(), problem.config);
}
