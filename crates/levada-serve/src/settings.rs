//! Reads files again while the service runs: the configuration, the tokens and the certificate.
//!
//! The directories of the files are watched rather than the files: editors write a new file and
//! rename it, and Kubernetes swaps a symbolic link beside it. Whatever happens there is only a
//! hint; then all files are read again, and what is not as it was takes the place of the old. What
//! is no good is refused, and the old stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use levada::watch;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

use crate::config::{Config, Loaded, Mistakes, Service, Source};
use crate::secure::tls::Tls;
use crate::secure::tokens::{self, TokenFile, Tokens};

/// How long nothing must happen to the files until they are read: a file that is being written is
/// not yet what its author means.
const QUIET: Duration = Duration::from_millis(100);
/// How long they are waited for at most.
const RESTLESS: Duration = Duration::from_secs(2);

/// All that can be read again, as it holds now.
#[derive(Debug)]
pub(crate) struct Settings {
    source: Source,
    /// As it was at the start.
    pub(crate) service: Service,
    /// As the files have it now.
    service_of_files: watch::Sender<Arc<Service>>,
    pub(crate) config: watch::Sender<Arc<Config>>,
    /// `None`: clients need no token.
    pub(crate) tokens: Option<watch::Sender<Arc<Tokens>>>,
    /// `None`: the service speaks HTTP.
    pub(crate) tls: Option<Tls>,
    pub(crate) reloads: watch::Sender<Reloads>,
}

/// What became of the changes of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reloads {
    /// So many took the place of what held before.
    pub(crate) ok: u64,
    /// So many were refused.
    pub(crate) refused: u64,
    /// Why what is in the files now does not hold; `None` if it does.
    pub(crate) last_error: Option<String>,
}

impl Settings {
    /// Reads everything that the command line names.
    ///
    /// # Errors
    /// All mistakes, of all files.
    pub(crate) fn load(source: Source) -> Result<Self, Mistakes> {
        let loaded = source.load();
        let alone = source.service();
        let service = loaded.as_ref().map_or(&alone, |loaded| &loaded.service);
        let (tokens, tls) = (load_tokens(service), Tls::load(service));
        match (loaded, tokens, tls) {
            (Ok(Loaded { config, service }), Ok(tokens), Ok(tls)) => Ok(Self {
                source,
                service_of_files: named("files", Arc::new(service.clone())),
                service,
                config: named("config", Arc::new(config)),
                tokens: tokens.map(|tokens| named("tokens", Arc::new(tokens))),
                tls,
                reloads: named("reloads", Reloads::default()),
            }),
            (config, tokens, tls) => {
                let mistakes = [config.err(), tokens.err(), tls.err()];
                Err(Mistakes(mistakes.into_iter().flatten().flat_map(|some| some.0).collect()))
            }
        }
    }

    /// Reads everything again.
    fn reload(&self) {
        let parts = [
            ("configuration", self.reload_config()),
            ("tokens", self.reload_tokens()),
            ("certificate", self.tls.as_ref().map_or(Ok(false), Tls::reload)),
        ];
        let mut changed = 0;
        let mut mistakes = Vec::new();
        for (part, result) in parts {
            match result {
                Ok(false) => {}
                Ok(true) => {
                    info!("{part} reloaded");
                    changed += 1;
                }
                Err(Mistakes(some)) => mistakes.extend(some),
            }
        }
        let last_error = Mistakes(mistakes);
        let last_error = (!last_error.0.is_empty()).then(|| last_error.to_string());
        self.reloads.send_if_modified(|reloads| {
            // What was refused already is not refused again until it is another mistake.
            let is_new = reloads.last_error != last_error;
            if let (true, Some(mistakes)) = (is_new, &last_error) {
                error!(
                    "files with errors are rejected, and their previous contents stay in use:\n{mistakes}"
                );
                reloads.refused += 1;
            }
            if is_new && last_error.is_none() && changed == 0 {
                info!("the files have no errors any more, and nothing has changed");
            }
            reloads.ok += changed;
            reloads.last_error = last_error;
            is_new || changed > 0
        });
    }

    fn reload_config(&self) -> Result<bool, Mistakes> {
        let Loaded { config, service } = self.source.load()?;
        // Once a change: the log may be a file in a directory that is watched.
        let is_other = service != self.service;
        if publish(&self.service_of_files, service) && is_other {
            warn!(
                "the table [service] differs from that at the start: restart the service to apply it"
            );
        }
        Ok(publish(&self.config, config))
    }

    /// The configuration as a file that has every key; without secrets.
    pub(crate) fn to_toml(&self) -> String {
        let config = Config::clone(&self.config.borrow());
        Loaded { config, service: self.service.clone() }.to_toml()
    }

    fn reload_tokens(&self) -> Result<bool, Mistakes> {
        let Some(current) = &self.tokens else {
            return Ok(false);
        };
        // The same file and variable as at the start, so there are some or it is an error.
        Ok(load_tokens(&self.service)?.is_some_and(|new| publish(current, new)))
    }

    /// Reads everything again whenever the files change and with every SIGHUP, until dropped.
    ///
    /// # Cancel safety
    /// Nothing holds by half when the future is dropped.
    pub(crate) async fn follow(self: Arc<Self>, mut hang_ups: HangUps) {
        let pulse = named("file changes", ());
        let mut changes = pulse.subscribe();
        // Watches until it is dropped.
        let _watcher = self.watch(pulse.clone());
        // What changed since they were read at the start, before anything watched.
        pulse.send_replace(());
        loop {
            tokio::select! {
                _ = hang_ups.0.recv() => info!("SIGHUP: reloading the files"),
                _ = changes.changed() => settle(&mut changes).await,
            }
            let settings = Arc::clone(&self);
            if let Err(panic) = tokio::task::spawn_blocking(move || settings.reload()).await {
                error!(%panic, "reload failed; the previous settings stay in use");
            }
        }
    }

    /// Gives a pulse for whatever may have happened to one of the files.
    fn watch(&self, pulse: watch::Sender<()>) -> Option<RecommendedWatcher> {
        let on_event = move |event: notify::Result<Event>| {
            if event.map_or(true, |event| may_change(event.kind)) {
                pulse.send_replace(());
            }
        };
        let unseen = |error: notify::Error| {
            warn!(%error, "cannot watch the files for changes; send SIGHUP after a change");
        };
        let mut watcher = notify::recommended_watcher(on_event).map_err(unseen).ok()?;
        for directory in self.directories() {
            if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
                unseen(error);
            }
        }
        Some(watcher)
    }

    /// Whether there is any file to read again.
    pub(crate) fn has_files(&self) -> bool {
        !self.directories().is_empty()
    }

    fn directories(&self) -> BTreeSet<PathBuf> {
        let Service { token_file, tls_cert, tls_key, .. } = &self.service;
        let files = [&self.source.file, token_file, tls_cert, tls_key];
        files.into_iter().flatten().map(|file| directory_of(file)).collect()
    }
}

/// SIGHUP. From its creation on it no longer ends the process.
#[derive(Debug)]
pub(crate) struct HangUps(Signal);

impl HangUps {
    /// # Errors
    /// The system has no room for another signal.
    pub(crate) fn new() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }
}

fn directory_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new(".")).to_owned()
}

/// Whether a file may be another one after this. Reading it, as we do, changes nothing.
fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// Waits until nothing happens for a while.
async fn settle(changes: &mut watch::Receiver<()>) {
    let start = Instant::now();
    while start.elapsed() < RESTLESS && timeout(QUIET, changes.changed()).await.is_ok() {}
}

fn load_tokens(service: &Service) -> Result<Option<Tokens>, Mistakes> {
    let may_be_world_readable = service.allow_world_readable_tokens;
    let file = service.token_file.as_deref();
    let file = file.map(|path| TokenFile { path, may_be_world_readable });
    Tokens::load(file, std::env::var_os(tokens::VARIABLE))
}

/// A watch that an operator knows by this name.
#[track_caller]
fn named<T>(name: &'static str, value: T) -> watch::Sender<T> {
    watch::builder(value).named(name).build().0
}

/// Puts the new value in the place of the current one, unless they are equal; whether it did.
fn publish<T: PartialEq>(current: &watch::Sender<Arc<T>>, new: T) -> bool {
    current.send_if_modified(|current| {
        let is_other = **current != new;
        if is_other {
            *current = Arc::new(new);
        }
        is_other
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use rustix::process::{Signal as Number, getpid, kill_process};
    use tempfile::TempDir;

    use super::*;
    use crate::cli::tests::serve;
    use crate::secure::tls::tests::write_pair;

    /// Longer than anything here takes on the slowest machine; only a failing test waits for it.
    const LONG: Duration = Duration::from_secs(60);

    /// A configuration of one queue with so many workers.
    fn text(workers: usize) -> String {
        format!("[queue.x]\ncommand = [\"true\"]\nworkers = {workers}\n")
    }

    fn settings(directory: &TempDir, more: &[&str]) -> Arc<Settings> {
        let file = directory.path().join("levada.toml");
        let mut line = vec!["--config", file.to_str().unwrap()];
        line.extend(more);
        Arc::new(Settings::load(serve(&line).unwrap().source()).unwrap())
    }

    fn workers(config: &Config) -> usize {
        config.queues["x"].workers
    }

    async fn until_workers(settings: &Settings, expected: usize) {
        let mut config = settings.config.subscribe();
        let is_there = config.wait_for(|config| workers(config) == expected);
        tokio::time::timeout(LONG, is_there).await.expect("not read in time").unwrap();
    }

    #[test]
    fn bad_file_is_refused_once_and_the_old_configuration_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("levada.toml");
        fs::write(&file, text(1)).unwrap();
        let settings = settings(&directory, &[]);
        let mut seen = settings.config.subscribe();

        fs::write(&file, text(0)).unwrap();
        settings.reload();
        settings.reload();
        let reloads = settings.reloads.borrow().clone();
        assert_eq!((reloads.ok, reloads.refused), (0, 1), "the same mistake is told once");
        let message = reloads.last_error.unwrap();
        assert!(message.contains("levada.toml:3:1: queue.x.workers = 0"), "{message}");
        assert!(!seen.has_changed().unwrap());
        assert_eq!(workers(&seen.borrow()), 1);

        fs::write(&file, text(2)).unwrap();
        settings.reload();
        assert_eq!(*settings.reloads.borrow(), Reloads { ok: 1, refused: 1, last_error: None });
        assert!(seen.has_changed().unwrap());
        assert_eq!(workers(&seen.borrow_and_update()), 2);

        fs::write(&file, format!("# the same\n{}", text(2))).unwrap();
        settings.reload();
        assert_eq!(settings.reloads.borrow().ok, 1);
        assert!(!seen.has_changed().unwrap(), "nothing changed");
    }

    #[test]
    fn service_stays_as_it_was_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("levada.toml");
        fs::write(&file, text(1)).unwrap();
        let settings = settings(&directory, &[]);
        fs::write(&file, format!("[service]\nmax_connections = 5\n{}", text(1))).unwrap();
        settings.reload();
        assert_eq!(settings.service_of_files.borrow().max_connections, 5);
        assert_eq!(settings.service.max_connections, 1024);
        assert_eq!(*settings.reloads.borrow(), Reloads::default(), "nothing is reloaded");
    }

    #[test]
    fn tokens_and_certificate_are_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("levada.toml"), text(1)).unwrap();
        let write_token = |text: &str| {
            fs::write(at("tokens"), text).unwrap();
            fs::set_permissions(at("tokens"), PermissionsExt::from_mode(0o600)).unwrap();
        };
        write_token("a 0123456789abcdef");
        write_pair(directory.path());
        let (tokens, cert, key) = (at("tokens"), at("cert"), at("key"));
        let settings = settings(
            &directory,
            &["--token-file", &tokens, "--tls-cert", &cert, "--tls-key", &key],
        );
        let shown = || format!("{:?}", **settings.tokens.as_ref().unwrap().borrow());
        write_token("b 0123456789abcdef");
        write_pair(directory.path());
        settings.reload();
        assert_eq!(*settings.reloads.borrow(), Reloads { ok: 2, refused: 0, last_error: None });
        assert_eq!(shown(), "Tokens([\"b\"])");

        write_token("c short\n");
        fs::write(&key, "").unwrap();
        settings.reload();
        let reloads = settings.reloads.borrow().clone();
        assert_eq!((reloads.ok, reloads.refused), (2, 1));
        let message = reloads.last_error.unwrap();
        assert!(message.contains("tokens:1: ") && message.contains("no private key"), "{message}");
        assert_eq!(shown(), "Tokens([\"b\"])");
    }

    #[test]
    fn mistakes_of_all_files_are_told_at_the_start() {
        let line = ["--config=/no/a", "--token-file=/no/b", "--tls-cert=/no/c", "--tls-key=/no/d"];
        let mistakes = Settings::load(serve(&line).unwrap().source()).unwrap_err();
        assert_eq!(mistakes.0.len(), 3, "{mistakes}");
    }

    #[tokio::test]
    async fn file_is_read_when_it_is_written_and_when_another_is_renamed_over_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("levada.toml");
        fs::write(&file, text(1)).unwrap();
        let settings = settings(&directory, &[]);
        let follower = tokio::spawn(Arc::clone(&settings).follow(HangUps::new().unwrap()));
        // The first change may come before anything watches: it is made until it is seen.
        let wait = until_workers(&settings, 2);
        tokio::pin!(wait);
        while timeout(QUIET * 5, &mut wait).await.is_err() {
            fs::write(&file, text(2)).unwrap();
        }
        let other = directory.path().join(".levada.toml.swp");
        fs::write(&other, text(3)).unwrap();
        fs::rename(&other, &file).unwrap();
        until_workers(&settings, 3).await;
        follower.abort();
    }

    #[tokio::test]
    async fn file_is_read_when_a_link_beside_it_is_swapped() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for (version, workers) in [("..1", 1), ("..2", 2), ("..3", 3)] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("levada.toml"), text(workers)).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/levada.toml", at("levada.toml")).unwrap();
        let settings = settings(&directory, &[]);
        let follower = tokio::spawn(Arc::clone(&settings).follow(HangUps::new().unwrap()));
        let swap = |version: &str| {
            symlink(version, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        let wait = until_workers(&settings, 2);
        tokio::pin!(wait);
        while timeout(QUIET * 5, &mut wait).await.is_err() {
            swap("..2");
        }
        swap("..3");
        until_workers(&settings, 3).await;
        follower.abort();
    }

    #[tokio::test]
    async fn hang_up_reads_what_the_watch_cannot_see() {
        let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let real = elsewhere.path().join("real.toml");
        fs::write(&real, text(1)).unwrap();
        symlink(&real, directory.path().join("levada.toml")).unwrap();
        let settings = settings(&directory, &[]);
        let follower = tokio::spawn(Arc::clone(&settings).follow(HangUps::new().unwrap()));
        fs::write(&real, text(2)).unwrap();
        kill_process(getpid(), Number::HUP).unwrap();
        until_workers(&settings, 2).await;
        follower.abort();
    }

    #[test]
    fn reading_a_file_is_no_change_of_it() {
        assert!(!may_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!may_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(may_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(may_change(EventKind::Any));
        assert_eq!(directory_of(Path::new("levada.toml")), Path::new("."));
    }

    #[test]
    fn command_alone_has_no_files() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("levada.toml"), text(1)).unwrap();
        assert!(settings(&directory, &[]).has_files());
        assert!(!Settings::load(serve(&["--", "true"]).unwrap().source()).unwrap().has_files());
    }
}
