//! The handles of mpmc are written as those of mpsc: the same items, docs and bodies, but for
//! some words. So a text that is corrected in one is corrected in the other.
//!
//! Both files are cut into blocks at their blank lines: an item with its docs is one. What one
//! file alone has is listed below, exactly.

use super::File;
use super::source::Line;

/// What the words of mpsc are in mpmc, in the order in which they are replaced, in both files.
const WORDS: &[(&str, &str)] = &[
    ("mpsc", "mpmc"),
    ("single", "many"),
    ("the receiver is gone or has closed", "all receivers are gone or one has closed"),
    ("the receiver is gone", "all receivers are gone"),
    ("its receiver has closed", "a receiver has closed"),
    ("ithout a receiver", "ithout receivers"),
    ("mut rx", "rx"),
    ("mut last", "last"),
    ("&mut self", "&self"),
    ("&'a mut self", "&'a self"),
    ("UniqueRx<T>", "Rx<Queue<T>>"),
];

/// Two files below `crates/levada/src/`, and the blocks that only one of them has, by the names
/// that [`name_of`] gives them.
struct Twins<'a> {
    file: &'a str,
    only_mpsc: &'a [&'a str],
    only_mpmc: &'a [&'a str],
}

const TWINS: &[Twins] = &[
    // The one receiver of mpsc takes messages without a lock, so eviction begins with a call.
    Twins {
        file: "sender.rs",
        only_mpsc: &["pub fn force_send"],
        only_mpmc: &["pub fn force_send"],
    },
    Twins { file: "builder.rs", only_mpsc: &[], only_mpmc: &[] },
    Twins { file: "permit.rs", only_mpsc: &[], only_mpmc: &[] },
    Twins {
        file: "receiver.rs",
        only_mpsc: &[
            "pub struct Receiver<T>",
            "pub fn peek",
            "pub fn recv_if",
            "pub fn ready",
            "pub fn try_recv",
            "pub fn poll_recv",
            "fn poll_next_message",
            "pub fn poll_recv_many",
            "fn is_ended",
        ],
        only_mpmc: &[
            "pub struct Receiver<T>",
            "pub fn try_recv",
            "pub fn into_stream",
            "pub fn same_channel",
            "pub fn receiver_count",
            "impl<T> Clone for Receiver<T>",
        ],
    },
    Twins {
        file: "unbounded.rs",
        only_mpsc: &[
            "pub struct UnboundedReceiver<T>",
            "pub fn peek",
            "pub fn recv_if",
            "pub fn ready",
            "pub fn try_recv",
            "pub fn poll_recv",
            "fn poll_next_message",
            "pub fn poll_recv_many",
            "fn is_ended",
        ],
        only_mpmc: &[
            "pub struct UnboundedReceiver<T>",
            "pub fn try_recv",
            "pub fn into_stream",
            "pub fn same_channel",
            "pub fn receiver_count",
            "impl<T> Clone for UnboundedReceiver<T>",
        ],
    },
    // A receiver of mpmc has a node among those that wait.
    Twins {
        file: "future.rs",
        only_mpsc: &[
            "pub struct Recv<'a, T>",
            "impl<'a, T> Recv<'a, T>",
            "impl<T> Future for Recv<'_, T>: fn poll",
            "pub struct RecvMany<'a, 'b, T>",
            "impl<'a, 'b, T> RecvMany<'a, 'b, T>",
            "impl<T> Future for RecvMany<'_, '_, T>: fn poll",
            "pub struct Ready<'a, T>",
            "impl<'a, T> Ready<'a, T>",
            "impl<T> Future for Ready<'_, T>",
            "impl<T> Future for Ready<'_, T>: fn poll",
            "impl<T> fmt::Debug for Ready<'_, T>",
        ],
        only_mpmc: &[
            "pub struct Recv<'a, T>",
            "impl<T> PinnedDrop for Recv<'_, T>",
            "impl<'a, T> Recv<'a, T>",
            "impl<T> Future for Recv<'_, T>: fn poll",
            "pub struct RecvMany<'a, 'b, T>",
            "impl<T> PinnedDrop for RecvMany<'_, '_, T>",
            "impl<'a, 'b, T> RecvMany<'a, 'b, T>",
            "impl<T> Future for RecvMany<'_, '_, T>: fn poll",
        ],
    },
    // A receiver of mpsc is a stream; one of mpmc becomes one.
    Twins {
        file: "stream.rs",
        only_mpsc: &[
            "impl<T> Stream for Receiver<T>",
            "impl<T> Stream for Receiver<T>: fn poll_next",
            "impl<T> Stream for Receiver<T>: fn size_hint",
            "impl<T> FusedStream for Receiver<T>",
            "impl<T> Stream for UnboundedReceiver<T>",
            "impl<T> Stream for UnboundedReceiver<T>: fn poll_next",
            "impl<T> Stream for UnboundedReceiver<T>: fn size_hint",
            "impl<T> FusedStream for UnboundedReceiver<T>",
        ],
        only_mpmc: &[
            "pub struct RecvStream<T>",
            "impl<T> Drop for RecvStream<T>",
            "impl<T> RecvStream<T>",
            "impl<T> Stream for RecvStream<T>",
            "impl<T> Stream for RecvStream<T>: fn poll_next",
            "impl<T> FusedStream for RecvStream<T>",
            "impl<T> fmt::Debug for RecvStream<T>",
        ],
    },
];

/// Compares the files of both channels.
pub(super) fn check(files: &[File]) -> Vec<String> {
    TWINS.iter().flat_map(|twins| check_twins(twins, files)).collect()
}

fn check_twins(twins: &Twins, files: &[File]) -> Vec<String> {
    let path = |channel: &str| format!("crates/levada/src/{channel}/{}", twins.file);
    let file = |channel: &str| files.iter().find(|file| file.path == path(channel));
    let (Some(mpsc), Some(mpmc)) = (file("mpsc"), file("mpmc")) else {
        return vec![format!("{} or {} is not there; see tidy/twins", path("mpsc"), path("mpmc"))];
    };
    let (one, other) = (blocks(mpsc), blocks(mpmc));
    let mut findings = only_here(mpsc, &one, &other, twins.only_mpsc);
    findings.extend(only_here(mpmc, &other, &one, twins.only_mpmc));
    findings
}

/// The blocks of `file` that are not among `others`, unless they are listed; and what is listed and
/// not among them.
fn only_here(file: &File, blocks: &[Block], others: &[Block], listed: &[&str]) -> Vec<String> {
    let is_alone = |block: &&Block| others.iter().all(|other| other.text != block.text);
    let alone: Vec<_> = blocks.iter().filter(is_alone).collect();
    let new = alone.iter().filter(|block| !listed.contains(&block.name.as_str()));
    let new = new.map(|block| {
        let text = format!("`{}` differs in its twin, in more than the usual words", block.name);
        file.at(block.start, &text)
    });
    let gone = listed.iter().filter(|name| alone.iter().all(|block| block.name != **name));
    let gone = gone.map(|name| {
        format!("{}: `{name}` is as in its twin: delete the exception in tidy/twins", file.path)
    });
    new.chain(gone).collect()
}

struct Block {
    /// The index of its first line.
    start: usize,
    name: String,
    /// Its words, however they are wrapped.
    text: String,
}

/// The blocks of a file, without its imports, which follow from them.
fn blocks(file: &File) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut start = 0;
    let mut owner = String::new();
    let lines = file.shipped();
    for part in lines.split(|line| !line.has_code() && line.comment.is_empty()) {
        let begins = |word: &str| part.iter().any(|line| line.code.starts_with(word));
        if begins("impl") {
            owner = name_of(part);
        }
        let text = text_of(&file.text[start..start + part.len()]);
        if !text.is_empty() && !begins("use ") && text != "#[cfg(test)]" {
            let inside = part.iter().any(|line| line.code.starts_with("    fn "));
            let name = name_of(part);
            let name = if inside && name != owner { format!("{owner}: {name}") } else { name };
            blocks.push(Block { start, name, text });
        }
        start += part.len() + 1;
    }
    blocks
}

/// The words of these lines in the language of mpmc, one space between two: how lines are wrapped
/// makes no difference.
fn text_of(lines: &[String]) -> String {
    let bare = lines.iter().map(|line| {
        let line = line.trim();
        let comment = ["///", "//!", "//"].iter().find_map(|mark| line.strip_prefix(mark));
        comment.unwrap_or(line)
    });
    let words = bare.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let words = words.replace("( ", "(").replace(", )", ")").replace(" )", ")");
    let words = WORDS.iter().fold(words, |text, (from, to)| text.replace(from, to));
    // The last item of an `impl` closes it.
    words.trim_end_matches([' ', '}']).to_owned()
}

/// The line of code that says what it is, without what opens a body: `pub fn recv`. Of a comment
/// without code, its first line.
fn name_of(lines: &[Line]) -> String {
    let code = || lines.iter().map(|line| line.code.trim()).filter(|code| !code.is_empty());
    let is_type = |code: &&str| code.starts_with("pub struct ");
    let is_item = |code: &&str| !code.starts_with("#[");
    match code().find(is_type).or_else(|| code().find(is_item)) {
        Some(code) => {
            let code = code.trim_start_matches("pub(super) ");
            code.split(['(', '{', ';', '=']).next().unwrap_or_default().trim().to_owned()
        }
        None => lines[0].comment.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOY: Twins =
        Twins { file: "sender.rs", only_mpsc: &["impl<T> Sender<T>: fn f"], only_mpmc: &[] };

    const MPSC: &str = "//! Senders.\n\nuse crate::queue::single;\n\nimpl<T> Sender<T> {\n    \
        /// Fails if the receiver is gone.\n    ///\n    /// let (tx, mut rx) = mpsc::channel();\n    \
        pub fn send(&self, value: T) {\n        self.queue.send(value);\n    }\n\n    \
        fn f() {}\n}\n\n#[cfg(test)]\nmod tests {\n}\n";

    const MPMC: &str = "//! Senders.\n\nuse crate::queue::{many, other};\n\nimpl<T> Sender<T> {\n    \
        /// Fails if all receivers\n    /// are gone.\n    ///\n    /// let (tx, rx) = \
        mpmc::channel();\n    pub fn send(\n        &self,\n        value: T,\n    ) {\n        \
        self.queue.send(value);\n    }\n}\n";

    fn findings(twins: &Twins, mpsc: &str, mpmc: &str) -> Vec<String> {
        check_twins(
            twins,
            &[
                File::new("crates/levada/src/mpsc/sender.rs", mpsc),
                File::new("crates/levada/src/mpmc/sender.rs", mpmc),
            ],
        )
    }

    #[test]
    fn the_same_text_in_other_words_passes() {
        assert_eq!(findings(&TOY, MPSC, MPMC), [""; 0]);
    }

    #[test]
    fn a_text_that_has_drifted_is_found() {
        for (from, to) in [
            ("Fails if", "Fails when"),
            ("queue.send(value)", "queue.send_all(value)"),
            ("pub fn send(", "pub fn push("),
            ("impl<T>", "impl<T: Send>"),
        ] {
            let found = findings(&TOY, MPSC, &MPMC.replace(from, to));
            assert_eq!(found.len(), 2, "{from}: {found:?}");
            assert!(found[0].starts_with("crates/levada/src/mpsc/sender.rs:5: `impl<T"));
            assert!(found[1].starts_with("crates/levada/src/mpmc/sender.rs:5: `impl<T"));
        }
        assert_eq!(findings(&TOY, MPSC, &format!("{MPMC}\nfn more() {{}}\n")).len(), 1);
    }

    #[test]
    fn exceptions_are_exact() {
        let both = MPSC.replace("    fn f() {}\n", "");
        assert_eq!(
            findings(&TOY, &both, MPMC),
            [
                "crates/levada/src/mpsc/sender.rs: `impl<T> Sender<T>: fn f` is as in its twin: delete the exception in \
              tidy/twins"
            ]
        );
        let none = Twins { only_mpsc: &[], ..TOY };
        assert_eq!(findings(&none, MPSC, MPMC).len(), 1);
        let elsewhere = Twins { file: "moved.rs", ..TOY };
        assert_eq!(findings(&elsewhere, MPSC, MPMC).len(), 1);
    }
}
