//! Orphans: processes whose parent has ended. The service becomes their parent, so that it finds
//! them when it stops a command, and reaps them when they end.

use std::convert::Infallible;

/// Makes this process the parent of the orphans among its descendants.
#[cfg(target_os = "linux")]
pub(crate) fn adopt() {
    let own = rustix::process::getpid();
    if let Err(error) = rustix::process::set_child_subreaper(Some(own)) {
        tracing::warn!(%error, "cannot become a child subreaper: stopping a command may miss some of its processes");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn adopt() {}

/// Reaps orphans that have ended. To be polled by the first thread of the process, which starts no
/// commands.
///
/// The system makes an orphan a child of the first thread. A command is a child of the thread that
/// started it, and is reaped by the runtime; so only children of the calling thread are waited for.
#[cfg(target_os = "linux")]
pub(crate) async fn reap() -> Infallible {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    use tokio::signal::unix::{SignalKind, signal};

    /// How long the next look waits, at the least, so that a busy service does not look after each
    /// command.
    const REST: std::time::Duration = std::time::Duration::from_millis(200);
    /// `__WNOTHREAD` in wait(2): children of the calling thread alone.
    const OF_THIS_THREAD: u32 = 0x2000_0000;

    let options = WaitIdOptions::EXITED
        | WaitIdOptions::NOHANG
        | WaitIdOptions::from_bits_retain(OF_THIS_THREAD);
    let Ok(mut changes) = signal(SignalKind::child()) else { std::future::pending().await };
    loop {
        while let Ok(Some(_)) = waitid(WaitId::All, options) {}
        changes.recv().await;
        tokio::time::sleep(REST).await;
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) async fn reap() -> Infallible {
    std::future::pending().await
}
