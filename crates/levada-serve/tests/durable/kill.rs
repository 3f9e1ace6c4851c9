//! The service is killed again and again under load, and every job is accounted for.
//!
//! A *generation* is one process of the service, from 1; the last one is not killed. Every command
//! notes its run, with the generation, in a file of its job. So the answers that a client got
//! (`ledger.rs`) can be compared with the runs.
//!
//! `LEVADA_KILLS` says how often, `LEVADA_SEED` in which way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use fastrand::Rng;
use levada::watch;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Client, Line, Target};
use crate::ledger::Job;
use crate::service::{Place, Run, Service};
use crate::support::{LONG, until};

const CLIENTS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_is_accounted_for() {
    let (kills, seed) = (number("LEVADA_KILLS", 60), number("LEVADA_SEED", 1));
    println!("LEVADA_KILLS={kills} LEVADA_SEED={seed}");
    let place = Arc::new(Place::new());
    let outcome = tokio::spawn(scenario(Arc::clone(&place), kills, seed)).await;
    let log = place.log();
    assert!(outcome.is_ok() && log.is_empty(), "{outcome:?}; the services said:\n{log}");
}

/// What the environment says, or `usual`.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

async fn scenario(place: Arc<Place>, kills: u64, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let (announce, targets) = watch::channel(None);
    let numbers = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (place, targets, numbers) = (Arc::clone(&place), targets.clone(), Arc::clone(&numbers));
        clients.spawn(Client::work(place, targets, rng.fork(), numbers));
    }
    for generation in 1..=kills {
        let service = Service::start(&place, generation);
        live_and_die(service, generation, &announce, &mut rng).await;
    }

    let mut service = Service::start(&place, kills + 1);
    let address = service.address().await.expect("the last service starts");
    announce.send_replace(Some(Target { generation: kills + 1, address, is_last: true }));
    let jobs: Vec<Job> = clients.join_all().await.into_iter().flatten().collect();
    let line = Line::new(address);
    let listed = drained(&line).await;
    check_jobs(&place, &line, &jobs, &listed).await;
    let runs = place.all_runs();
    check_runs(&jobs, &runs, &listed);
    report(&jobs, &runs, kills);
    assert!(service.stop().await.success());

    // What a killed process left in the folder is removed by the next one.
    let mut service = Service::start(&place, kills + 2);
    service.address().await.expect("it starts again");
    let large = |member: &str| {
        listed.values().filter(|job| job[member].as_u64().is_some_and(|size| size > 65_536)).count()
    };
    assert_eq!(place.bodies(), large("input_bytes") + large("output_bytes"));
    service.kill().await;
    assert_eq!(place.all_runs(), runs, "something ran again");
    #[cfg(target_os = "linux")]
    until("the commands of killed services to end", || place.processes().is_empty()).await;
}

/// Lets a service be killed at some moment: while it starts, while it works, or while it finishes
/// what runs.
async fn live_and_die(
    mut service: Service,
    generation: u64,
    announce: &watch::Sender<Option<Target>>,
    rng: &mut Rng,
) {
    if rng.u8(..4) == 0 {
        // It may be ready by then, or not.
        let moment = Duration::from_micros(rng.u64(..60_000));
        if let Ok(None) = timeout(moment, service.address()).await {
            panic!("service {generation} does not start");
        }
    } else {
        let address = service.address().await;
        let address = address.unwrap_or_else(|| panic!("service {generation} does not start"));
        announce.send_replace(Some(Target { generation, address, is_last: false }));
        sleep(Duration::from_micros(rng.u64(..400_000))).await;
        if rng.u8(..6) == 0 {
            return service.stop_within(Duration::from_micros(rng.u64(..100_000))).await;
        }
    }
    service.kill().await;
}

/// All jobs by id, once all have ended.
async fn drained(line: &Line) -> BTreeMap<String, Value> {
    let start = std::time::Instant::now();
    loop {
        let mut jobs = BTreeMap::new();
        let mut page = Some("/jobs?limit=200".to_owned());
        while let Some(path) = page {
            let answer = line.get(&path).await.unwrap().json();
            for job in answer["jobs"].as_array().unwrap() {
                jobs.insert(job["id"].as_str().unwrap().to_owned(), job.clone());
            }
            page = answer["next"].as_str().map(str::to_owned);
        }
        let has_ended = |job: &&Value| {
            ["succeeded", "failed", "cancelled"].contains(&job["state"].as_str().unwrap())
        };
        let left: Vec<_> = jobs.values().filter(|job| !has_ended(job)).collect();
        if left.is_empty() {
            return jobs;
        }
        assert!(start.elapsed() < LONG, "{} jobs do not end: {:#?}", left.len(), left[0]);
        sleep(Duration::from_millis(50)).await;
    }
}

/// Whatever a client knows of a job is so.
async fn check_jobs(place: &Place, line: &Line, jobs: &[Job], listed: &BTreeMap<String, Value>) {
    let mut known = BTreeSet::new();
    for job in jobs {
        let Some(id) = &job.id else { continue };
        assert!(known.insert(id), "two jobs have one id: {job:?}");
        let now = listed.get(id).unwrap_or_else(|| panic!("lost: {job:?}"));
        let state = now["state"].as_str().unwrap();
        assert!(job.may_end(state), "{now:#} of {job:?}");
        let runs = place.runs(id);
        if let Some(seal) = &job.seal {
            assert!(seal.seen.as_ref().is_none_or(|seen| seen == now), "{now:#} of {job:?}");
            let since = runs.iter().filter(|run| run.generation >= seal.generation).count();
            assert_eq!(since, seal.runs, "it ran after its end: {runs:?} of {job:?}");
        }
        if state == "cancelled" {
            continue;
        }
        // A command of a killed process may still have come to note its run after the one that
        // counts.
        let last = runs.iter().max_by_key(|run| (run.generation, run.attempt));
        let last = last.unwrap_or_else(|| panic!("it did not run: {job:?}"));
        assert_eq!(Some(last.attempt), now["attempt"].as_u64(), "{runs:?}, {now:#}");
        assert_eq!(last.number, Some(job.number), "half of its input counted: {runs:?} of {job:?}");
        let result = line.get(&format!("/jobs/{id}/result")).await.unwrap();
        if state == "succeeded" {
            assert_eq!(result.body, job.output(), "{job:?}");
        } else {
            assert_eq!(result.json()["type"], "urn:levada:problem:command-failed");
        }
    }
    let unnamed = jobs.iter().filter(|job| job.id.is_none() && !job.refused).count();
    let strangers = listed.len() - known.len();
    assert!(strangers <= unnamed, "{strangers} jobs of {unnamed} whose client got no answer");
}

/// Whatever ran was sent, became one job, and ran as often as it had to.
fn check_runs(jobs: &[Job], runs: &BTreeMap<String, Vec<Run>>, listed: &BTreeMap<String, Value>) {
    let by_number: BTreeMap<u64, &Job> = jobs.iter().map(|job| (job.number, job)).collect();
    let mut ids = BTreeMap::new();
    for (id, runs) in runs {
        assert!(listed.contains_key(id), "{id} ran and is not known: {runs:?}");
        // One that the end of the service left without its input is known by another run.
        let Some(number) = runs.iter().find_map(|run| run.number) else { continue };
        let job = by_number.get(&number).unwrap_or_else(|| panic!("{number} was never sent"));
        assert!(!job.refused, "it was refused and ran: {runs:?} of {job:?}");
        assert!(job.id.as_ref().is_none_or(|known| known == id), "{id} is another {job:?}");
        if let Some(other) = ids.insert(number, id) {
            panic!("{number} became two jobs, {id} and {other}: {job:?}");
        }
        let mut once = BTreeSet::new();
        for run in runs {
            assert!(run.number.is_none_or(|other| other == number), "its input changed: {runs:?}");
            assert!(once.insert((run.generation, run.attempt)), "twice at once: {runs:?}");
        }
    }
}

/// What was put to the test, which has to be something.
fn report(jobs: &[Job], runs: &BTreeMap<String, Vec<Run>>, kills: u64) {
    let count = |of: fn(&Job) -> bool| jobs.iter().filter(|job| of(job)).count();
    let interrupted = runs
        .values()
        .filter(|runs| runs.iter().any(|run| run.generation != runs[0].generation))
        .count();
    let named = count(|job| job.id.is_some());
    let cancelled = count(|job| job.end() == Some("cancelled"));
    println!(
        "{kills} kills; {} jobs sent: {named} accepted, {} refused, {} without an answer; {} were \
         seen to end, {cancelled} of them cancelled; {} were run again on demand; {} runs, and \
         {interrupted} jobs ran in more than one process",
        jobs.len(),
        count(|job| job.refused),
        count(|job| job.id.is_none() && !job.refused),
        count(|job| job.seal.is_some()),
        jobs.iter().map(|job| job.driven).sum::<usize>(),
        runs.values().map(Vec::len).sum::<usize>(),
    );
    let kills = usize::try_from(kills).unwrap();
    assert!(named > 2 * kills && interrupted > kills / 10, "too little happened");
    assert!(cancelled > 0, "nothing was cancelled");
}
