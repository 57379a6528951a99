//! Tables of Parquet.
//!
//! The format is that of the documentation of Apache Parquet: groups of rows, in each of these the pages of every column
//! (`pages`, `encodings`), and a footer that says where. The crate `parquet` reads the footer. Its reader of pages is not
//! used, because it takes memory as their headers say, whatever the size of the file, and panics where they are damaged.

use std::path::Path;

use ::parquet::basic::{CompressionCodec, ConvertedType, LogicalType, Type};
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use ::parquet::schema::types::ColumnDescriptor;

use super::field::Cell;
use super::pages::{Chunk, Kind, is_read};
use super::table::{MOST_ROWS, Origin, Table, label};
use super::{DataError, MOST_BYTES};

/// What a file begins and ends with.
pub(super) const MAGIC: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";
/// Most bytes of a footer. It is read into structures that are larger than itself.
const MOST_FOOTER: usize = 1 << 24;

/// Why a file of Parquet cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetError {
    /// The file does not begin as Parquet does.
    #[error("no file of Parquet, though its name says so: give it the ending of what it is")]
    Foreign,
    /// The file is encrypted.
    #[error("an encrypted file of Parquet: write it without encryption")]
    Encrypted,
    /// A part of the file is not as the format says.
    #[error(
        "a file of Parquet that is damaged or cut short ({what}): write it again, or save the points as .csv"
    )]
    Damaged {
        /// The part.
        what: String,
    },
    /// A compression that is not read.
    #[error(
        "{column} is compressed by {codec}, which is not read: write the file with Snappy, Zstd or gzip, or without \
         compression"
    )]
    Codec {
        /// Number and name of the column.
        column: String,
        /// Name of the compression.
        codec: &'static str,
    },
}

/// Reads the table of a file.
///
/// # Errors
/// [`DataError::Parquet`] for what is damaged, encrypted or too large, or has a compression that is not read;
/// [`DataError::TooMany`] and [`DataError::TooFew`] for the number of its rows.
pub(super) fn table<'a>(bytes: &[u8], path: &'a Path) -> Result<Table<'a>, DataError> {
    let refuse = |problem| DataError::Parquet { path: path.to_owned(), problem };
    let damaged = |what: String| refuse(ParquetError::Damaged { what });
    let metadata = footer(bytes).map_err(refuse)?;
    let schema = metadata.file_metadata().schema_descr();
    let names: Vec<String> = schema.columns().iter().map(|column| name(column)).collect();
    let kinds: Vec<_> = schema.columns().iter().map(|column| kind(column)).collect();
    let width = kinds.len();
    let limit = MOST_ROWS.min(MOST_BYTES as usize / 8 / width.max(1));
    let mut rows = 0_usize;
    for group in metadata.row_groups() {
        let of_group = usize::try_from(group.num_rows());
        rows = rows.saturating_add(of_group.map_err(|_| damaged("the number of rows".to_owned()))?);
    }
    if rows > limit {
        return Err(DataError::TooMany { path: path.to_owned(), limit });
    }
    if rows == 0 || width == 0 {
        return Err(DataError::TooFew { path: path.to_owned(), rows: 0, needed: 1 });
    }
    let mut cells = vec![Cell::Text; rows * width];
    let (mut start, mut left) = (0, MOST_BYTES);
    for group in metadata.row_groups() {
        let of_group = group.num_rows() as usize;
        for column in (0..width).filter(|&column| kinds[column].is_none()) {
            let label = label(column, &names[column]);
            let chunk = group.columns().get(column).ok_or_else(|| damaged(label.clone()))?;
            if !is_read(chunk.compression_codec()) {
                let codec = codec_name(chunk.compression_codec());
                return Err(refuse(ParquetError::Codec { column: label, codec }));
            }
            let read = numbers(bytes, chunk, of_group, &mut left);
            let read = read.map_err(|problem| damaged(format!("{label}: {problem}")))?;
            for (row, cell) in read.into_iter().enumerate() {
                cells[(start + row) * width + column] = cell;
            }
        }
        start += of_group;
    }
    Ok(Table { path, names, width, cells, origin: Origin::Columns { kinds } })
}

/// The footer: its bytes, their number and the magic string end the file.
fn footer(bytes: &[u8]) -> Result<ParquetMetaData, ParquetError> {
    let damaged = |what: &str| ParquetError::Damaged { what: what.to_owned() };
    if !bytes.starts_with(MAGIC) && !bytes.starts_with(ENCRYPTED) {
        return Err(ParquetError::Foreign);
    }
    let (before, end) = bytes.split_last_chunk::<8>().ok_or_else(|| damaged("its end"))?;
    let [length, magic] = [0, 4].map(|at| &end[at..at + 4]);
    match magic {
        ENCRYPTED => return Err(ParquetError::Encrypted),
        MAGIC => {}
        _ => return Err(damaged("its end")),
    }
    let length = length.iter().rev().fold(0, |all, &byte| all << 8 | usize::from(byte));
    let start = before.len().checked_sub(length).ok_or_else(|| damaged("the size of its footer"))?;
    if length > MOST_FOOTER {
        return Err(damaged(&format!("a footer of more than {MOST_FOOTER} bytes")));
    }
    let metadata = ParquetMetaDataReader::decode_metadata(&before[start..]);
    metadata.map_err(|error| damaged(&printable(&error.to_string())))
}

/// The name of a column, with those of the structures that it is in.
fn name(column: &ColumnDescriptor) -> String {
    printable(column.path().string().trim())
}

/// Text of a file on one line.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// What a column holds, if not numbers.
fn kind(column: &ColumnDescriptor) -> Option<&'static str> {
    const TIMES: &str = "dates or times";
    const TEXT: &str = "text or bytes";
    if column.max_rep_level() > 0 {
        return Some("lists");
    }
    match column.logical_type_ref() {
        None | Some(LogicalType::Integer(_) | LogicalType::Decimal(_)) => {}
        Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_)) => return Some(TIMES),
        Some(LogicalType::Float16) => return Some("numbers of half precision"),
        Some(LogicalType::Unknown) => return Some("nothing"),
        Some(_) => return Some(TEXT),
    }
    match (column.physical_type(), column.converted_type()) {
        (Type::BOOLEAN, _) => Some("truth values"),
        (Type::INT96, _) => Some(TIMES),
        (Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, ConvertedType::DECIMAL) => {
            Some("decimals of many digits")
        }
        (Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, _) => Some(TEXT),
        (
            _,
            ConvertedType::DATE
            | ConvertedType::TIME_MILLIS
            | ConvertedType::TIME_MICROS
            | ConvertedType::TIMESTAMP_MILLIS
            | ConvertedType::TIMESTAMP_MICROS,
        ) => Some(TIMES),
        _ => None,
    }
}

fn codec_name(codec: CompressionCodec) -> &'static str {
    match codec {
        CompressionCodec::BROTLI => "Brotli",
        CompressionCodec::LZO => "LZO",
        _ => "LZ4",
    }
}

/// The numbers of a column in a group of rows.
fn numbers(
    bytes: &[u8],
    chunk: &ColumnChunkMetaData,
    rows: usize,
    left: &mut u64,
) -> Result<Vec<Cell>, String> {
    if chunk.file_path().is_some_and(|path| !path.is_empty()) {
        return Err("it is in another file".to_owned());
    }
    // Some writers give zero where there is no dictionary.
    let dictionary = chunk.dictionary_page_offset().filter(|&offset| offset > 0);
    let start = dictionary.unwrap_or(i64::MAX).min(chunk.data_page_offset());
    let place = usize::try_from(start).ok().zip(usize::try_from(chunk.compressed_size()).ok());
    let bytes = place.and_then(|(start, size)| bytes.get(start..start.checked_add(size)?));
    let column = chunk.column_descr();
    let whole = |is_short| Kind::Whole { is_short, unsigned: is_unsigned(column), scale: scale(column) };
    let kind = match column.physical_type() {
        Type::DOUBLE => Kind::Double,
        Type::FLOAT => Kind::Single,
        Type::INT32 => whole(true),
        _ => whole(false),
    };
    let bytes = bytes.ok_or("it is beyond the end of the file")?;
    let codec = chunk.compression_codec();
    Chunk { bytes, codec, kind, highest: column.max_def_level(), rows }.cells(left)
}

/// What whole numbers of a column are divided by; decimals of up to 18 digits are stored as such.
fn scale(column: &ColumnDescriptor) -> f64 {
    let scale = match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Decimal(decimal)), _) => decimal.scale,
        (_, ConvertedType::DECIMAL) => column.type_scale(),
        _ => 0,
    };
    10_f64.powi(scale.clamp(0, 18))
}

fn is_unsigned(column: &ColumnDescriptor) -> bool {
    match column.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => !integer.is_signed,
        _ => matches!(
            column.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        ),
    }
}
