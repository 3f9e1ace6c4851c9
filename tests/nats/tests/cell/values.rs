//! Which value a cell shows.

use crate::support::{api, cell, is_in_state, name, put, shows};
use bytes::Bytes;
use futures_util::future::join_all;
use levada_nats::cell::{SendError, SendIfError, State};
use levada_nats::codec::{Codec, CodecError, Raw};
use levada_nats::{OpenError, connect};
use levada_nats_test::{PATIENCE, Server, request};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test]
async fn guarantee_1_the_last_value_always_arrives() {
    let server = Server::start().await;
    let writer = cell(&server.url(), "last", 0).await;
    let reader = cell(&server.url(), "last", 0).await;
    let mut values = reader.subscribe();
    let watching = tokio::spawn(async move {
        let mut seen = vec![*values.borrow_and_update()];
        while seen.last() != Some(&1000) {
            values.changed().await.unwrap();
            seen.push(*values.borrow_and_update());
        }
        seen
    });
    for value in 1..=1000 {
        writer.send(value).await.unwrap();
    }
    shows(&reader, &1000).await;
    let seen = watching.await.unwrap();
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen.len() > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guarantee_1_the_last_of_many_senders_stays_everywhere() {
    let server = Server::start().await;
    let url = server.url();
    let cells = join_all((0..4).map(|_| cell(&url, "many", 0))).await;
    let mut senders = tokio::task::JoinSet::new();
    for (number, cell) in (0..).zip(&cells) {
        for value in 1..=100 {
            let cell = cell.clone();
            senders.spawn(async move {
                (cell.send(1000 * number + value).await.unwrap(), 1000 * number + value)
            });
        }
    }
    let sent = senders.join_all().await;
    assert_eq!(sent.len(), 400);
    let (revision, last) = *sent.iter().max_by_key(|(revision, _)| *revision).unwrap();
    for cell in &cells {
        shows(cell, &last).await;
        assert_eq!(cell.borrow().revision(), revision);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guarantee_2_and_3_reads_follow_writes_and_revisions_do_not_go_back() {
    let server = Server::start().await;
    let (ours, theirs) = (cell(&server.url(), "own", 0).await, cell(&server.url(), "own", 0).await);
    let clone = ours.clone();
    let others = tokio::spawn(async move {
        for _ in 0..200 {
            theirs.send_if(|value| Some(value + 1)).await.unwrap();
        }
    });
    let mut before = ours.borrow().revision();
    for _ in 0..200 {
        // The value of each change is one more: what is shown later cannot be less.
        let mut sent = 0;
        let revision = ours
            .send_if(|value| {
                sent = value + 1;
                Some(sent)
            })
            .await
            .unwrap()
            .unwrap();
        let shown = clone.borrow();
        assert!(*shown >= sent, "{} < {sent}", *shown);
        assert!(shown.revision() >= revision && revision > before);
        before = revision;
    }
    others.await.unwrap();
    shows(&ours, &400).await;
}

#[tokio::test]
async fn one_of_many_that_open_a_cell_gives_it_its_first_value() {
    let server = Server::start().await;
    let url = server.url();
    let opened = join_all((1..=8).map(|value| cell(&url, "first", value))).await;
    let first = *opened[0].borrow();
    assert!((1..=8).contains(&first));
    for cell in &opened {
        shows(cell, &first).await;
        assert_eq!(cell.borrow().revision(), opened[0].borrow().revision());
    }
    assert_eq!(*cell(&server.url(), "first", 9).await.borrow(), first);
}

#[tokio::test]
async fn a_cell_is_a_bucket_that_other_programs_use() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let cell = connection.cell(name("shared")).open(String::from("one")).await.unwrap();
    let store = connection.jetstream().get_key_value("levada_cell_shared").await.unwrap();
    assert_eq!(store.get("value").await.unwrap().unwrap(), "\"one\"");
    let revision = store.put("value", "\"two\"".into()).await.unwrap();
    shows(&cell, &"two".to_owned()).await;
    assert_eq!(cell.borrow().revision().to_string(), revision.to_string());
}

#[tokio::test]
async fn a_message_to_the_subject_of_the_pushes_changes_nothing() {
    let server = Server::start().await;
    let cell = cell(&server.url(), "forged", 1).await;
    let connection = connect(&server.url()).await.unwrap();
    connection.client().publish("levada.cell.forged", "7".into()).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Stream", "KV_other");
    headers.insert("Nats-Subject", "$KV.levada_cell_forged.value");
    headers.insert("Nats-Sequence", u64::MAX.to_string());
    let client = connection.client();
    client.publish_with_headers("levada.cell.forged", headers, "7".into()).await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(*cell.borrow(), 1);
    cell.send(2).await.unwrap();
    shows(&cell, &2).await;
}

#[tokio::test]
async fn guarantee_7_bytes_of_another_type_are_skipped() {
    let server = Server::start().await;
    let url = server.url();
    let cell = cell(&url, "typed", 1).await;
    let unreadable = put(&url, "typed", "\"text\"").await;
    is_in_state(&cell, State::Unreadable).await;
    assert_eq!(*cell.borrow(), 1);
    // The value that is shown is not the newest: what builds on it is refused.
    let seen = cell.borrow().revision();
    let error = cell.compare_and_set(seen, 2).await.unwrap_err();
    let SendError::Changed { value: 2, current } = error else { panic!("{error}") };
    assert_eq!(current.to_string(), unreadable.to_string());
    let error = cell.send_if(|value| Some(value + 1)).await.unwrap_err();
    assert!(matches!(error, SendIfError::Unreadable { revision, .. } if revision == current));
    let open = connect(&url).await.unwrap().cell(name("typed")).open(5_u64).await;
    let error = open.unwrap_err();
    assert!(matches!(&error, OpenError::Settings(text) if text.contains("no value of this type")));
    cell.send(3).await.unwrap();
    is_in_state(&cell, State::Current).await;
    assert_eq!(*cell.borrow(), 3);
}

#[tokio::test]
async fn guarantee_7_a_deleted_key_keeps_the_value_until_the_next_send() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let cell = connection.cell(name("deleted")).open(1_u64).await.unwrap();
    let store = connection.jetstream().get_key_value("levada_cell_deleted").await.unwrap();
    for round in 1..=2_u64 {
        if round == 1 {
            store.delete("value").await.unwrap();
        } else {
            store.purge("value").await.unwrap();
        }
        is_in_state(&cell, State::Deleted).await;
        assert_eq!(*cell.borrow(), round);
        let error = cell.send_if(|value| Some(value + 1)).await.unwrap_err();
        assert!(matches!(error, SendIfError::Deleted));
        cell.send(round + 1).await.unwrap();
        is_in_state(&cell, State::Current).await;
        assert_eq!(*cell.borrow(), round + 1);
    }
    store.delete("value").await.unwrap();
    // Who opens a deleted cell creates it.
    let opened = connection.cell(name("deleted")).open(9_u64).await.unwrap();
    assert_eq!(*opened.borrow(), 9);
    shows(&cell, &9).await;
}

#[tokio::test]
async fn guarantee_7_a_stream_that_is_purged_is_noticed() {
    let server = Server::start().await;
    let cell = cell(&server.url(), "purged", 1).await;
    api(&server.url(), "PURGE", "purged", &json!({})).await;
    is_in_state(&cell, State::Deleted).await;
    assert_eq!(*cell.borrow(), 1);
    cell.send(2).await.unwrap();
    is_in_state(&cell, State::Current).await;
    assert_eq!(*cell.borrow(), 2);
}

#[tokio::test]
async fn guarantee_7_a_deleted_bucket_is_noticed_and_a_new_one_is_followed() {
    let server = Server::start().await;
    let url = server.url();
    let old = cell(&url, "gone", 1).await;
    let before = old.send(2).await.unwrap();
    api(&url, "DELETE", "gone", &json!({})).await;
    let SendError::NoBucket(3) = old.send(3).await.unwrap_err() else { panic!() };
    is_in_state(&old, State::NoBucket).await;
    assert_eq!(*old.borrow(), 2);
    let error = old.send_if(|value| Some(value + 1)).await.unwrap_err();
    assert!(matches!(error, SendIfError::Send(SendError::NoBucket(3))), "{error:?}");
    let new = cell(&url, "gone", 10).await;
    shows(&old, &10).await;
    is_in_state(&old, State::Current).await;
    // A revision of the former bucket is none of the new one.
    assert!(new.borrow().revision() > before);
    let error = old.compare_and_set(before, 11).await.unwrap_err();
    assert!(matches!(error, SendError::Changed { value: 11, .. }));
    old.send(12).await.unwrap();
    shows(&new, &12).await;
}

#[tokio::test]
async fn a_bucket_made_again_with_lower_revisions_is_followed() {
    let server = Server::start().await;
    let url = server.url();
    let cell = cell(&url, "clock", 1).await;
    let mut config = api(&url, "INFO", "clock", &json!({})).await["config"].take();
    api(&url, "DELETE", "clock", &json!({})).await;
    // As a machine does whose clock stands at the beginning of 1970.
    config["first_seq"] = json!(5);
    api(&url, "CREATE", "clock", &config).await;
    assert_eq!(put(&url, "clock", "7").await, 5);
    shows(&cell, &7).await;
    assert_eq!(cell.borrow().revision().to_string(), "5");
    cell.send(8).await.unwrap();
    shows(&cell, &8).await;
}

#[tokio::test]
async fn a_stream_with_other_settings_is_refused() {
    let server = Server::start().await;
    let url = server.url();
    let stream = json!({
        "name": "KV_levada_cell_other", "subjects": ["$KV.levada_cell_other.>"],
        "storage": "file", "max_msgs_per_subject": 10,
    });
    let subject = "$JS.API.STREAM.CREATE.KV_levada_cell_other";
    request(&url, subject, &stream.to_string()).await.unwrap();
    let open = connect(&url).await.unwrap().cell(name("other")).open(1).await;
    let error = open.unwrap_err();
    let OpenError::Differs { differences, .. } = &error else { panic!("{error}") };
    let settings: Vec<_> = differences.iter().map(|found| found.setting.as_str()).collect();
    assert!(settings.contains(&"max_msgs_per_subject"), "{settings:?}");
    assert!(settings.contains(&"republish"), "{settings:?}");
}

/// A number whose drop panics if it is 13, as its decoding does if it is 14.
#[derive(Debug, PartialEq)]
struct Bomb(u8);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(self.0 != 13 || std::thread::panicking(), "the drop of 13");
    }
}

struct Bombs;

impl Codec<Bomb> for Bombs {
    fn encode(&self, value: &Bomb) -> Result<Bytes, CodecError> {
        Ok(vec![value.0].into())
    }

    fn decode(&self, bytes: &Bytes) -> Result<Bomb, CodecError> {
        assert_ne!(bytes[0], 14, "the decoding of 14");
        Ok(Bomb(bytes[0]))
    }
}

#[tokio::test]
async fn panics_of_the_codec_and_of_a_drop_end_nothing() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let cell = connection.cell(name("bombs")).open_with(Bomb(1), Bombs).await.unwrap();
    let store = connection.jetstream().get_key_value("levada_cell_bombs").await.unwrap();
    for round in 2..=4 {
        for value in [13, 14, round] {
            store.put("value", vec![value].into()).await.unwrap();
            if value == 14 {
                is_in_state(&cell, State::Unreadable).await;
            } else {
                let mut shown = cell.subscribe();
                let shown = timeout(PATIENCE, shown.wait_for(|bomb| bomb.0 == value)).await;
                shown.unwrap().unwrap();
            }
        }
        is_in_state(&cell, State::Current).await;
        cell.send(Bomb(round + 1)).await.unwrap();
        assert_eq!(cell.borrow().0, round + 1);
    }
}

#[tokio::test]
async fn a_codec_chooses_the_bytes() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let text = || String::from("as it is");
    let cell = connection.cell(name("raw")).open_with(text(), Raw).await.unwrap();
    let store = connection.jetstream().get_key_value("levada_cell_raw").await.unwrap();
    assert_eq!(store.get("value").await.unwrap().unwrap(), "as it is");
    cell.send("\u{1f30a}".to_owned()).await.unwrap();
    assert_eq!(store.get("value").await.unwrap().unwrap(), "\u{1f30a}");
}

#[tokio::test]
async fn a_value_as_large_as_a_message_arrives_and_is_read() {
    let server = Server::start().await;
    let url = server.url();
    let open = async || {
        let connection = connect(&url).await.unwrap();
        connection.cell(name("large")).open_with(Vec::new(), Raw).await.unwrap()
    };
    let (writer, reader) = (open().await, open().await);
    // The headers of a message count as well.
    let large = vec![7_u8; (1 << 20) - 200];
    writer.send(large.clone()).await.unwrap();
    shows(&reader, &large).await;
    shows(&open().await, &large).await;
    let error = writer.send(vec![0; 1 << 20]).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { .. }), "{error}");
}
