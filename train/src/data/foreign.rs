//! Files of other formats, known by their first bytes.

use std::path::Path;

use super::DataError;

const UNPACK: &str = "unpack it first";
const EXPORT: &str = "save the points as .csv, .npy or .npz";
const ENDING: &str = "give it the ending .npz if it is an archive of NumPy, or save the points as .csv";

/// First bytes of a format, what it is, and what to do.
const FORMATS: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "compressed by gzip", UNPACK),
    (b"BZh", "compressed by bzip2", UNPACK),
    (b"\xfd7zXZ\0", "compressed by xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", UNPACK),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", ENDING),
    #[cfg(not(feature = "parquet"))]
    (b"PAR1", "a file of Parquet", EXPORT),
    (b"\x89HDF\r\n\x1a\n", "a file of HDF5", EXPORT),
    (b"CDF\x01", "a file of NetCDF", EXPORT),
    (b"ARROW1\0\0", "a file of Arrow", EXPORT),
    (b"MATLAB 5.0", "a file of MATLAB", EXPORT),
    (b"\x93NUMPY", "an array of NumPy", "give it the ending .npy"),
    (b"%PDF-", "a file of PDF", EXPORT),
    (b"SQLite format 3\0", "a database", EXPORT),
];

/// Words that pages begin with, in lower case.
const PAGES: [&[u8]; 3] = [b"<!doctype", b"<html", b"<?xml"];

/// Refuses what is no table of text: a format of the list, or text that begins as JSON, HTML or XML does.
///
/// # Errors
/// [`DataError::Foreign`].
pub(super) fn refuse(bytes: &[u8], path: &Path) -> Result<(), DataError> {
    let format = FORMATS.iter().find(|(start, ..)| bytes.starts_with(start));
    let format = format.map(|&(_, found, remedy)| (found, remedy));
    match format.or_else(|| markup(bytes).map(|found| (found, EXPORT))) {
        Some((found, remedy)) => Err(DataError::Foreign { path: path.to_owned(), found, remedy }),
        None => Ok(()),
    }
}

/// What text that is no table begins as.
fn markup(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let is_json = match text {
        [b'{', ..] => true,
        // A header may begin with a unit in brackets.
        [b'[', rest @ ..] => {
            matches!(rest.trim_ascii_start().first(), Some(b'[' | b'{' | b'"' | b'-' | b'0'..=b'9'))
        }
        _ => false,
    };
    let begins = |page: &&[u8]| text.len() >= page.len() && text[..page.len()].eq_ignore_ascii_case(page);
    if is_json { Some("JSON") } else { PAGES.iter().any(begins).then_some("a page of HTML or XML") }
}
