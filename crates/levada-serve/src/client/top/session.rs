//! The loop of a screen: keys, signals and reports come in, and the screen follows.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use levada_observe::report::Report;
use ratatui::crossterm::event::{self, Event as Input};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::super::code;
use super::super::failure::{Done, Failure};
use super::app::{Action, App, Event, Player};
use super::recording::{Recorder, Recording};
use super::screen::{self, Screen};
use super::source::{Program, sentence};

/// How long the loop may take to end after a signal; it may be held up by a terminal that takes no
/// more output.
const GRACE: Duration = Duration::from_secs(2);
/// How long nothing is drawn at most. Drawing finds out that the terminal is gone.
const IDLE: Duration = Duration::from_secs(5);
/// The signals that end the program.
const ENDS: [Signal; 4] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];

/// What the threads of a session send to its loop.
enum Message {
    Input(io::Result<Input>),
    Report(Box<Done<Report>>),
    Signal(Signal),
    /// A thread has panicked.
    Lost,
}

/// Everything that a screen needs.
pub(super) struct Session {
    app: App,
    screen: Screen,
    messages: Receiver<Message>,
    recorder: Option<Recorder>,
    recording: Option<Recording>,
    /// When the report that is shown was loaded.
    since: Instant,
    /// What went wrong beside what is shown.
    failure: Option<Failure>,
}

/// Shows a program until the user quits. `first` is what it has answered already.
pub(super) fn of_program(
    app: App,
    first: Done<Report>,
    program: Program,
    every: Duration,
    recorder: Option<Recorder>,
) -> Done {
    let (sender, messages) = channel();
    let ask = move |sender: &Sender<Message>| {
        let mut answer = first;
        loop {
            let began = Instant::now();
            if sender.send(Message::Report(Box::new(answer))).is_err() {
                return;
            }
            thread::sleep(every.saturating_sub(began.elapsed()));
            answer = program.report();
        }
    };
    start(&sender, ask)?;
    Session::new(app, sender, messages)?.run(recorder, None)
}

/// Shows a recording until the user quits.
pub(super) fn of_recording(app: App, recording: Recording) -> Done {
    let (sender, messages) = channel();
    Session::new(app, sender, messages)?.run(None, Some(recording))
}

impl Session {
    fn new(app: App, sender: Sender<Message>, messages: Receiver<Message>) -> Done<Self> {
        start(&sender, listen)?;
        let screen = Screen::new().map_err(|error| terminal(&error))?;
        // Keys are read only once the terminal is in raw mode.
        start(&sender, |sender| while sender.send(Message::Input(event::read())).is_ok() {})?;
        let since = Instant::now();
        Ok(Self { app, screen, messages, recorder: None, recording: None, since, failure: None })
    }

    fn run(mut self, recorder: Option<Recorder>, recording: Option<Recording>) -> Done {
        (self.recorder, self.recording) = (recorder, recording);
        let mut action = match self.recording {
            Some(_) => Action::Load(0),
            None => Action::Draw,
        };
        loop {
            if self.act(action)? {
                return self.failure.map_or(Ok(()), Err);
            }
            let stays = self.app.player().and_then(Player::stays);
            let left = stays.map(|stays| stays.saturating_sub(self.since.elapsed()));
            action = match self.messages.recv_timeout(left.unwrap_or(IDLE)) {
                Ok(message) => self.receive(message)?,
                Err(_) if stays.is_some() => self.app.update(Event::Tick),
                Err(_) => Action::Draw,
            };
        }
    }

    fn receive(&mut self, message: Message) -> Done<Action> {
        let event = match message {
            Message::Input(Ok(Input::Key(key))) => Event::Key(key),
            Message::Input(Ok(Input::Resize(..))) => Event::Resize,
            Message::Input(Ok(_)) => return Ok(Action::Nothing),
            Message::Input(Err(error)) => return Err(terminal(&error)),
            Message::Report(answer) => match *answer {
                Ok(report) => {
                    self.record(&report);
                    Event::Report(Box::new(report))
                }
                Err(failure) => Event::Failed(sentence(&failure)),
            },
            Message::Signal(Signal::CONT) => return Ok(Action::Redraw),
            Message::Signal(signal) => return Err(Failure::Told { code: ended_by(signal) }),
            // The panic has been printed, and the terminal is as it was.
            Message::Lost => return Err(Failure::Told { code: code::FAILED }),
        };
        Ok(self.app.update(event))
    }

    /// Whether that is the end.
    fn act(&mut self, action: Action) -> Done<bool> {
        let done = match action {
            Action::Nothing => return Ok(false),
            Action::Quit => return Ok(true),
            Action::Draw => Ok(()),
            Action::Redraw => self.screen.retake(),
            Action::Suspend => self.screen.suspend(),
            Action::Load(at) => {
                self.load(at);
                Ok(())
            }
        };
        done.and_then(|()| self.screen.draw(&mut self.app)).map_err(|error| terminal(&error))?;
        Ok(false)
    }

    fn load(&mut self, at: usize) {
        let Some(recording) = &mut self.recording else { return };
        let event = match recording.load(at) {
            Ok(report) => Event::Report(Box::new(report)),
            Err(failure) => Event::Failed(sentence(&failure)),
        };
        self.app.update(event);
        self.since = Instant::now();
    }

    /// Writes a report down. If that fails, the screen says so, and the exit code at the end.
    fn record(&mut self, report: &Report) {
        let Some(recorder) = &mut self.recorder else { return };
        if let Err(failure) = recorder.write(report) {
            self.app.record = Some(Err(sentence(&failure)));
            self.failure = Some(failure);
            self.recorder = None;
        }
    }
}

/// Starts a thread that sends messages, the last of them when it panics.
fn start(sender: &Sender<Message>, run: impl FnOnce(&Sender<Message>) + Send + 'static) -> Done {
    struct Guard(Sender<Message>);
    impl Drop for Guard {
        fn drop(&mut self) {
            if thread::panicking() {
                drop(self.0.send(Message::Lost));
            }
        }
    }
    let guard = Guard(sender.clone());
    let thread = thread::Builder::new().spawn(move || run(&guard.0));
    let none = |error| Failure::Here {
        code: code::IO,
        message: format!("cannot start a thread: {error}"),
    };
    thread.map(drop).map_err(none)
}

/// Passes signals on. The end of the program does not depend on its loop.
fn listen(sender: &Sender<Message>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    // Without it, a signal ends the program without giving the terminal back.
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let kind = |signal: Signal| SignalKind::from_raw(signal.as_raw());
        let [Ok(mut term), Ok(mut int), Ok(mut hup), Ok(mut quit)] =
            ENDS.map(|it| signal(kind(it)))
        else {
            return;
        };
        let Ok(mut cont) = signal(kind(Signal::CONT)) else { return };
        let end = loop {
            tokio::select! {
                _ = term.recv() => break Signal::TERM,
                _ = int.recv() => break Signal::INT,
                _ = hup.recv() => break Signal::HUP,
                _ = quit.recv() => break Signal::QUIT,
                _ = cont.recv() => drop(sender.send(Message::Signal(Signal::CONT))),
            }
        };
        drop(sender.send(Message::Signal(end)));
        thread::sleep(GRACE);
        screen::give_up();
        std::process::exit(ended_by(end).into());
    });
}

fn ended_by(signal: Signal) -> u8 {
    u8::try_from(signal.as_raw()).map_or(code::FAILED, |number| code::SIGNAL.saturating_add(number))
}

fn terminal(error: &io::Error) -> Failure {
    Failure::Here {
        code: code::IO,
        message: format!("cannot use the terminal: {error}; `levada top --once` needs none"),
    }
}
