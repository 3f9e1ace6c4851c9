//! The page for people, at `/`: static files, which speak to the interface like any other client.
//!
//! A part of it, in a frame, is the page of levada-observe at `/page/channels/index.html`.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::headers::has_already;
use super::path::Path;
use super::problem::not_found;

/// A file's name, its content type, and what is in it.
type File = (&'static str, &'static str, &'static str);

const JS: &str = "text/javascript; charset=utf-8";
const INDEX: File = ("", "text/html; charset=utf-8", include_str!("../../page/index.html"));
const FILES: &[File] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("../../page/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("../../page/icon.svg")),
    ("api.js", JS, include_str!("../../page/api.js")),
    ("app.js", JS, include_str!("../../page/app.js")),
    ("dom.js", JS, include_str!("../../page/dom.js")),
    ("format.js", JS, include_str!("../../page/format.js")),
    ("inside.js", JS, include_str!("../../page/inside.js")),
    ("job.js", JS, include_str!("../../page/job.js")),
    ("jobs.js", JS, include_str!("../../page/jobs.js")),
    ("members.js", JS, include_str!("../../page/members.js")),
    ("queues.js", JS, include_str!("../../page/queues.js")),
    ("sse.js", JS, include_str!("../../page/sse.js")),
    ("state.js", JS, include_str!("../../page/state.js")),
    ("submit.js", JS, include_str!("../../page/submit.js")),
];

/// What the page of the channels asks for its reports with.
const SOURCE: File = ("page/source.js", JS, include_str!("../../page/channels-source.js"));

/// The page uses nothing but its own files and this service, and no site may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// The page of the channels asks for nothing by itself, and the page frames it.
const FRAMED: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

pub(crate) async fn index(headers: HeaderMap) -> Response {
    answer(&INDEX, POLICY, &headers)
}

pub(crate) async fn file(Path(name): Path, uri: Uri, headers: HeaderMap) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some(file) => answer(file, POLICY, &headers),
        None => not_found(uri).await.into_response(),
    }
}

pub(crate) async fn of_channels(Path(path): Path, uri: Uri, headers: HeaderMap) -> Response {
    match channels(&path) {
        Some(file) => answer(&file, FRAMED, &headers),
        None => not_found(uri).await.into_response(),
    }
}

/// A file of the page of the channels.
fn channels(path: &str) -> Option<File> {
    if path == SOURCE.0 {
        return Some(SOURCE);
    }
    let file = levada_observe::page::file(path)?;
    Some((file.path, file.content_type, file.text))
}

fn answer((_, content_type, text): &File, policy: &'static str, headers: &HeaderMap) -> Response {
    let tag = tag(text);
    let fixed = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let tagged = [(header::ETAG, HeaderValue::try_from(&tag).expect("quoted hexadecimal digits"))];
    if has_already(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, fixed, tagged).into_response();
    }
    (fixed, tagged, [(header::CONTENT_TYPE, *content_type)], *text).into_response()
}

/// Another version of the program has another page.
fn tag(text: &str) -> String {
    let mut tag = String::from("\"");
    for byte in &Sha256::digest(text)[..8] {
        write!(tag, "{byte:02x}").expect("a String takes everything");
    }
    tag + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file refers to: everything in quotes that begins as one of the page's paths does.
    fn references(text: &str) -> impl Iterator<Item = &str> {
        ["\"/page/", "\"./"].into_iter().flat_map(move |start| {
            text.split(start).skip(1).filter_map(|rest| rest.split('"').next())
        })
    }

    #[test]
    fn the_page_refers_to_its_own_files_alone() {
        let mut referred = 0;
        for (name, _, text) in FILES.iter().chain([&INDEX, &SOURCE]) {
            for reference in references(text) {
                referred += 1;
                let of_channels = reference.strip_prefix("channels/").and_then(channels);
                let is_known = FILES.iter().any(|(file, ..)| *file == reference);
                assert!(is_known || of_channels.is_some(), "{name}: {reference}");
            }
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{name}");
            assert!(!text.contains("innerHTML"), "{name}");
        }
        assert!(referred > FILES.len(), "{referred}");
    }

    #[test]
    fn the_page_of_the_channels_asks_by_this_one() {
        let others = levada_observe::page::files().iter().filter(|file| file.path != SOURCE.0);
        for file in others {
            assert_eq!(channels(file.path).map(|(_, _, text)| text), Some(file.text));
            assert!(!file.text.contains("fetch("), "{}", file.path);
        }
        assert_eq!(channels(SOURCE.0), Some(SOURCE));
        assert!(levada_observe::page::file(SOURCE.0).is_some(), "it is called otherwise now");
    }

    #[test]
    fn a_tag_is_that_of_the_text() {
        assert_eq!(tag("a"), tag("a"));
        assert_ne!(tag("a"), tag("b"));
        let mut headers = HeaderMap::new();
        assert_eq!(answer(&INDEX, POLICY, &headers).status(), StatusCode::OK);
        headers.insert(header::IF_NONE_MATCH, HeaderValue::try_from(tag(INDEX.2)).unwrap());
        assert_eq!(answer(&INDEX, POLICY, &headers).status(), StatusCode::NOT_MODIFIED);
    }
}
