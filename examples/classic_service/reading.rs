//! What the service is about: a sensor and its value, as one line of text.

use std::sync::Arc;

/// A line such as `kitchen 21.5`. Clones share the text: each event reader gets one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading(Arc<str>);

impl Reading {
    /// # Errors
    /// Says what is wrong with the text, for the client that sent it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_end_matches('\n');
        if text.chars().any(char::is_control) {
            return Err("a reading is one line, without control characters");
        }
        match text.split_once(' ') {
            Some((sensor, value)) if !sensor.is_empty() && !value.is_empty() => {
                Ok(Self(text.into()))
            }
            _ => Err("a reading is a sensor, a space and a value: kitchen 21.5"),
        }
    }

    pub(crate) fn sensor(&self) -> &str {
        self.0.split_once(' ').map_or(&*self.0, |(sensor, _)| sensor)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
