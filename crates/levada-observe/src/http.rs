//! A small HTTP/1.1 server for GET: a thread that accepts, and one for each connection.
//!
//! It is written by hand since it must answer while the program's runtime is stuck, and since a
//! library that looks into a program should bring no runtime of its own.
//!
//! # What is bounded
//! - [`MAX_CONNECTIONS`] at a time; the server closes one more with a 503.
//! - A request has [`MAX_REQUEST`] bytes at most and arrives within [`TIMEOUT`]; so does the answer
//!   leave.
//! - One request a connection.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const MAX_CONNECTIONS: usize = 16;
const MAX_REQUEST: usize = 16 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a handler gets.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a str,
    /// What follows the `?`, not decoded.
    pub(crate) query: &'a str,
}

/// What a handler gives.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

type Handler = dyn Fn(&Request<'_>) -> Answer + Send + Sync;

/// A server, which stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stops: Arc<Mutex<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves a listener.
    pub(crate) fn start(
        listener: TcpListener,
        handler: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stops = Arc::new(Mutex::new(false));
        let (stopping, handler): (_, Arc<Handler>) = (Arc::clone(&stops), Arc::new(handler));
        let accept = move || accept(&listener, &stopping, &handler, address.ip().is_loopback());
        let thread = thread::Builder::new().name("levada-http".to_owned()).spawn(accept)?;
        Ok(Self { address, stops, thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.stops.lock().unwrap_or_else(PoisonError::into_inner) = true;
        // A connection wakes the thread.
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let woken = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        // If it could not be woken, it is left behind rather than waited for.
        if let (true, Some(thread)) = (woken, self.thread.take()) {
            // It does not panic; and if it did, nothing is lost.
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, stops: &Mutex<bool>, handler: &Arc<Handler>, local: bool) {
    let seats = Arc::new(());
    loop {
        let accepted = listener.accept();
        if *stops.lock().unwrap_or_else(PoisonError::into_inner) {
            return;
        }
        let Ok((stream, _)) = accepted else {
            // No file descriptor is left, most likely.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        if Arc::strong_count(&seats) > MAX_CONNECTIONS {
            let _ = refuse(&stream);
            continue;
        }
        let (seat, handler) = (Arc::clone(&seats), Arc::clone(handler));
        let answer = move || {
            // An error is the client's, which has gone or is too slow.
            let _ = answer(&stream, &*handler, local);
            drop(seat);
        };
        // Without a thread the connection is closed.
        let _ = thread::Builder::new().name("levada-http".to_owned()).spawn(answer);
    }
}

/// Answers one connection too many, without waiting for its request.
fn refuse(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let text = format!("{MAX_CONNECTIONS} other connections are open: try again\n");
    write(stream, &Answer::text(503, text), true)
}

/// Reads a request, and answers it.
fn answer(stream: &TcpStream, handler: &Handler, local: bool) -> io::Result<()> {
    stream.set_write_timeout(Some(TIMEOUT))?;
    let head = match read_head(stream)? {
        Some(head) => head,
        None => return finish(stream, &Answer::text(431, "the request is too large\n"), true),
    };
    match parse(&head, local) {
        Ok((request, has_body)) => finish(stream, &handler(&request), has_body),
        Err(answer) => finish(stream, &answer, true),
    }
}

fn finish(stream: &TcpStream, answer: &Answer, has_body: bool) -> io::Result<()> {
    write(stream, answer, has_body)?;
    stream.shutdown(Shutdown::Write)?;
    // What was not read yet would reset the connection, and the answer be lost.
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    io::copy(&mut stream.take(1 << 20), &mut io::sink()).map(drop)
}

/// The request up to the empty line; `None` if it is too long.
fn read_head(mut stream: &TcpStream) -> io::Result<Option<String>> {
    let deadline = Instant::now() + TIMEOUT;
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let count = stream.read(&mut buffer)?;
        if count == 0 || left.is_zero() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..count]);
        if head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if head.len() > MAX_REQUEST {
            return Ok(None);
        }
    }
}

/// The request, and whether its answer has a body: the one to HEAD has none.
fn parse(head: &str, local: bool) -> Result<(Request<'_>, bool), Answer> {
    let mut lines = head.split("\r\n");
    let bad = |text: &str| Err(Answer::text(400, format!("{text}\n")));
    let line: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = line[..] else {
        return bad("this is no HTTP request");
    };
    if !version.starts_with("HTTP/1.") {
        return bad("this server speaks HTTP/1.1");
    }
    if !["GET", "HEAD"].contains(&method) {
        return Err(Answer::text(405, "only GET and HEAD: this server changes nothing\n"));
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let mut hosts = fields.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = hosts.next().map_or("", |(_, host)| host.trim());
    if local && !is_address(host) {
        // A page whose name was made to lead here would read what the program does (DNS rebinding).
        return Err(Answer::text(403, format!("ask by the address, not by the name {host:?}\n")));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return bad("the path begins with /");
    }
    Ok((Request { path, query }, method == "GET"))
}

/// Whether a `Host` is an address or `localhost`, with a port or without; or there is none.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    host.is_empty() || name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

fn write(mut stream: &TcpStream, answer: &Answer, has_body: bool) -> io::Result<()> {
    let reason = match answer.status {
        200 => "OK",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Bad Request",
    };
    let Answer { status, content_type, body } = answer;
    let allow = if *status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
    let mut bytes = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         {allow}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    if has_body {
        bytes += body;
    }
    stream.write_all(bytes.as_bytes())
}
