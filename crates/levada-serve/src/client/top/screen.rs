//! The terminal: taken over, and given back however the program ends.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::{Position, Rect};
use rustix::process::{Signal, kill_current_process_group};

use super::app::App;
use super::view::{self, Theme};

/// A frame goes to the terminal in one write, so that nothing flickers.
const BUFFER: usize = 64 * 1024;

/// The terminal, which shows this program until it is dropped.
pub(super) struct Screen {
    /// Not dropped: that would print an error to a terminal that is gone, and so panic. `restore`
    /// shows the cursor.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    theme: Theme,
}

/// Whether the terminal is to be given back: also by a panic in any thread.
static TAKEN: AtomicBool = AtomicBool::new(false);

impl Screen {
    pub(super) fn new() -> io::Result<Self> {
        let colors = console::colors_enabled();
        // crossterm leaves colours out with `NO_COLOR`; the other tools know `CLICOLOR_FORCE` too.
        ratatui::crossterm::style::force_color_output(colors);
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            usual(panic);
        }));
        take()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(BUFFER, stdout()));
        match Terminal::new(backend) {
            Ok(terminal) => {
                Ok(Self { terminal: ManuallyDrop::new(terminal), theme: Theme { colors } })
            }
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    pub(super) fn draw(&mut self, app: &mut App) -> io::Result<()> {
        self.terminal.draw(|frame| view::draw(app, self.theme, frame)).map(drop)
    }

    /// Takes the terminal over again, and draws everything anew: while the process was stopped, the
    /// shell has changed the mode and written something.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        // Which mode was the usual one is known from the beginning.
        disable_raw_mode()?;
        enable_raw_mode()?;
        self.forget()
    }

    /// What is drawn next is drawn whole. `Terminal::clear` would ask the terminal where its cursor
    /// is, and the thread that reads keys would take the answer.
    fn forget(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Stops this process as Ctrl-Z does elsewhere, until it is continued.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        // The whole job, as the terminal would: `sudo levada top` is two processes. Where no shell
        // could continue it, the system ignores the signal.
        kill_current_process_group(Signal::TSTP)?;
        take()?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    // ORDERING: Relaxed, no pair: it says only whether escape sequences are due.
    TAKEN.store(true, Ordering::Relaxed);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All))
}

/// Gives the terminal back, if it was taken. What fails is not worth a word: the terminal is gone.
pub(super) fn restore() {
    // ORDERING: Relaxed, no pair: one of several threads does it, by the exchange of one word.
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    drop(disable_raw_mode());
    drop(execute!(stdout(), LeaveAlternateScreen, Show));
    drop(stdout().flush());
}

/// Gives back what takes no output: the terminal may take none.
pub(super) fn give_up() {
    drop(disable_raw_mode());
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::app::{App, Source};
    use super::super::pty::Pty;
    use super::*;

    /// Which thread panics, in the process that the test starts on a terminal of its own.
    const THREAD: &str = "LEVADA_TEST_PANICS";

    fn panics(thread: &str) {
        let mut screen = Screen::new().unwrap();
        let source = Source::Program { address: "http://a".to_owned(), every: "1s".to_owned() };
        screen.draw(&mut App::new(source)).unwrap();
        if thread == "another" {
            let other = std::thread::spawn(|| panic!("the panic of a test"));
            assert!(other.join().is_err());
            std::process::exit(9);
        }
        panic!("the panic of a test");
    }

    #[test]
    fn a_panic_restores_the_terminal() {
        if let Ok(thread) = std::env::var(THREAD) {
            return panics(&thread);
        }
        let name = "client::top::screen::tests::a_panic_restores_the_terminal";
        for (thread, code) in [("the same", 101), ("another", 9)] {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", name, "--nocapture"]).env(THREAD, thread);
            let mut pty = Pty::start(&mut command, 100, 30);
            pty.ends_restored(code);
            assert!(pty.bytes().contains("\x1b[?1049h"), "it was taken: {:?}", pty.bytes());
            // The message is on the screen that remains.
            pty.until_all(&["the panic of a test"]);
        }
    }
}
