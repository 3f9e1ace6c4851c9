//! That everyone can use it: small screens, and those who do not see it.

use serde_json::{Value, json};

use crate::browser::{Page, with_page};
use crate::service::Service;

const QUEUES: &str = r#"
[queue.default]
command = ["cat"]
[queue.a-queue-with-quite-a-long-name-that-does-not-fit-anywhere]
command = ["sh", "-c", "cat >&2; exit 65"]
"#;

/// Every part of the page, opened one after the other.
async fn everywhere(page: &Page, check: impl AsyncFn(&str)) {
    page.until_live().await;
    check("without a job").await;
    let long = "x".repeat(300);
    page.submit("default", &long).await;
    let failed =
        page.submit("a-queue-with-quite-a-long-name-that-does-not-fit-anywhere", &long).await;
    page.until_text("#jobs", "exit code 65").await;
    check("with jobs").await;
    page.open(&format!("job={failed}")).await;
    page.until_text("#job-stderr-text", &long).await;
    check("with a job").await;
    page.open("submit=").await;
    page.until("return document.getElementById('submit-queue').options.length === 2").await;
    page.click("#submit-send").await;
    page.until_text("#submit-answer-title", "Done").await;
    check("with the form").await;
    page.open("").await;
    page.until_live().await;
    page.click(".retry:not([hidden])").await;
    page.until_shown("#confirm-dialog").await;
    check("with a question").await;
}

#[tokio::test]
async fn a_phone_is_wide_enough() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.resize(390, 844).await;
        everywhere(page, async |part| {
            let wide = page.js("return document.documentElement.scrollWidth").await;
            assert_eq!(wide, json!(390), "{part}");
            let inner =
                "return [...document.querySelectorAll('dialog[open], dialog[open] .drawer-body')]
                .every((box) => box.scrollWidth <= box.clientWidth)";
            assert_eq!(page.js(inner).await, json!(true), "{part}");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn everything_that_can_be_used_has_a_name() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        everywhere(page, async |part| {
            let tree = page.devtools("Accessibility.getFullAXTree", json!({})).await;
            let mut controls = 0;
            for node in tree["nodes"].as_array().unwrap() {
                if is_control(node) {
                    controls += 1;
                    let name = node["name"]["value"].as_str().unwrap_or_default();
                    assert!(!name.trim().is_empty(), "{part}: {node}");
                }
            }
            assert!(controls >= 2, "{part}: {tree}");
        })
        .await;
    })
    .await;
}

fn is_control(node: &Value) -> bool {
    const ROLES: [&str; 13] = [
        "button",
        "link",
        "textbox",
        "combobox",
        "radio",
        "checkbox",
        "img",
        "image",
        "dialog",
        "table",
        "progressbar",
        "log",
        "ComboBoxSelect",
    ];
    node["ignored"] != json!(true)
        && ROLES.contains(&node["role"]["value"].as_str().unwrap_or_default())
}
