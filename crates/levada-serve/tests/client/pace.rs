//! A server that has nothing new is not asked again at once, even if it answers at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{answer, fake, levada, of_job, run};

/// Between the beginnings of two requests.
const PAUSE: Duration = Duration::from_millis(500);
const REQUESTS: usize = 4;

/// Runs this against a server that says `again` to all but the first and the last request.
#[track_caller]
fn takes_its_time(args: &[&str], first: &'static str, again: &'static str, last: &'static str) {
    let asked = AtomicUsize::new(0);
    let url = fake(move |_| {
        // ORDERING: Relaxed, no pair: one thread counts.
        let (status, state) = match asked.fetch_add(1, Ordering::Relaxed) + 1 {
            1 => (first, "running"),
            REQUESTS => (last, "succeeded"),
            _ => (again, "running"),
        };
        let body = format!(r#"{{"id":"x","state":"{state}"}}"#);
        of_job("x", answer(status, "application/json", &body)).replacen(
            "\r\n",
            "\r\nETag: \"1\"\r\n",
            1,
        )
    });
    let began = Instant::now();
    let ran = run(levada().args(args).env("LEVADA_SERVER", url), b"");
    assert!(ran.code == 0 && ran.text().contains("succeeded"), "{ran:?}");
    assert!(began.elapsed() >= PAUSE * u32::try_from(REQUESTS - 1).unwrap(), "{ran:?}");
}

#[test]
fn of_watching_a_job() {
    takes_its_time(&["status", "--watch", "x"], "200 OK", "304 Not Modified", "200 OK");
    takes_its_time(&["status", "--watch", "x"], "200 OK", "200 OK", "200 OK");
}

#[test]
fn of_waiting_for_an_output() {
    let args = ["result", "x", "--wait", "1min"];
    takes_its_time(&args, "202 Accepted", "202 Accepted", "200 OK");
}
