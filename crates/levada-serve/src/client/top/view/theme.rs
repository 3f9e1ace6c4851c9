//! How things look. What a colour says, a word or a sign says as well.

use levada_observe::report::State;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// What a text says about the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// Less important than what is beside it.
    Quiet,
    Title,
    Good,
    Warn,
    Bad,
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Theme {
    pub(in super::super) colors: bool,
}

impl Theme {
    pub(super) fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let color = |color| if self.colors { plain.fg(color) } else { plain };
        match tone {
            Tone::Plain => plain,
            Tone::Quiet => plain.add_modifier(Modifier::DIM),
            Tone::Title => plain.add_modifier(Modifier::BOLD),
            Tone::Good => color(Color::Green),
            Tone::Warn => color(Color::Yellow),
            Tone::Bad => color(Color::Red).add_modifier(Modifier::BOLD),
        }
    }

    pub(super) fn span(self, tone: Tone, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.style(tone))
    }

    pub(super) fn line(self, tone: Tone, text: impl Into<String>) -> Line<'static> {
        Line::from(self.span(tone, text))
    }
}

/// How bad a state is.
pub(super) fn of_state(state: State) -> Tone {
    match state {
        State::Deadlock | State::Full | State::Unread => Tone::Bad,
        State::Growing | State::Lagging => Tone::Warn,
        State::Closed => Tone::Quiet,
        _ => Tone::Good,
    }
}

/// How bad what a rule found is.
pub(super) fn of_rule(rule: &str) -> Tone {
    if matches!(rule, "deadlock" | "full" | "unread") { Tone::Bad } else { Tone::Warn }
}
