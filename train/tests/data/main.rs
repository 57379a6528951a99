//! Tables as people write them, each with the points that are read or the message that is given.

mod refused;

use std::fs;

use ircpm_train::config::{Config, DataConfig};
use ircpm_train::data::{DataError, Note, Points, decode, encode};
use ircpm_train::training::Problem;

/// Four points of the torus, as the rows of a table.
const ROWS: [[&str; 2]; 4] =
    [["1.1231", "3.7575"], ["0.1178", "3.9744"], ["6.0165", "5.1031"], ["5.1358", "3.3665"]];

/// The same as numbers.
fn points() -> Vec<f64> {
    ROWS.iter().flatten().map(|field| field.parse().expect("a number")).collect()
}

/// The rows with a separator between the fields, and this after each.
fn rows(separator: &str, end: &str) -> String {
    ROWS.iter().fold(String::new(), |text, row| text + &row.join(separator) + end)
}

/// The section `[data]` with these further keys, one per line.
fn settings(manifold: &str, keys: &str) -> DataConfig {
    let text = format!(
        "[training]\nloss = \"likelihood\"\n[data]\nfile = \"points.csv\"\nmanifold = \"{manifold}\"\n{keys}"
    );
    Config::parse(&text, "test").unwrap_or_else(|e| panic!("{keys}: {e}")).data.expect("a section")
}

fn decoded(bytes: &[u8], name: &str, manifold: &str, keys: &str) -> Result<Points, DataError> {
    let settings = settings(manifold, keys);
    decode(bytes, name.as_ref(), &settings.manifold, &settings.options())
}

/// A table, the keys that it is read with, and words of the notes.
struct Table {
    bytes: Vec<u8>,
    keys: &'static str,
    notes: &'static [&'static str],
}

fn table(text: impl Into<Vec<u8>>, keys: &'static str, notes: &'static [&'static str]) -> Table {
    Table { bytes: text.into(), keys, notes }
}

#[test]
fn one_table_in_many_hands_is_the_same_points() {
    let plain = rows(",", "\n");
    let headed = format!("phi,psi\n{plain}");
    let numbered = |start: &str, name: &str| -> String {
        let rows = plain
            .lines()
            .enumerate()
            .fold(String::new(), |text, (i, row)| text + &format!("{i}{start},{row}\n"));
        format!("{name}{rows}")
    };
    let utf16: Vec<u8> = format!("\u{feff}{headed}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1 = [b"\xf8,\xe9\n", plain.as_bytes()].concat();
    let plumed =
        format!("#! FIELDS time phi psi\n#! SET min_phi -pi\n{}", numbered(".000000", "").replace(',', " "));
    let labels = rows("   ", "  ALA-2\n");
    let quoted = ROWS.iter().fold(String::new(), |text, [a, b]| text + &format!("\"{a}\",\"{b}\"\n"));
    let swapped = ROWS.iter().fold("psi,phi\n".to_owned(), |text, [a, b]| text + &format!("{b},{a}\n"));
    let tables = [
        table(
            &*headed,
            "",
            &["separated by commas", "line 1 names the columns: phi, psi", "radians: all are within ±2π"],
        ),
        table(&*plain, "", &["the first row is data"]),
        table(format!("\u{feff}{headed}"), "", &["phi, psi"]),
        table(format!("\u{feff}{plain}"), "", &["the first row is data"]),
        table(headed.replace('\n', "\r\n"), "", &["phi, psi"]),
        table(headed.replace('\n', "\r"), "", &["phi, psi"]),
        table(headed.replace(',', "\t"), "", &["separated by tabs"]),
        table(headed.replace(',', ";"), "", &["separated by semicolons"]),
        table(headed.replace(',', " "), "", &["separated by blanks"]),
        table(
            headed.replace(',', ";").replace('.', ","),
            "",
            &["by semicolons, the comma is the decimal mark"],
        ),
        table(headed.replace(',', "\t").replace('.', ","), "", &["by tabs, the comma is the decimal mark"]),
        table(plain.replace(',', "  ").replace('.', ","), "", &["by blanks, the comma is the decimal mark"]),
        table(quoted, "", &["the first row is data"]),
        table(numbered("", ",phi,psi\n"), "", &["column 1 is left out: it counts the rows"]),
        table(numbered("", ""), "", &["column 1 is left out: it counts the rows"]),
        table(numbered("7", ",phi,psi\n"), "", &["column 1 is left out: it has integers and no name"]),
        table(numbered("", "Frame,phi,psi\n"), "", &["column 1 (Frame) is left out: it counts the rows"]),
        table(numbered("", "phi,psi\n"), "", &["column 1 is left out"]),
        table(format!("0,1\n{plain}"), "", &["line 1 names the columns: 0, 1"]),
        table(numbered("", ",0,1\n"), "", &["line 1 names the columns: , 0, 1"]),
        table(format!("# alanine dipeptide, radians\n{headed}"), "", &["line 2 names the columns: phi, psi"]),
        table(
            format!("% phi psi\n{}", plain.replace(',', " ")),
            "",
            &["line 1, a comment, names the columns: phi, psi"],
        ),
        table(headed.replacen("\n0", "\n# restarted here\n0", 1), "", &["phi, psi"]),
        table(headed.replace('\n', "\n\n"), "", &["phi, psi"]),
        table(format!("phi,psi\n{}", rows(",", ",\n")), "", &["every row ends in a separator"]),
        table(format!("phi,psi,\n{}", rows(",", ",\n")), "", &["every row ends in a separator"]),
        table(rows(",", ",\n"), "", &["the first row is data", "every row ends in a separator"]),
        table(headed.replace(",3.7575", ",3.7575e+00").replace("6.0165", "+.60165E1"), "", &["phi"]),
        table(headed.replace("6.0165", "6.016500D+00"), "", &["phi"]),
        table(headed.replace("phi,psi", "\"phi [rad]\",\"psi [rad]\""), "", &["radians: the header says so"]),
        table(headed.trim_end(), "", &["phi"]),
        table(format!("{headed}{headed}"), "", &["the header stands in line 6 again"]),
        table(utf16, "", &["read as UTF-16"]),
        table(latin1, "", &["read as Latin-1"]),
        table(
            plumed,
            "",
            &["names the columns: time, phi, psi", "column 1 (time) is left out: it counts the rows"],
        ),
        table(labels, "", &["column 3 is left out: it is text in every row"]),
        table(swapped.clone(), "columns = [\"phi\", \"psi\"]", &["column 2 (phi), column 1 (psi)"]),
        table(swapped, "columns = [2, 1]", &["column 2 (phi), column 1 (psi)"]),
        table(
            numbered("", "t,Phi [rad],psi\n"),
            "columns = [\"phi\", \"3\"]",
            &["column 2 (Phi [rad]), column 3 (psi)"],
        ),
        table(
            headed.replacen('\n', "\n1.0,\n", 1),
            "drop_missing = true",
            &["1 row without a value is left out: points.csv, line 2"],
        ),
        table(
            headed.replacen('\n', "\nNA,NA\n1e999,1\n", 1),
            "drop_missing = true",
            &["2 rows without a value"],
        ),
        table(
            format!("NA,NA\n{plain}"),
            "drop_missing = true",
            &["first row is data", "1 row without a value"],
        ),
        table(headed.replace("\n0.1178", "\n\u{2212}6.16538530717958647"), "", &["phi"]),
        table(format!("1,2\n{plain}"), "header = true", &["line 1 names the columns: 1, 2"]),
    ];
    for (i, Table { bytes, keys, notes }) in tables.iter().enumerate() {
        let text = String::from_utf8_lossy(bytes);
        let read = decoded(bytes, "points.csv", "T2", keys).unwrap_or_else(|e| panic!("{i}, {text}: {e}"));
        let said: Vec<String> = read.notes.iter().map(Note::to_string).collect();
        // Concatenated files have every point twice.
        for copy in read.points.chunks(8) {
            let same = copy.len() == 8 && copy.iter().zip(points()).all(|(x, y)| (x - y).abs() < 1e-12);
            assert!(same, "{i}, {text}: {:?}", read.points);
        }
        for words in *notes {
            assert!(said.iter().any(|note| note.contains(words)), "{i}, {text}: no {words:?} in {said:?}");
        }
    }
}

#[test]
fn units_are_turned_into_radians_and_angles_wrapped() {
    let half = std::f64::consts::PI;
    let cases = [
        ("a\n90\n-90\n", "unit = \"deg\"", vec![0.5 * half, 1.5 * half], ""),
        ("a [deg]\n90\n270\n", "", vec![0.5 * half, 1.5 * half], "degrees: the header says so"),
        ("a\n6\n12\n", "unit = \"hours\"", vec![0.5 * half, half], "hours"),
        ("a\n0.25\n-0.5\n", "unit = \"turns\"", vec![0.5 * half, half], "turns"),
        (
            "a\n7.5\n1\n",
            "unit = \"rad\"",
            vec![7.5 - 2.0 * half, 1.0],
            "1 angle beyond a turn is wrapped: 7.5 radians",
        ),
        ("a_rad\n7.5\n1\n", "", vec![7.5 - 2.0 * half, 1.0], "in points.csv, line 2"),
        ("a_deg\n3\n1\n", "unit = \"deg\"", vec![half / 60.0, half / 180.0], "the option"),
        ("a\n-999\n720\n", "unit = \"deg\"", vec![0.45 * half, 0.0], "2 angles beyond a turn"),
    ];
    for (text, keys, expected, words) in cases {
        let read =
            decoded(text.as_bytes(), "points.csv", "T1", keys).unwrap_or_else(|e| panic!("{text}: {e}"));
        let near = read.points.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-12);
        assert!(near && read.points.len() == expected.len(), "{text}: {:?}", read.points);
        let said = read.notes.iter().fold(String::new(), |said, note| said + &note.to_string());
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn latitude_and_longitude_are_points_of_the_sphere() {
    let root = 0.5f64.sqrt();
    let expected = [0.0, root, root, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0];
    for (text, columns) in [
        ("45,90\n0,180\n-90,0\n", 2),
        ("lat,lon\n45,90\n0,-180\n-90,77\n", 2),
        ("Longitude [deg],Latitude [deg]\n90,45\n180,0\n0,-90\n", 2),
        ("time,latitude,longitude,depth\n2001-01-02,45,90,7\n2001-01-03,0,180,NA\n2001-01-04,-90,0,9\n", 4),
    ] {
        let read = decoded(text.as_bytes(), "quakes.csv", "S2", "lat_lon = true")
            .unwrap_or_else(|e| panic!("{text}: {e}"));
        let near = read.points.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-15);
        assert!(near && read.points.len() == 9, "{columns} columns, {text}: {:?}", read.points);
    }
    let mixed =
        decoded(b"h,lat,lon\n6,0,90\n12,90,0\n", "x.csv", "T1xS2", "lat_lon = true\nunit = \"hours\"")
            .expect("points");
    assert!(
        (mixed.points[0] - 0.5 * std::f64::consts::PI).abs() < 1e-15 && mixed.points[2] == 1.0,
        "{mixed:?}"
    );
}

#[test]
fn unit_vectors_of_six_decimals_and_single_precision_are_normalised_and_read_again_to_the_bit() {
    // The vector (0.5725204…, −0.7169173…, 0.3978063…) of length 1, rounded: each coordinate errs by half of its last digit,
    // the length by √3 times as much.
    for (row, most) in [("0.572520,-0.716917,0.397806", 9e-7), ("0.572520375,-0.716917396,0.397806317", 1e-7)]
    {
        let text = format!("x,y,z,h\n{row},2\n0,0,1,3\n");
        let read = decoded(text.as_bytes(), "points.csv", "S2xR1", "").expect("points");
        let norm = read.points[..3].iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((norm - 1.0).abs() < 3e-16, "{row}: {norm}");
        let noted = |note: &Note| matches!(note, Note::Normalised { error } if *error > 0.0 && *error < most);
        assert!(read.notes.iter().any(noted), "{row}: {:?}", read.notes);
        assert_eq!(read.points[3..], [2.0, 0.0, 0.0, 1.0, 3.0], "{row}");
        let again = decoded(&encode(&read.points, 4), "points.npy", "S2xR1", "").expect("points");
        assert_eq!(again.points, read.points);
    }
}

#[test]
fn tables_that_the_program_has_written_need_no_columns_and_one_point_is_enough() {
    for (text, manifold, expected) in [
        ("theta1,theta2,log_q,log_weight\n1.5,2.5,-3,0.5\n", "T2", &[1.5, 2.5][..]),
        ("chain,draw,x2,x1\n0,0,-4,3\n0,1,7,5\n", "R2", &[3.0, -4.0, 5.0, 7.0]),
        ("x1,x2,x3,log_det\n0,0,1,4\n", "S2", &[0.0, 0.0, 1.0]),
        ("x1,theta1,x2\n1,2,3\n", "R1xT1xR1", &[1.0, 2.0, 3.0]),
    ] {
        let read =
            decoded(text.as_bytes(), "points.csv", manifold, "").unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(read.points, expected, "{text}");
    }
}

#[test]
fn legends_of_grace_name_columns_and_other_commands_do_not() {
    let head = "# dihedrals\n@    title \"Ramachandran\"\n@    xaxis  label \"Time (ps)\"\n@TYPE xy\n";
    let legends = "@ s0 legend \"psi\"\n@ s1 legend \"phi\"\n@ s0 symbol 1\n";
    let rows = "0.000 2.5 1.5\n2.500 -0.5 0.25\n";
    let text = format!("{head}{legends}{rows}");
    let read = decoded(text.as_bytes(), "a.xvg", "T2", "columns = [\"phi\", \"psi\"]").expect("points");
    assert_eq!(read.points[..2], [1.5, 2.5]);
    // Without legends no command has the names, whatever its words.
    let text = format!("{head}@ phi psi chi\n{rows}");
    let refused = decoded(text.as_bytes(), "a.xvg", "T2", "columns = [\"phi\", \"psi\"]");
    let refused = refused.expect_err("a refusal").to_string();
    assert!(refused.contains("no column `phi`; there are column 1, column 2, column 3"), "{refused}");
}

#[test]
fn weights_stand_in_a_column_of_their_own() {
    let rows = "1.1,0.5,3.7\n0.1,0,3.9\n6.0,2.25,5.1\n5.1,1,3.3\n";
    let (angles, weights) = ([1.1, 3.7, 0.1, 3.9, 6.0, 5.1, 5.1, 3.3], [0.5, 0.0, 2.25, 1.0]);
    let said = "3 rows are worth 2.2 of equal weight, and 1 row has weight 0 and does not count";
    let indexed: String = rows.lines().enumerate().map(|(i, row)| format!("{i},{row}\n")).collect();
    for (text, keys) in [
        (format!("phi,w,psi\n{rows}"), "weights = \"w\""),
        (format!("phi,w,psi\n{rows}"), "weights = \"W\"\ncolumns = [\"phi\", \"psi\"]"),
        (rows.to_owned(), "weights = 2"),
        (format!("frame,phi,weight,psi\n{indexed}"), "weights = \"weight\""),
        (format!("theta1,w,theta2\n{rows}"), "weights = \"w\""),
        (format!("phi,w,psi\n1,NA,2\n{rows}"), "weights = \"w\"\ndrop_missing = true"),
    ] {
        let read =
            decoded(text.as_bytes(), "points.csv", "T2", keys).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(read.points, angles, "{text}");
        assert_eq!(read.weights.as_deref(), Some(&weights[..]), "{text}");
        let notes: Vec<String> = read.notes.iter().map(Note::to_string).collect();
        assert!(notes.iter().any(|note| note.contains(said)), "{text}: {notes:?}");
    }
    // Degrees are those of the angles alone.
    let read = decoded(b"w,a\n1,90\n359,180\n", "points.csv", "T1", "weights = \"w\"\nunit = \"deg\"");
    assert_eq!(read.expect("points").weights, Some(vec![1.0, 359.0]));
}

#[test]
fn copy_of_weighted_points_keeps_their_weights_to_the_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "w,phi,psi\n0.1,1.1,3.7\n0,0.1,3.9\n1e-3,6.0,5.1\n3,5.1,3.3\n2,0.4,6.1\n";
    fs::write(folder.path().join("points.csv"), text).expect("a file");
    let keys = "[training]\nloss = \"likelihood\"\n[data]\nfile = \"points.csv\"\nmanifold = \"T2\"\nweights = \"w\"\n";
    let config = Config::parse(keys, "test").unwrap_or_else(|e| panic!("{e}"));
    let problem = Problem::new(config, folder.path()).expect("a problem");
    let (copied, bytes) = problem.with_copy("points.npy");
    let settings = copied.config.data.expect("a section");
    let read = |bytes: &[u8], name: &str, options| decode(bytes, name.as_ref(), &settings.manifold, &options);
    let original = problem.config.data.expect("a section").options();
    let first = read(text.as_bytes(), "points.csv", original).expect("points");
    let again = read(&bytes.expect("a copy"), "points.npy", settings.options()).expect("points");
    assert_eq!((first.points, first.weights), (again.points, again.weights));
}

#[test]
fn rows_that_are_all_held_out_are_not_said_to_be_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |rows: usize| {
        let rows: String = (0..rows).map(|i| format!("{}\n", 0.01 * (i as f64 + 0.5))).collect();
        fs::write(folder.path().join("points.csv"), rows).expect("a file");
        let text = "[training]\nloss = \"likelihood\"\n[data]\nfile = \"points.csv\"\nmanifold = \"R1\"\nheld_out = 0.999\n";
        let config = Config::parse(text, "test").unwrap_or_else(|e| panic!("{e}"));
        Problem::new(config, folder.path()).map(|_| ()).expect_err("a refusal").to_string()
    };
    let said = refused(600);
    assert!(said.contains(" of 600 rows ") && said.contains("lower data.held_out (--held-out)"), "{said}");
    let said = refused(1);
    assert!(said.contains("points.csv has 1 point: at least 2 are needed"), "{said}");
}
