//! Peak memory of a training step, measured in a process of its own, because memory that was freed still counts.

use std::hint::black_box;
use std::process::Command;

use crate::case::Case;
use crate::train_step;

/// What a process does whose peak memory is measured: one training step on a torus, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Builds a case, which all other jobs do as well, and takes no step.
    Idle,
    /// A step by implicit derivatives.
    Implicit {
        /// Dimension of the torus.
        dim: usize,
        /// Units per hidden layer.
        width: usize,
        /// Number of samples.
        batch: usize,
    },
    /// A step by the tape on T² with 32 units per layer, sample after sample through the same memory.
    Unrolled {
        /// Gradient steps per layer.
        steps: usize,
    },
}

impl Job {
    /// The job as arguments of the program.
    fn arguments(self) -> Vec<String> {
        let (kind, numbers) = match self {
            Job::Idle => ("idle", vec![]),
            Job::Implicit { dim, width, batch } => ("implicit", vec![dim, width, batch]),
            Job::Unrolled { steps } => ("unrolled", vec![steps]),
        };
        std::iter::once(kind.to_owned()).chain(numbers.iter().map(usize::to_string)).collect()
    }

    /// The job that has these arguments, or `None`.
    pub fn from_arguments(kind: &str, numbers: &[String]) -> Option<Self> {
        let numbers: Vec<usize> = numbers.iter().map(|n| n.parse().ok()).collect::<Option<_>>()?;
        match (kind, &numbers[..]) {
            ("idle", []) => Some(Job::Idle),
            ("implicit", &[dim, width, batch]) => Some(Job::Implicit { dim, width, batch }),
            ("unrolled", &[steps]) => Some(Job::Unrolled { steps }),
            _ => None,
        }
    }

    /// Does the job, and returns this process's peak resident memory in bytes, or `None` where the system does not say.
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

    /// Peak memory of the job above that of [`Job::Idle`], in bytes, each in a process of its own.
    pub fn memory_above_idle(self) -> Option<f64> {
        Some((self.run_in_own_process()? - Job::Idle.run_in_own_process()?).max(0.0))
    }

    /// Runs the job in a new process of this program, which must understand `peak` and the job's arguments.
    pub fn run_in_own_process(self) -> Option<f64> {
        let program = std::env::current_exe().ok()?;
        let output = Command::new(program).arg("peak").args(self.arguments()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    }
}

/// Peak resident memory of this process in bytes; `None` on systems other than Linux.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0)
}
