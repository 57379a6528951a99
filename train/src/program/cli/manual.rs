//! `ircpm completions` and `ircpm man`: text for shells and for `man`.

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::{Cli, CliError};
use crate::program::output::show;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The page of this command; without it that of the program
    command: Option<String>,
}

/// Prints the script; returns the exit status.
pub(super) fn completions(args: &Completions) -> Result<u8, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ircpm", &mut text);
    show(String::from_utf8_lossy(&text))?;
    Ok(0)
}

/// Prints the page; returns the exit status.
pub(super) fn manual(args: &Manual) -> Result<u8, CliError> {
    let mut program = Cli::command();
    // Only then commands know their names with the program's in front.
    program.build();
    let command = match &args.command {
        Some(name) => {
            let names = program.get_subcommands().map(Command::get_name).collect::<Vec<_>>().join(", ");
            let missing = || CliError::NoSuchCommand { name: name.clone(), names };
            program.find_subcommand(name).cloned().ok_or_else(missing)?
        }
        None => program,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    show(String::from_utf8_lossy(&text))?;
    Ok(0)
}
