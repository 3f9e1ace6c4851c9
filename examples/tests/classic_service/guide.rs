//! The guide's page about this service shows its code as it is.

use std::fs;
use std::path::Path;

/// The lines without their common indentation.
fn unindented(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let indentation = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    text.lines().map(|line| line.get(indentation..).unwrap_or("").to_owned() + "\n").collect()
}

/// Whether `snippet` is some consecutive lines of `source`, with another indentation perhaps.
fn is_excerpt(snippet: &str, source: &str) -> bool {
    let lines: Vec<&str> = source.lines().collect();
    let snippet = unindented(snippet);
    lines.windows(snippet.lines().count()).any(|lines| unindented(&lines.join("\n")) == snippet)
}

#[test]
fn snippets_are_excerpts_of_the_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = folder.join("../crates/levada/docs/guide/classic_service.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let sources: Vec<String> = fs::read_dir(folder.join("classic_service"))
        .expect("the example is there")
        .map(|entry| fs::read_to_string(entry.expect("it can be listed").path()).expect("text"))
        .collect();

    let snippets: Vec<&str> = page
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect();
    assert!(snippets.len() >= 7, "{} snippets", snippets.len());
    for snippet in snippets {
        assert!(
            sources.iter().any(|source| is_excerpt(snippet, source)),
            "this is not in the example any more:\n{snippet}"
        );
    }
}

#[test]
fn excerpts_are_recognised() {
    let source = "fn a() {\n    b();\n\n    c();\n}\n";
    assert!(is_excerpt("b();\n\nc();\n", source));
    assert!(!is_excerpt("b();\nc();\n", source));
    assert!(!is_excerpt("d();\n", source));
}
