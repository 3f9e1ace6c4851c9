//! Screens as text, and what holds for each of them.

use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::super::app::{App, Event, Player, Source};
use super::super::source::read;
use super::*;

const EXAMPLE: &str = include_str!("../tests/report.json");

fn app_of(json: &str) -> App {
    let address = "http://127.0.0.1:6670".to_owned();
    let mut app = App::new(Source::Program { address, every: "1s".to_owned() });
    app.update(Event::Report(Box::new(read(json).unwrap())));
    app
}

fn press(app: &mut App, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '↓' => KeyCode::Down,
            key => KeyCode::Char(key),
        };
        app.update(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

fn drawn(app: &mut App, colors: bool, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(app, Theme { colors }, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The lines of a screen, without the spaces at their ends.
fn lines(buffer: &Buffer) -> Vec<String> {
    let (width, height) = (buffer.area.width, buffer.area.height);
    let line = |y| {
        let (mut text, mut x) = (String::new(), 0);
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            x += u16::try_from(measure_text_width(symbol)).unwrap().max(1);
        }
        text.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// Compares a screen with the one in the folder `screens`; with `LEVADA_SCREENS=update` it becomes
/// that one.
#[track_caller]
fn assert_screen(name: &str, app: &mut App, size: (u16, u16)) {
    let text = lines(&drawn(app, true, size)).join("\n") + "\n";
    let file = format!("src/client/top/view/screens/{name}-{}.txt", size.0);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
    if std::env::var("LEVADA_SCREENS").is_ok_and(|it| it == "update") {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{file} is another screen than this:\n{text}");
}

#[track_caller]
fn assert_screens(name: &str, change: impl Fn(&mut App)) {
    for size in [(80, 24), (160, 40)] {
        let mut app = app_of(EXAMPLE);
        change(&mut app);
        assert_screen(name, &mut app, size);
    }
}

#[test]
fn the_channels_sorted_by_trouble() {
    assert_screens("channels", |_| {});
}

#[test]
fn the_channels_sorted_by_another_column_and_filtered() {
    assert_screens("filtered", |app| press(app, "s/mp\n↓"));
}

#[test]
fn the_filter_while_it_is_typed() {
    assert_screens("typing", |app| press(app, "/job"));
}

#[test]
fn a_channel_in_detail() {
    assert_screens("channel", |app| press(app, "/jobs\n\n"));
}

#[test]
fn the_subscribers_of_a_broadcast() {
    assert_screens("broadcast", |app| press(app, "/broadcast\n\n"));
}

#[test]
fn the_graph_with_a_suspected_deadlock() {
    assert_screens("graph", |app| press(app, "g"));
}

#[test]
fn the_keys() {
    assert_screens("help", |app| press(app, "?"));
}

#[test]
fn a_program_that_does_not_answer() {
    assert_screens("no-answer", |app| {
        app.update(Event::Failed("nothing listens at http://127.0.0.1:6670".to_owned()));
    });
}

#[test]
fn a_program_that_never_answered() {
    for size in [(80, 24), (160, 40)] {
        let address = "http://127.0.0.1:6670".to_owned();
        let mut app = App::new(Source::Program { address, every: "1s".to_owned() });
        app.update(Event::Failed("nothing listens at http://127.0.0.1:6670".to_owned()));
        assert_screen("never-answered", &mut app, size);
    }
}

#[test]
fn a_replay() {
    for size in [(80, 24), (160, 40)] {
        let player = Player::new(vec![0.0, 1.0, 2.0]);
        let mut app = App::new(Source::Replay { file: "run.ndjson".to_owned(), player });
        app.update(Event::Report(Box::new(read(EXAMPLE).unwrap())));
        press(&mut app, ".++");
        assert_screen("replay", &mut app, size);
    }
}

#[test]
fn without_colours_words_and_signs_remain() {
    for keys in ["", "\n", "g", "?"] {
        let mut app = app_of(EXAMPLE);
        press(&mut app, keys);
        let plain = drawn(&mut app, false, (160, 40));
        let is_plain = |color| color == Color::Reset;
        assert!(plain.content.iter().all(|cell| is_plain(cell.fg) && is_plain(cell.bg)));
        let coloured = drawn(&mut app, true, (160, 40));
        assert_eq!(lines(&plain), lines(&coloured));
    }
    let coloured = drawn(&mut app_of(EXAMPLE), true, (160, 40));
    assert!(coloured.content.iter().any(|cell| cell.fg == Color::Red));
}

#[test]
fn every_size_can_be_drawn() {
    let hostile = EXAMPLE
        .replace("to_stock", "漢字漢字漢字漢字漢字漢字漢字漢字 e\u{301}\u{1f468}\u{200d}\u{1f469}")
        .replace("src/main.rs", &"very/".repeat(60));
    let empty = r#"{"version":1,"program":{"name":"","pid":0,"time_unix_seconds":1e300,
        "observed_seconds":null,"levada":""},"window":null,"findings":[],"deadlocks":[],
        "channels":[],"oneshots":[],"blocked":[],"ended":[],"graph":{"tasks":[],"waits":[],
        "handles":[],"left_out":0}}"#;
    for json in [EXAMPLE, &hostile, empty] {
        for keys in ["", "\n", "g", "?", "/x", "/漢", "\n↓↓↓↓↓↓", " "] {
            let mut app = app_of(json);
            press(&mut app, keys);
            app.update(Event::Failed("漢字 ".repeat(50)));
            for width in (1..170).step_by(7) {
                for height in [1, 2, 3, 9, 10, 11, 24, 60] {
                    drawn(&mut app, true, (width, height));
                }
            }
        }
    }
}

#[test]
fn a_small_terminal_gets_a_sentence() {
    let text = lines(&drawn(&mut app_of(EXAMPLE), true, (40, 8))).join(" ");
    assert!(text.contains("The terminal has 40 columns and 8 lines"), "{text}");
    let text = lines(&drawn(&mut app_of(EXAMPLE), true, (50, 10))).join("\n");
    assert!(text.contains("STATE") && text.contains("to_stock"), "{text}");
}

#[test]
fn the_least_important_columns_vanish_first() {
    let titles = |width| {
        let screen = lines(&drawn(&mut app_of(EXAMPLE), true, (width, 40)));
        screen.into_iter().find(|line| line.contains("STATE")).unwrap()
    };
    let mut before: Vec<String> = Vec::new();
    for width in 50..200 {
        let words: Vec<_> = titles(width).split_whitespace().map(str::to_owned).collect();
        for always in ["STATE▼", "CHANNEL", "DEPTH", "LINE"] {
            assert!(words.contains(&always.to_owned()), "{width}: {words:?}");
        }
        assert!(before.iter().all(|word| words.contains(word)), "{width}: {words:?}");
        before = words;
    }
    assert!(before.contains(&"EMPTY".to_owned()), "{before:?}");
}

#[test]
fn wide_characters_do_not_move_what_follows() {
    let buffer =
        drawn(&mut app_of(&EXAMPLE.replace("\"jobs\"", "\"作業 キュー\"")), true, (160, 40));
    let starts = |y: u16| {
        (0..buffer.area.width - 1).rev().find(|x| {
            let two = [buffer[(*x, y)].symbol(), buffer[(x + 1, y)].symbol()];
            *x > 2 && two[0] == " " && two[1] != " "
        })
    };
    let table = lines(&buffer);
    let first = table.iter().position(|line| line.contains("STATE")).unwrap();
    assert!(table.iter().any(|line| line.contains("作業 キュー")), "{table:#?}");
    let rows = (first + 1..).take_while(|y| !table[*y].is_empty());
    let columns: Vec<_> = rows.map(|y| starts(u16::try_from(y).unwrap())).collect();
    assert!(columns.len() > 4 && columns.iter().all(|it| *it == columns[0]), "{columns:?}");
}
