//! The command's three pipes: fed and drained at the same time, so that neither side ever waits
//! for the other to read first.

use std::io;

use bytes::BytesMut;
use levada::watch;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::progress::{Notes, Progress};
use super::run_result::End;
use crate::store::body::Body;
use crate::store::spool::Spool;

/// Where a command wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Receives what a command does while it runs.
pub(crate) trait RunObserver: Sync {
    /// A process has the job.
    fn started(&self) {}

    /// The command wrote this.
    fn wrote(&self, stream: Stream, bytes: &[u8]);

    /// The command says how far it is.
    fn progressed(&self, progress: Progress);

    /// Waits until the command is to be stopped.
    fn stopped(&self) -> impl Future<Output = ()> + Send;
}

/// Our ends of the pipes.
#[derive(Debug)]
pub(crate) struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

/// What came out of them so far.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: Spool,
    pub(crate) stderr: Tail,
    /// The most that `stdout` may hold.
    max: usize,
    /// Becomes true when there is more than that.
    overflow: watch::Sender<bool>,
}

impl Output {
    pub(crate) fn new(stdout: Spool, max: usize, stderr_tail: usize) -> Self {
        let (overflow, _) = watch::builder(false).named("output too long").build();
        Self { stdout, stderr: Tail::new(stderr_tail), max, overflow }
    }

    /// Becomes true when the command has written more than it may.
    pub(crate) fn overflow(&self) -> watch::Receiver<bool> {
        self.overflow.subscribe()
    }
}

impl Pipes {
    /// Takes the pipes of a child that was started with all three.
    pub(crate) fn of(child: &mut Child) -> Self {
        Self {
            stdin: child.stdin.take().expect("stdin is piped"),
            stdout: child.stdout.take().expect("stdout is piped"),
            stderr: child.stderr.take().expect("stderr is piped"),
        }
    }

    /// Writes `input` and reads everything until every process has closed both outputs.
    ///
    /// When there is too much output the pipe for it is closed, but standard error is read on: it
    /// may say why.
    ///
    /// # Cancel safety
    /// What was read until then is in `output`; dropping the future closes the pipes.
    ///
    /// # Errors
    /// [`End::OutputTooLarge`]; [`End::NotKept`] when it cannot be written to a file;
    /// [`End::NotRun`] when a pipe fails.
    pub(crate) async fn pump<W: RunObserver>(
        self,
        input: Body,
        output: &mut Output,
        observer: &W,
    ) -> Result<(), End> {
        let Output { stdout, stderr, max, overflow } = output;
        let (fed, filled, told) = tokio::join!(
            feed(self.stdin, input),
            async {
                let filled = fill(self.stdout, stdout, *max, observer).await;
                overflow.send_replace(matches!(filled, Err(End::OutputTooLarge)));
                filled
            },
            listen(self.stderr, stderr, observer),
        );
        filled.and(fed).and(told)
    }
}

async fn feed(mut stdin: ChildStdin, input: Body) -> Result<(), End> {
    let mut pieces = input.pieces();
    loop {
        let piece = pieces.next().await.map_err(|error| End::NotRun(io::Error::other(error)))?;
        if piece.is_empty() {
            return Ok(());
        }
        match stdin.write_all(&piece).await {
            Ok(()) => {}
            // A command need not read what it does not want.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(End::NotRun(error)),
        }
    }
}

/// How much is read at once, in bytes: what a pipe holds on Linux.
const CHUNK: usize = 64 * 1024;

async fn fill<W: RunObserver>(
    mut source: impl AsyncRead + Unpin,
    stdout: &mut Spool,
    max: usize,
    observer: &W,
) -> Result<(), End> {
    let (mut chunk, mut len) = (BytesMut::new(), 0_usize);
    loop {
        // As large as the pipe at most, and small for a command that says little.
        chunk.reserve(len.clamp(1024, CHUNK));
        len += match source.read_buf(&mut chunk).await.map_err(End::NotRun)? {
            0 => return Ok(()),
            read => read,
        };
        observer.wrote(Stream::Stdout, &chunk);
        if len > max {
            return Err(End::OutputTooLarge);
        }
        stdout.push(chunk.split().freeze()).await.map_err(End::NotKept)?;
    }
}

/// Keeps the end of what is said, apart from the lines that tell the progress.
async fn listen<W: RunObserver>(
    mut source: impl AsyncRead + Unpin,
    tail: &mut Tail,
    observer: &W,
) -> Result<(), End> {
    let mut notes = Notes::default();
    let mut say = |bytes: &[u8]| {
        tail.push(bytes);
        observer.wrote(Stream::Stderr, bytes);
    };
    let mut chunk = vec![0; 8 * 1024];
    loop {
        let read = source.read(&mut chunk).await.map_err(End::NotRun)?;
        if read == 0 {
            notes.finish(&mut say);
            return Ok(());
        }
        notes.read(&chunk[..read], &mut say, |progress| observer.progressed(progress));
    }
}

/// The last bytes of a stream, however long it is.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
    keep: usize,
}

impl Tail {
    pub(crate) fn new(keep: usize) -> Self {
        Self { bytes: Vec::new(), keep }
    }

    /// Moves the kept bytes only once for every `keep` of them, so the cost per byte is constant.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * self.keep {
            self.bytes.drain(..self.bytes.len() - self.keep);
        }
    }

    /// The last `keep` bytes as text; what is not UTF-8 is replaced.
    pub(crate) fn text(&self) -> String {
        let last = &self.bytes[self.bytes.len().saturating_sub(self.keep)..];
        String::from_utf8_lossy(last).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::Store;
    use crate::store::memory::MemoryStore;

    #[test]
    fn tail_keeps_the_end() {
        let mut tail = Tail::new(4);
        assert_eq!(tail.text(), "");
        for (chunk, expected) in
            [("ab", "ab"), ("cde", "bcde"), ("f", "cdef"), ("ghijklmnop", "mnop")]
        {
            tail.push(chunk.as_bytes());
            assert_eq!(tail.text(), expected);
            assert!(tail.bytes.len() <= 8);
        }
    }

    struct Nobody;

    impl RunObserver for Nobody {
        fn wrote(&self, _: Stream, _: &[u8]) {}

        fn progressed(&self, _: Progress) {}

        async fn stopped(&self) {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn output_up_to_the_limit_passes() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let mut stdout = Spool::new(&store);
        assert!(fill(&b"12345"[..], &mut stdout, 5, &Nobody).await.is_ok());
        assert_eq!(stdout.finish().await.unwrap().whole().unwrap(), "12345");
        let mut stdout = Spool::new(&store);
        let end = fill(&b"123456"[..], &mut stdout, 5, &Nobody).await.unwrap_err();
        assert!(matches!(end, End::OutputTooLarge));
    }
}
