//! Peak memory: every contender in a process of its own, where nothing else has left its mark.

use std::hint::black_box;
use std::process::Command;

use crate::case::Case;
use crate::train_step;

/// What such a process does: one training step on a torus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Nothing but building the case: what all others hold as well.
    Idle,
    /// By implicit derivatives.
    Implicit {
        /// Of the torus.
        dim: usize,
        /// Units a layer.
        width: usize,
        /// Samples.
        batch: usize,
    },
    /// By the tape, sample after sample through the same memory, on T² with 32 units a layer.
    Unrolled {
        /// Gradient steps.
        steps: usize,
    },
}

impl Job {
    /// As the program's arguments.
    fn arguments(self) -> Vec<String> {
        let (kind, numbers) = match self {
            Job::Idle => ("idle", vec![]),
            Job::Implicit { dim, width, batch } => ("implicit", vec![dim, width, batch]),
            Job::Unrolled { steps } => ("unrolled", vec![steps]),
        };
        std::iter::once(kind.to_owned()).chain(numbers.iter().map(usize::to_string)).collect()
    }

    /// The job with the given arguments.
    pub fn from_arguments(kind: &str, numbers: &[String]) -> Option<Self> {
        let numbers: Vec<usize> = numbers.iter().map(|n| n.parse().ok()).collect::<Option<_>>()?;
        match (kind, &numbers[..]) {
            ("idle", []) => Some(Job::Idle),
            ("implicit", &[dim, width, batch]) => Some(Job::Implicit { dim, width, batch }),
            ("unrolled", &[steps]) => Some(Job::Unrolled { steps }),
            _ => None,
        }
    }

    /// Does it, and returns the peak of this process's resident memory in bytes, where the system tells.
    pub fn run(self) -> Option<f64> {
        match self {
            Job::Idle => drop(black_box(Case::torus(2, 32))),
            Job::Implicit { dim, width, batch } => {
                let case = Case::torus(dim, width);
                drop(black_box(train_step::implicit(&case, &case.points(batch))));
            }
            Job::Unrolled { steps } => {
                let case = Case::torus(2, 32);
                black_box(train_step::unrolled::<2>(&case, &case.points(4), steps).loss);
            }
        }
        peak()
    }

    /// Peak of its process above that of an idle one, in bytes.
    pub fn memory_above_idle(self) -> Option<f64> {
        Some((self.run_in_own_process()? - Job::Idle.run_in_own_process()?).max(0.0))
    }

    /// As [`Job::run`], in a new process of this program, which must take `peak` and the job's arguments.
    pub fn run_in_own_process(self) -> Option<f64> {
        let program = std::env::current_exe().ok()?;
        let output = Command::new(program).arg("peak").args(self.arguments()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    }
}

/// Peak of this process's resident memory in bytes; Linux tells.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0)
}
