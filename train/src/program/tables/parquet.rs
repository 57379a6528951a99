//! Tables as Parquet, with one group of rows for every piece.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::{Repetition, Type as Physical};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::{Format, Layout};

/// A table as Parquet: columns of doubles, and of whole numbers, none of which may be missing; without compression.
pub(super) struct Parquet {
    out: SerializedFileWriter<File>,
    widths: Vec<usize>,
    /// Whether the numbers of an array are whole.
    whole: Vec<bool>,
}

impl Parquet {
    pub(super) fn new(file: File, layout: &Layout) -> io::Result<Self> {
        let mut fields = Vec::new();
        for array in &layout.arrays {
            let physical = if array.whole { Physical::INT64 } else { Physical::DOUBLE };
            for name in &array.columns {
                let column = Type::primitive_type_builder(name, physical);
                fields.push(Arc::new(column.with_repetition(Repetition::REQUIRED).build().map_err(of_file)?));
            }
        }
        let schema = Type::group_type_builder("table").with_fields(fields).build().map_err(of_file)?;
        let properties = Arc::new(WriterProperties::builder().build());
        let out = SerializedFileWriter::new(file, Arc::new(schema), properties).map_err(of_file)?;
        let whole = layout.arrays.iter().map(|array| array.whole).collect();
        Ok(Self { out, widths: layout.widths(), whole })
    }

    /// Writes a group of rows, column by column.
    fn group(&mut self, arrays: &[&[f64]]) -> Result<(), ParquetError> {
        let mut group = self.out.next_row_group()?;
        for ((array, &width), whole) in arrays.iter().zip(&self.widths).zip(&self.whole) {
            for c in 0..width {
                let Some(mut column) = group.next_column()? else { break };
                let numbers = array.iter().skip(c).step_by(width);
                if *whole {
                    let numbers: Vec<i64> = numbers.map(|&x| x as i64).collect();
                    column.typed::<Int64Type>().write_batch(&numbers, None, None)?;
                } else {
                    let numbers: Vec<f64> = numbers.copied().collect();
                    column.typed::<DoubleType>().write_batch(&numbers, None, None)?;
                }
                column.close()?;
            }
        }
        group.close().map(|_| ())
    }
}

/// What the system says, or else what the format does.
fn of_file(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

impl Format for Parquet {
    fn rows(&mut self, arrays: &[&[f64]]) -> io::Result<()> {
        self.group(arrays).map_err(of_file)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.out.into_inner().map_err(of_file)?.sync_all()
    }
}
