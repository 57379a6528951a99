//! Start and end of the program as one of the processes of an `mpirun`, or alone.

use std::process::ExitCode;
use std::sync::OnceLock;

use super::output::note;
#[cfg(feature = "mpi")]
use super::output::set_silent;
use crate::ranks::Ranks;
#[cfg(feature = "mpi")]
use crate::ranks::World;

/// The ranks of this program, once it has met them.
static RANKS: OnceLock<Ranks> = OnceLock::new();

/// The ranks that train together; this process alone, if it was not started by `mpirun`.
pub fn ranks() -> &'static Ranks {
    RANKS.get().unwrap_or(&Ranks::ALONE)
}

/// The processes that were started together, by the environment that launchers leave to them.
fn started() -> Option<usize> {
    let variables = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"];
    variables.into_iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// Why a program ends without having done what it was to do.
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// Tells what is wrong.
    pub tell: Box<dyn FnOnce()>,
}

/// Runs the program, of which `body` returns the exit status.
///
/// All ranks but the first are silent. A failure of one rank ends all of them.
pub fn run(body: impl FnOnce() -> Result<u8, Failure>) -> ExitCode {
    let processes = started().unwrap_or(1);
    #[cfg(feature = "mpi")]
    if processes > 1
        && let Some(world) = World::enter()
    {
        return run_in(world, body);
    }
    if processes > 1 && !cfg!(feature = "mpi") {
        note(format_args!(
            "one of {processes} processes that do not know each other: to let them train together, build the program with \
             --features mpi"
        ));
    }
    body().map_or_else(
        |Failure { status, tell }| {
            tell();
            ExitCode::from(status)
        },
        ExitCode::from,
    )
}

/// [`run()`] as one of several ranks.
#[cfg(feature = "mpi")]
fn run_in(world: World, body: impl FnOnce() -> Result<u8, Failure>) -> ExitCode {
    let rank = RANKS.get_or_init(|| world.ranks().clone()).rank();
    set_silent(rank > 0);
    match body() {
        Ok(status) => {
            world.leave();
            ExitCode::from(status)
        }
        Err(Failure { status, tell }) => world.abort(status, || {
            set_silent(false);
            if rank > 0 {
                note(format_args!("process {rank}:"));
            }
            tell();
        }),
    }
}
