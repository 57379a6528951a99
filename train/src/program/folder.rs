//! The folder of a run, which is never overwritten, and whose files are whole or absent.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Why the folder of a run cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// An explicit output folder has something in it.
    #[error("folder {} exists and is not empty: choose another with --out, or empty it", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Not the folder of a run.
    #[error("{} is not the folder of a run: it has no config.toml (`ircpm train` writes one)", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// Two processes must not write into one folder.
    #[error("another process is training {} or measuring it: wait for its end, or stop it", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A run that ended before its first step, or whose checkpoint was deleted.
    #[error("{} has no checkpoint: put it back, or train its config.toml again into another folder", path.display())]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
    },
    /// Something could not be read.
    #[error("cannot read {}: {source}; check the name and its permissions", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something could not be written.
    #[error("cannot write {}: {source}; choose a folder that you may write to with --out", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl FolderError {
    fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}

/// Names of the files of a run.
pub mod file {
    /// Name of the effective configuration.
    pub const CONFIG: &str = "config.toml";
    /// Name of the checkpoint: parameters and the state of training.
    pub const CHECKPOINT: &str = "checkpoint.safetensors";
    /// Metrics of training, one line of JSON for every few steps.
    pub const METRICS: &str = "metrics.jsonl";
    /// Locked by the process that trains or measures the run.
    pub const LOCK: &str = ".lock";
    /// Time that training has taken up to the checkpoint, which is the same whatever it took.
    pub const TIMES: &str = "times.json";
    /// Points that a run has learned from and was measured on, as it took them.
    pub const POINTS: &str = "points.npy";
    /// Proof that the map is a diffeomorphism, for `ircpm-check`.
    pub const CERTIFICATE: &str = "certificate.txt";
    /// The checkpoint of the run whose parameters a warm start began with.
    pub const START: &str = "start.safetensors";
    /// Name of the results.
    pub const REPORT: &str = "report.json";
    /// Proven bounds of the density.
    pub const DENSITY: &str = "density.json";
}

/// An existing folder of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder `out`; if none is given, the first free of `runs/<name>-1`, `runs/<name>-2`, …
    ///
    /// # Errors
    /// [`FolderError::Exists`] if `out` is there and not empty, [`FolderError::Write`] if it cannot be made or written
    /// to.
    pub fn create(out: Option<&Path>, name: &str) -> Result<Self, FolderError> {
        let path = match out {
            Some(path) => {
                fs::create_dir_all(path).map_err(|source| FolderError::write(path, source))?;
                let mut entries = fs::read_dir(path).map_err(|source| FolderError::read(path, source))?;
                if entries.next().is_some() {
                    return Err(FolderError::Exists { path: path.to_owned() });
                }
                path.to_owned()
            }
            None => first_free(Path::new("runs"), name)?,
        };
        let folder = Self(path);
        // An unwritable folder should be known before hours of training, not after.
        tempfile::tempfile_in(&folder.0).map_err(|source| FolderError::write(&folder.0, source))?;
        Ok(folder)
    }

    /// The folder of an earlier run.
    ///
    /// # Errors
    /// [`FolderError::NotARun`] if it has no configuration.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let folder = Self(path.to_owned());
        if folder.path(file::CONFIG).is_file() {
            Ok(folder)
        } else {
            Err(FolderError::NotARun { path: path.to_owned() })
        }
    }

    /// Makes the run this process's own until the returned file is dropped, also by the end of the process.
    ///
    /// # Errors
    /// [`FolderError::Busy`] if another process has it, [`FolderError::Write`] if its lock file cannot be made.
    pub fn lock(&self) -> Result<File, FolderError> {
        // A file that nobody reads, because some systems refuse to read a locked one.
        let lock = self.append(file::LOCK)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(FolderError::Busy { path: self.0.clone() }),
            // Some network file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(lock),
        }
    }

    /// Whether another process trains or measures the run. Nothing is written, and `false` is also the answer where
    /// nobody can tell.
    pub fn is_busy(&self) -> bool {
        let lock = File::open(self.path(file::LOCK));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Path of the folder.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// [`FolderError::Read`] with the file's path, also for pipes and folders of this name and for files that are
    /// far larger than any of a run.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, FolderError> {
        let path = self.path(name);
        let most = if name == file::CONFIG { MOST_OF_TEXT } else { MOST_OF_RUN };
        read_file(&path, most).map_err(|source| FolderError::read(&path, source))
    }

    /// Writes a whole file: under another name first, then renamed, so that a reader never sees half of it.
    ///
    /// # Errors
    /// [`FolderError::Write`] with the file's path; what stood there before is then untouched.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let path = self.path(name);
        self.persist(&path, bytes).map_err(|source| FolderError::write(&path, source))
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// [`FolderError::Write`] with the file's path.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FolderError::write(&path, source)),
            _ => Ok(()),
        }
    }

    /// Writes the first file, whose presence makes the folder this run's own, even if two runs chose it at once.
    ///
    /// # Errors
    /// [`FolderError::Exists`] if the file is there, [`FolderError::Write`] with its path if it cannot be written.
    pub fn claim(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let path = self.path(name);
        let claimed = self.temporary(&path, bytes).and_then(|file| Ok(file.persist_noclobber(&path)?));
        claimed.and_then(|_| self.sync()).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => FolderError::Exists { path: self.0.clone() },
            _ => FolderError::write(&path, source),
        })
    }

    fn persist(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.temporary(path, bytes)?.persist(path)?;
        self.sync()
    }

    /// A file with these bytes, which will get the name `path`.
    fn temporary(&self, path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
        let mut file = temporary_for(path, &self.0, PART)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Removes what a process that was killed has left of the files that it was writing. Only for who has the lock.
    pub fn remove_parts(&self) {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let parts = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PART));
        // They are in nobody's way, so that it is no error if they stay.
        parts.for_each(|part| drop(fs::remove_file(part.path())));
    }

    /// A new name is itself an entry of the folder that has to reach the disk.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    /// Opens a file to append lines to.
    ///
    /// # Errors
    /// [`FolderError::Write`] with the file's path.
    pub fn append(&self, name: &str) -> Result<File, FolderError> {
        let path = self.path(name);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| FolderError::write(&path, source))
    }
}

/// What names of a run's files begin with while they are written.
const PART: &str = ".part-";

/// Largest configuration that is read, in bytes.
pub(super) const MOST_OF_TEXT: u64 = 1 << 20;
/// Largest other file of a run that is read, in bytes: state of the most parameters that a model may have.
const MOST_OF_RUN: u64 = 1 << 30;

/// Reads a whole regular file of at most so many bytes. A pipe or a device could keep the program waiting for ever.
pub(super) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is a folder, a pipe or a device, not a regular file"));
    }
    let mut bytes = Vec::new();
    // A file may grow while it is read.
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes, so it is something else")));
    }
    Ok(bytes)
}

/// A file in the folder where it will get the name `path`; until then its name begins with `prefix`.
///
/// It has the permissions of the file that has this name now, if there is one.
pub(super) fn temporary_for(path: &Path, folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    match fs::metadata(path) {
        Ok(replaced) if cfg!(unix) && replaced.is_file() => {
            let file = builder.tempfile_in(folder)?;
            file.as_file().set_permissions(replaced.permissions())?;
            Ok(file)
        }
        _ => readable(&mut builder).tempfile_in(folder),
    }
}

/// Temporary files are private by default; results are for everyone to read.
#[cfg(unix)]
fn readable<'b, 'p, 's>(builder: &'b mut tempfile::Builder<'p, 's>) -> &'b mut tempfile::Builder<'p, 's> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable<'b, 'p, 's>(builder: &'b mut tempfile::Builder<'p, 's>) -> &'b mut tempfile::Builder<'p, 's> {
    builder
}

/// Makes `parent/name-n` with the first `n` that is free. Creation itself is the test: two runs never share a folder.
fn first_free(parent: &Path, name: &str) -> Result<PathBuf, FolderError> {
    fs::create_dir_all(parent).map_err(|source| FolderError::write(parent, source))?;
    let mut n = 1;
    loop {
        let path = parent.join(format!("{name}-{n}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => n += 1,
            Err(source) => return Err(FolderError::write(&path, source)),
        }
    }
}
