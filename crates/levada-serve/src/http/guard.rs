//! Keeps pages in a browser away from the command.
//!
//! Any page can make the browser on this machine send a request to a loopback address, and a name
//! under the page's control can be made to lead there (DNS rebinding). So a request that a browser
//! marks as coming from another origin is refused, and so is one for a host by whose name the
//! service is not known ([`Hosts`]). Where there are tokens, everyone needs one.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use super::problem::{Problem, bad_header};
use super::{App, Client};
use crate::secure::{Hosts, hosts};
use crate::server::Connection;

pub(crate) async fn refuse_foreign_pages(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let count = request.headers().get_all(header::HOST).iter().count();
    if count > 1 || (count == 0 && request.version() >= Version::HTTP_11) {
        let detail = format!("The request has {count} Host headers; there has to be one.");
        return Err(counted(&app, &request, bad_header(detail)));
    }
    let known = hosts(&app.settings.args.access, app.settings.tokens.is_some());
    if let Some(reason) = foreign(request.headers(), known) {
        let problem = Problem::new(
            StatusCode::FORBIDDEN,
            "foreign-page",
            "Pages of other sites may not use this service",
            reason,
        );
        return Err(counted(&app, &request, problem));
    }
    Ok(next.run(request).await)
}

/// Counts a request that would have become a job. It is not told to everyone: strangers could fill the events with that.
fn counted(app: &App, request: &Request, problem: Problem) -> Problem {
    let path = request.uri().path();
    let is_queue = path.strip_prefix("/q/").is_some_and(|name| !name.contains('/'));
    if request.method() == Method::POST && (path == "/" || is_queue) {
        app.jobs.metrics.rejected(None, problem.kind());
    }
    problem
}

/// What everyone may see: it is the page that asks for a token, and whoever restarts a process has none.
const OPEN: [&str; 3] = ["/", "/health", "/ready"];

/// Finds out who sends the request, and lets nobody else pass.
pub(crate) async fn identify(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = request.uri().path();
    let open = OPEN.contains(&path) || path.starts_with("/page/");
    let tokens = app.settings.tokens.as_ref().map(|tokens| Arc::clone(&tokens.borrow()));
    let sent = request.headers().get(header::AUTHORIZATION);
    let client = match tokens.map(|tokens| tokens.client(sent)) {
        None => connection.peer().ip().to_string(),
        Some(Ok(name)) => name.to_string(),
        Some(Err(_)) if open && request.method().is_safe() => String::new(),
        Some(Err(error)) => {
            let problem = Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "A token is needed",
                error.to_string(),
            )
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Err(counted(&app, &request, problem));
        }
    };
    request.extensions_mut().insert(Client(client));
    Ok(next.run(request).await)
}

fn foreign(headers: &HeaderMap, known: Hosts<'_>) -> Option<String> {
    let text = |name: HeaderName| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let host = text(header::HOST).unwrap_or_default();
    if let Some(origin) = text(header::ORIGIN) {
        let same = origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(&host));
        if !same {
            return Some(format!("The request's origin {origin:?} is not {host:?}."));
        }
    }
    if !host.is_empty() && !is_known(&host, known) {
        return Some(format!(
            "The host {host:?} is neither localhost nor an IP address, and the service has no tokens; its option \
             --allow-host adds a name."
        ));
    }
    None
}

fn is_known(host: &str, known: Hosts<'_>) -> bool {
    let (names, private) = match known {
        Hosts::Any => return true,
        Hosts::Local(names) => (names, false),
        Hosts::Private(names) => (names, true),
    };
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
        || (private && is_private(name))
}

/// Whether a name is one of a private network by its form: it has no dot (a container's, a
/// service's in the same namespace), or an end that no public name has.
fn is_private(name: &str) -> bool {
    match name.rsplit_once('.') {
        None => true,
        Some((_, end)) => {
            ["internal", "local", "svc"].iter().any(|private| end.eq_ignore_ascii_case(private))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Hosts<'_> = Hosts::Local(&[]);
    const PRIVATE: Hosts<'_> = Hosts::Private(&[]);

    fn is_foreign(host: &str, origin: Option<&str>, known: Hosts<'_>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        foreign(&headers, known).is_some()
    }

    #[test]
    fn hosts() {
        for host in ["localhost", "LocalHost:8080", "127.0.0.1:80", "[::1]:8080", "10.0.0.1", ""] {
            assert!(!is_foreign(host, None, LOCAL), "{host:?}");
            assert!(!is_foreign(host, None, PRIVATE), "{host:?}");
        }
        for host in ["page.example", "page.example:8080", "localhost.page.example", "a b", "1.2.3"]
        {
            assert!(is_foreign(host, None, LOCAL), "{host:?}");
            assert!(is_foreign(host, None, PRIVATE), "{host:?}");
            assert!(!is_foreign(host, None, Hosts::Any), "{host:?}");
        }
        for host in
            ["levada", "le_vada:8080", "levada.ns.svc", "l.ns.svc.cluster.Local", "a.internal"]
        {
            assert!(is_foreign(host, None, LOCAL), "{host:?}");
            assert!(!is_foreign(host, None, PRIVATE), "{host:?}");
        }
        for host in [".", "svc.", "levada.dev", "svc.example", "alocal."] {
            assert!(is_foreign(host, None, PRIVATE), "{host:?}");
        }
        let names = ["Jobs.example".to_owned()];
        for known in [Hosts::Local(&names), Hosts::Private(&names)] {
            assert!(!is_foreign("jobs.example:80", None, known));
            assert!(is_foreign("other.jobs.example", None, known));
        }
        assert!(foreign(&HeaderMap::new(), LOCAL).is_none());
    }

    #[test]
    fn origins() {
        let host = "localhost:8080";
        assert!(!is_foreign(host, Some("http://localhost:8080"), LOCAL));
        for origin in
            ["null", "http://page.example", "http://localhost:8081", "http://localhost", ""]
        {
            assert!(is_foreign(host, Some(origin), LOCAL), "{origin:?}");
            assert!(is_foreign(host, Some(origin), Hosts::Any), "{origin:?}");
        }
        assert!(is_foreign("page.example", Some("http://page.example"), LOCAL), "rebinding");
        assert!(is_foreign("page.example", Some("http://page.example"), PRIVATE), "rebinding");
    }
}
