//! `GET /jobs`: pages, and what is on them.

use crate::support::{Notes, Server, sh};

/// The ids on a page, and where the next one is.
async fn page(server: &Server, path: &str) -> (Vec<String>, Option<String>) {
    let answer = server.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    let list = answer.json();
    let jobs = list["jobs"].as_array().unwrap();
    let ids = jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    (ids, list["next"].as_str().map(str::to_owned))
}

/// All ids from this page on, and how many were on each.
async fn pages(server: &Server, path: &str) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut sizes, mut next) = (Vec::new(), Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let (ids, after) = page(server, &path).await;
        sizes.push(ids.len());
        all.extend(ids);
        next = after;
    }
    (all, sizes)
}

#[tokio::test]
async fn pages_have_each_job_once_the_newest_first() {
    let notes = Notes::new();
    let script = sh("read code; [ $code = wait ] && exec sleep 60; exit $code");
    let config = format!("[defaults]\nworkers = 1\n[queue.a]\n{script}\n[queue.b]\n{script}\n");
    let server = Server::configured(&notes, &[], &config);
    assert_eq!(page(&server, "/jobs").await, (vec![], None));
    // For each queue: succeeded, failed, succeeded, failed, running, queued.
    let mut ids = Vec::new();
    for code in ["0", "1", "0", "1", "wait", "wait"] {
        for queue in ["a", "b"] {
            let id = server.submit_to(&format!("/q/{queue}"), format!("{code}\n")).await;
            ids.insert(0, id);
        }
    }
    server.until_job(&ids[2], "running").await;
    server.until_job(&ids[3], "running").await;

    for (limit, sizes) in [(12, vec![12]), (5, vec![5, 5, 2]), (6, vec![6, 6]), (1, vec![1; 12])] {
        let found = pages(&server, &format!("/jobs?limit={limit}")).await;
        assert_eq!(found, (ids.clone(), sizes), "{limit}");
    }
    assert_eq!(page(&server, "/jobs").await, (ids.clone(), None));
    let (some, _) = page(&server, &format!("/jobs?before={}&limit=2", ids[3])).await;
    assert_eq!(some, ids[4..6]);
    // A page stays the same when newer jobs come.
    let (_, next) = page(&server, "/jobs?limit=3").await;
    server.submit_to("/q/a", "0\n").await;
    assert_eq!(page(&server, &next.unwrap()).await.0, ids[3..6]);

    let of =
        |numbers: &[usize]| numbers.iter().map(|number| ids[*number].clone()).collect::<Vec<_>>();
    for (query, expected) in [
        ("state=running", of(&[2, 3])),
        ("state=succeeded", of(&[6, 7, 10, 11])),
        ("state=failed", of(&[4, 5, 8, 9])),
        ("state=cancelled", vec![]),
        ("state=retrying", vec![]),
        ("queue=b&state=queued", of(&[0])),
        ("queue=b", of(&[0, 2, 4, 6, 8, 10])),
        ("queue=none", vec![]),
    ] {
        let (found, _) = pages(&server, &format!("/jobs?limit=50&{query}")).await;
        assert_eq!(found, expected, "{query}");
        let (found, sizes) = pages(&server, &format!("/jobs?limit=1&{query}")).await;
        assert_eq!(found, expected, "{query}");
        assert!(sizes.iter().all(|size| *size <= 1));
    }
}

#[tokio::test]
async fn jobs_are_listed_as_they_are() {
    let notes = Notes::new();
    let script = "echo ::progress 5 >&2; sleep 60";
    let config = format!(
        "[queue.default]\n{}\nworkers = 1\n[queue.again]\n{}\nworkers = 1\n\
         retry = {{ max_attempts = 3, backoff = 0.05 }}\n",
        sh(script),
        sh(&format!("read how; [ $how = block ] && {{ {}; }}; exit 75", notes.wait_for("gate")))
    );
    let server = Server::configured(&notes, &[], &config);
    let running = server.submit("").await;
    server.until_job(&running, "running").await;
    let queued = server.submit("").await;
    crate::support::within(async { while server.job(&running).await.get("progress").is_none() {} })
        .await;
    let list = server.get("/jobs").await.json();
    assert_eq!(list["jobs"][0], server.job(&queued).await);
    assert_eq!(list["jobs"][1], server.job(&running).await);

    // A job that comes back from a pause waits for the worker like any other.
    let back = server.submit_to("/q/again", "once\n").await;
    server.until_job(&back, "retrying").await;
    let blocking = server.submit_to("/q/again", "block\n").await;
    let blocked = async || {
        server.job(&blocking).await["state"] == "running"
            && server.job(&back).await["state"] == "queued"
    };
    crate::support::within(async { while !blocked().await {} }).await;
    assert_eq!(page(&server, "/jobs?queue=again&state=queued").await.0, [back]);
    assert_eq!(page(&server, "/jobs?queue=again&state=retrying").await.0, [""; 0]);
    assert_eq!(page(&server, "/jobs?queue=again&state=running").await.0, [blocking]);
    notes.write("gate");
}

#[tokio::test]
async fn bad_queries_are_refused() {
    let server = Server::start(&[], &["true"]);
    for bad in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=",
        "before=x",
        "before=",
        "before=019AD3F0-5D2C-7C41-A4B0-1C9F0E7A2B33",
        "state=done",
        "state=",
        "page=2",
        "limit=1&limit=2",
    ] {
        server.get(&format!("/jobs?{bad}")).await.problem(400, "bad-query");
    }
    assert_eq!(server.get("/jobs?limit=200").await.status, 200);
}
