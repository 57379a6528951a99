//! The option `--threads`.

use clap::Args;

use super::CliError;

#[derive(Debug, Args)]
pub(super) struct Threads {
    /// Number of threads; the results do not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    threads: Option<usize>,
}

/// A number of threads that the machine can bear: more than a few per processor only cost memory.
fn number(text: &str) -> Result<usize, String> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let most = (4 * processors).max(256);
    match text.parse() {
        Ok(n) if (1..=most).contains(&n) => Ok(n),
        _ => Err(format!("give a whole number from 1 to {most}; this machine has {processors} processors")),
    }
}

impl Threads {
    /// Makes the pool of threads that everything runs on.
    pub(super) fn start(&self) -> Result<(), CliError> {
        let threads = self.threads.unwrap_or(0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().map_err(|e| CliError::Start(e.to_string()))
    }
}
