//! The page for people, at `/`: static files, which read `/channels` like any other client.

use crate::http::Answer;

/// A file's name, its content type, and what is in it.
type File = (&'static str, &'static str, &'static str);

const JS: &str = "text/javascript; charset=utf-8";
const INDEX: &str = include_str!("../../page/index.html");
const FILES: &[File] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("../../page/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("../../page/icon.svg")),
    ("app.js", JS, include_str!("../../page/app.js")),
    ("channels.js", JS, include_str!("../../page/channels.js")),
    ("detail.js", JS, include_str!("../../page/detail.js")),
    ("dom.js", JS, include_str!("../../page/dom.js")),
    ("format.js", JS, include_str!("../../page/format.js")),
    ("graph.js", JS, include_str!("../../page/graph.js")),
    ("state.js", JS, include_str!("../../page/state.js")),
];

pub(super) fn index() -> Answer {
    Answer { status: 200, content_type: "text/html; charset=utf-8", body: INDEX.to_owned() }
}

/// The file of the page with this name.
pub(super) fn file(name: &str) -> Option<Answer> {
    let (_, content_type, text) = FILES.iter().find(|(known, ..)| *known == name)?;
    Some(Answer { status: 200, content_type, body: (*text).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file refers to: everything in quotes that begins as one of the page's paths does.
    fn references(text: &str) -> impl Iterator<Item = &str> {
        ["\"page/", "\"./"].into_iter().flat_map(move |start| {
            text.split(start).skip(1).filter_map(|rest| rest.split('"').next())
        })
    }

    #[test]
    fn the_page_refers_to_its_own_files_alone() {
        let mut referred = 0;
        let all = FILES.iter().map(|(name, _, text)| (*name, *text));
        for (name, text) in all.chain([("index.html", INDEX)]) {
            for reference in references(text) {
                referred += 1;
                assert!(file(reference).is_some(), "{name}: {reference}");
            }
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{name}");
            for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "style=\"", " onclick="]
            {
                assert!(!text.contains(markup), "{name}: {markup}");
            }
        }
        assert!(referred > FILES.len(), "{referred}");
    }
}
