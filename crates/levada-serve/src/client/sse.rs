//! Server-sent events, as the HTML standard defines their parsing.

use std::io::{self, BufRead, Read};

/// The longest event, in bytes. The server's are far shorter.
const LONGEST: u64 = 16 << 20;

/// One event. Ids and reconnection times are of no use here: the state comes first on every stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

/// The events of a stream.
#[derive(Debug)]
pub(super) struct Events<R>(R);

impl<R: BufRead> Events<R> {
    pub(super) fn new(stream: R) -> Self {
        Self(stream)
    }

    /// The next event, or `None` at the end. One that is broken off is no event.
    pub(super) fn next(&mut self) -> io::Result<Option<Event>> {
        let (mut name, mut data) = (String::new(), String::new());
        let mut left = LONGEST;
        loop {
            let mut line = Vec::new();
            let read = self.0.by_ref().take(left).read_until(b'\n', &mut line)?;
            left -= u64::try_from(read).unwrap_or(left);
            if line.pop_if(|last| *last == b'\n').is_none() {
                return if left == 0 {
                    Err(io::Error::other("an event is too long"))
                } else {
                    Ok(None)
                };
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                if data.pop().is_some() {
                    return Ok(Some(Event { name, data }));
                }
                (name, left) = (String::new(), LONGEST);
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => {
                    data.push_str(value);
                    data.push('\n');
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(stream: &[u8]) -> Vec<(String, String)> {
        let mut events = Events::new(stream);
        let next = || events.next().unwrap().map(|event| (event.name, event.data));
        std::iter::from_fn(next).collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn fields() {
        assert_eq!(
            all(b"retry: 2000\nevent: state\ndata: {}\n\n: ka\n\nid: 1\nevent:x\ndata:a\ndata:  b\n\n"),
            [event("state", "{}"), event("x", "a\n b")]
        );
        assert_eq!(all(b"event: a\r\ndata: 1\r\n\r\n"), [event("a", "1")]);
        assert_eq!(all(b"data\n\n"), [event("", "")]);
        assert_eq!(all(b"event: without\n\ndata: x\n\n"), [event("", "x")]);
    }

    #[test]
    fn what_is_broken_off_is_left_out() {
        assert_eq!(all(b""), []);
        assert_eq!(all(b"data: 1\n\ndata: 2\n"), [event("", "1")]);
        assert_eq!(all(b"data: 1\n\ndata: 2"), [event("", "1")]);
    }

    #[test]
    fn endless_events_are_refused() {
        let mut events = Events::new(io::BufReader::new(io::repeat(b'x')));
        assert!(events.next().is_err());
    }

    proptest! {
        #![proptest_config(crate::client::text::tests::same_cases())]

        #[test]
        fn no_stream_panics(stream in prop::collection::vec(prop::sample::select(&b"data:event\r\n\n\xff"[..]), 0..200)) {
            all(&stream);
        }

        #[test]
        fn data_comes_back(lines in prop::collection::vec("[^\\r\\n\\x00]{0,20}", 1..5)) {
            let text: String = lines.iter().map(|line| format!("data: {line}\n")).collect();
            prop_assert_eq!(all(format!("{text}\n").as_bytes()), [event("", &lines.join("\n"))]);
        }
    }
}
