//! Tables as Parquet hold the numbers of the other formats.

use std::fs::{self, File};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::files::table;
use super::{folder, ircpm, short, succeed};

#[test]
fn parquet_holds_the_columns_of_csv() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    // More rows than a piece has, and whole numbers among the columns of a chain.
    for (arguments, rows) in
        [(&["sample", "run", "-n", "9000"][..], 9000), (&["chain", "run", "-n", "20"], 80)]
    {
        for file in ["t.csv", "t.parquet"] {
            succeed(&ircpm(dir.path(), &[arguments, &["--force", "-o", file]].concat()));
        }
        let (names, numbers) = table(&fs::read_to_string(dir.path().join("t.csv")).expect("a table"));
        let file = File::open(dir.path().join("t.parquet")).expect("a file");
        let reader = SerializedFileReader::new(file).expect("Parquet");
        let read: Vec<_> =
            reader.get_row_iter(None).expect("rows").collect::<Result<_, _>>().expect("whole rows");
        assert_eq!((read.len(), numbers.len()), (rows, rows));
        for (row, numbers) in read.iter().zip(&numbers) {
            for (((name, field), expected), number) in row.get_column_iter().zip(&names).zip(numbers) {
                let found = match *field {
                    Field::Double(x) => x,
                    Field::Long(n) => n as f64,
                    ref field => panic!("{field}"),
                };
                assert_eq!((name, found.to_bits()), (expected, number.to_bits()));
            }
        }
    }
}
