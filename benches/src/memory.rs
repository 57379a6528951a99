//! Peak memory: every contender in a process of its own, where nothing else has left its mark.

use std::hint::black_box;
use std::process::Command;

use crate::case::Case;
use crate::train_step;

/// What such a process does: one training step on T² with 32 units a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Nothing but building the case: what all others hold as well.
    Nothing,
    /// By implicit derivatives.
    Implicit {
        /// Samples.
        batch: usize,
    },
    /// By the tape, sample after sample through the same memory.
    Unrolled {
        /// Gradient steps.
        steps: usize,
    },
}

impl Job {
    /// As the program's arguments.
    fn arguments(self) -> [String; 2] {
        match self {
            Job::Nothing => ["nothing".into(), "0".into()],
            Job::Implicit { batch } => ["implicit".into(), batch.to_string()],
            Job::Unrolled { steps } => ["unrolled".into(), steps.to_string()],
        }
    }

    /// The job with the given arguments.
    pub fn from_arguments(kind: &str, number: &str) -> Option<Self> {
        let number = number.parse().ok()?;
        match kind {
            "nothing" => Some(Job::Nothing),
            "implicit" => Some(Job::Implicit { batch: number }),
            "unrolled" => Some(Job::Unrolled { steps: number }),
            _ => None,
        }
    }

    /// Does it, and returns the peak of this process's resident memory in bytes, where the system tells.
    pub fn run(self) -> Option<f64> {
        let case = Case::torus(2, 32);
        let x = case.points(4096);
        let n = case.points(1).len();
        match self {
            Job::Nothing => {}
            Job::Implicit { batch } => drop(black_box(train_step::implicit(&case, &x[..batch * n]))),
            Job::Unrolled { steps } => {
                black_box(train_step::unrolled::<2>(&case, &x[..4 * n], steps).loss);
            }
        }
        peak()
    }

    /// As [`Job::run`], in a new process of this program, which must take `peak` and the job's arguments.
    pub fn run_apart(self) -> Option<f64> {
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
