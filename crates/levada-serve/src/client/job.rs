//! A job's state, as far as it is shown.

use std::borrow::Cow;

use console::{Style, StyledObject};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::failure::Done;
use super::http::Server;
use super::text::{age, ahead, between, clean, size};

/// The answer of `GET /jobs/{id}`. States and outcomes are text: a newer server may have others.
/// Without an id or a state, it is no answer of a levada server.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Job {
    #[serde(deserialize_with = "not_empty")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) queue: String,
    #[serde(deserialize_with = "not_empty")]
    pub(super) state: String,
    #[serde(default)]
    pub(super) attempt: u32,
    #[serde(default)]
    pub(super) max_attempts: u32,
    pub(super) position: Option<u64>,
    pub(super) created_at: Option<String>,
    pub(super) started_at: Option<String>,
    pub(super) finished_at: Option<String>,
    pub(super) retry_at: Option<String>,
    pub(super) expires_at: Option<String>,
    pub(super) progress: Option<Progress>,
    pub(super) outcome: Option<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) signal: Option<i32>,
    #[serde(default)]
    pub(super) stderr_tail: String,
    #[serde(default)]
    pub(super) input_bytes: u64,
    pub(super) input_type: Option<String>,
    pub(super) output_bytes: Option<u64>,
    pub(super) output_type: Option<String>,
    #[serde(default)]
    pub(super) result_gone: bool,
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(D::Error::custom("it is empty")) } else { Ok(text) }
}

/// How far a command says that it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    pub(super) percent: Option<f64>,
    pub(super) message: Option<String>,
}

impl Job {
    pub(super) fn get(server: &Server, id: &str) -> Done<(String, Self)> {
        server.get(&path(id))?.json()
    }

    pub(super) fn is_final(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "failed" | "cancelled")
    }

    /// The state in its colour.
    pub(super) fn styled_state(&self) -> StyledObject<Cow<'_, str>> {
        let style = match self.state.as_str() {
            "running" => Style::new().cyan(),
            "succeeded" => Style::new().green(),
            "failed" => Style::new().red(),
            "retrying" => Style::new().yellow(),
            "cancelled" => Style::new().dim(),
            _ => Style::new(),
        };
        style.apply_to(clean(&self.state))
    }

    /// How long the last attempt ran, or has run.
    pub(super) fn ran(&self) -> String {
        let ended = self.finished_at.as_deref();
        let running = self.state == "running" || ended.is_some();
        let ran = self.started_at.as_deref().filter(|_| running);
        ran.and_then(|from| between(from, ended)).unwrap_or_else(|| "-".to_owned())
    }

    pub(super) fn age(&self) -> String {
        age(self.created_at.as_deref())
    }

    /// What else there is to say, in a line.
    pub(super) fn remark(&self) -> String {
        let text = match self.state.as_str() {
            "queued" => self.position.map(|before| format!("{before} ahead")).unwrap_or_default(),
            "running" => self.progress.as_ref().map(Progress::text).unwrap_or_default(),
            "retrying" => {
                let next = self.retry_at.as_deref().map(|at| format!(" in {}", ahead(at)));
                let next = next.unwrap_or_default();
                format!("{}; attempt {}{next}", self.ending(), self.attempt.saturating_add(1))
            }
            "succeeded" if self.result_gone => "output no longer kept".to_owned(),
            "succeeded" => self.output_bytes.map(size).unwrap_or_default(),
            "cancelled" => String::new(),
            _ if self.attempt > 1 => format!("{}; attempt {}", self.ending(), self.attempt),
            _ => self.ending(),
        };
        clean(&text).into_owned()
    }

    /// How the last attempt ended.
    fn ending(&self) -> String {
        match (self.exit_code, self.signal) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => self.outcome.clone().unwrap_or_default(),
        }
    }
}

impl Progress {
    pub(super) fn text(&self) -> String {
        match (self.percent, self.message.as_deref()) {
            (Some(percent), Some(message)) => format!("{percent}% {message}"),
            (Some(percent), None) => format!("{percent}%"),
            (None, message) => message.unwrap_or_default().to_owned(),
        }
    }
}

/// The path of a job.
pub(super) fn path(id: &str) -> String {
    format!("/jobs/{}", super::http::segment(id))
}
