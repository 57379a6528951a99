//! What a run's model gives to others: samples, densities, images and preimages, as files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{SHORT, complaint, ends, folder, ircpm, short, stdout, succeed};

/// A table as text: the names of its columns, and its rows.
pub(crate) fn table(text: &str) -> (Vec<String>, Vec<Vec<f64>>) {
    let mut lines = text.lines();
    let names = lines.next().expect("a header").split(',').map(str::to_owned).collect();
    let number = |field: &str| field.parse::<f64>().unwrap_or_else(|e| panic!("{field}: {e}"));
    (names, lines.map(|line| line.split(',').map(number).collect()).collect())
}

/// Shape and numbers of an npy array.
fn npy(bytes: &[u8]) -> (String, Vec<f64>) {
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..10 + length]).into_owned();
    let shape = header.split("'shape': ").nth(1).and_then(|rest| rest.split_inclusive(')').next());
    let (words, rest) = bytes[10 + length..].as_chunks::<8>();
    assert!(rest.is_empty());
    (shape.expect("a shape").to_owned(), words.iter().map(|word| f64::from_le_bytes(*word)).collect())
}

/// The arrays of an npz archive whose entries are stored without compression.
pub(crate) fn npz(path: &Path) -> BTreeMap<String, (String, Vec<f64>)> {
    let mut archive = zip::ZipArchive::new(fs::File::open(path).expect("an archive")).expect("an archive");
    let mut arrays = BTreeMap::new();
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).expect("an entry");
        let mut bytes = Vec::new();
        // Reading to the end compares the checksum as well.
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect("a whole entry");
        arrays.insert(entry.name().expect("a name").into_owned(), npy(&bytes));
    }
    arrays
}

/// Folders of a run that learned a target, and of one that learned points, by linear layers.
pub(crate) fn runs(dir: &Path) {
    succeed(&short(dir, &["train", "torus-unimodal", "--out", "target"]));
    let rows: Vec<String> = (0..60)
        .map(|i| {
            format!("{},{}", 1.0 + 0.7 * f64::sin(f64::from(i)), 100.0 + 7.0 * f64::cos(0.7 * f64::from(i)))
        })
        .collect();
    fs::write(dir.join("points.csv"), format!("a,b\n{}\n", rows.join("\n"))).expect("a writable folder");
    let config = "[data]\nfile = \"points.csv\"\nmanifold = \"T1xR1\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.join("c.toml"), config).expect("a writable folder");
    let few = ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048"];
    let trained = ircpm(dir, &[&["train", "c.toml", "--out", "data"][..], &few].concat());
    assert!(trained.status.code().is_some_and(|code| code != 1), "{}", stdout(&trained));
}

#[test]
fn samples_are_the_same_in_every_format_on_any_number_of_threads_and_without_the_data() {
    let dir = folder();
    runs(dir.path());
    fs::remove_file(dir.path().join("points.csv")).expect("the data");
    for (run, names, log_weight) in [
        ("target", &["theta1", "theta2", "log_q", "log_weight"][..], true),
        ("data", &["a", "b", "log_q"], false),
    ] {
        // More than one batch.
        let sample = |out: &str, threads: &str| {
            let args = ["sample", run, "-n", "10_000", "--seed", "7", "-o", out, "--threads", threads];
            let output = ircpm(dir.path(), &args);
            assert!(
                matches!(output.status.code(), Some(0 | 3)),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            output
        };
        let text = stdout(&sample("-", "1"));
        for file in ["s.csv", "s.npy", "s.npz"] {
            sample(&format!("{run}-{file}"), "2");
        }
        let file = |ending: &str| dir.path().join(format!("{run}-s.{ending}"));
        assert_eq!(fs::read_to_string(file("csv")).expect("a file"), text);
        let (header, rows) = table(&text);
        assert_eq!(
            (&header[..], rows.len()),
            (&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()[..], 10_000)
        );
        let (shape, numbers) = npy(&fs::read(file("npy")).expect("a file"));
        assert_eq!((shape, numbers), (format!("(10000, {})", names.len()), rows.concat()));
        let arrays = npz(&file("npz"));
        let column = |i: usize| rows.iter().map(|row| row[i]).collect::<Vec<_>>();
        let points: Vec<f64> = rows.iter().flat_map(|row| &row[..2]).copied().collect();
        assert_eq!(arrays["points.npy"], ("(10000, 2)".to_owned(), points));
        assert_eq!(arrays["log_q.npy"], ("(10000,)".to_owned(), column(2)));
        assert_eq!(arrays.len(), if log_weight { 3 } else { 2 });
        // Fewer samples are the beginning of more.
        let few = stdout(&ircpm(dir.path(), &["sample", run, "-n", "3", "--seed", "7"]));
        assert!(text.starts_with(&few) && few.lines().count() == 4, "{few}");
        let other = stdout(&ircpm(dir.path(), &["sample", run, "-n", "3", "--seed", "8"]));
        assert_ne!(few, other);
    }
}

#[test]
fn densities_images_and_preimages_of_samples_agree() {
    let dir = folder();
    runs(dir.path());
    for run in ["target", "data"] {
        let output = ircpm(dir.path(), &["sample", run, "-n", "500", "-o", "-"]);
        let (_, samples) = table(&stdout(&output));
        let write = |name: &str, rows: &[Vec<f64>]| {
            let line = |row: &Vec<f64>| format!("{:?},{:?}\n", row[0], row[1]);
            let text: String = rows.iter().map(line).collect();
            fs::write(dir.path().join(name), format!("a,b\n{text}")).expect("a writable folder");
        };
        write("y.csv", &samples);
        let of = |command: &str, points: &str| {
            let output = ircpm(dir.path(), &[command, run, points]);
            assert!(
                matches!(output.status.code(), Some(0 | 3)),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            table(&stdout(&output))
        };
        let (names, densities) = of("log-prob", "y.csv");
        assert_eq!(names[0], "log_q");
        let (_, base) = of("inverse", "y.csv");
        write("x.csv", &base);
        let (names, images) = of("transform", "x.csv");
        assert_eq!(names[2], "log_det");
        for ((sample, density), (base, image)) in samples.iter().zip(&densities).zip(base.iter().zip(&images))
        {
            // The sample's solve ends at a gradient of some 1e-12 times what the map enlarges.
            let near = |a: f64, b: f64| (a - b).abs() < 1e-6 * (1.0 + a.abs());
            assert!(near(sample[2], density[0]), "{run}: log q {} and {}", sample[2], density[0]);
            assert!(near(base[2], -image[2]), "{run}: log det {} and {}", base[2], image[2]);
            assert!(near(f64::cos(sample[0]), f64::cos(image[0])) && near(sample[1].cos(), image[1].cos()));
            if run == "target" {
                assert!(near(sample[3], density[1]), "{run}: log w {} and {}", sample[3], density[1]);
                // The base density of T² is 1/4π².
                let log_base = -2.0 * std::f64::consts::TAU.ln();
                assert!(near(density[0], log_base + base[2]), "{run}: {density:?}, {base:?}");
            }
        }
    }
}

#[test]
fn files_go_on_to_the_next_command() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    let of = |args: &[&str]| {
        let output = ircpm(dir.path(), args);
        succeed(&output);
        table(&stdout(&output)).1
    };
    for (ending, columns) in [("csv", "theta1,theta2"), ("npz", "points")] {
        let (s, b) = (format!("s.{ending}"), format!("b.{ending}"));
        succeed(&ircpm(dir.path(), &["sample", "run", "-n", "20", "-o", &s]));
        let samples = of(&["sample", "run", "-n", "20"]);
        let densities = of(&["log-prob", "run", &s, "--columns", columns]);
        succeed(&ircpm(dir.path(), &["inverse", "run", &s, "--columns", columns, "-o", &b]));
        let images = of(&["transform", "run", &b, "--columns", columns]);
        for ((sample, density), image) in samples.iter().zip(&densities).zip(&images) {
            assert!((sample[2] - density[0]).abs() < 1e-6, "{ending}: {sample:?}, {density:?}");
            assert!((sample[0] - image[0]).cos() > 1.0 - 1e-9, "{ending}: {sample:?}, {image:?}");
        }
    }
}

#[test]
fn volumes_far_away_come_from_the_map_itself() {
    let dir = folder();
    let rows: String = (0..60).map(|i| format!("{}\n", 1.0 + 0.7 * f64::sin(f64::from(i)))).collect();
    fs::write(dir.path().join("points.csv"), format!("x\n{rows}")).expect("a writable folder");
    let few = ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048"];
    let fit = ["fit", "points.csv", "--manifold", "R1", "--out", "run"];
    succeed(&ircpm(dir.path(), &[&fit[..], &few].concat()));
    // The base density is 0 in double precision at the last two.
    let far = [1e5, 1e155, 1e200];
    fs::write(dir.path().join("far.csv"), "x\n1e5\n1e155\n1e200\n").expect("a writable folder");
    succeed(&ircpm(dir.path(), &["inverse", "run", "far.csv", "-o", "x.csv"]));
    let text = fs::read_to_string(dir.path().join("x.csv")).expect("a file");
    let (_, base) = table(&text);
    for (y, row) in far.into_iter().zip(&base) {
        // Far out the map is affine, and its shift is nothing beside y.
        let expected = (row[0] / y).ln();
        assert!((row[1] - expected).abs() < 1e-4, "{y}: {row:?}, not {expected}");
    }
    fs::write(dir.path().join("near.csv"), format!("x\n{:?}\n{:?}\n", base[0][0], 0.3))
        .expect("a writable folder");
    let output = ircpm(dir.path(), &["transform", "run", "near.csv"]);
    succeed(&output);
    let (_, images) = table(&stdout(&output));
    assert!((images[0][1] + base[0][1]).abs() < 1e-9, "{images:?}, {base:?}");
    // What is not finite is counted.
    fs::write(dir.path().join("beyond.csv"), "x\n0.3\n1.7e308\n").expect("a writable folder");
    let output = ircpm(dir.path(), &["inverse", "run", "beyond.csv"]);
    ends(&output, 3);
    let (_, rows) = table(&stdout(&output));
    assert!(rows[0][1].is_finite() && rows[1][1].is_nan(), "{rows:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 of 2 points have no density"), "{output:?}");
}

#[test]
fn point_of_infinite_energy_has_no_weight_and_the_others_keep_theirs() {
    let dir = folder();
    let config = "[target]\nmanifold = \"T1\"\nenergy = \"1/(1-cos(theta1))\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    succeed(&short(dir.path(), &["train", "c.toml", "--out", "run"]));
    fs::write(dir.path().join("z.csv"), "a\n0\n1.5\n2.5\n").expect("a writable folder");
    let output = ircpm(dir.path(), &["log-prob", "run", "z.csv"]);
    succeed(&output);
    let (_, rows) = table(&stdout(&output));
    assert_eq!((rows[0][0].is_finite(), rows[0][1]), (true, f64::NEG_INFINITY), "{rows:?}");
    for (row, angle) in rows[1..].iter().zip([1.5, 2.5]) {
        let energy = 1.0 / (1.0 - f64::cos(angle));
        assert!((row[0] + row[1] + energy).abs() < 1e-12, "{row:?} at {angle}");
    }
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 of 3 points have an infinite energy"));
}

#[test]
fn files_are_not_overwritten_unless_forced_and_nothing_half_is_left() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    fs::write(dir.path().join("s.npy"), "mine").expect("a writable folder");
    for (args, words) in [
        (["fit", "nosuch.csv", "--manifold", "R1"].as_slice(), "no such file: nosuch.csv"),
        (&["log-prob", "run", "-"], "points are read from files only"),
        (&["inverse", "run", "nowhere/x.csv"], "no such file: nowhere/x.csv"),
    ] {
        let said = complaint(&ircpm(dir.path(), args));
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let sample = |args: &[&str]| ircpm(dir.path(), &[&["sample", "run", "-n", "10", "-o"], args].concat());
    for (out, words) in [
        ("s.npy", "s.npy exists"),
        ("s.hdf5", "let it end in .csv, .npy, .npz or .parquet"),
        ("samples", "let it end in .csv, .npy, .npz or .parquet"),
        ("nowhere/s.npy", "cannot write nowhere/s.npy"),
    ] {
        let said = complaint(&sample(&[out]));
        assert!(said.contains(words), "{out}: {said}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("s.npy")).expect("a file"), "mine");
    succeed(&sample(&["s.npy", "--force"]));
    assert_eq!(npy(&fs::read(dir.path().join("s.npy")).expect("a file")).1.len(), 40);
    // A file that is replaced keeps its permissions.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.path().join("s.npy");
        let mode = || fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner");
        succeed(&sample(&["s.npy", "--force"]));
        assert_eq!(mode(), 0o600);
    }
    // A file that may not grow stands for a full disk.
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 64; trap '' XFSZ; exec \"$0\" sample run -n 100000 -o large.csv"])
        .arg(env!("CARGO_BIN_EXE_ircpm"))
        .current_dir(dir.path())
        .output()
        .unwrap_or_else(|e| panic!("no shell: {e}"));
    assert!(complaint(&limited).contains("cannot write large.csv"));
    let names: Vec<_> =
        fs::read_dir(dir.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(names.len() == 2, "{names:?}");
}

#[cfg(unix)]
#[test]
fn reader_that_has_enough_ends_sampling_quietly() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    let mut child = Command::new(env!("CARGO_BIN_EXE_ircpm"))
        .args(["sample", "run", "-n", "1000000000"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("the program does not start: {e}"));
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its output");
    ends(&output, 0);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn model_that_is_not_a_density_is_used_loudly() {
    let dir = folder();
    let folded =
        ["model.output_scale=0.05", "model.layers=1", "training.steps=1", "training.learning_rate=1e-9"];
    let sets: Vec<&str> = folded.iter().flat_map(|set| ["--set", *set]).collect();
    ends(&short(dir.path(), &[&["train", "torus-multi-modal", "--out", "run"], &sets[..]].concat()), 3);
    let output = ircpm(dir.path(), &["--quiet", "sample", "run", "-n", "5"]);
    ends(&output, 3);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("NOT A DENSITY") && stdout(&output).lines().count() == 6, "{said}");
}

#[test]
fn report_of_another_state_is_none_until_the_run_is_measured() {
    let dir = folder();
    let of = |args: &[&str]| ircpm(dir.path(), args);
    // Equal but for the last steps: the same target, seed and number of parameters.
    for (run, steps) in [("run", "training.steps=30"), ("other", "training.steps=20")] {
        let train = ["train", "torus-unimodal", "--out", run];
        succeed(&of(&[&train[..], &SHORT, &["--set", steps]].concat()));
    }
    let report = |run: &str| dir.path().join(run).join("report.json");
    let own = crate::untimed(crate::json(&report("run")));
    succeed(&of(&["chain", "run", "-n", "10", "-o", "c.csv"]));
    fs::copy(report("other"), report("run")).expect("a writable folder");
    let shown = of(&["show", "run"]);
    succeed(&shown);
    assert!(stdout(&shown).contains("of another state: `ircpm evaluate run`"), "{}", stdout(&shown));
    let sampled = of(&["sample", "run", "-n", "3"]);
    assert!(String::from_utf8_lossy(&sampled.stderr).contains("UNMEASURED"), "{sampled:?}");
    assert!(complaint(&of(&["plot", "run"])).contains("is not measured as it is now"));
    // A chain is refused where nobody has looked, be it for want of a report or for a wrong one.
    for _ in 0..2 {
        let said = complaint(&of(&["chain", "run", "-n", "10", "-o", "d.csv"]));
        assert!(said.contains("measure it first by `ircpm evaluate run`"), "{said}");
        if report("run").exists() {
            fs::remove_file(report("run")).expect("a report");
        }
    }
    fs::copy(report("other"), report("run")).expect("a writable folder");
    succeed(&of(&["evaluate", "run"]));
    assert_eq!(crate::untimed(crate::json(&report("run"))), own);
    succeed(&of(&["chain", "run", "-n", "10", "-o", "d.csv"]));
}

#[test]
fn bounds_are_those_of_the_library_on_any_number_of_threads_and_tell_a_fold() {
    let dir = folder();
    runs(dir.path());
    let of = |args: &[&str]| {
        let output = ircpm(dir.path(), &[&["bounds", "target"][..], args].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
        (stdout(&output), output.status.code())
    };
    // More than one block.
    let (text, code) = of(&["-n", "20_000", "--json", "--threads", "1"]);
    assert_eq!((text.clone(), code), of(&["-n", "2e4", "--json", "--threads", "2"]));
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&value["manifold"], &value["points"]), (&"T2".into(), &20_000.into()));
    let layer = &value["layers"][0];
    let pointwise = layer["pointwise"].as_bool().expect("a verdict");
    assert_eq!(code, Some(if pointwise { 0 } else { 3 }));
    // A flat manifold: no radius, and the cost's Hessian is one.
    assert_eq!(layer["gradients"][0]["factor"], "T2");
    assert!(layer["gradients"][0]["injectivity_radius"].is_null());
    assert_eq!((&layer["within_k"]["allowed"], &layer["within_2k"]["allowed"]), (&1.0.into(), &1.0.into()));
    let norm = layer["hessian"]["value"].as_f64().expect("a number");
    assert_eq!(layer["within_k"]["holds"], norm < 1.0);
    let lowest = layer["eigenvalue"]["value"].as_f64().expect("a number");
    assert!(lowest >= 1.0 - norm - 1e-12 && pointwise == (lowest > 0.0), "{layer}");
    // Fewer points are the beginning of more.
    let fewer: Value = serde_json::from_str(&of(&["-n", "500", "--json"]).0).expect("JSON");
    assert!(fewer["layers"][0]["hessian"]["value"].as_f64() <= Some(norm));
    let other: Value = serde_json::from_str(&of(&["-n", "500", "--json", "--seed", "1"]).0).expect("JSON");
    assert_ne!(fewer["layers"][0]["hessian"]["value"], other["layers"][0]["hessian"]["value"]);

    let (text, _) = of(&["-n", "500"]);
    for part in ["bounds over 500 points of T2, seed 0", "max |grad psi|", "within 2K", "pointwise"] {
        assert!(text.contains(part), "{text}");
    }
    // Real coordinates have no radius either; each layer has its bounds.
    let output = ircpm(dir.path(), &["bounds", "data", "-n", "500", "--json"]);
    let value: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let layers = value["layers"].as_array().expect("layers");
    assert!(layers.iter().all(|layer| layer["gradients"].as_array().map(Vec::len) == Some(2)), "{value}");
}
