//! The mark of a picture whose model is no density, or whose training is not done, on every kind of picture.

use std::fs;
use std::sync::atomic::AtomicBool;

use super::figure::{HEAD, WARNING};
use super::*;
use crate::config::Config;
use crate::evaluation::evaluate;
use crate::report::Status;

/// Whether a picture's head has the colour of warnings.
fn is_marked(picture: &Picture) -> bool {
    let mut reader = png::Decoder::new(std::io::Cursor::new(&picture.png)).read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut pixels).expect("one frame");
    let head = &pixels[..(3 * info.width * HEAD) as usize];
    head.chunks_exact(3).any(|p| p == [WARNING.0, WARNING.1, WARNING.2])
}

fn problem(text: &str, base: &std::path::Path) -> Problem {
    Problem::new(Config::parse(text, "test").unwrap(), base).unwrap()
}

#[test]
fn every_kind_of_picture_is_marked_where_the_model_is_no_density_or_training_is_not_done() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("r1.csv"), "x\n0.1\n0.5\n-0.4\n0.2\n").unwrap();
    fs::write(dir.path().join("r2.csv"), "x,y\n0.1,0.3\n0.5,1.0\n-0.4,0.3\n0.2,0.0\n").unwrap();
    let data = |file: &str, manifold: &str| {
        format!(
            "[data]\nfile = \"{file}\"\nmanifold = \"{manifold}\"\n[training]\nloss = \"likelihood\"\n\
             [model]\nfeatures = \"coordinates\"\nhidden = [4]\nlayers = 1\n"
        )
    };
    let target = |name: &str| {
        format!(
            "[target]\nname = \"{name}\"\n[model]\nhidden = [4]\nlayers = 1\nfeatures = \"coordinates\"\n"
        )
    };
    let torus = |name: &str| target(name).replace("\"coordinates\"", "{ harmonics = { order = 1 } }");
    let cases = [
        torus("torus-unimodal"),
        target("sphere-four-mode"),
        target("s3-four-mode"),
        torus("chain-4"),
        torus("xy-2x2"),
        torus("u1-2x2"),
        data("r1.csv", "R1"),
        data("r2.csv", "R2"),
    ];
    for text in cases {
        let problem = problem(&text, dir.path());
        let theta = vec![0.0; problem.flow.parameters()];
        let mut settings = problem.config.evaluation.clone();
        (settings.samples, settings.uniform) = (64, 64);
        let evaluation =
            evaluate(&problem.flow, &theta, problem.source(), &settings, &AtomicBool::new(false)).unwrap();
        let trainer = problem.trainer().unwrap();
        let report = Report::new(&problem, trainer.progress(), &evaluation);
        let title = report.title();
        let with = |folded: bool, interrupted: bool, beta_reached: Option<f64>, mass: f64| {
            let density = !folded && mass == 1.0;
            let plain = Report { end: None, pareto_k: None, ..report.clone() };
            Report { folded, density, interrupted, beta_reached, mass, ..plain }
        };
        let weights =
            |ess: f64| Report { pareto_k: Some(0.8), ess: Some(ess), ..with(false, false, None, 1.0) };
        for (marked, report) in [
            (false, with(false, false, None, 1.0)),
            (true, with(true, false, None, 1.0)),
            (true, with(false, true, None, 1.0)),
            (true, with(false, false, Some(0.5), 1.0)),
            (true, with(false, false, None, 0.9)),
            (true, weights(0.5)),
            (false, weights(0.999)),
        ] {
            assert_eq!(report.assess() == Status::Sound, !marked, "{title}: {report}");
            assert_eq!(report.to_string().contains("WEIGHTS"), report.ess == Some(0.5), "{report}");
            let pictures = draw(&problem, &theta, &report).unwrap();
            let is_lattice = text.contains("chain-4") || text.contains("2x2");
            assert_eq!(pictures.iter().any(|picture| picture.name == LATTICE), is_lattice, "{title}");
            assert!(!pictures.is_empty());
            for picture in pictures {
                let what = report.mark();
                assert_eq!(is_marked(&picture), marked, "{title}, {}: {what:?}", picture.name);
            }
        }
    }
}

#[test]
fn dots_of_many_points_are_taken_from_the_whole_file() {
    let points: Vec<f64> = (0..4 * DOTS).map(|i| (i / 2) as f64).collect();
    let shown = evenly((&points).into(), 2);
    assert_eq!(shown.len(), 2 * DOTS);
    assert_eq!(
        (&shown[..4], &shown[2 * DOTS - 2..]),
        (&[0.0, 0.0, 2.0, 2.0][..], &[2.0 * DOTS as f64 - 2.0; 2][..])
    );
    assert_eq!(evenly((&points[..10]).into(), 2), points[..10]);
    // Three of four dots where three quarters of the weight are.
    let weighted = WeightedPoints::new(&points[..8], &[0.0, 3.0, 1.0, 0.0]).expect("weights");
    assert_eq!(evenly(weighted, 2), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
}
