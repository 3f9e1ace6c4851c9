//! The form that submits a job.

use serde_json::json;
use thirtyfour::Key;

use crate::browser::with_page;
use crate::service::Service;

const QUEUES: &str = r#"
[queue.default]
command = ["tr", "a-z", "A-Z"]
content_type = "text/plain"
[queue.failing]
command = ["sh", "-c", "echo 'line 3 is no number' >&2; exit 65"]
[queue.json]
command = ["cat"]
accept = ["application/json"]
"#;

#[tokio::test]
async fn a_submitted_text_becomes_a_result() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.click("#new-job").await;
        page.write("#submit-text", "hello").await;
        page.click("#submit-send").await;
        page.until_text("#submit-answer-title", "Done").await;
        assert_eq!(page.text("#submit-answer-text").await, "HELLO");
        page.click("#submit-answer-job").await;
        page.until_text("#job-state", "succeeded").await;
        page.until_text("#job-result-text", "HELLO").await;
    })
    .await;
}

#[tokio::test]
async fn a_file_is_submitted_with_its_type() {
    let service = Service::start(QUEUES);
    let file = service.file("data.json");
    std::fs::write(&file, r#"{"a":1}"#).unwrap();
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.click("[data-queue='json'] .submit").await;
        page.until("return document.getElementById('submit-queue').value === 'json'").await;
        page.click("#submit-form [value='file']").await;
        page.write("#submit-file", file.to_str().unwrap()).await;
        page.click("#submit-send").await;
        page.until_text("#submit-answer-title", "Done").await;
        assert_eq!(page.text("#submit-answer-text").await, r#"{"a":1}"#);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.open("submit=&queue=json").await;
        page.until("return document.getElementById('submit-queue').value === 'json'").await;
        page.write("#submit-text", "hello").await;
        page.click("#submit-send").await;
        page.until_text("#submit-answer", "The queue accepts application/json").await;
        page.write("#submit-type", "漢").await;
        page.click("#submit-send").await;
        page.until_text("#submit-answer", "Content-Type").await;
    })
    .await;
}

#[tokio::test]
async fn a_failure_shows_exit_code_and_standard_error() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.open("submit=&queue=failing").await;
        page.until("return document.getElementById('submit-queue').value === 'failing'").await;
        page.click("#submit-send").await;
        page.until_text("#submit-answer-text", "line 3 is no number").await;
        page.until_text("#submit-answer-detail", "65").await;
        page.click("#submit-answer-job").await;
        page.until_text("#job-state", "failed").await;
        page.until_text("#job-outcome", "exit code 65").await;
        page.until_text("#job-stderr-text", "line 3 is no number").await;
    })
    .await;
}

#[tokio::test]
async fn the_same_key_is_the_same_job() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.open("submit=").await;
        page.until("return document.getElementById('submit-queue').options.length > 0").await;
        page.write("#submit-text", "hello").await;
        page.write("#submit-key", "first").await;
        page.click("#submit-wait").await;
        for _ in 0..2 {
            page.js("document.getElementById('submit-answer').hidden = true").await;
            page.click("#submit-send").await;
            page.until_shown("#submit-answer-job").await;
            page.until(
                "return document.getElementById('submit-answer-title').textContent !== 'Sending…'",
            )
            .await;
        }
        page.until("return document.querySelectorAll('#jobs tr').length === 1").await;
        page.until("return document.querySelector(\"[data-queue='default'] dd.succeeded\").textContent === '1'").await;
    })
    .await;
}

#[tokio::test]
async fn a_service_that_answers_at_once_is_not_asked_at_once() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.js("window.asked = [];
            const real = window.fetch;
            window.fetch = async (path, options) => {
                if (!/^\\/jobs\\/[^/?]+$/.test(path)) return real(path, options);
                window.asked.push(performance.now());
                options.signal.throwIfAborted();
                return new Response('{\"id\":\"x\",\"state\":\"queued\"}');
            };")
            .await;
        page.click("#new-job").await;
        page.click("#submit-send").await;
        page.until("return window.asked.length >= 3").await;
        page.until("return window.asked[2] - window.asked[0] >= 990").await;
        page.click("#submit-stop").await;
        page.until_text("#submit-answer-title", "Not waiting").await;
    })
    .await;
}

#[tokio::test]
async fn keys_alone_submit_and_open_a_job() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.tab_to("#new-job").await;
        page.press(Key::Enter + "").await;
        page.until("return document.activeElement.id === 'submit-text'").await;
        page.press("by keys").await;
        page.tab_to("#submit-send").await;
        page.press(Key::Enter + "").await;
        page.until_text("#submit-answer-title", "Done").await;
        assert_eq!(page.text("#submit-answer-text").await, "BY KEYS");
        page.press(Key::Escape + "").await;
        page.until("return !document.getElementById('submit-dialog').open").await;
        assert_eq!(page.js("return document.activeElement.id").await, json!("new-job"));
        page.until_text("#jobs", "succeeded").await;
        page.tab_to("#jobs a").await;
        page.press(Key::Enter + "").await;
        page.until_text("#job-result-text", "BY KEYS").await;
        page.press(Key::Escape + "").await;
        page.until(
            "return document.activeElement.matches('#jobs a') && !location.hash.includes('job')",
        )
        .await;
    })
    .await;
}
