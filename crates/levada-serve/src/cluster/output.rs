//! What a command writes while it runs, from the process that runs it to those whose clients watch.
//!
//! ```text
//! a front end, while a client watches        the worker that runs the job
//!   LISTEN (the job's id), each 5 s   ---->    passes on what the command writes, for 12 s more
//!   the job's `output`                <----    OUTPUT.ID (one byte for the stream, then the text)
//! ```
//!
//! Core NATS carries it, which keeps nothing: what is written while no connection is there is
//! missed. The result of the job is complete.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use levada::broadcast::error::RecvError;
use levada::watch;
use levada_nats::Connection;
use tokio::time::{Instant, interval, sleep_until};
use tracing::{debug, warn};

use super::held::HeldJobs;
use crate::job::JobId;
use crate::jobs::active::{ActiveJob, JobView, Written};
use crate::jobs::pipes::Stream;
use crate::jobs::service::Jobs;
use crate::sync::lock;

/// How often a front end says that it listens.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a worker passes output on after it was last asked to.
const LASTS: Duration = Duration::from_secs(12);
/// How long after an error it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Output {
    connection: Connection,
    /// Until when the output of a job is passed on.
    asked: Arc<Mutex<HashMap<JobId, Instant>>>,
    /// The jobs of other processes whose output this one listens to.
    heard: Arc<Mutex<HashMap<JobId, ()>>>,
}

impl Output {
    pub(super) fn new(connection: &Connection) -> Self {
        Self { connection: connection.clone(), asked: Arc::default(), heard: Arc::default() }
    }

    fn listens(&self) -> String {
        format!("{}.listen", self.connection.namespace())
    }

    fn of_job(&self, id: JobId) -> String {
        format!("{}.output.{id}", self.connection.namespace())
    }

    /// Listens to a job that another process runs, while a client of this one watches it.
    pub(super) fn listen(&self, job: &Arc<ActiveJob>) {
        if lock(&self.heard).insert(job.id, ()).is_some() {
            return;
        }
        let (output, job) = (self.clone(), Arc::clone(job));
        tokio::spawn(async move {
            if let Err(error) = output.hear(&job).await {
                debug!(job = %job.id, %error, "the output of a job is not shown while it runs");
            }
            lock(&output.heard).remove(&job.id);
        });
    }

    async fn hear(&self, job: &ActiveJob) -> Result<(), async_nats::Error> {
        let client = self.connection.client();
        let mut written = client.subscribe(self.of_job(job.id)).await?;
        let mut ticks = interval(AGAIN);
        let mut view = job.watch();
        loop {
            tokio::select! {
                Some(message) = written.next() => {
                    if let Some((stream, bytes)) = decode(&message.payload) {
                        job.wrote(stream, &bytes);
                    }
                }
                _ = ticks.tick() => {
                    if !job.is_watched() {
                        return Ok(());
                    }
                    let id = Bytes::copy_from_slice(&job.id.to_bytes());
                    client.publish(self.listens(), id).await?;
                }
                () = ended(&mut view) => return Ok(()),
            }
        }
    }

    /// Passes on the output of jobs that this process runs, when it is asked to; for ever.
    pub(super) async fn pass_on(self, jobs: Arc<Jobs>, held: Arc<HeldJobs>) {
        loop {
            match self.connection.client().subscribe(self.listens()).await {
                Ok(mut asked) => {
                    while let Some(message) = asked.next().await {
                        let Ok(bytes) = message.payload.as_ref().try_into() else { continue };
                        let id = JobId::from_bytes(bytes);
                        if held.has(id)
                            && let Some(job) = jobs.registry.find_active(id)
                        {
                            self.asked_for(job);
                        }
                    }
                }
                Err(error) => warn!(%error, "cannot pass on what commands write"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn asked_for(&self, job: Arc<ActiveJob>) {
        let until = Instant::now() + LASTS;
        if lock(&self.asked).insert(job.id, until).is_none() {
            let output = self.clone();
            tokio::spawn(async move {
                output.tell(&job).await;
                lock(&output.asked).remove(&job.id);
            });
        }
    }

    async fn tell(&self, job: &ActiveJob) {
        let (subject, mut output) = (self.of_job(job.id), job.output());
        let mut view = job.watch();
        loop {
            let until = lock(&self.asked).get(&job.id).copied().unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                written = output.recv() => match written {
                    Ok(written) => {
                        let sent = self.connection.client().publish(subject.clone(), encode(&written));
                        if let Err(error) = sent.await {
                            debug!(job = %job.id, %error, "what a command wrote is not passed on");
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = ended(&mut view) => return,
                () = sleep_until(until) => {
                    if lock(&self.asked).get(&job.id).is_none_or(|until| *until <= Instant::now()) {
                        return;
                    }
                }
            }
        }
    }
}

/// Nothing more becomes of the job.
async fn ended(view: &mut watch::Receiver<JobView>) {
    // An error means the same.
    drop(view.wait_for(JobView::is_final).await);
}

fn encode(written: &Written) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + written.bytes.len());
    bytes.put_u8(match written.stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    });
    bytes.extend_from_slice(&written.bytes);
    bytes.freeze()
}

fn decode(bytes: &Bytes) -> Option<(Stream, Bytes)> {
    let stream = match bytes.first()? {
        1 => Stream::Stdout,
        2 => Stream::Stderr,
        _ => return None,
    };
    Some((stream, bytes.slice(1..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_keeps_its_stream() {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let bytes = Bytes::from_static(b"text");
            let written = Written { stream, bytes: bytes.clone() };
            assert_eq!(decode(&encode(&written)), Some((stream, bytes)));
        }
        assert_eq!(decode(&Bytes::new()), None);
        assert_eq!(decode(&Bytes::from_static(b"\0x")), None);
    }
}
