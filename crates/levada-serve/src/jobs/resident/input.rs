//! The standard input of a process that stays: a pipe of which we know what the process has not
//! read yet.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

/// How often we look by ourselves whether the process has read on, where the system does not tell.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Our end of the pipe.
#[derive(Debug)]
pub(super) struct Input(AsyncFd<OwnedFd>);

impl Input {
    /// A pipe, and the end of it that the process gets.
    ///
    /// # Errors
    /// The system's, when descriptors ran out.
    pub(super) fn new() -> io::Result<(Self, Stdio)> {
        let (theirs, ours) = io::pipe()?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        #[expect(
            deprecated,
            reason = "it is unsound for types other than this, which keeps its descriptor"
        )]
        let ours = AsyncFd::with_interest(OwnedFd::from(ours), Interest::WRITABLE)?;
        Ok((Self(ours), theirs.into()))
    }

    /// From now on the system tells when the process has read everything (Linux). The pipe holds
    /// one page then: it is full when something is in it, and a pipe that is no longer full is
    /// writable.
    pub(super) fn tell_when_read(&self) {
        #[cfg(target_os = "linux")]
        // Rounded up to a page. Where the system refuses, `LOOK_AGAIN` does.
        let _ = rustix::pipe::fcntl_setpipe_size(self.0.get_ref(), 1);
    }

    /// From now on the pipe holds as much as others: long inputs take fewer steps.
    pub(super) fn hold_much(&self) {
        #[cfg(target_os = "linux")]
        // Where the system refuses, it takes longer.
        let _ = rustix::pipe::fcntl_setpipe_size(self.0.get_ref(), super::PIPE);
    }

    /// How many bytes the process has not read. Systems other than Linux do not know it: 0.
    pub(super) fn unread(&self) -> usize {
        rustix::io::ioctl_fionread(self.0.get_ref()).map_or(0, count)
    }

    /// Writes all of `rest`, and takes from it what is written.
    ///
    /// # Errors
    /// The system's: the process does not read any more.
    pub(super) async fn write(&self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match rustix::io::write(self.0.get_ref(), rest) {
                Ok(written) => *rest = &rest[written..],
                Err(Errno::AGAIN) => self.wait().await?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes `bytes`, and waits until the process has read them.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn hand_over(&self, mut bytes: &[u8]) -> io::Result<()> {
        self.write(&mut bytes).await?;
        while self.unread() > 0 {
            self.wait().await?;
        }
        Ok(())
    }

    /// Waits until the process may have read something.
    async fn wait(&self) -> io::Result<()> {
        let Ok(writable) = timeout(LOOK_AGAIN, self.0.writable()).await else {
            return Ok(());
        };
        let mut writable = writable?;
        if writable.ready().is_write_closed() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        writable.clear_ready();
        Ok(())
    }
}

/// A number of bytes that the system gave.
pub(super) fn count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
