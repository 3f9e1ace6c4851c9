//! What is hard to bring about from outside.

use super::*;
use crate::config::{QueueConfig, Retention};
use crate::job::JobId;
use crate::store::tests::slow::{Slow, next};
use crate::store::{Change, Durability};

/// Longer than anything here takes, and than the system takes to ask again for a connection.
const LONG: Duration = Duration::from_secs(20);

fn config(queues: &[&str]) -> Arc<Config> {
    let queue = |name: &&str| ((*name).to_owned(), Arc::new(QueueConfig::for_tests(["true"; 3])));
    let retention = Retention { jobs: LONG, failed: LONG, max_bytes: u64::MAX };
    let queues = queues.iter().map(queue).collect();
    Arc::new(Config { queues, retention, quota: None, max_running: None })
}

/// Many connect before one of them is accepted.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn many_may_come_at_once() {
    let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let count = limit.trim().parse::<usize>().unwrap().min(500);
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..count).map(|_| std::net::TcpStream::connect_timeout(&address, LONG));
    assert_eq!(clients.collect::<io::Result<Vec<_>>>().unwrap().len(), count);
}

#[tokio::test]
async fn an_address_is_free_again_at_once() {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let client = tokio::net::TcpStream::connect(address).await.unwrap();
    // Ended from this side, so the system remembers it for a while.
    drop(listener.accept().await.unwrap());
    drop((listener, client));
    bind(address).unwrap();
}

fn persistence(store: Arc<Slow>) -> Persistence {
    Persistence { store, is_durable: true, in_flight: None, shared: None }
}

/// Requests are answered while a queue is opened, however long the store takes.
#[tokio::test]
async fn opening_a_queue_holds_no_request_up() {
    let (store, _begun, _go_on) = Slow::new();
    let settings = watch::Sender::new(config(&["old"]));
    let shutdown = Shutdown::new();
    let (jobs, _closer) = Jobs::new(
        persistence(store.clone()),
        settings.subscribe(),
        shutdown.signal(),
        Tracing::default(),
    );
    let mut pools = WorkerPools::new(&jobs);
    pools.configure(config(&["old"])).await.unwrap();
    let (mut asked, release) = store.hold_reads();
    let mut opening = pin!(pools.configure(config(&["old", "new"])));
    tokio::select! {
        opened = &mut opening => panic!("{opened:?} without asking the store"),
        asked = timeout(LONG, asked.recv()) => assert_eq!(asked, Ok(Some(()))),
    }
    assert!(jobs.registry.queue("old").is_some() && jobs.registry.queue("new").is_none());
    drop(release);
    timeout(LONG, opening).await.unwrap().unwrap();
    assert!(jobs.registry.queue("new").is_some());
}

#[test]
fn an_abort_does_not_wait_for_a_commit_that_hangs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let code = runtime.block_on(async {
        let (store, mut begun, _go_on) = Slow::new();
        let settings = watch::Sender::new(config(&[]));
        let shutdown = Shutdown::new();
        let (jobs, closer) = Jobs::new(
            persistence(store),
            settings.subscribe(),
            shutdown.signal(),
            Tracing::default(),
        );
        jobs.store.writer().write_behind(Change::Forget { id: JobId::next() });
        assert_eq!(next(&mut begun).await.1, Durability::Later);
        shutdown.advance();
        shutdown.advance();
        let pools = WorkerPools::new(&jobs);
        let abort = tokio::spawn(async { 143 });
        timeout(LONG, take_down(&jobs, closer, pools, &shutdown, abort)).await
    });
    assert_eq!(code, Ok(143));
}
