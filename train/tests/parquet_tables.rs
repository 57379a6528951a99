//! Files of Parquet as other programs write them, read as points; those of `tests/parquet` are of pyarrow 26 and polars 2.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use ircpm_train::data::{Column, DataError, Options, ParquetError, Points, decode};

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn options(columns: &[&str], drop_missing: bool) -> Options {
    let columns = columns.iter().map(|&name| Column::Name(name.to_owned())).collect();
    Options { columns, drop_missing, ..Options::default() }
}

fn read(bytes: &[u8], manifold: &str, options: &Options) -> Result<Points, DataError> {
    decode(bytes, "points.parquet".as_ref(), &manifold.parse().expect("a manifold"), options)
}

/// Twelve rows of `phi` and `psi`, of which the sixth has no `psi`.
fn expected() -> Vec<f64> {
    (0..12).filter(|&i| i != 5).map(f64::from).flat_map(|i| [0.25 * i, 1.5 - 0.125 * i]).collect()
}

#[test]
fn columns_of_other_programs_are_read() {
    for name in ["pyarrow-snappy", "pyarrow-zstd-v2", "pyarrow-gzip", "polars"] {
        let bytes = file(&format!("{name}.parquet"));
        let read =
            read(&bytes, "R2", &options(&["phi", "psi"], true)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(read.points, expected(), "{name}");
        let notes: Vec<String> = read.notes.iter().map(ToString::to_string).collect();
        assert!(notes.iter().any(|note| note.contains("row 6")), "{name}: {notes:?}");
    }
    // By their number alone.
    let read = read(&file("polars.parquet"), "R2", &options(&[], true)).expect("points");
    assert_eq!(read.points, expected());
}

#[test]
fn whole_numbers_and_decimals_are_numbers() {
    let bytes = file("pyarrow-snappy.parquet");
    let price = |i: i32| f64::from(i) / 100.0;
    let expected: Vec<f64> = (0..12).flat_map(|i| [3e9 + f64::from(i % 4), price(i)]).collect();
    assert_eq!(read(&bytes, "R2", &options(&["count", "price"], false)).expect("points").points, expected);
    let expected = [7.0, 1.0, 9.0, 2.0, 4.0, 3.0, 4.0, 4.0, 1_000_000_007.0, 5.0, -3.0, -6.0];
    let deltas = read(&file("pyarrow-delta.parquet"), "R2", &options(&[], false)).expect("points");
    assert_eq!(deltas.points, expected);
}

#[test]
fn columns_that_hold_no_numbers_are_left_out() {
    // Four columns are left of seven, which are numbers.
    let read = read(&file("pyarrow-snappy.parquet"), "R4", &options(&[], true)).expect("points");
    assert_eq!(read.points[..4], [0.0, 1.5, 3e9, 0.0]);
    let notes: Vec<String> = read.notes.iter().map(ToString::to_string).collect();
    for column in ["column 1 (name)", "column 2 (when)", "column 7 (ok)"] {
        assert!(notes.iter().any(|note| note.contains(column) && note.contains("no numbers")), "{notes:?}");
    }
}

#[test]
fn file_cut_short_anywhere_is_refused() {
    let bytes = file("pyarrow-snappy.parquet");
    for end in 0..bytes.len() {
        let refused = read(&bytes[..end], "R2", &options(&["phi", "psi"], true));
        assert!(matches!(refused, Err(DataError::Parquet { .. })), "{end}: {refused:?}");
    }
}

/// A number as Thrift writes it, in five bytes whatever its size.
fn varint(number: u32) -> [u8; 5] {
    [0, 7, 14, 21, 28].map(|shift| (number >> shift) as u8 & 127 | if shift < 28 { 128 } else { 0 })
}

#[test]
fn sizes_that_headers_claim_are_not_taken() {
    // The first page of the only column that is read claims to have two gibibytes without its compression.
    let bytes = file("pyarrow-gzip.parquet");
    // Type, size without compression, size with it: the field numbers and types of a header of a page.
    let at = bytes.windows(2).position(|two| two == [0x15, 0x04]).expect("a header of a dictionary");
    assert_eq!(bytes[at + 2], 0x15);
    let size = bytes[at + 3..].iter().position(|byte| byte & 128 == 0).expect("an end") + 1;
    let mut hostile = bytes.clone();
    hostile.splice(at + 3..at + 3 + size, varint(u32::MAX - 1));
    let refused = read(&hostile, "R2", &options(&["phi", "psi"], true)).expect_err("a hostile header");
    assert!(refused.to_string().contains("columns of more than"), "{refused}");
}

/// What is tried, its bytes, the column that is asked for, and words of the message.
fn wrong() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let good = file("pyarrow-snappy.parquet");
    let mut encrypted = good.clone();
    let end = encrypted.len();
    encrypted[end - 1] = b'E';
    vec![
        ("a table of text", b"phi,psi\n1,2\n".to_vec(), "phi", "no file of Parquet"),
        ("the first half", good[..good.len() / 2].to_vec(), "phi", "damaged or cut short"),
        ("an encrypted file", encrypted, "phi", "write it without encryption"),
        ("compression by Brotli", file("pyarrow-brotli.parquet"), "phi", "write the file with Snappy"),
        ("a column of text", good.clone(), "name", "holds text or bytes, not numbers"),
        ("a column of times", good.clone(), "when", "holds dates or times, not numbers"),
        ("a column of truth values", good.clone(), "ok", "holds truth values, not numbers"),
        ("a gap", good.clone(), "psi", "row 6, column 4 (psi): no value"),
        ("no such column", good, "chi", "no column `chi`"),
    ]
}

#[test]
fn wrong_files_get_the_messages_of_the_documentation() {
    let mut lines = String::from("| the file | column | message |\n|---|---|---|\n");
    for (what, bytes, column, words) in wrong() {
        let message = read(&bytes, "R1", &options(&[column], false)).expect_err(what).to_string();
        assert!(message.contains(words), "{what}: no {words:?} in {message:?}");
        writeln!(lines, "| {what} | {column} | {message} |").expect("memory");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/data.md");
    let text = fs::read_to_string(&path).expect("the documentation");
    assert!(text.contains(&lines), "the table of {} should be\n\n{lines}", path.display());
    let refused = read(&file("pyarrow-brotli.parquet"), "R2", &options(&[], true));
    let Err(DataError::Parquet { problem, .. }) = refused else { panic!("{refused:?}") };
    let codec = ParquetError::Codec { column: "column 1 (phi)".to_owned(), codec: "Brotli" };
    assert_eq!(problem, codec);
}
