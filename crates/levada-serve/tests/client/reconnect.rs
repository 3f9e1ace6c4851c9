//! The server is restarted while a job is on its way: it is run once, and its output arrives.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::{Running, Server, levada, request};

/// Something between the tools and a server that may be at another address each time.
struct Between {
    listener: TcpListener,
    target: Arc<Mutex<String>>,
}

impl Between {
    fn new(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { listener, target: Arc::new(Mutex::new(server.address.clone())) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    fn lead_to(&self, server: &Server) {
        self.target.lock().unwrap().clone_from(&server.address);
    }

    /// Takes one request to the server, and keeps its answer from the client.
    fn lose_an_answer(&self) {
        let (mut client, _) = self.listener.accept().unwrap();
        let (head, bytes) = request(&mut client);
        assert!(head.contains("\r\nidempotency-key: "), "{head}");
        let mut server = self.connect().unwrap();
        server.write_all(&bytes).unwrap();
        let mut answer = [0; 12];
        server.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 202");
    }

    /// From here on, leads every connection to the server.
    fn lead_all(self) -> Arc<Mutex<String>> {
        let target = Arc::clone(&self.target);
        thread::spawn(move || {
            for client in self.listener.incoming() {
                // A server that is away hangs up.
                if let Some(server) = self.connect() {
                    join(client.unwrap(), server);
                }
            }
        });
        target
    }

    fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect(self.target.lock().unwrap().as_str()).ok()
    }
}

fn join(one: TcpStream, other: TcpStream) {
    let ways = [(one.try_clone().unwrap(), other.try_clone().unwrap()), (other, one)];
    for (mut from, mut to) in ways {
        thread::spawn(move || {
            // Either side may be gone at any time.
            drop(std::io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Both));
            drop(from.shutdown(Shutdown::Both));
        });
    }
}

#[test]
fn an_answer_that_was_lost() {
    let mut server = Server::script(&[], "echo run >>runs; cat");
    let between = Between::new(&server);
    let args = ["submit", "--data", "once", "--server", &between.url()];
    let mut running = Running::start(levada().args(args), b"");
    between.lose_an_answer();
    running.until_said("again in");
    server.restart(|_| {});
    between.lead_to(&server);
    between.lead_all();
    let ran = running.end();
    assert_eq!((ran.code, ran.text()), (0, "once"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(server.file("runs")).unwrap(), "run\n");
}

#[test]
fn a_job_that_waits_through_a_restart() {
    let script = format!("{} echo run >>runs; gate stop; cat", Server::GATE);
    let mut server = Server::script(&["--workers", "1"], &script);
    let between = Between::new(&server);
    let url = between.url();
    let target = between.lead_all();
    // The one before it keeps the worker busy until the server starts no other.
    let first = server.give("1");
    server.until_state(&first, "running");
    let args = ["status", "--watch", &first, "--server", &url];
    let watching = Running::start(levada().args(args), b"");
    let args = ["submit", "--data", "2", "--server", &url];
    let running = Running::start(levada().args(args), b"");
    crate::support::until("the second to be accepted", || {
        server.run(&["status", "--json"]).json().len() == 2
    });
    server.restart(|server| server.open("stop"));
    target.lock().unwrap().clone_from(&server.address);
    let ran = running.end();
    assert_eq!((ran.code, ran.text()), (0, "2"), "{ran:?}");
    assert_eq!(server.run(&["result", &first, "--wait", "1min"]).text(), "1");
    let watched = watching.end();
    assert!(watched.code == 0 && watched.text().contains("succeeded"), "{watched:?}");
    assert_eq!(std::fs::read_to_string(server.file("runs")).unwrap(), "run\nrun\n");
}
