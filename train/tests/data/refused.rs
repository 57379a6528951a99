//! What is no table of points, with the message that `docs/data.md` has for it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use ircpm_train::data::{DataError, crc32, read};

use crate::{decoded, rows, settings};

/// What the file holds, its manifold, the keys it is read with, and words of the message.
type Wrong = (&'static [u8], &'static str, &'static str, &'static str);

const WRONG: [Wrong; 65] = [
    (b"", "T2", "", "0 points: at least 1"),
    (b"phi,psi\n", "T2", "", "line 1: the only row, `phi,psi`, is the names of columns"),
    (b"# only a comment\n", "T2", "", "0 points"),
    (b"phi,psi\n1.1,\n1.2,2.5\n", "T2", "", "line 2, column 2 (psi): no value; complete"),
    (b"phi,psi\n1.1,nan\n1.2,2.5\n", "T2", "", "`nan` is no value"),
    (b"phi,psi\n1.1,NA\n1.2,2.5\n", "T2", "", "drop_missing = true"),
    (b"phi,psi\n1e999,2.1\n1.2,2.5\n", "T2", "", "column 1 (phi): `1e999` is no value"),
    (b"phi,psi\ninf,2.1\n1.2,2.5\n", "T2", "", "`inf` is no value"),
    (b"NA,NA\n1.1,2.1\n1.2,2.5\n", "T2", "", "line 1, column 1: `NA` is no value"),
    (b"phi,psi\n1.1,NA\nNA,2.5\n", "T2", "drop_missing = true", "0 points"),
    (b"phi,psi\n1.1,abc\n1.2,2.5\n", "T2", "", "`abc` is not a number"),
    (b"phi,psi\n0x1p-1,2.1\n1.2,2.5\n", "T2", "", "write it in decimal digits"),
    (b"phi,psi\n1_0,2.1\n1.2,2.5\n", "T2", "", "remove the underscore"),
    (b"phi,psi\n\"1,234\",2.1\n1.2,2.5\n", "T2", "", "write thousands without a mark"),
    (b"phi;psi\n1,5;2.5\n1,2;2,5\n", "T2", "", "use it in every number"),
    (b"phi,psi\n45deg,90deg\n1.2,2.5\n", "T2", "", "remove the unit from the field"),
    (b"phi,psi\n12:30,2.1\n1.2,2.5\n", "T2", "", "minutes and seconds as decimals"),
    (b"phi,psi\n1.1,2.1\n1.2\n1.3,2.2\n", "T2", "", "line 3: 1 column, but 2 in the rows above"),
    (b"phi,psi\n1.1,2.1\n1.2,2.5,7\n", "T2", "", "line 3: 3 columns"),
    (b"theta\n1.1,2.1\n1.2,2.5\n", "T2", "", "line 1: 1 name (theta) above rows of 2 columns"),
    (b"a,b,c\n1.1,2.1\n1.2,2.5\n", "T2", "", "3 names (a, b, c) above rows of 2 columns"),
    (b"phi,psi\0\n1.1,2.1\n", "T2", "", "line 1: a zero byte"),
    (b"phi,psi\n\"1.1,2.1\n1.2,2.5\n", "T2", "", "line 2: a quoted field does not end"),
    (b"0,1\n2,3\n4,5\n", "T2", "", "`0,1` may be the header or the first row"),
    (b"0\n1.5\n2.5\n", "T1", "", "header = true"),
    (b"1.1x,2.1x\n1.2,2.5\n1.3,2.6\n", "T2", "", "`1.1x,2.1x` may be the header or the first row"),
    (b"1.1,psi\n1.2,2.5\n1.3,2.6\n", "T2", "", "if this line holds the names of the columns"),
    (b"1.1,2.1x\n1.2,2.5\n", "T2", "", "line 1, column 2: `2.1x` is not a number"),
    (b"t,phi,psi\n0.1,1.1,2.1\n0.3,1.2,2.5\n", "T2", "", "as in --columns 2,3"),
    (b"phi,psi,w\n1,2,1\n2,3.5,1\n3,1,2\n", "T2", "", "as in --columns 2,3"),
    (b"phi\n1.1\n1.2\n", "T2", "", "1 column (column 1 (phi)), but a point of T2 has 2 coordinates"),
    (
        b"phi,psi\n1.1,2.1\n1.2,2.5\n",
        "T2",
        "columns = [\"phi\", \"chi\"]",
        "no column `chi`; there are column 1 (phi)",
    ),
    (b"phi,psi\n1.1,2.1\n1.2,2.5\n", "T2", "columns = [\"phi\"]", "`columns` has 1, but a point of T2"),
    (b"phi,psi\n1.1,2.1\n1.2,2.5\n", "T2", "columns = [1, 3]", "no column `3`"),
    (b"phi,phi\n1.1,2.1\n1.2,2.5\n", "T2", "columns = [\"phi\", \"2\"]", "several columns are named `phi`"),
    (
        b"phi,psi,w\n1,2,3\n2,3,-1\n",
        "T2",
        "weights = \"w\"",
        "line 3, column 3 (w): the weight -1 is negative",
    ),
    (b"phi,psi,w\n1,2,0\n2,3,0\n", "T2", "weights = 3", "column 3 (w): all weights are 0"),
    (b"phi,psi,w\n1,2,nan\n2,3,1\n", "T2", "weights = \"w\"", "line 2, column 3 (w): `nan` is no value"),
    (b"phi,psi,w\n1,2,inf\n2,3,1\n", "T2", "weights = \"w\"", "line 2, column 3 (w): `inf` is no value"),
    (b"phi,psi,w\n1,2,heavy\n2,3,1\n", "T2", "weights = \"w\"", "column 3 (w): `heavy` is not a number"),
    (
        b"phi,psi,w\n1,2,1\n2,3,1\n",
        "T2",
        "columns = [1, 3]\nweights = \"w\"",
        "column 3 (w) cannot be a coordinate and the weights",
    ),
    (
        b"phi,psi,w\n1,2,1\n2,3,1\n",
        "T2",
        "weights = \"weight\"",
        "no column `weight`; there are column 1 (phi)",
    ),
    (
        b"phi,w\n1,2\n2,3\n",
        "T2",
        "weights = \"w\"",
        "but a point of T2 has 2 coordinates beside the columns named otherwise",
    ),
    (b"phi,psi\n64.3,215.3\n6.8,227.7\n", "T2", "", "line 2, column 1 (phi): the angle 64.3 is beyond"),
    (b"phi,psi\n7.5,1\n2,3\n", "T2", "", "or \"rad\" if they are radians that go on"),
    (
        b"yaw_deg,pitch_deg\n4.51,-2.66\n1.59,-1.85\n",
        "T2",
        "",
        "the header `yaw_deg` says degrees, but all values are within",
    ),
    (b"a [deg],b [rad]\n45,1\n90,2\n", "T2", "", "several units of angles (a [deg], b [rad])"),
    (b"x,y,z\n0,0,1\n0,0.6,0.8001\n", "S2", "", "line 3: [0.0, 0.6, 0.8001] is not a point of S2"),
    (b"x,y,z\n0,0,1\n0,2,0\n", "S2", "unit = \"deg\"", "`unit` is for angles, and S2 has none"),
    (b"a,b,c,log_q\n1,2,1,1\n2,3.5,1,2\n3,1,2,3\n", "T2", "", "as in --columns 2,3"),
    (b"lat,lon\n45,90\n0,180\n", "S2", "", "lat_lon = true (--lat-lon)"),
    (b"lat,lon,depth\n45,90,1\n0,180,2\n", "S2", "", "lat_lon = true (--lat-lon)"),
    (
        b"100,45\n120,10\n",
        "S2",
        "lat_lon = true",
        "the latitude 100 is beyond ±90 degrees; give latitude first",
    ),
    (b"lat,lon\n45,400\n0,1\n", "S2", "lat_lon = true", "the longitude 400 is beyond ±360"),
    (
        b"lat,lon,depth\n45,40,1\n0,1,2\n",
        "T2",
        "lat_lon = true",
        "`lat_lon` is for points of S2, which T2 has not",
    ),
    (b"a,b,c\n45,40,2.5\n0,1,2\n", "S2", "lat_lon = true", "with latitude and longitude has 2 coordinates"),
    (b"x;y\n1.234,5;2\n3;4\n", "R2", "", "`1.234,5` is not a number"),
    (b"label,x\nA,B\nC,D\n", "R1", "", "choose them by `columns`"),
    (b"x\n1e308\n-1e309\n", "R1", "", "`-1e309` is no value"),
    (b"phi psi\n1.1 2.1\n1.2 2.5 # again\n", "T2", "", "line 3: 4 columns"),
    (b"phi,psi\n--,2.1\n1.2,2.5\n", "T2", "", "`--` is no value"),
    (b"phi,psi\n,\n1.2,2.5\n", "T2", "", "line 2, column 1 (phi): no value"),
    (
        b"log_q,log_weight\n-1.5,0.5\n-2.5,0.25\n",
        "T2",
        "",
        "logarithms are none: give the file of the points",
    ),
    (b"[[1.5, 2.5], [1.0, 2.0]]\n", "T2", "", "is JSON: save the points as .csv"),
    (b"<!DOCTYPE html>\n<title>404</title>\n", "T2", "", "is a page of HTML or XML"),
];

/// A text on one line of a table of Markdown.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\n', " ⏎ ").replace('\0', "␀");
    if text.is_empty() { "(nothing)".to_owned() } else { format!("`{}`", text.trim_end_matches(" ⏎ ")) }
}

#[test]
fn wrong_tables_get_the_messages_of_the_documentation() {
    let mut lines = String::from("| the file | manifold, keys | message |\n|---|---|---|\n");
    for (bytes, manifold, keys, words) in WRONG {
        let name = shown(bytes);
        let message = match decoded(bytes, "points.csv", manifold, keys) {
            Ok(read) => panic!("{name} is read as {read:?}"),
            Err(error) => error.to_string(),
        };
        assert!(message.contains(words), "{name}: no {words:?} in {message:?}");
        let keys = keys
            .split('\n')
            .filter(|key| !key.is_empty())
            .fold(String::new(), |all, key| all + &format!(", `{key}`"));
        writeln!(lines, "| {name} | {manifold}{keys} | {message} |").expect("memory");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/data.md");
    let text = fs::read_to_string(&path).expect("the documentation");
    assert!(text.contains(&lines), "the table of {} should be\n\n{lines}", path.display());
}

#[test]
fn what_is_no_file_with_an_end_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings("T2", "");
    let refused = |path: &Path| read(path, &settings.manifold, &settings.options()).expect_err("a refusal");
    assert!(matches!(refused(folder.path()), DataError::NotAFile { .. }));
    assert!(matches!(refused(&folder.path().join("nothing.csv")), DataError::Open { .. }));
    #[cfg(unix)]
    {
        assert!(matches!(refused(Path::new("/dev/zero")), DataError::NotAFile { .. }));
        let pipe = folder.path().join("pipe.csv");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()), "a pipe");
        assert!(matches!(refused(&pipe), DataError::NotAFile { .. }));
    }
}

#[test]
fn file_beyond_the_bound_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.csv");
    // A hole takes no place on the disk.
    fs::File::create(&path).and_then(|file| file.set_len(ircpm_train::data::MOST_BYTES + 1)).expect("a file");
    let settings = settings("T2", "");
    let refused = read(&path, &settings.manifold, &settings.options());
    assert!(matches!(refused, Err(DataError::TooLarge { .. })), "{refused:?}");
}

#[test]
fn changed_file_is_noticed_by_its_sum() {
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(crc32(b"123456789"), "cbf43926");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("points.csv");
    fs::write(&path, rows(",", "\n")).expect("a file");
    let sum = crc32(rows(",", "\n").as_bytes());
    let settings = settings("T2", &format!("crc32 = \"{sum}\""));
    read(&path, &settings.manifold, &settings.options()).expect("points");
    fs::write(&path, rows(",", "\r\n")).expect("a file");
    let refused = read(&path, &settings.manifold, &settings.options()).expect_err("a refusal").to_string();
    assert!(refused.contains("points.csv has changed") && refused.contains(&sum), "{refused}");
}
