//! Arrays of NumPy: `.npy` files, and `.npz` archives of them.
//!
//! The format is that of numpy.lib.format: a magic string, a version, the length of a header, and the header, a dictionary
//! of Python with type, order and shape. It is read here, because the parsers at hand trust the header's numbers.

use std::io::{Cursor, Read};
use std::path::Path;

use zip::ZipArchive;

use super::field::Cell;
use super::table::{MOST_ROWS, Origin, Table, short};
use super::{Column, DataError, MOST_BYTES, Options};

const MAGIC: &[u8] = b"\x93NUMPY";
/// The data of a `.npy` file begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// Name of the array of points in archives that the program writes.
const POINTS: &str = "points";

/// An array of numbers of at most two dimensions, by rows.
struct Array {
    rows: usize,
    columns: usize,
    /// Whether it has one dimension.
    flat: bool,
    numbers: Vec<f64>,
}

/// Reads the table of a `.npy` file.
///
/// # Errors
/// [`DataError::Array`] for what is no table of numbers, [`DataError::TooMany`] for too many rows.
pub(super) fn array<'a>(bytes: &[u8], path: &'a Path) -> Result<Table<'a>, DataError> {
    decode(bytes).map_err(|problem| error(path, problem)).and_then(|array| table(path, array, vec![]))
}

/// Reads the table of a `.npz` archive: the array that the option `columns` names, the only array, the only one of two
/// dimensions if its name is `points`, or one column of each array if they are vectors of one length. A vector that the
/// option `weights` names becomes the last column of an array of two dimensions. Returns as well whether the option
/// `columns` has been used up.
///
/// # Errors
/// As [`array`].
pub(super) fn archive<'a>(
    bytes: &[u8],
    path: &'a Path,
    options: &Options,
) -> Result<(Table<'a>, bool), DataError> {
    let mut arrays = entries(bytes).map_err(|problem| error(path, problem))?;
    let beside = weights(&mut arrays, options);
    let whole = |array: Array| match &beside {
        // A shape without numbers may have any size.
        Some((name, weights)) if !array.numbers.is_empty() => {
            let names = [vec![String::new(); array.columns], vec![name.clone()]].concat();
            let joined = with_column(array, weights)
                .map_err(|problem| error(path, format!("{name} has {problem}")))?;
            table(path, joined, names)
        }
        _ => table(path, array, vec![]),
    };
    if let [Column::Name(name)] = &options.columns[..]
        && let Some(i) = arrays.iter().position(|(other, array)| other == name && !array.flat)
    {
        return Ok((whole(arrays.swap_remove(i).1)?, true));
    }
    // What the program writes has the points beside their log-densities.
    let mut tables = arrays.iter().enumerate().filter(|(_, (_, array))| !array.flat);
    if options.columns.is_empty()
        && let (Some((i, (name, _))), None) = (tables.next(), tables.next())
        && name == POINTS
    {
        return Ok((whole(arrays.swap_remove(i).1)?, true));
    }
    let rows = arrays.first().map_or(0, |(_, array)| array.rows);
    if arrays.len() == 1 && !arrays[0].1.flat {
        return Ok((whole(arrays.remove(0).1)?, false));
    }
    if arrays.is_empty() || arrays.iter().any(|(_, array)| !array.flat || array.rows != rows) {
        let shape = |(name, array): &(String, Array)| {
            let columns = if array.flat { String::new() } else { format!(" × {}", array.columns) };
            format!("{name} {}{columns}", array.rows)
        };
        let shapes: Vec<String> = arrays.iter().map(shape).collect();
        let problem = match &shapes[..] {
            [] => "an archive without arrays".to_owned(),
            _ => format!("several arrays ({}); choose one of two dimensions by `columns`", shapes.join(", ")),
        };
        return Err(error(path, problem));
    }
    let numbers = (0..rows).flat_map(|row| arrays.iter().map(move |(_, array)| array.numbers[row])).collect();
    let names: Vec<String> = arrays.iter().map(|(name, _)| name.clone()).collect();
    let columns = names.len();
    Ok((table(path, Array { rows, columns, flat: false, numbers }, names)?, false))
}

/// Takes the vector that the option `weights` names from arrays of which some have two dimensions.
fn weights(arrays: &mut Vec<(String, Array)>, options: &Options) -> Option<(String, Array)> {
    let Some(Column::Name(name)) = &options.weights else { return None };
    let is_named = |(other, array): &(String, Array)| array.flat && other == name;
    let place = arrays.iter().position(is_named)?;
    arrays.iter().any(|(_, array)| !array.flat).then(|| arrays.remove(place))
}

/// An array with one more column.
fn with_column(array: Array, last: &Array) -> Result<Array, String> {
    let Array { rows, columns, numbers, .. } = array;
    if last.rows != rows {
        return Err(format!("{} numbers for {rows} rows, where each needs one", last.rows));
    }
    let rows_of = numbers.chunks_exact(columns.max(1)).zip(&last.numbers);
    let joined = rows_of.flat_map(|(row, weight)| row.iter().chain([weight])).copied().collect();
    Ok(Array { rows, columns: columns + 1, flat: false, numbers: joined })
}

/// The header of a `.npy` file of little-endian doubles in C order, version 1.0 of the format.
///
/// # Panics
/// If the shape has so many dimensions that its text has more than 65,000 characters.
pub(crate) fn header(shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    // A tuple of one number needs its comma.
    let comma = if shape.len() == 1 { "," } else { "" };
    let sizes = sizes.join(", ");
    let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({sizes}{comma}), }}");
    let mut bytes = [MAGIC, &[1, 0]].concat();
    // The length counts the blanks and the line feed.
    let whole = (bytes.len() + 2 + text.len() + 1).next_multiple_of(ALIGNMENT);
    let length = whole - bytes.len() - 2;
    bytes.extend(u16::try_from(length).expect("a few dimensions").to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(whole - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// The bytes of a `.npy` file of points, `[row][coordinate]`, in double precision.
///
/// # Panics
/// If `ambient` is zero or `points` are not whole points of so many coordinates.
pub fn encode(points: &[f64], ambient: usize) -> Vec<u8> {
    assert!(points.len().is_multiple_of(ambient), "points of {ambient} coordinates");
    let mut bytes = header(&[points.len() / ambient, ambient]);
    bytes.extend(points.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

fn error(path: &Path, problem: String) -> DataError {
    DataError::Array { path: path.to_owned(), problem }
}

fn table(path: &Path, array: Array, names: Vec<String>) -> Result<Table<'_>, DataError> {
    if array.rows > MOST_ROWS {
        return Err(DataError::TooMany { path: path.to_owned(), limit: MOST_ROWS });
    }
    if array.rows == 0 || array.columns == 0 {
        return Err(DataError::TooFew { path: path.to_owned(), rows: 0, needed: 1 });
    }
    let cell = |x: f64| if x.is_finite() { Cell::Number(x) } else { Cell::Missing };
    let cells = array.numbers.into_iter().map(cell).collect();
    Ok(Table { path, names, width: array.columns, cells, origin: Origin::Array })
}

/// The arrays of an archive with their names.
fn entries(bytes: &[u8]) -> Result<Vec<(String, Array)>, String> {
    let damaged = |e: zip::result::ZipError| format!("not an archive that can be read ({e})");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let (mut arrays, mut left) = (Vec::new(), MOST_BYTES);
    for i in 0..archive.len() {
        let entry = archive.by_index(i).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?;
        let Some(name) = name.strip_suffix(".npy").map(short) else { continue };
        let mut bytes = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| format!("the array {name} is damaged ({e})"))?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| format!("its arrays have more than {MOST_BYTES} bytes"))?;
        let array = decode(&bytes).map_err(|problem| format!("the array {name} is {problem}"))?;
        arrays.push((name, array));
    }
    Ok(arrays)
}

/// Reads a `.npy` file.
fn decode(bytes: &[u8]) -> Result<Array, String> {
    let foreign = || "not an array of NumPy, or cut short".to_owned();
    let (version, rest) =
        bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_at_checked(2)).ok_or_else(foreign)?;
    let (length, rest) = match (version, rest) {
        ([1, _], [a, b, rest @ ..]) => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        ([2 | 3, _], [a, b, c, d, rest @ ..]) => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err(foreign()),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(foreign)?;
    let header = std::str::from_utf8(header).map_err(|_| foreign())?;
    let value = |key: &str| {
        let (_, value) = header.split_once(&format!("'{key}':"))?;
        Some(value.trim_start())
    };
    let kind = value("descr").ok_or_else(foreign)?;
    let kind = kind.strip_prefix('\'').and_then(|kind| kind.split_once('\'')).map(|(kind, _)| kind);
    let kind = kind.ok_or("an array of records")?;
    let by_columns = value("fortran_order").ok_or_else(foreign)?.starts_with("True");
    let shape =
        value("shape").and_then(|shape| shape.strip_prefix('(')?.split_once(')')).ok_or_else(foreign)?.0;
    let shape: Vec<&str> = shape.split(',').map(str::trim).filter(|size| !size.is_empty()).collect();
    let shape: Vec<usize> =
        shape.iter().map(|size| size.parse()).collect::<Result<_, _>>().map_err(|_| foreign())?;
    let (rows, columns) = match shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => return Err(format!("an array of {} dimensions", shape.len())),
    };
    let numbers = numbers(kind, data, rows.checked_mul(columns).ok_or_else(foreign)?)?;
    let numbers = if by_columns {
        (0..rows).flat_map(|row| numbers.iter().skip(row).step_by(rows.max(1)).copied()).collect()
    } else {
        numbers
    };
    Ok(Array { rows, columns, flat: shape.len() == 1, numbers })
}

/// So many numbers of a type of NumPy, `<f8` for example.
fn numbers(kind: &str, data: &[u8], count: usize) -> Result<Vec<f64>, String> {
    fn read<const N: usize>(
        data: &[u8],
        count: usize,
        big: bool,
        number: impl Fn([u8; N]) -> f64,
    ) -> Result<Vec<f64>, String> {
        let (words, _) = data.as_chunks::<N>();
        let words = words.get(..count).ok_or("cut short")?;
        let number = |mut word: [u8; N]| {
            if big {
                word.reverse();
            }
            number(word)
        };
        Ok(words.iter().map(|&word| number(word)).collect())
    }
    let big = kind.starts_with('>');
    match kind.trim_start_matches(['<', '>', '|', '=']) {
        "f8" => read(data, count, big, f64::from_le_bytes),
        "f4" => read(data, count, big, |word| f64::from(f32::from_le_bytes(word))),
        "i8" => read(data, count, big, |word| i64::from_le_bytes(word) as f64),
        "i4" => read(data, count, big, |word| f64::from(i32::from_le_bytes(word))),
        "i2" => read(data, count, big, |word| f64::from(i16::from_le_bytes(word))),
        "i1" => read(data, count, big, |word| f64::from(i8::from_le_bytes(word))),
        "u8" => read(data, count, big, |word| u64::from_le_bytes(word) as f64),
        "u4" => read(data, count, big, |word| f64::from(u32::from_le_bytes(word))),
        "u2" => read(data, count, big, |word| f64::from(u16::from_le_bytes(word))),
        "u1" => read(data, count, big, |word| f64::from(u8::from_le_bytes(word))),
        _ => Err(format!("an array of type {kind:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A file as NumPy writes it: the header's text, padded.
    fn npy(kind: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut bytes = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes()].concat();
        bytes.extend(header.bytes());
        bytes.extend(data);
        bytes
    }

    fn zip(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
            writer.write_all(bytes).expect("memory");
        }
        writer.finish().expect("an archive").into_inner()
    }

    #[test]
    fn header_is_that_of_numpy() {
        // What numpy.save writes for an array of shape (5, 3), and of shape (7,).
        for (shape, text) in [(&[5, 3][..], "(5, 3), }"), (&[7], "(7,), }")] {
            let bytes = header(shape);
            assert_eq!(bytes.len() % 64, 0);
            assert_eq!(&bytes[..10], [0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0, 118, 0]);
            let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {text}");
            assert!(bytes[10..].starts_with(text.as_bytes()), "{}", String::from_utf8_lossy(&bytes));
            assert_eq!(bytes.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = encode(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
        let read = decode(&bytes).expect("an array");
        assert_eq!((read.rows, read.columns, &read.numbers[..]), (2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]));
    }

    #[test]
    fn orders_and_types_of_numpy_are_read() {
        let f4: Vec<u8> = [1.5f32, 2.5, 3.5, 4.5].iter().flat_map(|x| x.to_be_bytes()).collect();
        let read = decode(&npy(">f4", "True", "(2, 2)", &f4)).expect("an array");
        assert_eq!(read.numbers, [1.5, 3.5, 2.5, 4.5]);
        let read = decode(&npy("|i1", "False", "(3,)", &[1, 255, 3])).expect("an array");
        assert_eq!((read.flat, read.numbers), (true, vec![1.0, -1.0, 3.0]));
    }

    #[test]
    fn hostile_headers_are_refused() {
        let big = usize::MAX.to_string();
        for (bytes, words) in [
            (vec![], "not an array"),
            (npy("<f8", "False", "(4, 2)", &[0; 24]), "cut short"),
            (npy("<f8", "False", &format!("({big}, 2)"), &[0; 24]), "cut short"),
            (npy("<f8", "False", &format!("({big}, 0)"), &[]), ""),
            (npy("|O", "False", "(2,)", &[0; 16]), "type \"|O\""),
            (npy("<f8", "False", "(1, 1, 1)", &[0; 8]), "3 dimensions"),
        ] {
            let found = decode(&bytes)
                .and_then(|array| table("x".as_ref(), array, vec![]).map(|_| ()).map_err(|e| e.to_string()));
            assert!(found.as_ref().is_err_and(|e| e.contains(words)), "{words}: {found:?}");
        }
    }

    #[test]
    fn arrays_of_an_archive_are_chosen_or_joined() {
        let of = |x: &[f64]| -> Vec<u8> { x.iter().flat_map(|x| x.to_le_bytes()).collect() };
        let [phi, psi] = [[1.0, 2.0], [3.0, 4.0]].map(|x| npy("<f8", "False", "(2,)", &of(&x)));
        let both = zip(&[("phi.npy", phi.clone()), ("psi.npy", psi)]);
        let options = Options::default();
        let (table, _) = archive(&both, "x.npz".as_ref(), &options).expect("a table");
        assert_eq!((table.names.join(" "), table.width), ("phi psi".to_owned(), 2));
        assert_eq!(table.cells, [1.0, 3.0, 2.0, 4.0].map(Cell::Number));

        let named = |name| zip(&[(name, encode(&[1.0, 2.0, 3.0, 4.0], 2)), ("log_q.npy", phi.clone())]);
        let refused = archive(&named("centres.npy"), "x.npz".as_ref(), &options);
        let refused = refused.map(|_| ()).expect_err("two arrays").to_string();
        assert!(refused.contains("centres 2 × 2, log_q 2"), "{refused}");
        // Archives of samples are read as they are.
        let samples = named("points.npy");
        assert!(matches!(archive(&samples, "x.npz".as_ref(), &options), Ok((Table { width: 2, .. }, true))));
        let columns = vec![Column::Name("points".to_owned())];
        let chosen = archive(&samples, "x.npz".as_ref(), &Options { columns, ..options });
        assert!(matches!(chosen, Ok((Table { width: 2, .. }, true))));
        // A vector of weights is a column beside the array.
        let options = Options { weights: Some(Column::Name("log_q".to_owned())), ..Options::default() };
        for name in ["points.npy", "centres.npy"] {
            let (table, _) = archive(&named(name), "x.npz".as_ref(), &options).expect("a table");
            assert_eq!(table.names, ["", "", "log_q"], "{name}");
            assert_eq!(table.cells, [1.0, 2.0, 1.0, 3.0, 4.0, 2.0].map(Cell::Number), "{name}");
        }
        let (table, _) = archive(&both, "x.npz".as_ref(), &options).expect("a table");
        assert_eq!(table.width, 2);
        let shape = format!("(0, {})", usize::MAX);
        let vast = zip(&[("points.npy", npy("<f8", "False", &shape, &[])), ("log_q.npy", phi)]);
        assert!(archive(&vast, "x.npz".as_ref(), &options).is_err());
    }
}
