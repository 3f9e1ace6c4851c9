//! A disk that fills while the service runs, and has room again: a file system in memory, of its
//! own.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use crate::client::Line;
use crate::service::Service;
use crate::support::{Answer, levada, within};

const MIB: usize = 1 << 20;

/// A small disk, which a process holds mounted where no other one sees it.
struct Disk {
    place: TempDir,
    holder: Child,
}

impl Disk {
    /// # Panics
    /// If nothing may be mounted: a test that needs it must not pass then.
    fn new(mib: usize) -> Self {
        Self::with(&format!("size={mib}m"))
    }

    /// Mounted with this option.
    fn with(option: &str) -> Self {
        let place = TempDir::new().unwrap();
        fs::create_dir(place.path().join("disk")).unwrap();
        let script = format!("mount -t tmpfs -o {option} none disk && echo && exec sleep 10000");
        let mut holder = Command::new("unshare");
        let user: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["-r"] };
        holder.args(user).args(["-m", "sh", "-c", &script]).current_dir(place.path());
        let mut holder = holder.stdout(Stdio::piped()).spawn().expect("unshare (util-linux)");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "\n", "nothing can be mounted here, not even as a user of its own");
        Self { place, holder }
    }

    /// Of the disk, as it is seen from here.
    fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let disk = self.place.path().join("disk");
        root.join(disk.strip_prefix("/").unwrap()).join(name)
    }

    /// Beside the disk.
    fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.beside("log")).unwrap()
    }

    /// A service with its store on the disk.
    fn service(&self, options: &[&str], script: &str) -> Service {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.id().to_string(), "-m"]);
        if !rustix::process::geteuid().is_root() {
            command.args(["-U", "--preserve-credentials"]);
        }
        command.arg(levada().get_program());
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "2", "--store"]);
        command.arg(self.place.path().join("disk/store")).args(options);
        command.args(["--", "sh", "-c", script]).env("PLACE", self.place.path());
        let log = OpenOptions::new().create(true).append(true).open(self.beside("log"));
        command.env("RUST_LOG", "info").stderr(log.unwrap());
        Service::spawn(command)
    }

    async fn start(&self, options: &[&str], script: &str) -> (Service, Line) {
        let mut service = self.service(options, script);
        let address = service.address().await.unwrap_or_else(|| panic!("{}", self.log()));
        (service, Line::new(address))
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let mut file =
            OpenOptions::new().create(true).append(true).open(self.path("filler")).unwrap();
        for piece in [MIB, 4096, 1] {
            while file.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }

    fn runs(&self) -> String {
        fs::read_to_string(self.beside("runs")).unwrap_or_default()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

/// Gives back its input; of type `x/gated`, only when the gate is open. Each run is written down.
const ECHO: &str = r#"
echo $LEVADA_JOB_ID >> $PLACE/runs
[ "$LEVADA_CONTENT_TYPE" != x/gated ] || until [ -e $PLACE/gate ]; do sleep 0.01; done
cat
"#;

const GATED: (&str, &str) = ("Content-Type", "x/gated");
const ASYNC: (&str, &str) = ("Prefer", "respond-async");

fn body(bytes: usize, number: usize) -> Bytes {
    (0..bytes).map(|byte| (byte * 7 + number) as u8).collect::<Vec<u8>>().into()
}

async fn post(line: &Line, headers: &[(&str, &str)], body: Bytes) -> Answer {
    line.send("POST", "/", headers, body).await.expect("an answer")
}

fn id_of(answer: &Answer) -> String {
    answer.header("levada-job-id").to_owned()
}

async fn result(line: &Line, id: &str, wait: &str) -> Answer {
    let path = format!("/jobs/{id}/result");
    line.send("GET", &path, &[("Prefer", wait)], Bytes::new()).await.unwrap()
}

async fn until_ready(line: &Line) {
    let ready = async || line.get("/ready").await.unwrap().status == 200;
    within(async {
        while !ready().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Fills the disk until the service says that there is no room, and then once more what it had set
/// aside.
async fn fill(disk: &Disk, line: &Line) {
    disk.fill();
    let refused = async || post(line, &[], body(30_000, 1)).await.status == 507;
    within(async { while !refused().await {} }).await;
    disk.fill();
}

#[tokio::test]
async fn jobs_that_run_go_on_and_their_ends_wait_for_room() {
    let disk = Disk::new(48);
    let (service, line) = disk.start(&["--wait", "2s"], ECHO).await;
    let before = post(&line, &[], body(MIB, 3)).await;
    assert_eq!(before.status, 200, "{before:?}");
    let mut running = Vec::new();
    for number in 0..2 {
        running.push(id_of(&post(&line, &[GATED, ASYNC], body(MIB, number)).await));
    }
    let waiting = id_of(&post(&line, &[ASYNC], body(10, 5)).await);
    within(async { while line.get("/q/default").await.unwrap().json()["running"] != 2 {} }).await;
    fill(&disk, &line).await;

    let refused = post(&line, &[], body(30_000, 1)).await;
    refused.problem(507, "store-full");
    assert_eq!(refused.header("retry-after"), "10");
    line.get("/ready").await.unwrap().problem(507, "store-full");
    assert_eq!(line.get("/health").await.unwrap().status, 200);
    let metrics = line.get("/metrics").await.unwrap();
    assert!(metrics.text().contains("\nlevada_store_full 1\n"), "{}", metrics.text());
    assert_eq!(line.get("/queues").await.unwrap().json()["store"], "full");
    assert!(result(&line, &id_of(&before), "wait=1").await.body == before.body);

    fs::write(disk.beside("gate"), "").unwrap();
    for id in &running {
        assert_eq!(
            result(&line, id, "wait=1").await.status,
            202,
            "told of an end that can be lost"
        );
    }
    let state = line.get(&format!("/jobs/{waiting}")).await.unwrap().json();
    assert_eq!(state["state"], "queued", "its end would have to wait, too");
    let late = tokio::spawn({
        let (line, id) = (line.clone(), running[0].clone());
        async move { result(&line, &id, "wait=60").await }
    });

    disk.free();
    until_ready(&line).await;
    for (number, id) in running.iter().enumerate() {
        let answer = result(&line, id, "wait=30").await;
        assert!(answer.status == 200 && answer.body == body(MIB, number), "{}", answer.status);
    }
    assert_eq!(late.await.unwrap().status, 200, "a client that waited is told");
    assert_eq!(result(&line, &waiting, "wait=30").await.status, 200);
    assert_eq!(post(&line, &[], body(MIB, 1)).await.status, 200);
    let metrics = line.get("/metrics").await.unwrap();
    assert!(metrics.text().contains("\nlevada_store_full 0\n"), "{}", metrics.text());
    assert!(service.stop().await.success());

    let log = disk.log();
    let lines = |level: &str, says: &str| {
        log.lines().filter(|line| line.contains(level) && line.contains(says)).count()
    };
    assert_eq!((lines("ERROR", ""), lines("ERROR", "the disk is full: new jobs")), (1, 1), "{log}");
    assert_eq!(lines("INFO", "the disk has room again"), 1, "{log}");
    let place = disk.place.path().join("disk/store");
    assert!(log.contains(&format!("KiB are free in {}", place.display())), "{log}");
    let runs = disk.runs();
    for id in running.iter().chain([&waiting]) {
        assert_eq!(runs.matches(id.as_str()).count(), 1, "runs of {id}");
    }
}

/// What may be given up is, and that makes room: on a full disk, too.
#[tokio::test]
async fn retention_makes_room_on_a_full_disk() {
    let disk = Disk::new(48);
    let (service, line) = disk.start(&["--keep-bytes", "4MiB"], ECHO).await;
    // It looks for what is to be given up every ten seconds: this is faster.
    let mut full = false;
    for number in 0..400 {
        let answer = post(&line, &[], body(MIB, number)).await;
        if answer.status != 200 {
            answer.problem(507, "store-full");
            full = true;
            break;
        }
    }
    assert!(full, "the disk does not fill");
    until_ready(&line).await;
    let answer = post(&line, &[], body(MIB, 7)).await;
    assert!(answer.status == 200 && answer.body == body(MIB, 7));
    assert!(service.stop().await.success());
    assert!(disk.log().contains("the disk has room again"), "{}", disk.log());
}

#[tokio::test]
async fn service_that_is_killed_on_a_full_disk_starts_there_and_loses_nothing() {
    let disk = Disk::new(48);
    let (service, line) = disk.start(&["--wait", "2s"], ECHO).await;
    let done = post(&line, &[], body(MIB, 3)).await;
    let running = id_of(&post(&line, &[GATED, ASYNC], body(MIB, 4)).await);
    within(async { while line.get("/q/default").await.unwrap().json()["running"] != 1 {} }).await;
    fill(&disk, &line).await;
    fs::write(disk.beside("gate"), "").unwrap();
    assert_eq!(result(&line, &running, "wait=1").await.status, 202);
    service.kill().await;
    disk.fill();

    let (service, line) = disk.start(&["--wait", "2s"], ECHO).await;
    line.get("/ready").await.unwrap().problem(507, "store-full");
    post(&line, &[], body(10, 1)).await.problem(507, "store-full");
    assert!(result(&line, &id_of(&done), "wait=1").await.body == done.body);
    assert_eq!(result(&line, &running, "wait=1").await.status, 202);
    disk.free();
    until_ready(&line).await;
    let answer = result(&line, &running, "wait=30").await;
    assert!(answer.status == 200 && answer.body == body(MIB, 4), "{}", answer.status);
    assert_eq!(post(&line, &[], body(MIB, 1)).await.status, 200);
    assert!(service.stop().await.success());
    assert_eq!(disk.runs().matches(running.as_str()).count(), 2, "once in each process");
}

/// A shutdown does not wait for room on the disk: jobs whose end is not stored run again.
#[tokio::test]
async fn service_that_is_stopped_on_a_full_disk_ends_and_says_so() {
    let disk = Disk::new(48);
    let (service, line) = disk.start(&[], ECHO).await;
    let running = id_of(&post(&line, &[GATED, ASYNC], body(MIB, 4)).await);
    within(async { while line.get("/q/default").await.unwrap().json()["running"] != 1 {} }).await;
    fill(&disk, &line).await;
    fs::write(disk.beside("gate"), "").unwrap();
    assert_eq!(result(&line, &running, "wait=1").await.status, 202);
    let status = service.stop().await;
    let log = disk.log();
    let warned =
        format!("cannot store the end of a job; it runs again after a restart job={running}");
    assert_eq!(log.matches(&warned).count(), 1, "{log}");
    assert!(status.code().is_some_and(|code| code < 2), "{status:?} {log}");

    disk.free();
    let (service, line) = disk.start(&[], ECHO).await;
    let answer = result(&line, &running, "wait=30").await;
    assert!(answer.status == 200 && answer.body == body(MIB, 4), "{}", answer.status);
    service.kill().await;
}

/// There is room, but not for one file more.
#[tokio::test]
async fn disk_without_room_for_files_is_full() {
    let disk = Disk::with("size=64m,nr_inodes=60");
    let (service, line) = disk.start(&[], ECHO).await;
    let large = async || post(&line, &[], body(100_000, 1)).await;
    assert_eq!(large().await.status, 200);
    let filler = |number| disk.path(&format!("filler-{number}"));
    let files = (0..).take_while(|number| File::create(filler(*number)).is_ok()).count();
    large().await.problem(507, "store-full");
    assert_eq!(line.get("/health").await.unwrap().status, 200);
    for number in 0..files {
        fs::remove_file(filler(number)).unwrap();
    }
    until_ready(&line).await;
    assert_eq!(large().await.status, 200);
    assert!(service.stop().await.success());
    assert!(disk.log().contains(" KiB for 0 files are free in "), "{}", disk.log());
}

#[tokio::test]
async fn new_store_needs_room() {
    let disk = Disk::new(4);
    disk.fill();
    let mut service = disk.service(&[], ECHO);
    assert_eq!(service.address().await, None);
    assert_eq!(service.ended().await.code(), Some(1));
    let said = disk.log();
    assert!(said.contains("cannot open the store in "), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
}

#[tokio::test]
async fn paths_of_a_full_store_are_not_for_strangers() {
    let disk = Disk::new(32);
    let token = ("Authorization", "Bearer 0123456789abcdef");
    let tokens = disk.beside("tokens");
    fs::write(&tokens, "0123456789abcdef\n").unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let (service, line) = disk.start(&["--token-file", tokens.to_str().unwrap()], ECHO).await;
    disk.fill();
    let refused = async || post(&line, &[token], body(30_000, 1)).await.status == 507;
    within(async { while !refused().await {} }).await;
    disk.fill();
    let detail = async |headers: &[(&str, &str)]| {
        let answer = line.send("GET", "/ready", headers, Bytes::new()).await.unwrap();
        answer.problem(507, "store-full")["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(detail(&[]).await, "No new jobs are accepted.");
    let all = detail(&[token]).await;
    assert!(all.starts_with("No new jobs are accepted: cannot write "), "{all}");
    service.kill().await;
}

/// Commits are under way, of all sizes, while the disk fills and has room again, and the service is
/// killed in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_told_is_lost_while_the_disk_fills_again_and_again() {
    let disk = Disk::new(64);
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    for round in 0..4 {
        let (service, line) = disk.start(&["--wait", "2s", "--queue", "50"], "cat").await;
        until_ready(&line).await;
        let over = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..6)
            .map(|client| {
                let (line, over, told) = (line.clone(), Arc::clone(&over), Arc::clone(&told));
                tokio::spawn(async move {
                    let mut number = round * 10_000 + client * 1_000;
                    let (mut accepted, mut refused) = (0, 0);
                    while !over.load(Ordering::Relaxed) {
                        number += 1;
                        let bytes = [5, 5_000, 40_000, 100_000][number % 4];
                        let headers: &[_] = if number % 3 == 0 { &[ASYNC] } else { &[] };
                        let sent = line.send("POST", "/", headers, body(bytes, number)).await;
                        let Some(answer) = sent else { break };
                        match answer.status.as_u16() {
                            200 | 202 => {
                                accepted += 1;
                                told.lock().unwrap().push((id_of(&answer), bytes, number));
                            }
                            507 => refused += 1,
                            other => assert_eq!(other, 503, "{answer:?}"),
                        }
                    }
                    (accepted, refused)
                })
            })
            .collect();
        for _ in 0..2 {
            disk.fill();
            let full = async || line.get("/ready").await.unwrap().status == 507;
            within(async { while !full().await {} }).await;
            disk.fill();
            disk.free();
            until_ready(&line).await;
        }
        disk.fill();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..300))).await;
        over.store(true, Ordering::Relaxed);
        service.kill().await;
        let (mut accepted, mut refused) = (0, 0);
        for client in clients {
            let (a, r) = client.await.unwrap();
            (accepted, refused) = (accepted + a, refused + r);
        }
        assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
        disk.free();
    }
    let (service, line) = disk.start(&[], "cat").await;
    let told = told.lock().unwrap().clone();
    for (id, bytes, number) in &told {
        let answer = result(&line, id, "wait=60").await;
        assert!(
            answer.status == 200 && answer.body == body(*bytes, *number),
            "{id} of {bytes} bytes: {}",
            answer.status
        );
    }
    let errors = disk.log().lines().filter(|line| line.contains("ERROR")).count();
    let full = disk.log().matches("the disk is full: new jobs").count();
    assert_eq!(errors, full, "{}", disk.log());
    service.kill().await;
}
