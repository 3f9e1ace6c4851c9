//! The little of two protocols that the harness needs, by hand: what it tests is another client.

use serde_json::Value;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For one request: a paused server accepts connections and does not answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Sends `payload` to `subject` and returns the reply, which is JSON: the API of JetStream is of
/// this kind. `url` is that of a server without TLS, with `USER:PASSWORD@` if it wants them.
///
/// # Errors
///
/// If there is no reply within ten seconds, nothing that replies (`no responders`), or an error of
/// JetStream in the reply.
pub async fn request(url: &str, subject: &str, payload: &str) -> io::Result<Value> {
    let reply = timeout(LIMIT, exchange(url, subject, payload)).await??;
    match reply.get("error") {
        Some(error) => Err(io::Error::other(format!("{subject}: {error}"))),
        None => Ok(reply),
    }
}

async fn exchange(url: &str, subject: &str, payload: &str) -> io::Result<Value> {
    let (login, address) = login_and_address(url);
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    info_line(&mut stream).await?;
    let connect = connect_line(login);
    let length = payload.len();
    let lines = format!("{connect}SUB _R.1 1\r\nPUB {subject} _R.1 {length}\r\n{payload}\r\n");
    stream.get_mut().write_all(lines.as_bytes()).await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let words: Vec<_> = line.split_whitespace().collect();
        match words.first() {
            Some(&"PING") => stream.get_mut().write_all(b"PONG\r\n").await?,
            Some(&"MSG") => {
                let length = words.last().and_then(|word| word.parse().ok()).unwrap_or(0);
                let mut reply = vec![0; length];
                stream.read_exact(&mut reply).await?;
                return Ok(serde_json::from_slice(&reply)?);
            }
            // Without a payload: the server's answer that nothing replies.
            Some(&"HMSG") => return Err(io::Error::other(format!("{subject}: no responders"))),
            Some(&"-ERR") => return Err(io::Error::other(line.trim().to_owned())),
            _ => {}
        }
    }
}

/// The first line that a server sends.
async fn info_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if line.starts_with("INFO ") { Ok(line) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn connect_line(login: Option<&str>) -> String {
    let mut options = serde_json::json!({
        "verbose": false, "pedantic": false, "headers": true, "no_responders": true,
    });
    if let Some((user, password)) = login.and_then(|login| login.split_once(':')) {
        options["user"] = user.into();
        options["pass"] = password.into();
    }
    format!("CONNECT {options}\r\n")
}

/// `nats://USER:PASSWORD@HOST:PORT` in its parts.
fn login_and_address(url: &str) -> (Option<&str>, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.rsplit_once('@') {
        Some((login, address)) => (Some(login), address),
        None => (None, rest),
    }
}

/// Whether a client would be greeted on this port.
pub(crate) async fn greets(port: u16) -> io::Result<()> {
    let greeting = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        info_line(&mut BufReader::new(stream)).await
    };
    timeout(LIMIT, greeting).await??;
    Ok(())
}

/// What a server answers on its monitoring port, if that is JSON and the status is 200.
pub(crate) async fn monitor(port: u16, path: &str) -> io::Result<Value> {
    let answer = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        io::Result::Ok(text)
    };
    let text = timeout(LIMIT, answer).await??;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    if head.split_whitespace().nth(1) == Some("200") {
        Ok(serde_json::from_str(body)?)
    } else {
        Err(io::Error::other(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_have_a_login() {
        assert_eq!(login_and_address("nats://a:b@h:1"), (Some("a:b"), "h:1"));
        assert_eq!(login_and_address("nats://h:1"), (None, "h:1"));
    }

    #[test]
    fn the_login_is_sent() {
        assert!(connect_line(Some("a:b")).contains(r#""pass":"b""#));
        assert!(!connect_line(None).contains("pass"));
    }
}
