//! The clock of one process: libfaketime (the Debian package of that name) shows it another time
//! than the system does. Only the wall clock: the monotonic one cannot be set anywhere.

use std::fs;
use std::path::{Path, PathBuf};

/// A clock that a test steps.
#[derive(Debug)]
pub(crate) struct Clock {
    library: PathBuf,
    /// How far ahead of the system it is, in seconds.
    file: PathBuf,
}

impl Clock {
    /// A clock that is right, whose file is in the folder `dir`.
    ///
    /// # Panics
    /// If the package is not installed.
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        let clock = Self { library: library(), file: dir.join(format!("{name}.clock")) };
        clock.step(0);
        clock
    }

    /// Steps it: from now on it is so many seconds ahead of the system, or behind it. The process
    /// sees that within a second.
    pub(crate) fn step(&self, seconds: i64) {
        // Renamed: the process may read it at any moment.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(&new, &self.file).unwrap();
    }

    /// The variables of a process that has this clock. Its own processes have it too, unless they
    /// have another `LD_PRELOAD`.
    pub(crate) fn variables(&self) -> [String; 4] {
        [
            format!("LD_PRELOAD={}", self.library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.file.display()),
            "FAKETIME_CACHE_DURATION=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ]
    }

    /// Removes what the library leaves of a process that was killed.
    pub(crate) fn sweep(pid: u32) {
        for name in ["faketime_shm_", "sem.faketime_sem_"] {
            // It is not there if the process ended by itself.
            let _ = fs::remove_file(format!("/dev/shm/{name}{pid}"));
        }
    }
}

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    let library = libraries.into_iter().find(|library| library.is_file());
    library.expect("libfaketime is missing: `cargo xtask nats --deep` installs it")
}
