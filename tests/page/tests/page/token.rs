//! A service that wants a token.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::browser::with_page;
use crate::inside::until_inside;
use crate::service::Service;

#[tokio::test]
async fn a_token_is_asked_for_and_kept_in_memory() {
    let mut service = Service::start("[queue.default]\ncommand = [\"cat\"]\n");
    service.kill();
    let tokens = service.file("tokens");
    std::fs::write(&tokens, "someone s3cret-token-of-some-length\n").unwrap();
    // The service takes no file that others can read.
    std::fs::set_permissions(&tokens, Permissions::from_mode(0o600)).unwrap();
    service.start_again();
    with_page(&service.url, async |page| {
        page.write("#token", "another").await;
        page.click("#token-form [type='submit']").await;
        page.until_text("#token-text", "did not take that token").await;
        // One that was copied with a character that is not seen, and that no header can have.
        page.write("#token", "s3cret-token-of-some-length\u{200b}").await;
        page.click("#token-form [type='submit']").await;
        page.until_text("#token-text", "cannot be sent").await;
        page.write("#token", "s3cret-token-of-some-length").await;
        page.click("#token-form [type='submit']").await;
        page.until_live().await;
        page.until("return !document.getElementById('token-dialog').open").await;
        page.click("#new-job").await;
        page.write("#submit-text", "hello").await;
        page.click("#submit-send").await;
        page.until_text("#submit-answer-text", "hello").await;
        // Browsers write to disk what a page stores, also what they call the storage of a session.
        let kept = page.js(
            "return [localStorage.length, sessionStorage.length, document.cookie, location.href.includes('s3cret')]",
        );
        assert_eq!(kept.await, json!([0, 0, "", false]));
        page.click("#submit-dialog .close").await;
        // The page of the channels is a part of this one, and asks with the same token.
        page.click("#view-channels").await;
        until_inside(page, "'channels'", "store").await;
        page.open("").await;
        page.until("return document.getElementById('token-dialog').open").await;
        page.open("channels=").await;
        page.until("return document.getElementById('token-dialog').open").await;
        until_inside(page, "'away'", "This service asks for a token.").await;
    })
    .await;
}
