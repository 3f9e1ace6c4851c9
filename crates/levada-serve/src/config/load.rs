//! What a file and a command line ask for, together.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::data::{Config, DEFAULT_QUEUE, QueueConfig, Service};
use super::document::{Document, Fields, Mistakes};
use super::options::{self, Given, LIMITS, QUEUE};
use super::row::shown;

/// Where the configuration comes from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) file: Option<PathBuf>,
    /// The command of the queue `default`, or nothing.
    pub(crate) command: Vec<OsString>,
    /// The options of the command line, which go before those of the file.
    pub(crate) given: Given,
}

/// What a source asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) service: Service,
}

impl Source {
    /// # Errors
    /// All mistakes that can be found at once.
    pub(crate) fn load(&self) -> Result<Loaded, Mistakes> {
        let Some(file) = &self.file else {
            return self.read(None);
        };
        let text = std::fs::read_to_string(file).map_err(|error| {
            Mistakes::one(format!("{}: cannot read it: {error}", file.display()))
        })?;
        self.read(Some((file, &text)))
    }

    /// What the command line alone says about the service.
    pub(crate) fn service(&self) -> Service {
        let mut service = Service::built_in();
        self.given.apply(options::service(), &mut service);
        service
    }

    /// With the text of a file. Paths in it begin where the file is.
    pub(super) fn read(&self, file: Option<(&Path, &str)>) -> Result<Loaded, Mistakes> {
        let mut base = QueueConfig::built_in();
        let mut service = Service::built_in();
        let mut config = Config::built_in();
        if let Some((file, text)) = file {
            Document::new(file, text).read(|fields| {
                LIMITS.iter().for_each(|row| row.read(fields, &mut config));
                fields.table("service", |fields| {
                    options::service().for_each(|row| row.read(fields, &mut service));
                });
                fields.table("defaults", |fields| {
                    QUEUE.iter().for_each(|row| row.read(fields, &mut base));
                });
                fields.tables("queue", |name, place, fields| {
                    let shares = service.nats.is_some() || self.service().nats.is_some();
                    let queue = self.queue(name, place, fields, base.clone(), shares);
                    config.queues.insert(name.to_owned(), Arc::new(queue));
                });
            })?;
        }
        self.given.apply(LIMITS, &mut config);
        self.given.apply(options::service(), &mut service);
        if !self.command.is_empty() {
            self.given.apply(QUEUE, &mut base);
            base.command.clone_from(&self.command);
            base.find_program().map_err(Mistakes::one)?;
            if base.workers == 0 && service.nats.is_none() {
                return Err(Mistakes::one(format!("--workers 0: {NO_WORKERS}")));
            }
            config.queues.insert(DEFAULT_QUEUE.to_owned(), Arc::new(base));
        }
        if config.queues.is_empty() {
            return Err(Mistakes::one(match file {
                Some((file, _)) => format!(
                    "{}: there is no queue; add [queue.NAME] with a command, or give a command \
                     after --",
                    file.display()
                ),
                None => "there is no queue; give a command after --, or --config FILE".to_owned(),
            }));
        }
        Ok(Loaded { config, service })
    }

    /// A queue of the file. Other processes run its jobs, too, if it `shares` them.
    fn queue(
        &self,
        name: &str,
        place: Range<usize>,
        fields: &mut Fields<'_, '_>,
        mut queue: QueueConfig,
        shares: bool,
    ) -> QueueConfig {
        QUEUE.iter().for_each(|row| row.read(fields, &mut queue));
        if let (0, false) = (queue.workers, shares) {
            let here = fields.place_of("workers").unwrap_or_else(|| place.clone());
            fields.mistake(here, format!("queue.{name}.workers = 0: {NO_WORKERS}"));
        }
        if !is_name(name) {
            fields.mistake(
                place.clone(),
                format!(
                    "queue.{name:?}: a queue's name has 1 to 64 of a-z, 0-9, _ and -, and begins \
                     with a letter or digit"
                ),
            );
        }
        if name == DEFAULT_QUEUE && !self.command.is_empty() {
            fields.mistake(
                place.clone(),
                "queue.default: the command after -- is the queue default already; remove one of \
                 them, or rename this queue",
            );
        }
        // A command that cannot be read was reported above.
        let command = fields.place_of("command");
        if (!queue.command.is_empty() || command.is_none())
            && let Err(mistake) = queue.find_program()
        {
            fields.mistake(command.unwrap_or(place), format!("queue.{name}: {mistake}"));
        }
        queue
    }
}

/// Why a queue has workers.
const NO_WORKERS: &str =
    "give a whole number from 1 to 4096; without `nats`, no other process runs the jobs";

fn is_name(name: &str) -> bool {
    let is_inner = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(is_inner) && !name.starts_with(['_', '-'])
}

impl Loaded {
    /// A file with every key: what `--check` prints. It hides the values of `environment`.
    pub(crate) fn to_toml(&self) -> String {
        let Self { mut config, mut service } = self.clone();
        let mut root = shown(LIMITS, &mut config);
        root.insert("service".to_owned(), shown(options::service(), &mut service).into());
        let queues = config
            .queues
            .iter_mut()
            .map(|(name, queue)| (name.clone(), shown(QUEUE, Arc::make_mut(queue)).into()));
        let queues: toml::Table = queues.collect();
        root.insert("queue".to_owned(), queues.into());
        root.to_string()
    }
}
