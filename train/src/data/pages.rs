//! The pages of a column of Parquet: their headers, their compression, and the numbers in them.
//!
//! The column of a group of rows is a row of pages, each a header and values that may be compressed; a dictionary of
//! values may be the first. Nothing is taken from a header but sizes that the file and the number of its rows allow.

use std::io::Read;

use ::parquet::basic::CompressionCodec;

use super::MOST_BYTES;
use super::encodings::{deltas, hybrid, split_streams};
use super::field::Cell;
use super::thrift::{Structure, structure};

/// A column of a group of rows.
pub(super) struct Chunk<'a> {
    pub bytes: &'a [u8],
    pub codec: CompressionCodec,
    pub kind: Kind,
    /// Level of a value that is there; zero if none may be missing.
    pub highest: i16,
    pub rows: usize,
}

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Double,
    Single,
    /// Whole numbers of four bytes, or of eight, divided by a power of ten.
    Whole {
        is_short: bool,
        unsigned: bool,
        scale: f64,
    },
}

impl Kind {
    fn width(self) -> usize {
        if matches!(self, Self::Single | Self::Whole { is_short: true, .. }) { 4 } else { 8 }
    }

    fn whole(self, number: i64) -> f64 {
        match self {
            Self::Whole { is_short: true, unsigned: true, .. } => f64::from(number as u32),
            Self::Whole { is_short: false, unsigned: true, .. } => number as u64 as f64,
            Self::Whole { scale, .. } => number as f64 / scale,
            Self::Double | Self::Single => number as f64,
        }
    }

    fn of_four(self, bytes: [u8; 4]) -> f64 {
        match self {
            Self::Single => f64::from(f32::from_le_bytes(bytes)),
            _ => self.whole(i64::from(i32::from_le_bytes(bytes))),
        }
    }

    fn of_eight(self, bytes: [u8; 8]) -> f64 {
        match self {
            Self::Double => f64::from_le_bytes(bytes),
            _ => self.whole(i64::from_le_bytes(bytes)),
        }
    }

    /// So many numbers, one after the other.
    fn plain(self, bytes: &[u8], count: usize) -> Option<Vec<f64>> {
        Some(match self.width() {
            4 => bytes.as_chunks().0.get(..count)?.iter().map(|&word| self.of_four(word)).collect(),
            _ => bytes.as_chunks().0.get(..count)?.iter().map(|&word| self.of_eight(word)).collect(),
        })
    }

    /// So many numbers in an encoding, which may point into a dictionary.
    fn decode(
        self,
        encoding: i64,
        bytes: &[u8],
        count: usize,
        dictionary: &[f64],
    ) -> Result<Vec<f64>, String> {
        let found = match encoding {
            0 => self.plain(bytes, count),
            2 | 8 => {
                let Some((&width, indices)) = bytes.split_first() else {
                    return if count == 0 { Ok(vec![]) } else { Err("values".to_owned()) };
                };
                let indices = hybrid(indices, usize::from(width).min(64), count);
                indices.and_then(|indices| {
                    indices.iter().map(|&i| dictionary.get(i as usize).copied()).collect()
                })
            }
            5 if matches!(self, Self::Whole { .. }) => {
                let numbers = deltas(bytes, count, self.width() == 4);
                numbers.map(|numbers| numbers.into_iter().map(|number| self.whole(number)).collect())
            }
            9 if self.width() == 4 => split_streams(bytes, count)
                .map(|words| words.into_iter().map(|word| self.of_four(word)).collect()),
            9 => split_streams(bytes, count)
                .map(|words| words.into_iter().map(|word| self.of_eight(word)).collect()),
            other => return Err(format!("values of encoding {other}")),
        };
        found.ok_or_else(|| "values".to_owned())
    }
}

/// Whether a compression is read.
pub(super) fn is_read(codec: CompressionCodec) -> bool {
    use CompressionCodec::{GZIP, SNAPPY, UNCOMPRESSED, ZSTD};
    matches!(codec, UNCOMPRESSED | SNAPPY | GZIP | ZSTD)
}

impl Chunk<'_> {
    /// A number or a gap for each row; the bytes of its pages without compression are taken from those that are `left` for
    /// the file.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn cells(&self, left: &mut u64) -> Result<Vec<Cell>, String> {
        let (mut rest, mut cells, mut dictionary) = (self.bytes, Vec::new(), Vec::new());
        while cells.len() < self.rows {
            let header = structure(&mut rest).ok_or("the header of a page")?;
            let [whole, packed] = [2, 3].map(|number| header.size(number));
            let (whole, packed) = whole.zip(packed).ok_or("the size of a page")?;
            let (bytes, after) =
                rest.split_at_checked(packed).ok_or("a page beyond the end of its column")?;
            rest = after;
            *left = left
                .checked_sub(whole as u64)
                .ok_or_else(|| format!("columns of more than {MOST_BYTES} bytes"))?;
            let head = |number| header.structure(number).ok_or("the header of a page");
            match header.integer(1) {
                Some(0) => cells.extend(self.data(head(5)?, bytes, whole, &dictionary)?),
                Some(2) => dictionary = self.dictionary(head(7)?, bytes, whole)?,
                Some(3) => cells.extend(self.data_of_version_2(head(8)?, bytes, whole, &dictionary)?),
                // An index.
                _ => {}
            }
        }
        if cells.len() != self.rows {
            return Err(format!("{} values where there are {} rows", cells.len(), self.rows));
        }
        Ok(cells)
    }

    fn dictionary(&self, head: &Structure, bytes: &[u8], whole: usize) -> Result<Vec<f64>, String> {
        let bytes = self.unpack(bytes, whole)?;
        let count = count(head, 1, bytes.len() / self.kind.width())?;
        self.kind.plain(&bytes, count).ok_or_else(|| "values".to_owned())
    }

    /// A page whose levels stand before its values, with their size.
    fn data(
        &self,
        head: &Structure,
        bytes: &[u8],
        whole: usize,
        dictionary: &[f64],
    ) -> Result<Vec<Cell>, String> {
        let bytes = self.unpack(bytes, whole)?;
        let (count, encoding) = (count(head, 1, self.rows)?, encoding(head, 2)?);
        if self.highest == 0 {
            return Ok(self
                .kind
                .decode(encoding, &bytes, count, dictionary)?
                .into_iter()
                .map(cell)
                .collect());
        }
        // Levels are in runs; the older way of packing them has not been written for ten years.
        if head.integer(3) != Some(3) {
            return Err("the encoding of gaps".to_owned());
        }
        let levels = bytes
            .split_first_chunk()
            .and_then(|(&size, rest)| rest.split_at_checked(u32::from_le_bytes(size) as usize));
        let (levels, values) = levels.ok_or("the gaps of a page")?;
        self.with_gaps(levels, count, |present| self.kind.decode(encoding, values, present, dictionary))
    }

    /// A page whose levels are never compressed.
    fn data_of_version_2(
        &self,
        head: &Structure,
        bytes: &[u8],
        whole: usize,
        dictionary: &[f64],
    ) -> Result<Vec<Cell>, String> {
        let (definitions, repetitions) = (count(head, 5, bytes.len())?, count(head, 6, bytes.len())?);
        let (levels, values) =
            bytes.split_at_checked(definitions + repetitions).ok_or("the gaps of a page")?;
        let left = whole.checked_sub(levels.len()).ok_or("the size of a page")?;
        // A page without the flag is compressed, and one of gaps alone may have nothing to unpack.
        let values = match head.integer(7) {
            _ if left == 0 => vec![],
            Some(0) => sized(values.to_vec(), left)?,
            _ => self.unpack(values, left)?,
        };
        let (count, encoding) = (count(head, 1, self.rows)?, encoding(head, 4)?);
        self.with_gaps(&levels[repetitions..], count, |present| {
            self.kind.decode(encoding, &values, present, dictionary)
        })
    }

    /// Numbers where the level is highest, and gaps elsewhere.
    fn with_gaps(
        &self,
        levels: &[u8],
        count: usize,
        numbers: impl Fn(usize) -> Result<Vec<f64>, String>,
    ) -> Result<Vec<Cell>, String> {
        let highest = self.highest as u32;
        let width = (u32::BITS - highest.leading_zeros()) as usize;
        let levels = hybrid(levels, width, count).ok_or("the gaps of a page")?;
        let is_there = |level: &u32| *level == highest;
        let mut numbers = numbers(levels.iter().filter(|level| is_there(level)).count())?.into_iter();
        let value = |level| if is_there(&level) { numbers.next() } else { None };
        Ok(levels.into_iter().map(value).map(|number| number.map_or(Cell::Missing, cell)).collect())
    }

    /// So many bytes without their compression.
    fn unpack(&self, bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let read = |reader: &mut dyn Read| {
            let mut whole = Vec::new();
            // One more shows that there are too many.
            let read = reader.take(size as u64 + 1).read_to_end(&mut whole);
            read.map(|_| whole).map_err(|error| error.to_string())
        };
        let whole = match self.codec {
            CompressionCodec::SNAPPY => {
                if snap::raw::decompress_len(bytes).map_err(|error| error.to_string())? != size {
                    return Err("the size of a page".to_owned());
                }
                snap::raw::Decoder::new().decompress_vec(bytes).map_err(|error| error.to_string())?
            }
            CompressionCodec::GZIP => read(&mut flate2::read::MultiGzDecoder::new(bytes))?,
            CompressionCodec::ZSTD => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(bytes);
                read(&mut decoder.map_err(|error| error.to_string())?)?
            }
            _ => bytes.to_vec(),
        };
        sized(whole, size)
    }
}

fn cell(number: f64) -> Cell {
    if number.is_finite() { Cell::Number(number) } else { Cell::Missing }
}

/// The bytes, which must be so many.
fn sized(bytes: Vec<u8>, size: usize) -> Result<Vec<u8>, String> {
    if bytes.len() == size { Ok(bytes) } else { Err("the size of a page".to_owned()) }
}

/// A number of values or bytes that is at most `most`.
fn count(head: &Structure, number: i16, most: usize) -> Result<usize, String> {
    let found = head.size(number).filter(|&found| found <= most);
    found.ok_or_else(|| "a page of more values than there can be".to_owned())
}

fn encoding(head: &Structure, number: i16) -> Result<i64, String> {
    head.integer(number).ok_or_else(|| "a page without its encoding".to_owned())
}
