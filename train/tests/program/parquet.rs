//! Tables as Parquet hold the numbers of the other formats, and are read as these are.

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

#[test]
fn samples_as_parquet_are_read_as_those_of_csv() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("a table");
    for ending in ["csv", "parquet"] {
        let [samples, images, densities] = ["s", "t", "q"].map(|name| format!("{name}.{ending}"));
        let densities = format!("{densities}.csv");
        succeed(&ircpm(dir.path(), &["sample", "run", "-n", "300", "-o", &samples]));
        succeed(&ircpm(dir.path(), &["log-prob", "run", &samples, "-o", &densities]));
        succeed(&ircpm(dir.path(), &["transform", "run", &samples, "-o", &images]));
        succeed(&ircpm(dir.path(), &["inverse", "run", &images, "-o", &format!("i.{ending}.csv")]));
    }
    assert_eq!(read("q.csv.csv"), read("q.parquet.csv"));
    assert_eq!(read("i.csv.csv"), read("i.parquet.csv"));
    let fit = ["fit", "s.parquet", "--manifold", "T2", "--out", "fit"];
    let fitted = short(dir.path(), &fit);
    assert!(fitted.status.code().is_some_and(|code| code == 0 || code == 3), "{fitted:?}");
    assert!(read("fit/config.toml").contains("s.parquet"));
}
