//! What has to hold when everything is healed.

use super::clients::Jobs;
use super::readers::Reader;
use super::world::{Unit, World};
use crate::http::{Call, send};
use crate::site::Effect;
use futures_util::future::join_all;
use levada_nats_test::{PATIENCE, until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How many requests are under way at a time.
const AT_ONCE: usize = 16;

/// Accounts for every job. All faults were over at `ended`.
///
/// # Panics
/// If there is one of which this cannot be said.
pub(super) async fn check(
    world: &World,
    jobs: &Jobs,
    readers: &mut [Reader],
    ended: Instant,
) -> String {
    let mut lists = Vec::new();
    for front_end in &world.front_ends {
        lists.push(all_ended(front_end, jobs).await);
    }
    let drained = ended.elapsed();
    for id in jobs.accepted.keys() {
        assert_eq!(lists[0][id], lists[1][id], "two front ends show {id} otherwise");
    }
    let records = lists.remove(0);
    results(world, jobs, &records).await;
    let again = effects(world.site.all_effects(), jobs, &records);
    let missing = events(world, jobs, readers).await;
    let count = |name: &str| -> u64 {
        let numbers = jobs.accepted.keys().map(|id| records[id][name].as_u64().unwrap_or(0));
        numbers.sum()
    };
    let (attempts, interruptions) = (count("attempt"), count("interruptions"));
    let accepted = jobs.accepted.len() as u64;
    format!(
        "{accepted} jobs accepted; refused: {:?}; {} unanswered; {} results awaited, the slowest \
         answer after {:.1?}\n{attempts} attempts: {} more than jobs, {interruptions} of them \
         since one was interrupted, the others since the command asked for it; {again} effects \
         more than jobs\ndrained {drained:.1?} after the last fault; readers came back {} times, \
         lagged {} times, {missing} ends missed",
        jobs.refused,
        jobs.unknown,
        jobs.awaited,
        jobs.slowest,
        attempts - accepted,
        readers.iter().map(|reader| reader.returns).sum::<usize>(),
        readers.iter().map(|reader| reader.lagged).sum::<usize>(),
    )
}

/// Each process is as it should be, and each front end has a job of this name done, within a
/// minute.
pub(super) async fn recovers(world: &World, healed: Instant, name: &str) {
    let whole = async {
        for unit in world.units() {
            unit.member.ready().await;
            assert!(unit.member.ended().is_none(), "{}", unit.member.tail());
        }
        let jobs = world.front_ends.iter().enumerate().map(async |(number, front_end)| {
            let name = format!("{name}-{number}");
            let call = Call::post("/q/chaos", name.clone()).key(&name);
            until("a result", async || {
                let answer = front_end.member.send(call.clone()).await;
                if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
            })
            .await;
        });
        join_all(jobs).await;
    };
    let whole = timeout_at(healed + PATIENCE, whole).await;
    whole.expect("everything is whole again within a minute");
}

/// All jobs as a front end shows them, once those that were accepted have succeeded.
async fn all_ended(front_end: &Unit, jobs: &Jobs) -> BTreeMap<String, Value> {
    until("the end of all jobs", async || {
        let listed = list(front_end).await;
        for (id, name) in &jobs.accepted {
            let Some(job) = listed.get(id) else { return Err(format!("{name}, {id} is lost")) };
            match job["state"].as_str() {
                Some("succeeded") => {}
                Some("failed" | "cancelled") => panic!("{name} did not succeed: {job}"),
                _ => return Err(format!("{name}: {job}")),
            }
        }
        Ok(listed)
    })
    .await
}

async fn list(front_end: &Unit) -> BTreeMap<String, Value> {
    let mut listed = BTreeMap::new();
    let mut path = Some("/jobs?queue=chaos&limit=200".to_owned());
    while let Some(page) = path {
        let page = front_end.member.get(page).await.expect(200).json();
        for job in page["jobs"].as_array().unwrap() {
            let mut job = job.clone();
            // Counted anew by each front end.
            job.as_object_mut().unwrap().remove("position");
            listed.insert(job["id"].as_str().unwrap().to_owned(), job);
        }
        path = page["next"].as_str().map(str::to_owned);
    }
    listed
}

/// Each result is the one for its input, of the attempt that the job shows.
async fn results(world: &World, jobs: &Jobs, records: &BTreeMap<String, Value>) {
    let addresses: Vec<_> = world.front_ends.iter().map(|it| it.address().unwrap()).collect();
    let all: Vec<_> = jobs.accepted.iter().enumerate().collect();
    for chunk in all.chunks(AT_ONCE) {
        let fetched = chunk.iter().map(|(number, (id, name))| {
            let address = addresses[number % addresses.len()];
            async move {
                let answer = send(address, &Call::get(format!("/jobs/{id}/result"))).await.unwrap();
                let expected = format!("{name} {}", records[*id]["attempt"]);
                assert_eq!(answer.expect(200).text(), expected, "{}", records[*id]);
            }
        });
        join_all(fetched).await;
    }
}

/// Each job ran, and no attempt did so twice, nor after those that the job shows. Returns how many
/// effects there are beyond one of each job.
fn effects(all: Vec<Effect>, jobs: &Jobs, records: &BTreeMap<String, Value>) -> usize {
    let mut of: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for effect in all {
        of.entry(effect.input).or_default().push(effect.attempt);
    }
    let mut again = 0;
    for (id, name) in &jobs.accepted {
        let shown = records[id]["attempt"].as_u64().unwrap();
        let attempts = of.get(name).map(Vec::as_slice).unwrap_or_default();
        assert!(!attempts.is_empty(), "{name} did not run: {}", records[id]);
        let distinct: BTreeSet<_> = attempts.iter().collect();
        assert_eq!(distinct.len(), attempts.len(), "{name}: {attempts:?}");
        assert!(attempts.iter().all(|attempt| *attempt <= shown), "{name}: {attempts:?} {shown}");
        again += attempts.len() - 1;
    }
    again
}

/// Each job has ended once. Returns how many ends a reader has missed that was told so.
async fn events(world: &World, jobs: &Jobs, readers: &mut [Reader]) -> usize {
    let until = Instant::now() + Duration::from_secs(20);
    let is_missing = |reader: &Reader| {
        let mut accepted = jobs.accepted.keys();
        accepted.any(|id| !reader.finished.contains_key(id)) && Instant::now() < until
    };
    let reading = readers.iter_mut().zip(&world.front_ends);
    join_all(reading.map(|(reader, from)| reader.read_while(from, is_missing))).await;
    let mut missing = BTreeSet::new();
    for (id, name) in &jobs.accepted {
        let mut ends = BTreeSet::new();
        for reader in readers.iter() {
            ends.extend(reader.finished.get(id).into_iter().flatten());
            if !reader.finished.contains_key(id) {
                assert!(reader.lagged > 0, "{name}, {id}: a reader missed its end, unaware");
                missing.insert(id);
            }
        }
        assert!(ends.len() <= 1, "{name}, {id} ended more than once: {ends:?}");
    }
    missing.len()
}
