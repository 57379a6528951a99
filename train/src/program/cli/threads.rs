//! The option `--threads`.

use clap::Args;

use super::CliError;

#[derive(Debug, Args)]
pub(super) struct Threads {
    /// Number of threads; the results do not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
}

impl Threads {
    /// Makes the pool of threads that everything runs on.
    pub(super) fn start(&self) -> Result<(), CliError> {
        let threads = self.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().map_err(|e| CliError::Start(e.to_string()))
    }
}
