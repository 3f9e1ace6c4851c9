//! A cache that one task owns, and that others ask. With `levada_work::actor`; `actor` shows the
//! same by hand.
//!
//! Why an actor: looking up a name may take a while, and two who ask for the same one must not both
//! do it. The task needs no lock, and nobody sees the cache half done.
//!
//! Look at:
//! - the enum: a variant for each kind of request, and each has its own type of answer.
//! - the errors: a caller that got its request back may ask somebody else; one whose time is over
//!   may not know.
//! - `abandoned`: the actor stops a look-up that nobody waits for any more.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use levada::mpsc;
use levada_work::actor::{self, AskError, Request};
use tokio::time::sleep;

const LOOKUP: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_millis(20);

enum Names {
    /// The address of a name, which may have to be looked up.
    Find(Request<String, String>),
    /// How many names are cached.
    Count(Request<(), usize>),
}

/// Stands for a server far away.
async fn look_up(name: &str) -> String {
    sleep(LOOKUP).await;
    format!("10.0.0.{}", name.len())
}

/// Runs until the last address is gone, and returns how many look-ups were given up.
async fn run(mut mailbox: mpsc::Receiver<Names>) -> usize {
    let mut cache = HashMap::new();
    let mut given_up = 0;
    while let Some(message) = mailbox.recv().await {
        match message {
            Names::Count(request) => request.reply(cache.len()),
            Names::Find(request) => {
                let (name, mut request) = request.split();
                if !cache.contains_key(&name) {
                    tokio::select! {
                        address = look_up(&name) => drop(cache.insert(name.clone(), address)),
                        () = request.abandoned() => given_up += 1,
                    }
                }
                if let Some(address) = cache.get(&name) {
                    request.reply(address.clone());
                }
            }
        }
    }
    given_up
}

// The clock is paused: it jumps ahead when every task waits, so the output is the same every time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (names, mailbox) = actor::mailbox(8);
    let cache = tokio::spawn(run(mailbox));

    println!("db is at {}", names.ask(Names::Find, "db".into()).await?);
    println!("db is at {} (cached)", names.ask(Names::Find, "db".into()).await?);

    match names.ask_timeout(Names::Find, "backup".into(), PATIENCE).await {
        Err(AskError::TimedOut) => println!("backup takes too long"),
        other => println!("backup: {other:?}"),
    }
    println!("{} name is cached", names.ask(Names::Count, ()).await?);

    drop(names); // The last address.
    println!("look-ups that were given up: {}", cache.await?);

    // An actor that is gone gives the request back, so that it can be asked of another.
    let (gone, mailbox) = actor::mailbox(8);
    drop(mailbox);
    if let Err(error) = gone.ask(Names::Find, "web".into()).await {
        println!("{error}; it is still here: {:?}", error.clone().into_request());
    }
    Ok(())
}
