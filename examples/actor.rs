//! An actor: one task owns the accounts, everybody else asks it.
//!
//! Why `mpsc` and `oneshot`: the mailbox is a bounded `mpsc`; each request carries the `oneshot`
//! through which its answer comes back. The task needs no lock, and a request that takes several
//! steps, like a transfer, is never seen half done.
//!
//! Look at:
//! - `Bank::ask`: the only place that talks to the mailbox. Callers see methods and errors.
//! - the two ways in which an answer can fail: `Gone` (the mailbox is closed, the request was
//!   never accepted) and `Unanswered` (it was accepted, and the actor ended before it answered).
//! - a caller that leaves: the actor notices and skips the work.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

use levada::{mpsc, oneshot};
use tokio::task::JoinSet;

const MAILBOX: usize = 8;

type Account = &'static str;

#[derive(Debug, PartialEq)]
enum BankError {
    Gone,
    Unanswered,
    TooLittle { wanted: u64, there: u64 },
}

impl fmt::Display for BankError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => write!(f, "the bank is closed"),
            Self::Unanswered => write!(f, "the bank closed before it answered"),
            Self::TooLittle { wanted, there } => write!(f, "{wanted} wanted, only {there} there"),
        }
    }
}

impl Error for BankError {}

/// A request, and the way back for its answer.
enum Request {
    Deposit {
        to: Account,
        amount: u64,
        reply: oneshot::Sender<u64>,
    },
    Transfer {
        from: Account,
        to: Account,
        amount: u64,
        reply: oneshot::Sender<Transferred>,
    },
    Balance {
        of: Account,
        reply: oneshot::Sender<u64>,
    },
    /// Stands for a crash: the actor ends at once and its mailbox with it.
    Crash,
}

type Transferred = Result<(), BankError>;

/// The handle: cheap to clone, the actor ends when the last one is gone.
#[derive(Clone)]
struct Bank {
    mailbox: mpsc::Sender<Request>,
}

impl Bank {
    async fn ask<A>(
        &self,
        request: impl FnOnce(oneshot::Sender<A>) -> Request,
    ) -> Result<A, BankError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(request(reply)).await.map_err(|_| BankError::Gone)?;
        answer.await.map_err(|_| BankError::Unanswered)
    }

    async fn deposit(&self, to: Account, amount: u64) -> Result<u64, BankError> {
        self.ask(|reply| Request::Deposit { to, amount, reply }).await
    }

    async fn transfer(&self, from: Account, to: Account, amount: u64) -> Transferred {
        self.ask(|reply| Request::Transfer { from, to, amount, reply }).await?
    }

    async fn balance(&self, of: Account) -> Result<u64, BankError> {
        self.ask(|reply| Request::Balance { of, reply }).await
    }

    async fn crash(&self) -> Result<(), BankError> {
        self.mailbox.send(Request::Crash).await.map_err(|_| BankError::Gone)
    }
}

/// The actor's own side.
#[derive(Default)]
struct Ledger {
    accounts: HashMap<Account, u64>,
    /// Requests whose caller had left before it was their turn.
    skipped: usize,
}

impl Ledger {
    async fn run(mut self, mut mailbox: mpsc::Receiver<Request>) -> usize {
        while let Some(request) = mailbox.recv().await {
            match request {
                Request::Deposit { to, amount, reply } => {
                    let balance = self.accounts.entry(to).or_default();
                    *balance += amount;
                    let balance = *balance;
                    self.answer(reply, balance);
                }
                Request::Transfer { from, to, amount, reply } => {
                    let result = self.transfer(from, to, amount);
                    self.answer(reply, result);
                }
                // Reading changes nothing, so nobody needs it when the caller has left.
                Request::Balance { reply, .. } if reply.is_closed() => self.skipped += 1,
                Request::Balance { of, reply } => {
                    let balance = self.there(of);
                    self.answer(reply, balance);
                }
                Request::Crash => break,
            }
        }
        self.skipped
    }

    fn there(&self, account: Account) -> u64 {
        self.accounts.get(account).copied().unwrap_or(0)
    }

    fn transfer(&mut self, from: Account, to: Account, amount: u64) -> Transferred {
        let there = self.there(from);
        if there < amount {
            return Err(BankError::TooLittle { wanted: amount, there });
        }
        self.accounts.insert(from, there - amount);
        *self.accounts.entry(to).or_default() += amount;
        Ok(())
    }

    /// The work is done either way; that the caller left is worth counting, not worth failing.
    fn answer<A>(&mut self, reply: oneshot::Sender<A>, answer: A) {
        if reply.send(answer).is_err() {
            self.skipped += 1;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mailbox, requests) = mpsc::channel(MAILBOX);
    let actor = tokio::spawn(Ledger::default().run(requests));
    let bank = Bank { mailbox };

    let mut callers = JoinSet::new();
    for _ in 0..3 {
        let bank = bank.clone();
        callers.spawn(async move {
            for _ in 0..10 {
                bank.deposit("alice", 5).await?;
            }
            Ok::<_, BankError>(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    println!("after 3 callers: alice has {}", bank.balance("alice").await?);

    bank.transfer("alice", "bob", 40).await?;
    println!("after a transfer: bob has {}", bank.balance("bob").await?);
    if let Err(error) = bank.transfer("bob", "alice", 1_000).await {
        println!("refused: {error}");
    }

    // This caller asks and leaves at once: the second branch is ready when the first one waits.
    tokio::select! {
        biased;
        balance = bank.balance("bob") => println!("too early: {}", balance?),
        () = std::future::ready(()) => println!("a caller left without waiting for its answer"),
    }

    // Both requests are accepted; the first one ends the actor, the second one is never answered.
    let (crashed, balance) = tokio::join!(bank.crash(), bank.balance("bob"));
    crashed?;
    println!("accepted, then dropped: {:?}", balance);
    println!("sent after the end: {:?}", bank.deposit("bob", 1).await);
    println!("requests skipped because the caller had left: {}", actor.await?);
    Ok(())
}
