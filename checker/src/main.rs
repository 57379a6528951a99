//! The program `ircpm-check`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ircpm_checker::{Checkpoint, check};

const HELP: &str = "\
Checks the certificate of a run, which `ircpm certify RUN` has written, without any code of that program.

Usage: ircpm-check RUN            the certificate in the folder of a run, and that it is of the run's map
       ircpm-check FILE [RUN]     a certificate, and that it is of a run's map, if one is given

Of a run its checkpoint is read: the parameters are compared bit by bit, the functions of linear layers with those there, and
a network with the configuration there. What a configuration does not say by itself is named as not compared, as features
and group elements where there is a symmetry. These are what the certificate states.
The exit status is 0 if the certificate is VERIFIED, 3 if it is REJECTED, and 2 if it cannot be read or does not
follow the format.
";

const CERTIFICATE: &str = "certificate.txt";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// The largest file that is read.
const MOST: u64 = 1 << 30;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let is_option = |path: &PathBuf| path.to_string_lossy().starts_with('-');
    let (text, code) = match &arguments[..] {
        [help] if ["-h", "--help"].iter().any(|text| help.as_os_str() == *text) => (HELP.to_owned(), 0),
        [version] if ["-V", "--version"].iter().any(|text| version.as_os_str() == *text) => {
            (format!("ircpm-check {}\n", env!("CARGO_PKG_VERSION")), 0)
        }
        [run] if run.is_dir() => judge(&run.join(CERTIFICATE), Some(run)),
        [file] if !is_option(file) => judge(file, None),
        [file, run] if !is_option(file) && !is_option(run) => judge(file, Some(run)),
        _ => (format!("give the folder of a run, or a certificate\n\n{HELP}"), 2),
    };
    // A closed pipe is no reason to say anything else.
    let written = if code == 2 {
        io::stderr().write_all(text.as_bytes())
    } else {
        io::stdout().write_all(text.as_bytes())
    };
    drop(written);
    ExitCode::from(code)
}

/// What is to be said of a certificate, and the exit status.
fn judge(certificate: &Path, run: Option<&Path>) -> (String, u8) {
    match read_both(certificate, run) {
        Err(problem) => (format!("{problem}\n"), 2),
        Ok((bytes, run)) => match check(&bytes, run.as_ref()) {
            Ok(verified) => (verified.to_string(), 0),
            Err(error) if error.is_rejection() => (format!("REJECTED: {error}\n"), 3),
            Err(error) => (format!("{}: {error}\n", certificate.display()), 2),
        },
    }
}

/// The bytes of a certificate, and the checkpoint of a run.
fn read_both(certificate: &Path, run: Option<&Path>) -> Result<(Vec<u8>, Option<Checkpoint>), String> {
    let bytes = read(certificate)?;
    let run = run.map(|run| {
        let path = run.join(CHECKPOINT);
        Checkpoint::read(&read(&path)?).map_err(|error| format!("{}: {error}", path.display()))
    });
    Ok((bytes, run.transpose()?))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("cannot read {}: {error}", path.display());
    if path.ends_with(CERTIFICATE) && !path.exists() {
        return Err(format!(
            "{} is not there: `ircpm certify RUN` writes it where the map of a network or of linear layers is certified; there \
             are none for charges",
            path.display()
        ));
    }
    let file = File::open(path).map_err(cannot)?;
    let mut bytes = vec![];
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MOST {
        return Err(format!("{} is larger than {MOST} bytes", path.display()));
    }
    Ok(bytes)
}
