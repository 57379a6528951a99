//! The checksum of a checkpoint, which covers all bytes of the file but its own digits.
//!
//! A cyclic redundancy check of 32 bits tells every damage that lies within 32 neighbouring bits, so every byte that was
//! changed, and misses one in 2³² of all others.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::Value;

/// Key of the checksum among the metadata.
pub(crate) const KEY: &str = "checksum";
/// Eight hexadecimal digits, here before they are known.
const UNKNOWN: &str = "00000000";
/// Bytes of the length of the header, with which a safetensors file begins.
const LENGTH: usize = 8;

/// A file's checksum, as it is and as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) found: u32,
    pub(crate) written: u32,
}

/// Makes room for the checksum.
pub(crate) fn place(metadata: &mut HashMap<String, String>) {
    metadata.insert(KEY.to_owned(), UNKNOWN.to_owned());
}

/// Puts the header of a safetensors file in order, whose metadata come in a random one, and writes the checksum into the
/// room that [`place`] has made. The length stays.
///
/// # Errors
/// What is wrong, if it is no such file.
pub(crate) fn close(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let range = header(&bytes).ok_or("the header has no room")?;
    let text = &mut bytes[range];
    let mut entries: BTreeMap<String, Value> = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    entries.values_mut().for_each(Value::sort_all_objects);
    let ordered = serde_json::to_string(&entries).map_err(|e| e.to_string())?;
    if ordered.len() > text.len() {
        return Err("the header has grown".to_owned());
    }
    text.fill(b' ');
    text[..ordered.len()].copy_from_slice(ordered.as_bytes());
    let digits = digits(&bytes).ok_or("the header has no checksum")?;
    let checksum = checksum(&bytes, &digits);
    bytes[digits].copy_from_slice(format!("{checksum:08x}").as_bytes());
    Ok(bytes)
}

impl Seal {
    /// The checksums of a file; none if it has none.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let digits = digits(bytes)?;
        let text = std::str::from_utf8(&bytes[digits.clone()]).ok()?;
        let written = u32::from_str_radix(text, 16).ok()?;
        let as_written = text == format!("{written:08x}");
        as_written.then(|| Self { found: checksum(bytes, &digits), written })
    }
}

/// Where the header's text lies.
fn header(bytes: &[u8]) -> Option<Range<usize>> {
    let length = u64::from_le_bytes(*bytes.first_chunk::<LENGTH>()?);
    let end = usize::try_from(length).ok()?.checked_add(LENGTH)?;
    (end <= bytes.len()).then_some(LENGTH..end)
}

/// Where the digits of the checksum lie. Quotation marks inside other values are escaped, so they are not mistaken.
fn digits(bytes: &[u8]) -> Option<Range<usize>> {
    let range = header(bytes)?;
    let key = format!("\"{KEY}\":\"");
    let at = bytes[range.clone()].windows(key.len()).position(|window| window == key.as_bytes())?;
    let start = range.start + at + key.len();
    let end = start + UNKNOWN.len();
    (bytes.get(end) == Some(&b'"')).then_some(start..end)
}

/// The checksum of all bytes but the digits, in whose place zeros are read.
fn checksum(bytes: &[u8], digits: &Range<usize>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..digits.start]);
    hasher.update(UNKNOWN.as_bytes());
    hasher.update(&bytes[digits.end..]);
    hasher.finalize()
}
