//! Tables as text: a header line with the names of the columns, then one line per row.

use std::io::{self, BufWriter, Write};

use super::{Format, Layout, Sink, rows_of};

/// A table as CSV. Numbers have as many digits as it takes to read the same bits back.
pub(super) struct Csv {
    out: BufWriter<Box<dyn Sink>>,
    widths: Vec<usize>,
    /// Whether the numbers of a column are whole.
    whole: Vec<bool>,
}

impl Csv {
    pub(super) fn new(sink: Box<dyn Sink>, layout: &Layout) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 16, sink);
        let columns: Vec<&str> =
            layout.arrays.iter().flat_map(|array| &array.columns).map(String::as_str).collect();
        writeln!(out, "{}", columns.join(","))?;
        let whole = layout.arrays.iter().flat_map(|array| vec![array.whole; array.columns.len()]).collect();
        Ok(Self { out, widths: layout.widths(), whole })
    }
}

impl Format for Csv {
    fn rows(&mut self, arrays: &[&[f64]]) -> io::Result<()> {
        let out = &mut self.out;
        for row in rows_of(arrays, &self.widths) {
            for (column, (number, whole)) in row.zip(&self.whole).enumerate() {
                let separator = if column == 0 { "" } else { "," };
                match whole {
                    true => write!(out, "{separator}{number}")?,
                    false => write!(out, "{separator}{number:?}")?,
                }
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_mut().sync()
    }
}
