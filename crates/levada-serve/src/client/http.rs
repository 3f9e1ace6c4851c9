//! Requests to the server.

use std::fs;
use std::io::{ErrorKind, Read};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::tls::Certificate;

use super::failure::{Done, Failure, Unreachable};
use super::problem::Problem;
use super::{text, write};
use crate::cli::common::ServerOptions;
use crate::outbound::{BaseUrl, agent, certificates, of_the_system};

const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may come or go. Streams of events have a comment every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);
/// The longest that one request waits for something to happen, well within [`SILENCE`].
pub(super) const LONGEST_POLL: Duration = Duration::from_secs(20);
/// From this size on, the server is asked whether it wants a body before it is sent.
const LARGE: usize = 64 * 1024;
/// How long the server may take to say so. One that does not know how never says it.
const CONTINUE: Duration = Duration::from_secs(2);
/// The longest time, in seconds, after which a server can want to be asked again.
const LONGEST_AFTER: u64 = 24 * 60 * 60;
/// So much of an answer that is none of levada's is read, to show what it is.
const FOREIGN: u64 = 4096;
/// The largest answer that is held in memory; outputs are not.
const MOST: u64 = 256 << 20;

/// A server, and how to be let in.
#[derive(Debug)]
pub(super) struct Server {
    agent: Agent,
    url: BaseUrl,
    token: Option<HeaderValue>,
}

/// The beginning of an answer that is no problem.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: ureq::Body,
    url: BaseUrl,
}

/// A request: what goes with it besides its path.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) headers: Vec<(&'static str, String)>,
    /// `None`: there is none.
    pub(super) body: Option<&'a [u8]>,
    /// When the whole answer has to be here.
    pub(super) limit: Option<Duration>,
}

/// The methods that the interface knows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Method {
    Get,
    Post,
    Delete,
}

impl Server {
    pub(super) fn new(options: &ServerOptions) -> Done<Self> {
        let url = options.server.clone();
        let token = token(options)?;
        if token.is_some() && !url.is_secured() && !url.is_here() && !options.quiet {
            write::note(
                "levada: the token goes over the network unencrypted; https would protect it",
            );
        }
        let config = agent(&url.uri(), trusted(options)?)
            .map_err(Failure::usage)?
            .user_agent(concat!("levada/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .timeout_await_100(Some(CONTINUE))
            .build();
        Ok(Self { agent: config.new_agent(), url, token })
    }

    pub(super) fn get(&self, path: &str) -> Done<Answer> {
        self.call(Method::Get, path, Request::default())
    }

    /// Sends a request, and takes the beginning of its answer.
    pub(super) fn call(&self, method: Method, path: &str, request: Request<'_>) -> Done<Answer> {
        let url = format!("{}{path}", self.url);
        let mut builder = ureq::http::Request::builder().uri(&url).method(match method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        });
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(token) = &self.token {
            builder = builder.header("authorization", token);
        }
        let invalid = |error: ureq::http::Error| {
            Failure::usage(format!("cannot build a request to {url}: {error}"))
        };
        let sent = match request.body {
            Some(body) => {
                if body.len() >= LARGE {
                    builder = builder.header("expect", "100-continue");
                }
                let whole = builder.body(body).map_err(invalid)?;
                let whole =
                    self.agent.configure_request(whole).timeout_global(request.limit).build();
                self.agent.run(whole)
            }
            None => {
                let whole = builder.body(()).map_err(invalid)?;
                let whole =
                    self.agent.configure_request(whole).timeout_global(request.limit).build();
                self.agent.run(whole)
            }
        };
        let (head, body) = sent.map_err(|error| unreachable(&self.url, error))?.into_parts();
        let answer = Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            url: self.url.clone(),
        };
        match answer.status {
            200..300 | 304 => Ok(answer),
            _ => Err(answer.problem()),
        }
    }
}

impl Answer {
    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The rest, as it comes.
    pub(super) fn reader(self) -> impl Read {
        self.body.into_with_config().limit(u64::MAX).reader()
    }

    /// The rest, as text.
    pub(super) fn text(mut self) -> Done<String> {
        let text = self.body.with_config().limit(MOST).lossy_utf8(true).read_to_string();
        text.map_err(|error| unreachable(&self.url, error))
    }

    /// The rest as JSON: as it came, and what is understood of it.
    pub(super) fn json<T: DeserializeOwned>(self) -> Done<(String, T)> {
        let status = self.status;
        let text = self.text()?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok((text, value)),
            Err(_) => Err(Failure::foreign(status, text.as_bytes())),
        }
    }

    /// The id of the job that it is about. Without one, it is no answer of a levada server.
    pub(super) fn job_id(self) -> Done<(String, Self)> {
        match self.header("levada-job-id") {
            Some(id) if !id.is_empty() => Ok((id.to_owned(), self)),
            _ => Err(self.foreign()),
        }
    }

    /// Refuses an answer that is not about this job.
    pub(super) fn of_job(self, id: &str) -> Done<Self> {
        let (of, answer) = self.job_id()?;
        if of == id { Ok(answer) } else { Err(answer.foreign()) }
    }

    /// The rest, which is a stream of events.
    pub(super) fn events(self) -> Done<impl Read> {
        let kind = self.header("content-type").unwrap_or_default();
        if kind.starts_with("text/event-stream") { Ok(self.reader()) } else { Err(self.foreign()) }
    }

    /// A success that no levada server sends: something else answers in its place.
    pub(super) fn foreign(self) -> Failure {
        let (status, mut beginning) = (self.status, Vec::new());
        // If it breaks off, the beginning says enough.
        drop(self.reader().take(FOREIGN).read_to_end(&mut beginning));
        Failure::foreign(status, &beginning)
    }

    fn problem(mut self) -> Failure {
        let seconds = self.header("retry-after").and_then(|text| text.parse().ok());
        let after = seconds.map(|seconds: u64| Duration::from_secs(seconds.min(LONGEST_AFTER)));
        match self.body.with_config().limit(MOST).read_to_vec() {
            Ok(body) => {
                let problem = Problem::read(self.status, &body, after);
                if problem.is_of_gateway() {
                    let message = format!(
                        "no answer from the server behind {}: {}",
                        self.url, problem.detail
                    );
                    let advice = String::new();
                    // Of 503, a gateway says that it did not even try.
                    let sent = self.status != 503;
                    return Failure::Unreachable(Unreachable { message, advice, sent });
                }
                Failure::Problem(Box::new(problem))
            }
            Err(error) => unreachable(&self.url, error),
        }
    }

    pub(super) fn url(&self) -> &BaseUrl {
        &self.url
    }
}

/// A part of a path.
pub(super) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let escaped = |byte: u8| match byte {
        // These two would lead to another folder.
        b'.' if matches!(text, "." | "..") => "%2E".to_owned(),
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

/// The token of the file or the environment; never of the command line, which others can see.
fn token(options: &ServerOptions) -> Done<Option<HeaderValue>> {
    let (token, whence) = match (&options.token_file, std::env::var("LEVADA_TOKEN")) {
        (Some(path), _) => {
            let text =
                fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
            // As in the server's file, a name may stand before it.
            let mut lines = text.lines().map(str::trim);
            let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
            let token = line.and_then(|line| line.split_whitespace().last()).unwrap_or_default();
            (token.to_owned(), format!("the file {}", path.display()))
        }
        (None, Ok(token)) if !token.trim().is_empty() => {
            (token.trim().to_owned(), "the environment variable LEVADA_TOKEN".to_owned())
        }
        (None, Err(std::env::VarError::NotUnicode(_))) => {
            return Err(Failure::usage(
                "the environment variable LEVADA_TOKEN has no token: it is not UTF-8",
            ));
        }
        (None, _) => return Ok(None),
    };
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "{whence} has no token; a token is one word of visible ASCII characters"
        )));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Failure::usage(format!("{whence} has no token")))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The certificates that vouch for servers.
fn trusted(options: &ServerOptions) -> Done<Vec<Certificate<'static>>> {
    if let Some(path) = &options.ca {
        let pem = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        let none = || Failure::usage(format!("{} has no certificates (PEM)", path.display()));
        return certificates(&pem).ok_or_else(none);
    }
    if !options.server.is_secured() {
        return Ok(Vec::new());
    }
    of_the_system().map_err(|why| Failure::usage(format!("{why}; give --ca FILE")))
}

/// Why there is no answer, and what to do about it.
fn unreachable(url: &BaseUrl, error: ureq::Error) -> Failure {
    let start = "Start a server with `levada serve -- COMMAND`, or give its address with --server URL or \
                 LEVADA_SERVER.";
    let address = "Is the address in --server or LEVADA_SERVER right?";
    let http = "Is --server the address of a levada server, with https:// if it uses TLS?";
    let (message, advice, sent) = match (tls(&error), &error) {
        (Some(rustls::Error::InvalidMessage(_)), _) => {
            (format!("the server at {url} does not speak TLS"), "Is it http:// instead?", false)
        }
        (Some(error), _) => {
            let advice = "Use --ca FILE to trust a certificate that the system does not know.";
            (format!("no trusted connection to {url}: {error}"), advice, false)
        }
        (None, ureq::Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            (format!("nothing listens at {url}"), start, false)
        }
        (None, ureq::Error::ConnectionFailed) => (format!("cannot connect to {url}"), start, false),
        (None, ureq::Error::HostNotFound) => {
            (format!("cannot resolve the host in {url}"), address, false)
        }
        (None, ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)) => {
            let waited = text::short(CONNECT);
            (format!("no answer from {url} within {waited}"), address, false)
        }
        (None, ureq::Error::Protocol(error)) => {
            (format!("the server at {url} does not speak HTTP: {error}"), http, true)
        }
        (None, error) => (format!("no answer from {url}: {error}"), "", true),
    };
    Failure::Unreachable(Unreachable { message, advice: advice.to_owned(), sent })
}

/// What is wrong with a secured connection. While it is being made, that is said by way of an I/O
/// error.
fn tls(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_segments() {
        assert_eq!(segment("default-1_x.y"), "default-1_x.y");
        assert_eq!(segment("a/b?c#d e%é"), "a%2Fb%3Fc%23d%20e%25%C3%A9");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
