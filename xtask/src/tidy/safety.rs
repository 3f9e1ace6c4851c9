//! A SAFETY comment is a proof. (That each block has one is clippy's to check.)

use super::File;

/// What is written where a proof is missing.
const EMPTY_WORDS: &[&str] = &["untriaged", "obvious", "trivial", "see above"];

pub(super) fn check(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut inside = false;
    for (index, line) in file.lines.iter().enumerate() {
        inside = line.comment.contains("SAFETY:") || inside && line.is_only_comment();
        let text = line.comment.to_lowercase();
        if let Some(word) = EMPTY_WORDS.iter().find(|word| inside && text.contains(**word)) {
            findings.push(file.at(index, &format!("SAFETY says \"{word}\" instead of why")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_reasons() {
        let empty = File::new("f.rs", "// SAFETY: this is\n// Obviously fine.\nunsafe { a() }");
        assert_eq!(check(&empty).len(), 1);
        let elsewhere = File::new("f.rs", "// SAFETY: I1.\nunsafe { a() }\n// Trivial.\n");
        assert_eq!(check(&elsewhere).len(), 0);
    }
}
