//! What is shown, and how keys and reports change it. Pure: nothing here reads, writes or waits.
//!
//! - `rows`: the rows of the table
//! - `player`: where a replay is

mod player;
mod rows;
#[cfg(test)]
mod tests;

use levada_observe::report::{Channel, Report};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub(super) use self::player::Player;
pub(super) use self::rows::{Row, Sort, rows, sum};

/// What can happen.
#[derive(Debug)]
pub(super) enum Event {
    Key(KeyEvent),
    /// The terminal has another size.
    Resize,
    /// The program has answered; or the report of a recording that was asked for.
    Report(Box<Report>),
    /// The program has not answered, for this reason.
    Failed(String),
    /// A report of a replay has been shown for long enough.
    Tick,
}

/// What is to be done then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Draw,
    /// Everything anew: what is on the terminal may not be what was drawn.
    Redraw,
    /// Show this report of the recording.
    Load(usize),
    Suspend,
    Quit,
}

/// What fills the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    Channels,
    /// The row with this id, and what it was called last.
    Channel {
        id: String,
        label: String,
    },
    Graph,
    Help,
}

/// Where reports come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A program, which is asked every so often.
    Program {
        address: String,
        every: String,
    },
    Replay {
        file: String,
        player: Player,
    },
}

/// Everything that a person sees, as data.
#[derive(Debug)]
pub(super) struct App {
    pub(super) source: Source,
    pub(super) report: Option<Report>,
    /// What came while the screen was frozen.
    newer: Option<Report>,
    pub(super) frozen: bool,
    /// Why the last attempt to get a report failed.
    pub(super) failure: Option<String>,
    /// The file that reports are written to, or why they no longer are.
    pub(super) record: Option<Result<String, String>>,
    pub(super) sort: Sort,
    pub(super) reversed: bool,
    pub(super) filter: String,
    /// The filter is being typed; it was this before.
    pub(super) typing: Option<String>,
    /// The id of the row that is selected.
    selected: Option<String>,
    pub(super) page: Page,
    /// How many lines of a page are above the screen.
    pub(super) scroll: usize,
}

impl App {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            report: None,
            newer: None,
            frozen: false,
            failure: None,
            record: None,
            sort: Sort::default(),
            reversed: false,
            filter: String::new(),
            typing: None,
            selected: None,
            page: Page::Channels,
            scroll: 0,
        }
    }

    /// The rows of the table, in their order.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let select = |report| rows(report, &self.filter, self.sort, self.reversed);
        self.report.as_ref().map(select).unwrap_or_default()
    }

    /// Which of the rows is selected: the first, unless another one was chosen and is still there.
    pub(super) fn selected(&self, rows: &[Row<'_>]) -> usize {
        let chosen = self.selected.as_ref();
        rows.iter().position(|row| Some(&row.channel.id) == chosen).unwrap_or_default()
    }

    /// A row of the report, by its id.
    pub(super) fn channel(&self, id: &str) -> Option<&Channel> {
        self.report.as_ref()?.channels.iter().find(|channel| channel.id == id)
    }

    /// The replay, if it is one.
    pub(super) fn player(&self) -> Option<&Player> {
        match &self.source {
            Source::Replay { player, .. } => Some(player),
            Source::Program { .. } => None,
        }
    }

    pub(super) fn update(&mut self, event: Event) -> Action {
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => Action::Nothing,
            Event::Key(key) => self.key(key),
            Event::Resize => Action::Draw,
            Event::Report(report) => {
                self.failure = None;
                if self.frozen {
                    self.newer = Some(*report);
                } else {
                    self.show(*report);
                }
                Action::Draw
            }
            Event::Failed(reason) => {
                self.failure = Some(reason);
                Action::Draw
            }
            Event::Tick => self.play(Player::tick),
        }
    }

    fn show(&mut self, report: Report) {
        if let Page::Channel { id, label } = &mut self.page
            && let Some(channel) = report.channels.iter().find(|channel| channel.id == *id)
        {
            label.clone_from(&channel.label);
        }
        self.report = Some(report);
    }

    /// Changes the replay, if it is one.
    fn play(&mut self, change: impl FnOnce(&mut Player) -> bool) -> Action {
        let Source::Replay { player, .. } = &mut self.source else { return Action::Nothing };
        if change(player) { Action::Load(player.at()) } else { Action::Draw }
    }

    fn key(&mut self, key: KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Action::Quit,
                KeyCode::Char('z') => Action::Suspend,
                KeyCode::Char('l') => Action::Redraw,
                KeyCode::Char('u') if self.typing.is_some() => {
                    self.filter.clear();
                    Action::Draw
                }
                _ => Action::Nothing,
            };
        }
        if self.typing.is_some() {
            return self.typed(key.code);
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.turn(Page::Help),
            KeyCode::Char('g') => self.turn(Page::Graph),
            KeyCode::Esc | KeyCode::Backspace => self.back(),
            KeyCode::Enter => self.enter(),
            KeyCode::Char('/') => {
                self.page = Page::Channels;
                self.typing = Some(self.filter.clone());
            }
            KeyCode::Char('s' | '>') => self.sort = self.sort.step(1),
            KeyCode::Char('S' | '<') => self.sort = self.sort.step(Sort::ALL.len() - 1),
            KeyCode::Char('r') => self.reversed = !self.reversed,
            KeyCode::Char(digit @ '1'..='9') => self.sort_by(digit),
            KeyCode::Char(' ' | 'p') => return self.freeze(),
            KeyCode::Left | KeyCode::Char(',') => return self.play(|player| player.step(-1)),
            KeyCode::Right | KeyCode::Char('.') => return self.play(|player| player.step(1)),
            KeyCode::Char('[') => return self.play(|player| player.step(isize::MIN)),
            KeyCode::Char(']') => return self.play(|player| player.step(isize::MAX)),
            KeyCode::Char('+' | '=') => return self.faster(1),
            KeyCode::Char('-') => return self.faster(-1),
            code => return self.scroll(code),
        }
        Action::Draw
    }

    /// A key while the filter is typed. Keys that select a row do so.
    fn typed(&mut self, code: KeyCode) -> Action {
        match code {
            KeyCode::Enter => self.typing = None,
            KeyCode::Esc => self.filter = self.typing.take().unwrap_or_default(),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if !c.is_control() => self.filter.push(c),
            code => return self.scroll(code),
        }
        Action::Draw
    }

    /// Another page; the same key leads back.
    fn turn(&mut self, page: Page) {
        self.page = if self.page == page { Page::Channels } else { page };
        self.scroll = 0;
    }

    fn back(&mut self) {
        match self.page {
            Page::Channels => self.filter.clear(),
            _ => self.page = Page::Channels,
        }
        self.scroll = 0;
    }

    fn enter(&mut self) {
        if self.page != Page::Channels {
            return self.back();
        }
        let rows = self.rows();
        let Some(Row { channel, .. }) = rows.get(self.selected(&rows)) else { return };
        let (id, label) = (channel.id.clone(), channel.label.clone());
        self.selected = Some(id.clone());
        self.turn(Page::Channel { id, label });
    }

    fn sort_by(&mut self, digit: char) {
        let at = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok()).unwrap_or(1);
        if let Some(sort) = Sort::ALL.get(at - 1) {
            self.sort = *sort;
        }
    }

    /// Keeps what is shown; or shows the newest report again.
    fn freeze(&mut self) -> Action {
        if self.player().is_some() {
            return self.play(Player::toggle);
        }
        self.frozen = !self.frozen;
        if let Some(report) = self.newer.take() {
            self.show(report);
        }
        Action::Draw
    }

    fn faster(&mut self, by: i32) -> Action {
        self.play(|player| {
            player.faster(by);
            false
        })
    }

    /// Selects another row, or moves the lines of a page.
    fn scroll(&mut self, code: KeyCode) -> Action {
        const PAGE: isize = 10;
        let by = match code {
            KeyCode::Up | KeyCode::Char('k') => -1,
            KeyCode::Down | KeyCode::Char('j') => 1,
            KeyCode::PageUp => -PAGE,
            KeyCode::PageDown => PAGE,
            KeyCode::Home => isize::MIN,
            KeyCode::End | KeyCode::Char('G') => isize::MAX,
            _ => return Action::Nothing,
        };
        if self.page == Page::Channels {
            let rows = self.rows();
            let to = self.selected(&rows).saturating_add_signed(by);
            let to = rows.get(to.min(rows.len().saturating_sub(1)));
            self.selected = to.map(|row| row.channel.id.clone());
        } else {
            self.scroll = self.scroll.saturating_add_signed(by);
        }
        Action::Draw
    }

    /// The end of a page is as far as it can be moved: what is drawn has this many lines more than
    /// the screen.
    pub(super) fn hidden(&mut self, lines: usize) {
        self.scroll = self.scroll.min(lines);
    }
}
