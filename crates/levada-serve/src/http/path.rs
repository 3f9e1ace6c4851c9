//! The names in a path.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::{Problem, not_found};

/// A name in the path. Bytes that are no text name nothing: that is a problem as well, which axum's
/// own extractor would answer in another form.
#[derive(Debug)]
pub(crate) struct Path(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(name)) => Ok(Self(name)),
            Err(_) => Err(not_found(parts.uri.clone()).await),
        }
    }
}
