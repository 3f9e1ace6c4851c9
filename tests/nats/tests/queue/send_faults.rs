//! Senders while servers and connections break.

use crate::support::{Plain, connect, impatient, queue, replicated, soon};
use levada_nats::ConnectOptions;
use levada_nats::queue::{Accepted, SendError, Sender};
use levada_nats_test::{Cluster, PATIENCE, Proxy, Server, until};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// What came of sends, by message.
type Ends = BTreeMap<u32, Result<Accepted, SendError<u32>>>;

/// Sends of eight tasks, which go on until the test has seen enough.
struct Load {
    tasks: JoinSet<Ends>,
    ended: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    fn begin(tx: &Sender<u32>, within: Duration) -> Self {
        let (ended, is_over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for task in 0..8 {
            let (tx, ended, is_over) = (tx.clone(), ended.clone(), is_over.clone());
            tasks.spawn(async move {
                let mut ends = Ends::new();
                for n in (task..).step_by(8) {
                    // ORDERING: a request to end soon, and no more.
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let sent = tx.send(n).id(n.to_string()).within(within).await;
                    ends.insert(n, sent);
                    // ORDERING: a progress that the test waits for, and no more.
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                ends
            });
        }
        Self { tasks, ended, is_over }
    }

    /// Waits until so many more sends have ended. Others are under way then.
    async fn progress(&self, more: u32) {
        // ORDERING: as above.
        let goal = self.ended.load(Ordering::Relaxed) + more;
        until("some sends", async || match self.ended.load(Ordering::Relaxed) {
            ended if ended >= goal => Ok(()),
            ended => Err(ended),
        })
        .await;
    }

    /// How the sends ended.
    async fn end(self) -> Ends {
        // ORDERING: as above.
        self.is_over.store(true, Ordering::Relaxed);
        soon(self.tasks.join_all()).await.into_iter().flatten().collect()
    }
}

/// All that is acknowledged is stored once, where it was said. What is unknown, or was refused, is
/// sent again and is there once.
async fn settle(tx: &Sender<u32>, plain: &Plain, load: Load) {
    let ends = load.end().await;
    let count = ends.len();
    let mut accepted = BTreeMap::new();
    for (n, sent) in ends {
        match sent {
            Ok(it) => drop(accepted.insert(n, it.seq)),
            Err(SendError::Unknown { message, id }) => {
                assert_eq!((message, id.as_str()), (n, n.to_string().as_str()));
                let again = tx.send(n).id(id).within(PATIENCE).await.unwrap();
                accepted.insert(n, again.seq);
            }
            Err(SendError::Disconnected(message)) => {
                let again = tx.send(message).id(n.to_string()).within(PATIENCE).await.unwrap();
                assert!(!again.duplicate, "{n} was certainly not in the queue");
                accepted.insert(n, again.seq);
            }
            Err(other) => panic!("{n}: {other}"),
        }
    }
    let stored = plain.stored().await;
    assert_eq!(stored.len(), count, "each once");
    for stored in stored {
        assert_eq!(accepted.remove(&stored.payload.parse().unwrap()), Some(stored.seq));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_survives_kill_9_of_the_server() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10_000_000).await.sender();
    let load = Load::begin(&tx, PATIENCE);
    for _ in 0..2 {
        load.progress(300).await;
        server.kill();
        server.restart().await;
    }
    let plain = Plain::connect(&server.url(), "jobs").await;
    load.progress(400).await;
    settle(&tx, &plain, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unknown_after_kill_9_is_there_once_when_it_is_sent_again() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10_000_000).await.sender();
    // The deadline ends while the server is away.
    let load = Load::begin(&tx, Duration::from_millis(20));
    load.progress(300).await;
    server.kill();
    load.progress(100).await;
    server.restart().await;
    let plain = Plain::connect(&server.url(), "jobs").await;
    load.progress(400).await;
    settle(&tx, &plain, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_for_three_seconds_is_waited_for() {
    let server = Server::start().await;
    let connection = impatient(&server.url()).await;
    let tx = queue(&connection, "jobs", 10_000_000).await.sender();
    let load = Load::begin(&tx, PATIENCE);
    load.progress(300).await;
    server.pause();
    // This sleep is the fault, not a wait for it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.resume();
    let plain = Plain::connect(&server.url(), "jobs").await;
    load.progress(400).await;
    settle(&tx, &plain, load).await;
}

#[tokio::test]
async fn a_message_into_a_dead_connection_is_unknown_and_is_there_once_when_sent_again() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let connection = impatient(&proxy.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    // What the sender writes is held back, and arrives after all.
    proxy.freeze();
    let error = tx.try_send(2).id("two").await.unwrap_err();
    assert!(error.is_unknown(), "{error}");
    let error = tx.send(1).id("one").within(Duration::from_millis(1_200)).await.unwrap_err();
    assert!(matches!(&error, SendError::Unknown { message: 1, id } if id == "one"), "{error}");
    let error = tx.send_many([3, 4]).within(Duration::from_millis(700)).await.unwrap_err();
    assert!(matches!(error.cause, SendError::Disconnected(())), "nothing was committed: {error}");
    proxy.heal();
    for (n, id) in [(1, "one"), (2, "two")] {
        soon(tx.send(n).id(id).within(PATIENCE)).await.unwrap();
    }
    let plain = Plain::connect(&server.url(), "jobs").await;
    let mut stored = plain.payloads().await;
    stored.sort_unstable();
    assert_eq!(stored, [1, 2]);
}

/// Later the server would not know the id any more, and store the message a second time.
#[tokio::test]
async fn a_message_in_doubt_is_not_sent_again_after_the_duplicate_window() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let connection = impatient(&proxy.url()).await;
    let options = connection.queue("jobs".parse().unwrap());
    let options = options.duplicate_window(Duration::from_secs(2));
    let tx = options.open::<u32>().await.unwrap().sender();
    proxy.drop_replies();
    let error = soon(tx.send(1).within(Duration::from_secs(3_600))).await.unwrap_err();
    assert!(error.is_unknown(), "{error}");
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, [1]);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_waited_for() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let connection = connect(&proxy.url()).await;
    let tx = queue(&connection, "jobs", 1).await.sender();
    tx.send(0).await.unwrap();
    // One waits for room, the others in line behind it.
    let waiting: Vec<_> =
        (1..4).map(|n| tokio::spawn(tx.send(n).within(PATIENCE).into_future())).collect();
    proxy.cut();
    let mut state = connection.state();
    soon(state.wait_for(|state| !state.is_connected())).await.unwrap();
    let plain = Plain::connect(&server.url(), "jobs").await;
    let consumer = plain.consumer().await;
    Plain::make_room(&consumer).await;
    let error = tx.send(7).within(Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(error, SendError::Full(7) | SendError::Disconnected(7)), "{error}");
    proxy.heal();
    for _ in 0..3 {
        Plain::make_room(&consumer).await;
    }
    for waiting in waiting {
        soon(waiting).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_unknown_and_the_message_is_there() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let connection = impatient(&proxy.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    proxy.drop_replies();
    let error = tx.send(1).id("one").within(Duration::from_millis(1_200)).await.unwrap_err();
    assert!(error.is_unknown(), "{error}");
    proxy.heal();
    let again = soon(tx.send(1).id("one").within(PATIENCE)).await.unwrap();
    assert!(again.duplicate);
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, [1]);
}

#[tokio::test]
async fn without_a_connection_nothing_is_handed_over() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    server.kill();
    let mut state = connection.state();
    soon(state.wait_for(|state| !state.is_connected())).await.unwrap();
    assert!(matches!(tx.try_send(1).await, Err(SendError::Disconnected(1))));
    let within = Duration::from_millis(300);
    let error = tx.send(2).within(within).await.unwrap_err();
    assert!(matches!(error, SendError::Disconnected(2)), "{error}");
    let waiting = tokio::spawn(tx.send(3).within(PATIENCE).into_future());
    server.restart().await;
    soon(waiting).await.unwrap().unwrap();
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, [3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn a_leader_that_steps_down_is_waited_for() {
    let cluster = Cluster::start(3).await;
    let connection = connect(&cluster.urls().join(",")).await;
    let tx = replicated(&connection, 10_000_000).await.sender();
    let plain = Plain::connect(&cluster.url(0), "jobs").await;
    let load = Load::begin(&tx, PATIENCE);
    for _ in 0..2 {
        load.progress(150).await;
        cluster.step_down(&plain.stream()).await;
    }
    load.progress(400).await;
    settle(&tx, &plain, load).await;
}

/// The client itself would notice after two minutes that its server does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn a_server_of_three_that_stands_still_is_left() {
    let cluster = Cluster::start(3).await;
    let options = ConnectOptions::new().name("the sender").request_timeout(Duration::from_secs(1));
    let connection = options.connect(&cluster.urls().join(",")).await.unwrap();
    let tx = replicated(&connection, 10_000_000).await.sender();
    tx.send(0).id("0").await.unwrap();
    let mut mine = None;
    for node in 0..3 {
        let clients = cluster.server(node).monitor("/connz").await.unwrap();
        if clients.to_string().contains("the sender") {
            mine = Some(node);
        }
    }
    let mine = mine.unwrap();
    cluster.pause(mine);
    let mut tasks = JoinSet::new();
    for n in 1..=50 {
        let sending = tx.send(n).id(n.to_string()).within(PATIENCE).into_future();
        tasks.spawn(async move { sending.await.unwrap() });
    }
    assert_eq!(soon(tasks.join_all()).await.len(), 50);
    cluster.resume(mine);
    cluster.ready().await;
    let plain = Plain::connect(&cluster.url((mine + 1) % 3), "jobs").await;
    let mut stored = plain.payloads().await;
    stored.sort_unstable();
    assert_eq!(stored, (0..=50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn without_a_majority_a_message_is_not_accepted() {
    let cluster = Cluster::start(3).await;
    let connection = connect(&cluster.urls().join(",")).await;
    let tx = replicated(&connection, 100).await.sender();
    tx.send(0).id("0").await.unwrap();
    cluster.kill(1);
    cluster.kill(2);
    // It is either: a leader without followers takes messages until it notices.
    let error = tx.send(1).id("1").within(Duration::from_secs(2)).await.unwrap_err();
    let known = matches!(error, SendError::Unknown { .. } | SendError::Disconnected(1));
    assert!(known, "{error}");
    cluster.restart(1).await;
    cluster.restart(2).await;
    cluster.ready().await;
    soon(tx.send(1).id("1").within(PATIENCE)).await.unwrap();
    let plain = Plain::connect(&cluster.url(0), "jobs").await;
    assert_eq!(plain.payloads().await, [0, 1]);
}

/// nats-server #4247: on clusters, publishes to a full stream were acknowledged and not stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn what_senders_are_told_at_a_full_limit_of_a_cluster_is_what_is_stored() {
    let cluster = Cluster::start(3).await;
    let connection = connect(&cluster.urls().join(",")).await;
    let tx = replicated(&connection, 50).await.sender();
    let mut tasks = JoinSet::new();
    for n in 0..120 {
        let sending = tx.send(n).id(n.to_string()).within(Duration::from_secs(5)).into_future();
        tasks.spawn(async move { (n, sending.await) });
    }
    let mut accepted = BTreeMap::new();
    for (n, sent) in soon(tasks.join_all()).await {
        match sent {
            Ok(it) => drop(accepted.insert(it.seq, n.to_string())),
            Err(SendError::Full(_)) => {}
            Err(other) => panic!("{n}: {other}"),
        }
    }
    assert_eq!(accepted.len(), 50);
    let plain = Plain::connect(&cluster.url(0), "jobs").await;
    let stored = plain.stored().await.into_iter().map(|stored| (stored.seq, stored.id));
    assert_eq!(stored.collect::<BTreeMap<_, _>>(), accepted);
}
