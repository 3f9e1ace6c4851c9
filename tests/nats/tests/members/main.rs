//! What members guarantee, on real servers.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use levada_nats::members::{LONGEST_DESCRIPTION, Member, Members, Membership, Role, Roster};
use levada_nats::{Connection, Durability, OpenError, connect};
use levada_nats_test::{Cluster, PATIENCE, Proxy, Server, request, until};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep, timeout};

/// The shortest that there is.
const LEASE: Duration = Duration::from_secs(3);

async fn members(connection: &Connection) -> Members {
    connection.members("jobs".parse().unwrap()).lease(LEASE).open().await.unwrap()
}

/// Members on a connection of their own.
async fn connected(url: &str) -> Members {
    members(&connect(url).await.unwrap()).await
}

/// Waits until there are so many senders and receivers.
async fn counts(members: &Members, senders: usize, receivers: usize) {
    is(members, |roster| (roster.senders(), roster.receivers()) == (senders, receivers)).await;
}

async fn is(members: &Members, condition: impl FnMut(&Roster) -> bool) {
    let mut roster = members.subscribe();
    let found = timeout(PATIENCE, roster.wait_for(condition)).await;
    assert!(found.is_ok(), "waited {PATIENCE:?}; the members are {members:?}");
    found.unwrap().unwrap();
}

fn has(roster: &Roster, membership: &Membership) -> bool {
    roster.iter().any(|member| member.id() == membership.id())
}

/// The keys of the bucket.
async fn keys(url: &str) -> usize {
    let subject = "$JS.API.STREAM.INFO.KV_levada_members_jobs";
    let info = request(url, subject, r#"{"subjects_filter":">"}"#).await.unwrap();
    info["state"]["subjects"].as_object().map_or(0, serde_json::Map::len)
}

#[tokio::test]
async fn guarantee_1_a_member_is_seen_and_is_gone_when_it_leaves() {
    let server = Server::start().await;
    // A lease that does not end during the test: what leaves does so by its drop.
    let long = |connection: Connection| async move {
        let options = connection.members("jobs".parse().unwrap());
        options.lease(Duration::from_secs(3600)).open().await.unwrap()
    };
    let ours = long(connect(&server.url()).await.unwrap()).await;
    let theirs = long(connect(&server.url()).await.unwrap()).await;
    let before = SystemTime::now() - Duration::from_secs(1);
    let sender = ours.join(Role::Sender);
    let receivers = [ours.join(Role::Receiver), theirs.join(Role::Receiver)];
    for members in [&ours, &theirs] {
        counts(members, 1, 2).await;
        let roster = members.borrow().clone();
        assert!(has(&roster, &sender) && receivers.iter().all(|member| has(&roster, member)));
        assert!(roster.iter().all(|member| member.since() > before));
    }
    // One that comes later finds them.
    counts(&long(connect(&server.url()).await.unwrap()).await, 1, 2).await;
    drop(sender);
    counts(&theirs, 0, 2).await;
    let [first, second] = receivers;
    first.leave().await;
    counts(&theirs, 0, 1).await;
    assert!(has(&theirs.borrow(), &second));
    drop(second);
    counts(&ours, 0, 0).await;
}

#[tokio::test]
async fn guarantee_2_a_killed_process_is_gone_after_its_lease() {
    let server = Server::start().await;
    let observer = connected(&server.url()).await;
    let url = server.url();
    let (joined, wait) = tokio::sync::oneshot::channel();
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let membership = runtime.block_on(async {
            let members = connected(&url).await;
            let membership = members.join(Role::Sender);
            counts(&members, 1, 0).await;
            joined.send(()).unwrap();
            sleep(2 * LEASE).await;
            membership
        });
        // As a kill does: its tasks end where they are, and the membership is not dropped.
        runtime.shutdown_background();
        membership
    });
    wait.await.unwrap();
    counts(&observer, 1, 0).await;
    until("the end of the thread", async || killed.is_finished().then_some(()).ok_or("it runs"))
        .await;
    let start = Instant::now();
    assert_eq!(observer.borrow().senders(), 1);
    counts(&observer, 0, 0).await;
    assert!(observer.borrow().is_current());
    // The last renewal was at most a third of the lease before.
    assert!(start.elapsed() > LEASE / 3, "{:?}", start.elapsed());
    println!("a lease of {LEASE:?}: gone after {:?}", start.elapsed());
    drop(killed.join().unwrap());
}

#[tokio::test]
async fn guarantee_2_and_4_a_member_that_is_cut_off_is_gone_and_comes_back() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let (observer, cut_off) = (connected(&server.url()).await, connected(&proxy.url()).await);
    let membership = cut_off.join(Role::Receiver);
    counts(&observer, 0, 1).await;
    counts(&cut_off, 0, 1).await;
    for half_open in [false, true] {
        if half_open {
            proxy.freeze();
        } else {
            proxy.cut();
        }
        counts(&observer, 0, 0).await;
        // The other side cannot know, and says so.
        is(&cut_off, |roster| !roster.is_current()).await;
        assert!(has(&cut_off.borrow(), &membership));
        proxy.heal();
        counts(&observer, 0, 1).await;
        assert!(has(&observer.borrow(), &membership));
        is(&cut_off, Roster::is_current).await;
        assert!(has(&cut_off.borrow(), &membership));
    }
}

/// Collects every count of members that is seen until `end` completes.
async fn seen_until(members: &Members, end: impl Future<Output = ()>) -> Vec<usize> {
    let mut roster = members.subscribe();
    let mut seen = vec![roster.borrow_and_update().iter().count()];
    tokio::pin!(end);
    loop {
        tokio::select! {
            biased;
            changed = roster.changed() => {
                changed.unwrap();
                seen.push(roster.borrow_and_update().iter().count());
            }
            () = &mut end => return seen,
        }
    }
}

#[tokio::test]
async fn guarantee_3_short_losses_of_the_connection_make_no_member_leave() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let (observer, flaky) = (connected(&server.url()).await, connected(&proxy.url()).await);
    let memberships = [flaky.join(Role::Sender), flaky.join(Role::Receiver)];
    counts(&observer, 1, 1).await;
    counts(&flaky, 1, 1).await;
    let losses = async {
        for _ in 0..8 {
            proxy.cut();
            sleep(Duration::from_millis(300)).await;
            proxy.heal();
            sleep(Duration::from_millis(700)).await;
        }
    };
    let both = tokio::join!(seen_until(&observer, losses), seen_until(&flaky, sleep(2 * LEASE)));
    for seen in [both.0, both.1] {
        assert!(seen.iter().all(|count| *count == 2), "{seen:?}");
    }
    drop(memberships);
}

#[tokio::test]
async fn guarantee_3_a_server_that_was_away_for_longer_than_a_lease_makes_no_member_leave() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let (observer, others) = (connected(&server.url()).await, connected(&proxy.url()).await);
    let memberships = [others.join(Role::Sender), others.join(Role::Receiver)];
    counts(&observer, 1, 1).await;
    let away = async {
        server.kill();
        proxy.cut();
        // The leases end meanwhile: their members cannot renew them.
        sleep(LEASE + Duration::from_secs(2)).await;
        assert!(!observer.borrow().is_current());
        server.restart().await;
        is(&observer, Roster::is_current).await;
        until("the end of the leases", async || match keys(&server.url()).await {
            0 => Ok(()),
            found => Err(found),
        })
        .await;
        // The members come back after the observer, which has seen that the keys are gone.
        sleep(Duration::from_secs(3)).await;
        proxy.heal();
        until("the leases", async || match keys(&server.url()).await {
            2 => Ok(()),
            found => Err(found),
        })
        .await;
        sleep(2 * LEASE).await;
    };
    let seen = seen_until(&observer, away).await;
    assert!(seen.iter().all(|count| *count == 2), "{seen:?}");
    drop(memberships);
    counts(&observer, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn guarantee_3_a_leader_that_is_killed_makes_no_member_leave() {
    let cluster = Cluster::start(3).await;
    let addresses = cluster.urls().join(",");
    let open = async || {
        let connection = connect(&addresses).await.unwrap();
        let options = connection.members("jobs".parse().unwrap()).lease(Duration::from_secs(9));
        options.durability(Durability::Replicated).open().await.unwrap()
    };
    let (observer, others) = (open().await, open().await);
    let memberships = [others.join(Role::Sender), others.join(Role::Receiver)];
    counts(&observer, 1, 1).await;
    let killed = async {
        let leader = cluster.stream_leader("KV_levada_members_jobs").await;
        cluster.kill(leader);
        sleep(Duration::from_secs(15)).await;
        is(&observer, Roster::is_current).await;
    };
    let seen = seen_until(&observer, killed).await;
    assert!(seen.iter().all(|count| *count == 2), "{seen:?}");
    drop(memberships);
    counts(&observer, 0, 0).await;
}

#[tokio::test]
async fn guarantee_7_the_last_description_of_a_member_is_seen() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let (observer, ours) = (connected(&server.url()).await, connected(&proxy.url()).await);
    let says = |text: &'static str| {
        move |roster: &Roster| roster.iter().map(Member::description).eq([text])
    };
    let membership = ours.join(Role::Sender);
    is(&observer, says("")).await;
    for text in ["one", "two"] {
        membership.describe(text).unwrap();
        is(&observer, says(text)).await;
    }
    membership.describe("x".repeat(LONGEST_DESCRIPTION + 1)).unwrap_err();
    // One that comes later sees it with the next renewal.
    let later = connected(&server.url()).await;
    is(&later, says("two")).await;
    // What is said without a connection is seen as soon as there is one; of several, the last.
    proxy.cut();
    is(&ours, |roster| !roster.is_current()).await;
    for number in 0..100 {
        membership.describe(number.to_string()).unwrap();
    }
    membership.describe("x".repeat(LONGEST_DESCRIPTION)).unwrap();
    proxy.heal();
    let long = |roster: &Roster| {
        roster.iter().any(|member| member.description().len() == LONGEST_DESCRIPTION)
    };
    is(&observer, long).await;
    is(&ours, long).await;
}

#[tokio::test]
async fn guarantee_6_nothing_is_left_behind() {
    let server = Server::start().await;
    let ours = connected(&server.url()).await;
    for _ in 0..50 {
        ours.join(Role::Sender).leave().await;
    }
    counts(&ours, 0, 0).await;
    until("the end of all keys", async || {
        let found = keys(&server.url()).await;
        if found == 0 { Ok(()) } else { Err(found) }
    })
    .await;
    let account = request(&server.url(), "$JS.API.INFO", "").await.unwrap();
    assert_eq!(account["consumers"], 0);
}

#[tokio::test]
async fn a_deleted_bucket_is_made_again() {
    let server = Server::start().await;
    let (ours, theirs) = (connected(&server.url()).await, connected(&server.url()).await);
    let membership = ours.join(Role::Sender);
    counts(&theirs, 1, 0).await;
    request(&server.url(), "$JS.API.STREAM.DELETE.KV_levada_members_jobs", "").await.unwrap();
    until("the lease", async || match request(&server.url(), "$JS.API.INFO", "").await {
        Ok(info) if info["streams"] == 1 && keys(&server.url()).await == 1 => Ok(()),
        other => Err(other),
    })
    .await;
    counts(&theirs, 1, 0).await;
    drop(membership);
    counts(&theirs, 0, 0).await;
}

#[tokio::test]
async fn leases_that_nats_cannot_keep_are_refused() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    for lease in [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(3601), Duration::MAX]
    {
        let options = connection.members("jobs".parse().unwrap()).lease(lease);
        let error = options.open().await.unwrap_err();
        assert!(matches!(&error, OpenError::Settings(text) if text.contains("lease")), "{error}");
    }
}
