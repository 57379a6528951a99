//! Tables for NumPy: one npy array, or an npz archive of several.
//!
//! An npz file is a zip archive, here without compression, of npy files. Nothing of the time or the machine is in it.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Format, Layout, rows_of};
use crate::data::header;

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
