//! The threads that computations run on.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::refuse;

/// Most threads: more only take memory.
const MOST: usize = 256;

/// A pool, the number of its threads that was asked for, and the process that it is of.
struct Pool {
    pool: Option<Arc<ThreadPool>>,
    /// Zero for as many as there are cores.
    count: usize,
    process: u32,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { pool: None, count: 0, process: 0 });

/// Runs on the pool, detached from the interpreter.
pub(crate) fn run<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    let pool = pool(py)?;
    Ok(py.detach(|| pool.install(work)))
}

/// The pool, made when it is first asked for, and anew in a forked process, which has none of its parent's threads.
pub(crate) fn pool(py: Python<'_>) -> PyResult<Arc<ThreadPool>> {
    py.detach(|| {
        let mut shared = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.process != std::process::id() {
            // The parent's pool is not dropped: that would wait for locks of threads that are not there.
            std::mem::forget(shared.pool.take());
            shared.process = std::process::id();
        }
        if let Some(pool) = &shared.pool {
            return Ok(Arc::clone(pool));
        }
        let pool = ThreadPoolBuilder::new().num_threads(shared.count).build();
        let pool = Arc::new(pool.map_err(|e| refuse(format!("threads cannot be started: {e}")))?);
        shared.pool = Some(Arc::clone(&pool));
        Ok(pool)
    })
}

/// Sets the number of threads of all that follows, 1 to 256. Results do not depend on it.
///
/// By default there are as many as cores, or as the environment variable RAYON_NUM_THREADS says.
///
/// Raises
/// ------
/// IrcpmError
///     If `n` is out of range.
#[pyfunction]
#[pyo3(signature = (n, /))]
pub(crate) fn set_threads(py: Python<'_>, n: i64) -> PyResult<()> {
    let count = usize::try_from(n).ok().filter(|n| (1..=MOST).contains(n));
    let count = count.ok_or_else(|| refuse(format!("{n} threads: give an integer from 1 to {MOST}")))?;
    py.detach(|| {
        let mut shared = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.process != std::process::id() {
            std::mem::forget(shared.pool.take());
        }
        (shared.pool, shared.count, shared.process) = (None, count, std::process::id());
    });
    Ok(())
}

/// Number of threads that computations run on.
#[pyfunction]
pub(crate) fn threads(py: Python<'_>) -> PyResult<usize> {
    Ok(pool(py)?.current_num_threads())
}
