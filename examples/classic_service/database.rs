//! The "database": a file that one thread owns. Other tasks send it queries, and each query has a
//! `oneshot` for its answer.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;

use levada_work::actor::{self, Address, Request};

use crate::reading::Reading;

/// What the database can be asked.
pub(crate) enum Query {
    /// Write these rows: all of them, or none.
    Write(Request<Vec<Reading>, Result<Commit, NotWritten>>),
    /// The last reading of a sensor.
    Latest(Request<String, Option<Reading>>),
}

/// The rows are on disk.
pub(crate) struct Commit {
    pub(crate) number: u64,
    /// The number of the first row; the others follow.
    pub(crate) first_row: u64,
    pub(crate) rows: Vec<Reading>,
}

/// No row of this commit is in the database; the rows come back.
pub(crate) struct NotWritten {
    pub(crate) error: io::Error,
    pub(crate) rows: Vec<Reading>,
}

/// Opens the file and starts the thread that owns it. It ends when the last address is gone.
///
/// # Errors
/// The file cannot be opened or read, or no thread can be started.
pub(crate) fn open(path: &Path) -> io::Result<Address<Query>> {
    let mut database = Database::open(path)?;
    let (address, mut mailbox) = actor::mailbox(16);
    thread::Builder::new().name("database".into()).spawn(move || {
        while let Some(query) = mailbox.blocking_recv() {
            database.answer(query);
        }
    })?;
    Ok(address)
}

/// A row is a line: the number of its commit, and the reading.
struct Database {
    file: File,
    /// The end of the last commit. What is behind it in the file was never confirmed.
    length: u64,
    rows: u64,
    commits: u64,
    latest: HashMap<String, Reading>,
}

impl Database {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let mut database = Self { file, length: 0, rows: 0, commits: 0, latest: HashMap::new() };
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let invalid = || io::Error::new(io::ErrorKind::InvalidData, format!("row {line:?}"));
            let (commit, reading) = line.split_once(' ').ok_or_else(invalid)?;
            database.commits = commit.parse().map_err(|_| invalid())?;
            database.remember(&Reading::parse(reading).map_err(|_| invalid())?);
            database.length += line.len() as u64;
        }
        Ok(database)
    }

    fn answer(&mut self, query: Query) {
        match query {
            Query::Write(request) => {
                let (rows, request) = request.split();
                let (number, first_row) = (self.commits + 1, self.rows + 1);
                request.reply(match self.write(&rows) {
                    Ok(()) => Ok(Commit { number, first_row, rows }),
                    Err(error) => Err(NotWritten { error, rows }),
                });
            }
            Query::Latest(request) => {
                let latest = self.latest.get(&request.body).cloned();
                request.reply(latest);
            }
        }
    }

    fn write(&mut self, rows: &[Reading]) -> io::Result<()> {
        let number = self.commits + 1;
        let lines: String = rows.iter().map(|row| format!("{number} {}\n", row.as_str())).collect();
        // Cuts off what a commit that failed has left.
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(lines.as_bytes())?;
        self.file.sync_data()?;
        self.length += lines.len() as u64;
        self.commits = number;
        for row in rows {
            self.remember(row);
        }
        Ok(())
    }

    fn remember(&mut self, row: &Reading) {
        self.rows += 1;
        self.latest.insert(row.sensor().to_owned(), row.clone());
    }
}
