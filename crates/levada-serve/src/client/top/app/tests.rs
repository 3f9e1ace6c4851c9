//! Keys and reports, one after the other.

use super::super::source::read;
use super::*;

fn report() -> Report {
    read(include_str!("../tests/report.json")).unwrap()
}

fn app() -> App {
    let source = Source::Program { address: "http://a".to_owned(), every: "1s".to_owned() };
    let mut app = App::new(source);
    app.update(Event::Report(Box::new(report())));
    app
}

fn key(app: &mut App, code: KeyCode) -> Action {
    app.update(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn ctrl(app: &mut App, letter: char) -> Action {
    app.update(Event::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)))
}

fn keys(app: &mut App, keys: &str) {
    for letter in keys.chars() {
        key(app, KeyCode::Char(letter));
    }
}

fn labels(app: &App) -> Vec<String> {
    app.rows().iter().map(|row| row.channel.label.clone()).collect()
}

#[test]
fn rows_are_sorted_by_trouble_first() {
    let mut app = app();
    let usual = labels(&app);
    let of_report: Vec<_> = report().channels.into_iter().map(|it| it.label).collect();
    assert_eq!(usual, of_report);
    keys(&mut app, "s");
    let mut by_name = usual.clone();
    by_name.sort();
    assert_eq!((app.sort, labels(&app)), (Sort::Name, by_name.clone()));
    keys(&mut app, "r");
    by_name.reverse();
    assert_eq!(labels(&app), by_name);
    keys(&mut app, "rS");
    assert_eq!((app.sort, labels(&app)), (Sort::Trouble, usual));
}

#[test]
fn rows_without_a_figure_are_last_either_way() {
    let mut app = app();
    keys(&mut app, "3");
    let depths = |app: &App| app.rows().iter().map(|row| row.channel.depth).collect::<Vec<_>>();
    let falling = depths(&app);
    let known = |depths: &[Option<usize>]| depths.iter().flatten().copied().collect::<Vec<_>>();
    assert!(known(&falling).is_sorted_by(|a, b| a >= b), "{falling:?}");
    assert_eq!(falling.last(), Some(&None), "there is a watch");
    keys(&mut app, "r");
    let rising = depths(&app);
    assert!(known(&rising).is_sorted(), "{rising:?}");
    assert_eq!(rising.last(), Some(&None));
}

#[test]
fn every_column_can_be_sorted_by() {
    let mut app = app();
    let all = labels(&app).len();
    for (index, sort) in Sort::ALL.into_iter().enumerate() {
        keys(&mut app, &(index + 1).to_string());
        assert_eq!((app.sort, app.rows().len()), (sort, all));
    }
    keys(&mut app, "s");
    assert_eq!(app.sort, Sort::Trouble, "after the last one comes the first");
}

#[test]
fn the_line_of_a_row_is_that_of_its_finding() {
    let app = app();
    let rows = app.rows();
    let site = |label: &str| rows.iter().find(|row| row.channel.label == label).unwrap().site;
    assert_eq!(site("jobs"), "src/http.rs:88:17");
    assert_eq!(site("to_stock"), "src/billing.rs:31:28");
}

#[test]
fn the_filter_has_words_of_any_case() {
    let mut app = app();
    keys(&mut app, "/MPSC src/main");
    let found = labels(&app);
    assert!(found.contains(&"to_stock".to_owned()) && !found.contains(&"events".to_owned()));
    key(&mut app, KeyCode::Enter);
    keys(&mut app, "q");
    assert_eq!(labels(&app), found, "the filter is no longer typed");
    keys(&mut app, "/x");
    key(&mut app, KeyCode::Esc);
    assert_eq!(app.filter, "MPSC src/main", "it is as it was before it was typed");
    keys(&mut app, "/");
    ctrl(&mut app, 'u');
    keys(&mut app, "q?s\u{7}漢");
    key(&mut app, KeyCode::Backspace);
    assert_eq!(app.filter, "q?s", "letters are no commands, and controls no letters");
    key(&mut app, KeyCode::Enter);
    key(&mut app, KeyCode::Esc);
    assert!(app.filter.is_empty() && labels(&app).len() > 3);
}

#[test]
fn the_selected_row_stays_selected_wherever_it_goes() {
    let mut app = app();
    key(&mut app, KeyCode::Down);
    let chosen = labels(&app)[1].clone();
    keys(&mut app, "sr");
    let rows = app.rows();
    assert_eq!(rows[app.selected(&rows)].channel.label, chosen);
    drop(rows);
    let mut without = report();
    without.channels.retain(|channel| channel.label != chosen);
    app.update(Event::Report(Box::new(without)));
    let rows = app.rows();
    assert_eq!(app.selected(&rows), 0, "it has gone: the first is");
    drop(rows);
    for code in [KeyCode::Home, KeyCode::Up, KeyCode::End, KeyCode::PageDown, KeyCode::Down] {
        key(&mut app, code);
    }
    let rows = app.rows();
    assert_eq!(app.selected(&rows), rows.len() - 1);
}

#[test]
fn pages_lead_back_to_the_table() {
    let mut app = app();
    key(&mut app, KeyCode::Enter);
    assert!(matches!(&app.page, Page::Channel { label, .. } if label == "to_stock"));
    app.hidden(3);
    key(&mut app, KeyCode::End);
    app.hidden(3);
    assert_eq!(app.scroll, 3);
    key(&mut app, KeyCode::Up);
    assert_eq!(app.scroll, 2);
    key(&mut app, KeyCode::Esc);
    assert_eq!((&app.page, app.scroll), (&Page::Channels, 0));
    keys(&mut app, "g?");
    assert_eq!(app.page, Page::Help);
    keys(&mut app, "?");
    assert_eq!(app.page, Page::Channels);
    keys(&mut app, "/nothing is like this");
    key(&mut app, KeyCode::Enter);
    key(&mut app, KeyCode::Enter);
    assert_eq!(app.page, Page::Channels, "there is no row to enter");
}

#[test]
fn frozen_is_frozen_and_the_newest_follows() {
    let mut app = app();
    let pid = |app: &App| app.report.as_ref().unwrap().program.pid;
    let before = pid(&app);
    keys(&mut app, " ");
    for newer in [7, 8] {
        let mut report = report();
        report.program.pid = newer;
        app.update(Event::Report(Box::new(report)));
    }
    assert_eq!((app.frozen, pid(&app)), (true, before));
    keys(&mut app, "p");
    assert_eq!((app.frozen, pid(&app)), (false, 8));
}

#[test]
fn a_failure_lasts_until_the_next_report() {
    let mut app = app();
    app.update(Event::Failed("nothing listens".to_owned()));
    assert!(app.failure.is_some() && app.report.is_some());
    app.update(Event::Report(Box::new(report())));
    assert_eq!(app.failure, None);
}

#[test]
fn keys_that_end_and_suspend_work_everywhere() {
    for before in ["", "g", "/filter"] {
        let mut app = app();
        keys(&mut app, before);
        assert_eq!(ctrl(&mut app, 'c'), Action::Quit);
        assert_eq!(ctrl(&mut app, 'z'), Action::Suspend);
        assert_eq!(ctrl(&mut app, 'l'), Action::Redraw);
    }
    let mut app = app();
    assert_eq!(key(&mut app, KeyCode::Char('q')), Action::Quit);
    assert_eq!(key(&mut app, KeyCode::F(9)), Action::Nothing);
    assert_eq!(key(&mut app, KeyCode::Left), Action::Nothing, "it is no replay");
    let mut release = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
    release.kind = KeyEventKind::Release;
    assert_eq!(app.update(Event::Key(release)), Action::Nothing);
}

#[test]
fn a_replay_loads_what_is_to_be_shown() {
    let player = Player::new(vec![0.0, 1.0, 2.0]);
    let mut app = App::new(Source::Replay { file: "f".to_owned(), player });
    assert_eq!(app.update(Event::Tick), Action::Load(1));
    assert_eq!(key(&mut app, KeyCode::Char(' ')), Action::Draw);
    assert_eq!(app.update(Event::Tick), Action::Draw, "it is paused");
    assert_eq!(key(&mut app, KeyCode::Char(']')), Action::Load(2));
    assert_eq!(key(&mut app, KeyCode::Right), Action::Draw, "it was the last");
    assert_eq!(key(&mut app, KeyCode::Left), Action::Load(1));
    assert_eq!(key(&mut app, KeyCode::Char('+')), Action::Draw);
    assert_eq!(app.player().unwrap().speed(), "×2");
}
