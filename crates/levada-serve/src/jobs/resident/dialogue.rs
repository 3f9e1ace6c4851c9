//! How a persistent process gets jobs, and how its answers are matched to them: a line for a line,
//! or frames that bear the id of their job. What it writes is a job's answer only if no other job
//! can have caused it.
//!
//! ```text
//! lines    LINE \n                      ->  LINE \n
//! frames   JOB-ID LENGTH \n BYTES       ->  JOB-ID EXIT-CODE LENGTH \n BYTES
//! ```
//!
//! A line has no name, so the end of each is kept back until the process has read its beginning. A
//! process that does one thing after the other has then written all that it had to say of the job
//! before, and cannot have answered this one.

use std::io;
use std::pin::pin;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;

use super::input::{Input, count};
use crate::config::Mode;
use crate::job::JobId;
use crate::jobs::run_result::{End, OutOfStep};

/// The longest header of an answer, in bytes: an id, two numbers, and some room.
const HEADER: usize = 128;

/// How much of a line is its beginning, in bytes: a page.
const BEGINNING: usize = 4096;

/// Both pipes of a process, between two jobs or in the middle of one.
#[derive(Debug)]
pub(super) struct Dialogue {
    input: Input,
    output: BufReader<ChildStdout>,
    framing: Framing,
}

#[derive(Debug)]
enum Framing {
    Lines {
        /// It answers before it has a whole line, as `cat` does; not known before its first line of
        /// two bytes.
        streams: Option<bool>,
    },
    Frames,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The process closed its input or output, perhaps in the middle of its answer.
    Ended {
        began: bool,
    },
    /// It has to be stopped.
    Stop(End),
    OutOfStep(OutOfStep),
}

/// What came back, and lies in the buffer that was given for it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) exit_code: i32,
    /// The answer is good, and the process is not.
    pub(super) but: Option<OutOfStep>,
}

/// Whether the body of a request can be given to a command in this mode.
pub(super) fn fits(mode: Mode, body: &[u8]) -> bool {
    // Some readers end a line at `\r`, too.
    let (line, _) = line(body);
    mode != Mode::Lines || !(line.contains(&b'\n') || line.contains(&b'\r'))
}

/// A line and its end, which it may lack.
fn line(body: &[u8]) -> (&[u8], &'static [u8]) {
    let line = body.strip_suffix(b"\n").unwrap_or(body);
    line.strip_suffix(b"\r").map_or((line, b"\n"), |line| (line, b"\r\n"))
}

/// The beginning of a line, and the rest.
fn beginning(line: &[u8]) -> (&[u8], &[u8]) {
    line.split_at(line.len().min(BEGINNING))
}

impl Dialogue {
    pub(super) fn new(mode: Mode, input: Input, output: ChildStdout) -> Self {
        let framing = match mode {
            Mode::Frames => Framing::Frames,
            Mode::Lines | Mode::Process => {
                input.tell_when_read();
                Framing::Lines { streams: None }
            }
        };
        Self { input, output: BufReader::new(output), framing }
    }

    /// Makes sure that what the process writes from now on is of this job. Until this is done, the
    /// process does not have the job.
    pub(super) async fn begin(
        &mut self,
        body: &[u8],
        answer: &mut Vec<u8>,
        max: usize,
    ) -> Result<(), Unanswered> {
        match (self.standing(), &self.framing) {
            (0, &Framing::Lines { streams }) => {
                self.begin_line(beginning(line(body).0).0, streams, answer, max).await
            }
            (0, Framing::Frames) => Ok(()),
            (bytes, _) => Err(Unanswered::OutOfStep(OutOfStep::Unasked(bytes))),
        }
    }

    /// Hands over the beginning of a line.
    async fn begin_line(
        &mut self,
        beginning: &[u8],
        streams: Option<bool>,
        answer: &mut Vec<u8>,
        max: usize,
    ) -> Result<(), Unanswered> {
        let Self { input, output, .. } = self;
        let learns = streams.is_none() && beginning.len() > 1;
        // What it makes of the first byte is there when it has read the others.
        let (first, others) = beginning.split_at(usize::from(learns));
        let handed = async {
            input.hand_over(first).await?;
            input.hand_over(others).await
        };
        tokio::select! {
            biased;
            read = read_line(output, answer, max) => {
                read?;
                return Err(Unanswered::OutOfStep(OutOfStep::Unasked(answer.len())));
            }
            handed = handed => handed.map_err(|_| Unanswered::Ended { began: !answer.is_empty() })?,
        }
        // What it wrote before it read is in the pipe; the runtime may not know of it yet.
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = rustix::io::read(output.get_ref(), &mut chunk) {
            answer.extend_from_slice(&chunk[..read]);
            if answer.len() > max {
                return Err(Unanswered::Stop(End::OutputTooLarge));
            }
        }
        if answer.contains(&b'\n') || (streams == Some(false) && !answer.is_empty()) {
            return Err(Unanswered::OutOfStep(OutOfStep::Unasked(answer.len())));
        }
        if learns {
            self.framing = Framing::Lines { streams: Some(!answer.is_empty()) };
        }
        Ok(())
    }

    /// Has the job that was begun answered.
    pub(super) async fn finish(
        &mut self,
        id: JobId,
        body: &[u8],
        answer: &mut Vec<u8>,
        max: usize,
    ) -> Result<Answer, Unanswered> {
        match self.framing {
            Framing::Lines { .. } => self.finish_line(line(body), answer, max).await,
            Framing::Frames => self.exchange_frame(id, body, answer, max).await,
        }
    }

    async fn finish_line(
        &mut self,
        (line, end): (&[u8], &[u8]),
        answer: &mut Vec<u8>,
        max: usize,
    ) -> Result<Answer, Unanswered> {
        let rest = beginning(line).1;
        if !rest.is_empty() {
            self.input.hold_much();
        }
        let Self { input, output, .. } = self;
        let (read, unwritten) = exchange(input, [rest, end], read_line(output, answer, max)).await;
        read?;
        if !rest.is_empty() {
            self.input.tell_when_read();
        }
        match self.left(unwritten) {
            None => Ok(Answer { exit_code: 0, but: None }),
            Some(why) => Err(Unanswered::OutOfStep(why)),
        }
    }

    async fn exchange_frame(
        &mut self,
        id: JobId,
        body: &[u8],
        answer: &mut Vec<u8>,
        max: usize,
    ) -> Result<Answer, Unanswered> {
        let Self { input, output, .. } = self;
        let header = format!("{id} {}\n", body.len());
        let read = read_frame(output, id, answer, max);
        let (exit_code, unwritten) = exchange(input, [header.as_bytes(), body], read).await;
        Ok(Answer { exit_code: exit_code?, but: self.left(unwritten) })
    }

    /// What it has left besides its answer, when it was given all but `unwritten` bytes of its
    /// input.
    fn left(&self, unwritten: usize) -> Option<OutOfStep> {
        match (unwritten + self.input.unread(), self.standing()) {
            (0, 0) => None,
            (0, bytes) => Some(OutOfStep::Behind(bytes)),
            (bytes, _) => Some(OutOfStep::Early(bytes)),
        }
    }

    /// How many bytes it wrote that are no part of an answer yet.
    fn standing(&self) -> usize {
        let in_pipe = rustix::io::ioctl_fionread(self.output.get_ref()).map_or(0, count);
        self.output.buffer().len() + in_pipe
    }
}

/// Writes all of `parts` while `read` goes on, since a process may write as it reads. What was
/// read, and how many bytes are not written.
async fn exchange<T>(
    input: &Input,
    [mut first, mut second]: [&[u8]; 2],
    read: impl Future<Output = Result<T, Unanswered>>,
) -> (Result<T, Unanswered>, usize) {
    let read = {
        let mut read = pin!(read);
        let told = async {
            input.write(&mut first).await?;
            input.write(&mut second).await
        };
        tokio::select! {
            biased;
            // What a process that reads no further has to say is in its output.
            _ = told => read.await,
            read = &mut read => read,
        }
    };
    (read, first.len() + second.len())
}

/// Reads on to the end of a line.
async fn read_line(
    output: &mut BufReader<ChildStdout>,
    answer: &mut Vec<u8>,
    max: usize,
) -> Result<(), Unanswered> {
    let limit = max.saturating_add(1).saturating_sub(answer.len());
    read_until(output, answer, limit).await?;
    if answer.len() > max {
        return Err(Unanswered::Stop(End::OutputTooLarge));
    }
    if answer.ends_with(b"\n") {
        Ok(())
    } else {
        Err(Unanswered::Ended { began: !answer.is_empty() })
    }
}

/// Reads the answer to this job; its exit code.
async fn read_frame(
    output: &mut BufReader<ChildStdout>,
    id: JobId,
    answer: &mut Vec<u8>,
    max: usize,
) -> Result<i32, Unanswered> {
    let mut header = Vec::new();
    read_until(output, &mut header, HEADER).await?;
    let Some(line) = header.strip_suffix(b"\n") else {
        return Err(match header.len() {
            HEADER => Unanswered::OutOfStep(OutOfStep::NoHeader),
            read => Unanswered::Ended { began: read > 0 },
        });
    };
    let Some((of, exit_code, length)) = header_of(line) else {
        return Err(Unanswered::OutOfStep(OutOfStep::NoHeader));
    };
    if of != id {
        return Err(Unanswered::OutOfStep(OutOfStep::OtherJob));
    }
    if length > max {
        return Err(Unanswered::Stop(End::OutputTooLarge));
    }
    let read = output.take(length as u64).read_to_end(answer).await;
    match read {
        Ok(read) if read == length => Ok(exit_code.into()),
        Ok(_) => Err(Unanswered::Ended { began: true }),
        Err(error) => Err(Unanswered::Stop(End::NotRun(error))),
    }
}

/// `JOB-ID EXIT-CODE LENGTH`, with one space between them and nothing else.
fn header_of(line: &[u8]) -> Option<(JobId, u8, usize)> {
    let mut words = str::from_utf8(line).ok()?.split(' ');
    let (id, exit_code, length) = (words.next()?, words.next()?, words.next()?);
    let are_digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    if words.next().is_some() || !are_digits(exit_code) || !are_digits(length) {
        return None;
    }
    Some((id.parse().ok()?, exit_code.parse().ok()?, length.parse().ok()?))
}

/// Reads to the end of a line, of the output, or of `limit` bytes.
async fn read_until(
    output: &mut BufReader<ChildStdout>,
    bytes: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Unanswered> {
    let read: io::Result<_> = output.take(limit as u64).read_until(b'\n', bytes).await;
    read.map(drop).map_err(|error| Unanswered::Stop(End::NotRun(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let id = JobId::next();
        let read = |rest: &str| header_of(format!("{id}{rest}").as_bytes());
        assert_eq!(read(" 0 0"), Some((id, 0, 0)));
        assert_eq!(read(" 255 1073741824"), Some((id, 255, 1 << 30)));
        for bad in [
            "",
            " ",
            " 0",
            " 0 ",
            " 0 1 ",
            " 0 1 2",
            "  0 1",
            " 256 1",
            " -1 1",
            " +1 1",
            " 0 +1",
            " 0 1\r",
            " 0 0x1",
            " 0 99999999999999999999",
            "0 1",
            "\t0 1",
            " 0 \u{661}",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        for bad in [&b"0 0 0"[..], b"", b"\xff 0 0", id.to_string().to_uppercase().as_bytes()] {
            assert_eq!(header_of(bad), None);
        }
    }

    #[test]
    fn one_line() {
        for line in ["", "\n", "\r\n", "a", "a\n", "a\r\n", "a\r"] {
            assert!(fits(Mode::Lines, line.as_bytes()), "{line:?}");
        }
        for lines in ["\n\n", "a\nb", "a\n\n", "\ra", "a\rb\n", "a\r\r\n", "a\r\n\n", "\n\r"] {
            assert!(!fits(Mode::Lines, lines.as_bytes()), "{lines:?}");
            assert!(fits(Mode::Frames, lines.as_bytes()) && fits(Mode::Process, lines.as_bytes()));
        }
    }
}
