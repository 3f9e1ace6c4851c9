//! Which proxy a server is asked through: the environment says it, by the scheme of the server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::support::{answer, fake, levada, request, run};

/// What a server answers, or a proxy in its place.
fn refuses(title: &str) -> String {
    let body = format!(r#"{{"type":"urn:levada:problem:unauthorized","title":"{title}"}}"#);
    answer("401 Unauthorized", "application/problem+json", &body)
}

/// A server, at an address that is not known to be this machine.
fn direct() -> String {
    fake(|_| refuses("direct")).replace("127.0.0.1", "0.0.0.0")
}

/// A proxy that answers for every server. Its address, and which it was asked for.
fn proxy(title: &'static str, greet: fn(&mut TcpStream) -> String) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, servers) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let server = greet(&mut stream);
            let secured = server.ends_with(":443");
            // A test that has ended is no failure.
            drop(asked.send(server));
            if !secured {
                request(&mut stream);
                drop(stream.write_all(refuses(title).as_bytes()));
            }
        }
    });
    (address, servers)
}

fn connect(stream: &mut TcpStream) -> String {
    let (head, _) = request(stream);
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    head.split(' ').nth(1).unwrap().to_owned()
}

/// RFC 1928, without authentication.
fn socks5(stream: &mut TcpStream) -> String {
    let methods = take(stream, 2)[1];
    take(stream, methods);
    stream.write_all(&[5, 0]).unwrap();
    let host = if take(stream, 4)[3] == 1 {
        take(stream, 4).iter().map(u8::to_string).collect::<Vec<_>>().join(".")
    } else {
        let length = take(stream, 1)[0];
        String::from_utf8(take(stream, length)).unwrap()
    };
    let port = u16::from_be_bytes(take(stream, 2).try_into().unwrap());
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    format!("{host}:{port}")
}

fn take(stream: &mut TcpStream, count: u8) -> Vec<u8> {
    let mut bytes = vec![0; count.into()];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Asks this server for its queues, with nothing in the environment that names a proxy but this.
fn queues(url: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = levada();
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.args(["queues", "--server", url]).envs(environment.iter().copied());
    command
}

#[test]
fn the_scheme_of_the_server_chooses() {
    let ((a, _), (b, asked)) = (proxy("proxy a", connect), proxy("proxy b", connect));
    let (url, server) = (direct(), "http://jobs.example");
    for (url, environment, answer) in [
        (&*url, &[("HTTPS_PROXY", &*a)][..], "direct"),
        (&url, &[("HTTPS_PROXY", &a), ("HTTP_PROXY", "")], "direct"),
        (server, &[("HTTPS_PROXY", &a), ("HTTP_PROXY", &b)], "proxy b"),
        (server, &[("HTTPS_PROXY", &a), ("ALL_PROXY", &b)], "proxy b"),
        (server, &[("ALL_PROXY", &a), ("http_proxy", &b)], "proxy b"),
        (&url, &[("HTTP_PROXY", &a), ("NO_PROXY", "jobs.example, 0.0.0.0")], "direct"),
        (&url, &[("HTTP_PROXY", &b), ("NO_PROXY", "jobs.example")], "proxy b"),
    ] {
        run(&mut queues(url, environment), b"").says(77, &[answer]);
    }
    let servers: Vec<_> = asked.try_iter().collect();
    assert_eq!(servers[0], "jobs.example:80");
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("ca.pem");
    let certificate = rcgen::generate_simple_self_signed(["jobs.example".to_owned()]).unwrap();
    std::fs::write(&file, certificate.cert.pem()).unwrap();
    let environment = [("HTTP_PROXY", &*a), ("HTTPS_PROXY", &b)];
    let ran = run(queues("https://jobs.example", &environment).arg("--ca").arg(&file), b"");
    assert_eq!((ran.code, asked.try_recv().as_deref()), (69, Ok("jobs.example:443")), "{ran:?}");
}

#[test]
fn socks() {
    let (address, asked) = proxy("by socks", socks5);
    let proxy = format!("socks5h://{address}");
    run(&mut queues("http://jobs.example:81", &[("ALL_PROXY", &proxy)]), b"")
        .says(77, &["by socks"]);
    assert_eq!(asked.try_recv().as_deref(), Ok("jobs.example:81"));
    let proxy = format!("socks5://{address}");
    run(&mut queues(&direct(), &[("HTTP_PROXY", &proxy)]), b"").says(77, &["by socks"]);
    assert!(asked.try_recv().unwrap().starts_with("0.0.0.0:"));
}

#[test]
fn what_is_no_proxy_is_refused() {
    for bad in ["gopher://me:hidden@proxy", "http://", "me:hidden@", "not one"] {
        let ran = run(&mut queues(&direct(), &[("ALL_PROXY", bad)]), b"");
        ran.says(2, &["ALL_PROXY", "http://proxy.example:3128"]);
        assert!(!ran.err.contains("hidden"), "{ran:?}");
    }
    // What would not be used is not looked at.
    for name in ["HTTPS_PROXY", "https_proxy"] {
        run(&mut queues(&direct(), &[(name, "not one")]), b"").says(77, &["direct"]);
    }
}
