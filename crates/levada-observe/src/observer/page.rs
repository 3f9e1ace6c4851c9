//! The page for people: static files, which ask for `/channels` like any other client.
//!
//! [`Observer`](crate::Observer) and [`serve`](crate::serve) serve it at `/`. A program that has a
//! server of its own serves [`files`] at addresses with a common beginning, such as
//! `/inside/index.html`; the files refer to each other relative to that. One of them,
//! `page/source.js`, is to be replaced by the program's own if its report is elsewhere or wants a
//! token:
//!
//! ```js
//! /** Asks for a report. `signal` ends the wait. */
//! const headers = { Authorization: token };
//! export const ask = (signal) => fetch("/channels", { headers, signal });
//! ```

/// A file of the page.
///
/// # Examples
/// ```
/// let index = levada_observe::page::file("index.html").unwrap();
/// assert!(index.content_type.starts_with("text/html") && index.text.contains("<h2"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its path from the common beginning: `index.html`, `page/app.js`.
    pub path: &'static str,
    /// For the header `Content-Type`.
    pub content_type: &'static str,
    /// What is in it.
    pub text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($path:literal, $name:literal, $content_type:expr) => {
        File {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("../../page/", $name)),
        }
    };
}

const FILES: &[File] = &[
    file!("index.html", "index.html", HTML),
    file!("page/style.css", "style.css", CSS),
    file!("page/icon.svg", "icon.svg", "image/svg+xml"),
    file!("page/app.js", "app.js", JS),
    file!("page/channels.js", "channels.js", JS),
    file!("page/detail.js", "detail.js", JS),
    file!("page/dom.js", "dom.js", JS),
    file!("page/format.js", "format.js", JS),
    file!("page/graph.js", "graph.js", JS),
    file!("page/source.js", "source.js", JS),
    file!("page/state.js", "state.js", JS),
];

/// All files of the page; `index.html` is the one that a browser opens.
///
/// # Examples
/// ```
/// assert!(levada_observe::page::files().iter().any(|file| file.path == "page/app.js"));
/// ```
pub fn files() -> &'static [File] {
    FILES
}

/// The file with this path.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::page::file("page/passwords.js"), None);
/// ```
pub fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file refers to: everything in quotes that begins as one of the page's paths does.
    fn references(text: &str) -> impl Iterator<Item = String> {
        [("\"page/", "page/"), ("\"./", "page/")].into_iter().flat_map(move |(start, folder)| {
            let names = text.split(start).skip(1).filter_map(|rest| rest.split('"').next());
            names.map(move |name| format!("{folder}{name}"))
        })
    }

    #[test]
    fn the_page_refers_to_its_own_files_alone() {
        let mut referred = 0;
        for File { path, text, .. } in FILES {
            for reference in references(text) {
                referred += 1;
                assert!(file(&reference).is_some(), "{path}: {reference}");
            }
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{path}");
            for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "style=\"", " onclick="]
            {
                assert!(!text.contains(markup), "{path}: {markup}");
            }
        }
        assert!(referred > FILES.len(), "{referred}");
    }
}
