//! Which content types a queue takes.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;

/// `text/plain`, `text/*` or `*/*`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaRange {
    kind: String,
    subtype: String,
}

impl MediaRange {
    /// Whether a `Content-Type` is one of these; its parameters do not matter, nor does its case.
    pub(crate) fn contains(&self, content_type: &HeaderValue) -> bool {
        let Ok(text) = content_type.to_str() else {
            return false;
        };
        let essence = text.split_once(';').map_or(text, |(essence, _)| essence).trim();
        essence.split_once('/').is_some_and(|(kind, subtype)| {
            matches(&self.kind, kind) && matches(&self.subtype, subtype)
        })
    }
}

fn matches(pattern: &str, part: &str) -> bool {
    is_token(part) && (pattern == "*" || pattern.eq_ignore_ascii_case(part))
}

/// The characters of a token (RFC 9110, 5.6.2), of which a media type has two; not `*` itself.
fn is_token(part: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(c);
    !part.is_empty() && part.chars().all(is_part)
}

impl FromStr for MediaRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        match lower.split_once('/') {
            Some((kind, subtype))
                if (is_token(kind) && (is_token(subtype) || subtype == "*")) || lower == "*/*" =>
            {
                Ok(Self { kind: kind.to_owned(), subtype: subtype.to_owned() })
            }
            _ => Err("give content types such as image/png, text/* or */*".to_owned()),
        }
    }
}

impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_types() {
        for (range, content_type, inside) in [
            ("text/plain", "text/plain", true),
            ("Text/Plain", "TEXT/plain; charset=utf-8", true),
            ("text/*", "text/csv", true),
            ("text/*", "image/png", false),
            ("text/plain", "text/csv", false),
            ("*/*", "application/ld+json", true),
            ("*/*", "nonsense", false),
            ("*/*", "", false),
            ("text/*", "text/", false),
            ("text/*", "text/a b", false),
        ] {
            let range: MediaRange = range.parse().unwrap();
            let value = HeaderValue::from_str(content_type).unwrap();
            assert_eq!(range.contains(&value), inside, "{range} {content_type:?}");
        }
        let range: MediaRange = "*/*".parse().unwrap();
        assert!(!range.contains(&HeaderValue::from_bytes(b"text/\xe9").unwrap()));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["", "text", "*", "*/plain", "text/", "/plain", "te xt/plain", "a/b/c", "a/*b"] {
            assert!(bad.parse::<MediaRange>().is_err(), "{bad:?} was accepted");
        }
        assert_eq!("Image/*".parse::<MediaRange>().unwrap().to_string(), "image/*");
    }
}
