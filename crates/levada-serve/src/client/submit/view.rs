//! What is seen of a job while it is followed.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::submit::SubmitArgs;
use crate::client::failure::Failure;
use crate::client::follow::{ABSENT, Watcher};
use crate::client::job::Job;
use crate::client::text::{clean, clean_lines, short};
use crate::client::write;

const TICK: Duration = Duration::from_millis(120);
/// What is shown live of an output is kept for the comparison with what comes at the end; of more
/// than this, nothing more is shown.
const MOST_SHOWN: usize = 16 << 20;

/// So much of the end of standard error is kept for a comparison.
const MOST_COMPARED: usize = 64 << 10;

/// One line that is drawn over, and what is written past it.
#[derive(Debug)]
pub(super) struct View {
    /// Without a terminal it draws nothing.
    bar: ProgressBar,
    quiet: bool,
    follow: bool,
    /// Output on a terminal as it comes.
    shown: Option<Vec<u8>>,
    /// The beginning of a line of standard error.
    stderr: String,
    /// The end of the lines before it.
    stderr_shown: String,
    measured: bool,
}

impl View {
    pub(super) fn of_one(args: &SubmitArgs) -> Self {
        let seen = write::notes_to_terminal() && !args.server.quiet && !args.server.json;
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(100), target);
        let live = args.follow && args.output.is_none() && write::to_terminal();
        Self::new(args, bar, live.then(Vec::new))
    }

    /// With a line among others; `shown` is there for an output that is to be shown.
    pub(super) fn new(args: &SubmitArgs, bar: ProgressBar, shown: Option<Vec<u8>>) -> Self {
        bar.set_style(style(false));
        bar.enable_steady_tick(TICK);
        let quiet = args.server.quiet || args.server.json;
        Self {
            bar,
            quiet,
            follow: args.follow,
            shown,
            stderr: String::new(),
            stderr_shown: String::new(),
            measured: false,
        }
    }

    /// The job has an id.
    pub(super) fn accepted(&self, id: &str) {
        if self.bar.prefix().is_empty() {
            self.bar.set_prefix(clean(id).into_owned());
        }
        if self.follow && self.bar.is_hidden() {
            self.say(&format!("levada: job {}", clean(id)));
        }
    }

    /// The job is offered again after a pause.
    pub(super) fn waits(&self, failure: &Failure, pause: Duration) {
        let why = match failure {
            Failure::Problem(problem) => clean(&problem.title).into_owned(),
            _ => "The server does not answer".to_owned(),
        };
        let text = format!("{why}; again in {}", short(pause));
        if self.bar.is_hidden() {
            self.say(&format!("levada: {text}"))
        } else {
            self.bar.set_message(text)
        }
    }

    /// What was shown of the output.
    pub(super) fn shown(&mut self) -> Option<Vec<u8>> {
        self.shown.take().filter(|shown| !shown.is_empty())
    }

    /// Whether the end of standard error was shown as it arrived. If the client began to listen
    /// late, the part that it missed is not shown after the later part.
    pub(super) fn has_shown(&self, tail: &str) -> bool {
        let shown = [self.stderr_shown.as_str(), &self.stderr].concat();
        !shown.is_empty() && (shown.ends_with(tail) || tail.ends_with(&shown))
    }

    /// Leaves nothing of the line, for what is written next.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Leaves the line as the last word about its job.
    pub(super) fn finish(&self, text: String) {
        self.bar.set_style(style(false));
        self.bar.finish_with_message(text);
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| write::note(text));
        }
    }
}

impl Watcher for View {
    fn job(&mut self, job: &Job) {
        let percent = job.progress.as_ref().and_then(|progress| progress.percent);
        let percent = percent.filter(|_| job.state == "running");
        if percent.is_some() != self.measured {
            self.measured = percent.is_some();
            self.bar.set_style(style(self.measured));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 100"
        )]
        self.bar.set_position(percent.unwrap_or_default().clamp(0.0, 100.0) as u64);
        let text = match &job.progress {
            // The bar says the rest.
            Some(progress) if self.measured => {
                clean(progress.message.as_deref().unwrap_or_default()).into()
            }
            _ => format!("{} {}", clean(&job.state), job.remark()),
        };
        self.bar.set_message(text.trim_end().to_owned());
        if job.state == "retrying"
            && let Some(shown) = &mut self.shown
        {
            // The next attempt begins from the beginning.
            shown.clear();
        }
    }

    fn output(&mut self, stream: &str, text: &str) {
        if !self.follow {
            return;
        }
        if stream == "stderr" {
            if self.quiet {
                return;
            }
            self.stderr.push_str(text);
            if let Some(end) = self.stderr.rfind('\n') {
                let lines: String = self.stderr.drain(..=end).collect();
                self.stderr_shown.push_str(&lines);
                if let Some(more) = self.stderr_shown.len().checked_sub(MOST_COMPARED) {
                    let line = self.stderr_shown.bytes().skip(more).position(|byte| byte == b'\n');
                    self.stderr_shown.drain(..more + line.map_or(0, |end| end + 1));
                }
                self.bar.suspend(|| write::note(clean_lines(&lines).trim_end_matches('\n')));
            }
            return;
        }
        let Some(shown) = &mut self.shown else { return };
        if shown.len() + text.len() > MOST_SHOWN {
            return;
        }
        let written = self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        if written.is_ok() {
            shown.extend_from_slice(text.as_bytes());
        }
    }

    fn wants_place(&self) -> bool {
        !self.bar.is_hidden()
    }

    fn absent(&mut self) {
        let text = ABSENT;
        if self.bar.is_hidden() {
            self.say(&format!("levada: {text}"));
        } else {
            self.bar.set_message(text);
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if !self.stderr.is_empty() {
            let rest = std::mem::take(&mut self.stderr);
            self.bar.suspend(|| write::note(&clean_lines(&rest)));
        }
    }
}

fn style(measured: bool) -> ProgressStyle {
    let template = if measured {
        "{spinner:.cyan} {prefix} {elapsed:>3} {bar:12.cyan} {pos:>3}% {wide_msg}"
    } else {
        "{spinner:.cyan} {prefix} {elapsed:>3} {wide_msg}"
    };
    ProgressStyle::with_template(template).expect("a template of ours").progress_chars("█▉░")
}
