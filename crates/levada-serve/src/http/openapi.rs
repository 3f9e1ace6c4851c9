//! `GET /openapi.json`: the interface, for programs.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    include_str!("openapi.json").replacen("{version}", env!("CARGO_PKG_VERSION"), 1).into()
});

pub(crate) async fn document() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], DOCUMENT.clone()).into_response()
}
