//! The scenes, and how they are started.

use super::filter::{Action, forbid, is_membarrier_refused, threads, unshare, unshare_in_child};
use super::traffic;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output};

/// The environment variable that does without the system call.
const SWITCH: &str = "LEVADA_MEMBARRIER";

/// How a process is to end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Well,
    /// By this signal.
    Killed(i32),
}

struct Scene {
    name: &'static str,
    play: fn(),
    end: End,
    /// What it says in the end.
    says: &'static str,
}

const fn scene(name: &'static str, play: fn()) -> Scene {
    Scene { name, play, end: End::Well, says: "" }
}

const SCENES: &[Scene] = &[
    scene("no_thread_is_started", no_thread_is_started),
    scene("a_user_namespace_can_be_made", a_user_namespace_can_be_made),
    scene("no_thread_may_be_started", no_thread_may_be_started),
    scene("refused_from_the_start", refused_from_the_start),
    scene("refused_before_the_first_message", refused_before_the_first_message),
    scene("refused_to_calm_channels", refused_to_calm_channels),
    Scene {
        end: End::Killed(libc::SIGABRT),
        says: SWITCH,
        ..scene("refused_to_an_exposed_value", refused_to_an_exposed_value)
    },
    scene("a_killing_filter_and_the_switch", a_killing_filter_and_the_switch),
    Scene {
        end: End::Killed(libc::SIGSYS),
        ..scene("a_killing_filter_without_the_switch", a_killing_filter_without_the_switch)
    },
];

/// What a scene becomes that has forbidden something to the next program.
const AFTERWARDS: Scene = scene("afterwards", traffic::on_threads);

/// Plays the scene that is named, or starts all whose names contain an argument.
pub(crate) fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [first, name] = &arguments[..]
        && first == "scene"
    {
        let mut scenes = SCENES.iter().chain([&AFTERWARDS]);
        return (scenes.find(|scene| scene.name == name).unwrap().play)();
    }
    // `--skip` is followed by a name.
    let behind = std::iter::once("").chain(arguments.iter().map(String::as_str));
    let words = arguments.iter().zip(behind).filter(|(word, _)| !word.starts_with('-'));
    let (skipped, filters): (Vec<_>, Vec<_>) = words.partition(|(_, before)| *before == "--skip");
    let is_wanted = |scene: &&Scene| {
        let is_one_of = |names: &[(&String, &str)]| {
            names.iter().any(|(part, _)| scene.name.contains(part.as_str()))
        };
        (filters.is_empty() || is_one_of(&filters)) && !is_one_of(&skipped)
    };
    for scene in SCENES.iter().filter(is_wanted) {
        // As libtest says it: `cargo xtask mutants` reads what became of each test.
        if arguments.iter().any(|word| word == "--list") {
            println!("{}: test", scene.name);
        } else {
            scene.check();
            println!("test {} ... ok", scene.name);
        }
    }
}

impl Scene {
    fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["scene", self.name]).env_remove(SWITCH);
        command
    }

    /// Plays it in a process of its own.
    fn check(&self) {
        let Output { status, stderr, .. } = self.command().output().unwrap();
        let stderr = String::from_utf8_lossy(&stderr);
        let end = status.signal().map_or(End::Well, End::Killed);
        assert!(
            end == self.end && (status.success() || end != End::Well),
            "{}: {status}\n{stderr}",
            self.name
        );
        assert!(stderr.contains(self.says), "{}: {stderr}", self.name);
    }
}

fn no_thread_is_started() {
    let before = threads();
    drop(traffic::calm_mpsc(1));
    // At once: it might end by itself.
    assert_eq!(threads(), before);
    drop(traffic::calm_broadcast());
    assert_eq!(threads(), before);
    drop(traffic::exposed_watch());
    assert_eq!(threads(), before);
}

/// `unshare` refuses a process with several threads by `EINVAL`; what else it says is the system's
/// matter.
fn a_user_namespace_can_be_made() {
    let before = unshare_in_child();
    traffic::on_one_thread();
    assert_eq!(unshare(), before);
}

fn no_thread_may_be_started() {
    forbid(libc::SYS_clone, Action::Kill);
    forbid(libc::SYS_clone3, Action::Kill);
    traffic::on_one_thread();
}

fn refused_from_the_start() {
    forbid(libc::SYS_membarrier, Action::Refuse);
    panic!("{}", AFTERWARDS.command().exec());
}

fn refused_before_the_first_message() {
    forbid(libc::SYS_membarrier, Action::Refuse);
    assert!(is_membarrier_refused());
    traffic::on_threads();
}

/// They rely on the system call already.
fn refused_to_calm_channels() {
    let channels: Vec<_> = (0..8).map(|_| traffic::calm_mpsc(1)).collect();
    let (tx, rx) = traffic::calm_broadcast();
    forbid(libc::SYS_membarrier, Action::Refuse);
    channels.into_iter().for_each(|(tx, rx)| traffic::between_threads(tx, rx));
    traffic::among_receivers(tx, rx);
    traffic::on_threads();
}

/// Only the fence orders a writer with readers that take no lock: the process ends, and says what
/// to do.
fn refused_to_an_exposed_value() {
    let (tx, _rx) = traffic::exposed_watch();
    forbid(libc::SYS_membarrier, Action::Refuse);
    tx.send(2).unwrap();
}

fn a_killing_filter_and_the_switch() {
    forbid(libc::SYS_membarrier, Action::Kill);
    panic!("{}", AFTERWARDS.command().env(SWITCH, "0").exec());
}

/// So it is the switch that helps, and the filter that kills.
fn a_killing_filter_without_the_switch() {
    forbid(libc::SYS_membarrier, Action::Kill);
    panic!("{}", AFTERWARDS.command().exec());
}
