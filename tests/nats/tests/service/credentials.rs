//! Credentials files: servers in operator mode, JWTs that are wrong and JWTs that expire.

use crate::member::Member;
use crate::site::Site;
use levada_nats_test::{Operator, Server, until};
use std::fs;
use std::time::{Duration, SystemTime};

async fn server(operator: &Operator) -> Server {
    Server::builder().config(&operator.config()).start().await
}

/// Writes a credentials file. In its place at once, as a program that renews it does.
fn write(path: &str, text: &str) {
    let next = format!("{path}.next");
    fs::write(&next, text).unwrap();
    fs::rename(next, path).unwrap();
}

/// What a log must not have: the lines of a credentials file that say something.
fn has_secret(member: &Member, text: &str) -> bool {
    let log = member.log();
    text.lines().any(|line| line.len() > 20 && !line.starts_with('-') && log.contains(line))
}

#[tokio::test]
async fn a_cluster_with_right_credentials_works() {
    let (operator, site) = (Operator::new(), Site::new(&[]));
    let server = server(&operator).await;
    let (file, text) = (site.file("user.creds"), operator.credentials(None));
    write(&file, &text);
    let line = |command| site.line(command, &server.url(), &["--nats-credentials", &file]);
    let [front_end, worker] = ["serve", "work"].map(line);
    let id = front_end.submit("one").await;
    assert_eq!(front_end.result(&id).await, "one 1");
    for member in [&front_end, &worker] {
        assert!(!has_secret(member, &text), "{}", member.log());
    }
}

#[tokio::test]
async fn wrong_credentials_are_an_error_at_the_start_and_make_nothing() {
    let (operator, site) = (Operator::new(), Site::new(&[]));
    let server = server(&operator).await;
    let hour = Duration::from_secs(3600);
    let right = operator.credentials(None);
    let (jwt_of_another, seed) = (operator.credentials(None), right.split("\n\n").nth(1).unwrap());
    let mixed = format!("{}\n\n{seed}", jwt_of_another.split("\n\n").next().unwrap());
    for (text, parts) in [
        (Operator::new().credentials(None), &["refuses the credentials", "credentials file"][..]),
        (operator.credentials(Some(SystemTime::now() - hour)), &["may have expired"]),
        (mixed, &["refuses the credentials"]),
        (seed.to_owned(), &["wrong.creds", "no user JWT"]),
        (right.replace("USER NKEY", "ACCOUNT NKEY"), &["wrong.creds", "no seed"]),
    ] {
        let file = site.file("wrong.creds");
        write(&file, &text);
        for command in ["serve", "work"] {
            let member = site.line(command, &server.url(), &["--nats-credentials", &file]);
            let status = member.exit().await;
            assert_eq!(status.code(), Some(1), "{}", member.log());
            let log = member.log();
            assert!(parts.iter().all(|part| log.contains(part)), "{parts:?}: {log}");
            assert!(!has_secret(&member, &text), "{log}");
        }
    }
    let absent = site.file("absent.creds");
    let member = site.line("serve", &server.url(), &["--nats-credentials", &absent]);
    assert_eq!(member.exit().await.code(), Some(1));
    assert!(member.log().contains("absent.creds"), "{}", member.log());

    // Nothing was made: a front end with right credentials finds no stream of another one.
    let file = site.file("right.creds");
    write(&file, &right);
    let options = levada_nats::ConnectOptions::new().credentials_file(&file);
    let connection = options.connect(&server.url()).await.unwrap();
    let account = connection.jetstream().query_account().await.unwrap();
    assert_eq!(account.streams, 0);
}

#[tokio::test]
async fn a_jwt_that_expires_is_replaced_while_the_service_runs() {
    let (operator, site) = (Operator::new(), Site::new(&[]));
    let server = server(&operator).await;
    let file = site.file("user.creds");
    let soon = SystemTime::now() + Duration::from_secs(20);
    write(&file, &operator.credentials(Some(soon)));
    let line = |command| site.line(command, &server.url(), &["--nats-credentials", &file]);
    let [front_end, worker] = ["serve", "work"].map(line);
    let id = front_end.submit("one").await;
    assert_eq!(front_end.result(&id).await, "one 1");
    // The server ends the connections, and refuses new ones with the same file.
    for member in [&front_end, &worker] {
        until("the end of the JWT", async || {
            let answer = member.get_any("/ready").await;
            if answer.status == 503 { Ok(()) } else { Err(answer.text()) }
        })
        .await;
    }
    write(&file, &operator.credentials(None));
    let id = front_end.submit("two").await;
    assert_eq!(front_end.result(&id).await, "two 1");
    worker.ready().await;
}
