//! The channels inside the service, on its page.

use serde_json::json;

use crate::browser::{Page, with_page};
use crate::service::Service;

const QUEUES: &str = "[queue.default]\ncommand = [\"cat\"]\n";

/// The document of the frame.
const INSIDE: &str = "document.querySelector('#inside iframe').contentDocument";

/// Waits until an element of the frame, by its id in quotes, shows this among its text.
pub(crate) async fn until_inside(page: &Page, id: &str, text: &str) {
    let text = json!(text);
    page.until(&format!("return {INSIDE}.getElementById({id}).innerText.includes({text})")).await;
}

#[tokio::test]
async fn the_channels_of_the_service_are_a_part_of_its_page() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.submit("default", "hello").await;
        page.click("#view-channels").await;
        for name in ["store", "events", "jobs", "config"] {
            until_inside(page, "'channels'", name).await;
        }
        until_inside(page, "'live'", "live").await;
        let shown = "return [document.getElementById('main').checkVisibility(),
            document.querySelector('.views [aria-current]').textContent]";
        assert_eq!(page.js(shown).await, json!([false, "Channels"]));
        // What is looked at stays while the page goes on.
        page.js(&format!("{INSIDE}.querySelector('#channels a').click()")).await;
        page.until(&format!("return {INSIDE}.getElementById('detail').open")).await;
        page.click("#new-job").await;
        page.until_shown("#submit-dialog").await;
        page.click("#submit-dialog .close").await;
        page.until(&format!("return {INSIDE}.getElementById('detail').open")).await;
        // It asks for nothing more once it is left.
        page.click("#view-jobs").await;
        page.until_shown("#queues").await;
        page.until("return document.getElementById('inside').childElementCount === 0").await;
    })
    .await;
}

#[tokio::test]
async fn they_have_no_page_without_it() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.driver.goto(format!("{}/page/channels/index.html", service.url)).await.unwrap();
        page.until("return location.pathname === '/' && location.hash === '#channels='").await;
        until_inside(page, "'channels'", "store").await;
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_gone_and_comes_back_is_noticed() {
    let mut service = Service::start(QUEUES);
    let url = service.url.clone();
    with_page(&url, async |page| {
        page.open("channels=").await;
        until_inside(page, "'live'", "live").await;
        service.kill();
        until_inside(page, "'away'", "The service does not answer.").await;
        service.start_again();
        until_inside(page, "'notice'", "This is another process").await;
        until_inside(page, "'live'", "live").await;
    })
    .await;
}

#[tokio::test]
async fn they_fit_on_a_phone() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.resize(390, 844).await;
        page.open("channels=").await;
        until_inside(page, "'channels'", "store").await;
        let wide = format!(
            "return [document.documentElement.scrollWidth, {INSIDE}.documentElement.scrollWidth]"
        );
        assert_eq!(page.js(&wide).await, json!([390, 390]));
        let high = "return document.getElementById('inside').getBoundingClientRect().height >= 320";
        assert_eq!(page.js(high).await, json!(true));
    })
    .await;
}

/// Only this page may show it in a frame, and by itself it asks for nothing.
#[tokio::test]
async fn its_policy_is_narrow() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let policies = page
            .js("return Promise.all(['/', '/page/channels/index.html'].map((path) =>
                fetch(path).then((answer) => answer.headers.get('Content-Security-Policy'))))");
        let policies = policies.await;
        let [whole, part] = [0, 1].map(|number| policies[number].as_str().unwrap());
        assert!(whole.ends_with("frame-ancestors 'none'") && whole.contains("frame-src 'self'"));
        assert!(part.ends_with("frame-ancestors 'self'") && !part.contains("connect-src"));
        assert!(part.starts_with("default-src 'none'; "));
    })
    .await;
}
