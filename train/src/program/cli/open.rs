//! From a name or a folder on the command line to a configuration or a run.

use std::path::{Path, PathBuf};

use super::CliError;
use crate::config::preset::{self, PRESETS};
use crate::config::suggest;
use crate::config::{Config, ConfigError, Override};
use crate::program::RunError;
use crate::program::folder::{Folder, MOST_OF_TEXT, file, read_file};
use crate::training::Problem;

/// The configuration in the folder of a run.
pub(super) fn open_config(root: &Path) -> Result<(Config, Folder), CliError> {
    let folder = Folder::open(root).map_err(RunError::from)?;
    let path = folder.path(file::CONFIG);
    let config = Config::parse(&read_text(&path)?, &path.to_string_lossy()).map_err(RunError::from)?;
    Ok((config, folder))
}

/// The folder of a run, and the problem of the configuration in it.
pub(super) fn open_run(root: &Path) -> Result<(Problem, Folder), CliError> {
    let (config, folder) = open_config(root)?;
    let problem = Problem::new(config, root).map_err(RunError::from)?;
    Ok((problem, folder))
}

/// Reads a preset by its name or a file by its path. Returns the label of its runs and the folder that its paths start
/// from as well.
pub(super) fn read_config(name: &str, sets: &[Override]) -> Result<(Config, String, PathBuf), CliError> {
    if let Some(preset) = preset::by_name(name) {
        let config = preset.config(sets).map_err(RunError::from)?;
        return Ok((config, name.to_owned(), PathBuf::new()));
    }
    let path = Path::new(name);
    if !path.exists() {
        let near = suggest(name, PRESETS.iter().map(|preset| preset.name));
        return Err(CliError::UnknownConfig { name: name.to_owned(), near });
    }
    let config = Config::parse_with(&read_text(path)?, name, sets).map_err(RunError::from)?;
    let label = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((config, label, path.parent().unwrap_or(Path::new("")).to_owned()))
}

/// Reads a whole file; an error shows where it stops being text.
fn read_text(path: &Path) -> Result<String, RunError> {
    let bytes = read_file(path, MOST_OF_TEXT).map_err(|source| RunError::read(path, source))?;
    String::from_utf8(bytes).map_err(|e| {
        let start = e.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(e.as_bytes()).into_owned();
        let span = start..start + char::REPLACEMENT_CHARACTER.len_utf8();
        let message = "not UTF-8 from here on: save the file as UTF-8".to_owned();
        ConfigError { name: path.to_string_lossy().into_owned(), text, span, message }.into()
    })
}
