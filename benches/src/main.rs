//! Prints the tables of measurements that the command line names, or all of them.

use std::process::ExitCode;

use ircpm_benches::memory::Job;
use ircpm_benches::report::{self, TABLES};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, kind, numbers @ ..] = &arguments[..]
        && command == "peak"
        && let Some(job) = Job::from_arguments(kind, numbers)
    {
        println!("{}", job.run().unwrap_or(f64::NAN));
        return ExitCode::SUCCESS;
    }
    let known: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = arguments.iter().find(|name| !known.contains(&name.as_str())) {
        eprintln!("there is no table {unknown:?}; choose among {}", known.join(", "));
        return ExitCode::FAILURE;
    }
    println!("{}\n", report::machine());
    for (name, table) in TABLES {
        if arguments.is_empty() || arguments.iter().any(|wanted| wanted == name) {
            println!("{}", table());
        }
    }
    ExitCode::SUCCESS
}
