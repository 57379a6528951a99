//! The bytes of a file, within bounds, and its text.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::{DataError, Note};

/// Most bytes of a file, 512 MiB: some twenty million rows of two coordinates.
pub const MOST_BYTES: u64 = 1 << 29;

/// CRC-32 of zip and gzip in eight hexadecimal digits: enough to notice a change that nobody planned.
pub fn crc32(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}

/// Reads a regular file of at most [`MOST_BYTES`], which must have the given CRC-32 if there is one.
///
/// # Errors
/// [`DataError::Open`], [`DataError::NotAFile`], [`DataError::TooLarge`] or [`DataError::Changed`].
pub(crate) fn load(path: &Path, expected: Option<&str>) -> Result<Vec<u8>, DataError> {
    let open = |e: std::io::Error| DataError::Open { path: path.to_owned(), message: e.to_string() };
    // Before it is opened: opening a pipe waits for a writer.
    let metadata = fs::metadata(path).map_err(open)?;
    if !metadata.is_file() {
        return Err(DataError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    if metadata.len() <= MOST_BYTES {
        // The bound holds for files that grow while they are read as well.
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(open)?;
    }
    if metadata.len().max(bytes.len() as u64) > MOST_BYTES {
        return Err(DataError::TooLarge { path: path.to_owned(), limit: MOST_BYTES });
    }
    match expected {
        Some(expected) if !crc32(&bytes).eq_ignore_ascii_case(expected) => {
            let (expected, found) = (expected.to_owned(), crc32(&bytes));
            Err(DataError::Changed { path: path.to_owned(), expected, found })
        }
        _ => Ok(bytes),
    }
}

/// Decodes text: UTF-8 with or without a byte-order mark, UTF-16 with one, and Latin-1, which any bytes are.
pub(super) fn text<'a>(bytes: &'a [u8], notes: &mut Vec<Note>) -> Cow<'a, str> {
    let utf16 = |bytes: &[u8], of: fn([u8; 2]) -> u16| {
        let (words, _) = bytes.as_chunks::<2>();
        let words: Vec<u16> = words.iter().map(|&word| of(word)).collect();
        Cow::Owned(String::from_utf16_lossy(&words))
    };
    let other = match bytes {
        [0xff, 0xfe, rest @ ..] => Some(("UTF-16", utf16(rest, u16::from_le_bytes))),
        [0xfe, 0xff, rest @ ..] => Some(("UTF-16", utf16(rest, u16::from_be_bytes))),
        _ => None,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (encoding, text) = match (other, std::str::from_utf8(bytes)) {
        (None, Ok(text)) => return Cow::Borrowed(text),
        (Some(other), _) => other,
        // A byte of Latin-1 is the character of that number.
        (None, Err(_)) => ("Latin-1", bytes.iter().map(|&byte| char::from(byte)).collect()),
    };
    notes.push(Note::Encoding(encoding));
    text
}
