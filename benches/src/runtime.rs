//! The executors that the shapes run on. A process keeps each one it has used.

use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};

/// Where a shape's tasks run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    /// tokio's current-thread runtime: all tasks on the thread that measures.
    Ct,
    /// tokio's multi-thread runtime with two workers; nothing runs on the thread that measures.
    Mt,
    /// The same with eight workers: more than this machine may have.
    Mt8,
}

impl On {
    /// As it stands in a cell's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ct => "ct",
            Self::Mt => "mt",
            Self::Mt8 => "mt8",
        }
    }

    pub(crate) fn runtime(self) -> &'static Runtime {
        static CT: OnceLock<Runtime> = OnceLock::new();
        static MT: OnceLock<Runtime> = OnceLock::new();
        static MT8: OnceLock<Runtime> = OnceLock::new();
        match self {
            Self::Ct => CT.get_or_init(|| build(&mut Builder::new_current_thread())),
            Self::Mt => MT.get_or_init(|| build(Builder::new_multi_thread().worker_threads(2))),
            Self::Mt8 => MT8.get_or_init(|| build(Builder::new_multi_thread().worker_threads(8))),
        }
    }

    /// Runs `task` as a spawned task, so that it is a task like those it spawns, and waits for it.
    ///
    /// # Panics
    /// If the task does.
    pub(crate) fn run<R: Send + 'static>(
        self,
        task: impl Future<Output = R> + Send + 'static,
    ) -> R {
        let runtime = self.runtime();
        runtime.block_on(joined(runtime.spawn(task)))
    }
}

/// What a spawned task returned; its panic goes on here.
///
/// # Panics
/// If the task did, with its payload.
pub(crate) async fn joined<R>(task: tokio::task::JoinHandle<R>) -> R {
    match task.await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn build(builder: &mut Builder) -> Runtime {
    builder.enable_time().build().expect("the system lets a process have a few threads")
}
