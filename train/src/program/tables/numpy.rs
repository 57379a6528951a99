//! Tables for NumPy: one npy array, or an npz archive of several.
//!
//! An npz file is a zip archive, here without compression, of npy files. Nothing of the time or the machine is in it.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Format, Layout, rows_of};

/// The header of an npy file of little-endian doubles in C order: version 1.0 of the format, see NumPy's
/// `numpy.lib.format`.
fn header(shape: &[usize]) -> Vec<u8> {
    /// Headers end at multiples of it.
    const ALIGNMENT: usize = 64;
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    // A tuple of one number needs its comma.
    let comma = if shape.len() == 1 { "," } else { "" };
    let sizes = sizes.join(", ");
    let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({sizes}{comma}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    // The length counts the blanks and the line feed.
    let whole = (bytes.len() + 2 + text.len() + 1).next_multiple_of(ALIGNMENT);
    let length = whole - bytes.len() - 2;
    bytes.extend(u16::try_from(length).expect("a few dimensions").to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(whole - 1, b' ');
    bytes.push(b'\n');
    bytes
}

fn write_numbers<'a>(out: &mut impl Write, numbers: impl IntoIterator<Item = &'a f64>) -> io::Result<()> {
    numbers.into_iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}

/// All columns side by side in one array of two dimensions.
pub(super) struct Npy {
    out: BufWriter<File>,
    widths: Vec<usize>,
}

impl Npy {
    pub(super) fn new(file: File, layout: &Layout) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        let widths = layout.widths();
        out.write_all(&header(&[layout.axes.iter().product(), widths.iter().sum()]))?;
        Ok(Self { out, widths })
    }
}

impl Format for Npy {
    fn rows(&mut self, arrays: &[&[f64]]) -> io::Result<()> {
        let out = &mut self.out;
        rows_of(arrays, &self.widths).try_for_each(|row| write_numbers(out, row))
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }
}

/// Every array by itself. The first goes straight into the archive; the others wait in nameless files, because an
/// archive has one array after the other.
pub(super) struct Npz {
    archive: ZipWriter<BufWriter<File>>,
    layout: Layout,
    waiting: Vec<BufWriter<File>>,
}

impl Npz {
    pub(super) fn new(file: File, folder: &Path, layout: &Layout) -> io::Result<Self> {
        let mut archive = ZipWriter::new(BufWriter::with_capacity(1 << 16, file));
        begin(&mut archive, layout, 0)?;
        let nameless = |_| tempfile::tempfile_in(folder).map(|file| BufWriter::with_capacity(1 << 16, file));
        let waiting = layout.arrays[1..].iter().map(nameless).collect::<io::Result<_>>()?;
        Ok(Self { archive, layout: layout.clone(), waiting })
    }
}

/// Begins an array in the archive.
fn begin(archive: &mut ZipWriter<BufWriter<File>>, layout: &Layout, index: usize) -> io::Result<()> {
    let array = &layout.arrays[index];
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(true);
    archive.start_file(format!("{}.npy", array.name), options)?;
    let mut shape = layout.axes.clone();
    if array.columns != [array.name] {
        shape.push(array.columns.len());
    }
    archive.write_all(&header(&shape))
}

impl Format for Npz {
    fn rows(&mut self, arrays: &[&[f64]]) -> io::Result<()> {
        // The archive takes bytes in few pieces, because each is counted into a checksum.
        let bytes: Vec<u8> = arrays[0].iter().flat_map(|number| number.to_le_bytes()).collect();
        self.archive.write_all(&bytes)?;
        let mut others = self.waiting.iter_mut().zip(&arrays[1..]);
        others.try_for_each(|(out, array)| write_numbers(out, *array))
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        for (i, waiting) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            begin(&mut self.archive, &self.layout, i + 1)?;
            let mut file = waiting.into_inner()?;
            file.rewind()?;
            io::copy(&mut file, &mut self.archive)?;
        }
        self.archive.finish()?.into_inner()?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::header;

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
}
