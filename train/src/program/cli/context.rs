//! Values of conditioning variables on the command line.

use std::path::Path;

use ircpm_manifolds::AnyManifold;

use super::CliError;
use super::table::check_file;
use crate::data::{self, Column, DataError, Options};

/// The rows of conditioning variables that `text` stands for, `[row][variable]`: the numbers of one row, separated by
/// commas, or the file of a table whose columns are the variables, or have their names, the last of `names`.
///
/// # Errors
/// [`CliError::Contexts`] for another number of variables than the model's, [`CliError::NoSuchFile`], and
/// [`CliError::Data`] for a file that has no such columns.
pub(super) fn rows(text: &str, contexts: usize, names: &[String]) -> Result<Vec<f64>, CliError> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    if let Some(row) = numbers {
        let usable = row.len() == contexts && row.iter().all(|c| c.is_finite());
        return if usable { Ok(row) } else { Err(CliError::Contexts { given: text.to_owned(), contexts }) };
    }
    let path = Path::new(text);
    check_file(path)?;
    let reals: AnyManifold = format!("R{contexts}").parse().expect("a Euclidean space");
    let columns = names[names.len() - contexts..].iter().cloned().map(Column::Name).collect();
    let read = |columns: Vec<Column>| data::read(path, &reals, &Options { columns, ..Options::default() });
    let table = match read(columns) {
        // The variables' names are not in the table, so all of its columns are variables.
        Err(DataError::Name { .. } | DataError::Choice { .. }) => read(vec![]),
        table => table,
    };
    Ok(table?.points)
}
