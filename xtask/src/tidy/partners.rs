//! The operation that an ORDERING comment pairs with exists: `Type::function`, `module::function`,
//! or `function` of the same file, with an atomic operation in its body. So a comment cannot
//! outlive what it speaks of.

use super::File;
use super::source::Line;

/// A function of the core that has an atomic operation.
pub(super) struct Partner {
    path: String,
    /// What its `impl` block is for; nothing for a free function.
    owner: String,
    name: String,
}

/// The functions of `file` that have atomic operations; `operations` are the lines of these.
pub(super) fn of(file: &File, operations: &[usize]) -> Vec<Partner> {
    let lines = file.shipped();
    let mut partners = Vec::new();
    let mut owner = String::new();
    for (index, line) in lines.iter().enumerate() {
        if line.code.starts_with("impl") {
            owner = owner_of(&line.code);
        } else if line.code.starts_with('}') {
            owner.clear();
        }
        let Some(name) = function_name(&line.code) else { continue };
        let body = index..=end_of(lines, index);
        if operations.iter().any(|operation| body.contains(operation)) {
            partners.push(Partner { path: file.path.clone(), owner: owner.clone(), name });
        }
    }
    partners
}

/// What is wrong with the partners that a comment of `file` names.
pub(super) fn check(file: &File, comment: &str, partners: &[Partner]) -> Option<String> {
    let named = named(comment);
    if named.is_empty() {
        return Some("ORDERING that pairs with a function without naming it in `..`".into());
    }
    let lost = named.into_iter().find(|name| !partners.iter().any(|it| it.is(name, file)))?;
    Some(format!(
        "ORDERING pairs with `{lost}`, but no such function has an atomic operation; \
         another file's is `Type::function` or `module::function`"
    ))
}

impl Partner {
    fn is(&self, name: &str, file: &File) -> bool {
        match name.rsplit_once("::") {
            None => self.name == name && self.path == file.path,
            Some((owner, name)) => self.name == name && (self.owner == owner || self.is_in(owner)),
        }
    }

    /// Whether it is a function of the module called `module`.
    fn is_in(&self, module: &str) -> bool {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.rsplit('/').next() == Some(module)
    }
}

/// The names in backquotes behind each "pairs with", up to the end of the sentence.
fn named(comment: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (start, words) in
        comment.match_indices("pairs with").chain(comment.match_indices("pair with"))
    {
        let rest = &comment[start + words.len()..];
        let end = [". ", ": ", "; ", ", "].iter().filter_map(|end| rest.find(end)).min();
        let sentence = &rest[..end.unwrap_or(rest.len())];
        names.extend(sentence.split('`').skip(1).step_by(2));
    }
    names
}

/// `T` in `impl<..> T<..>` and in `impl<..> Trait for T<..>`.
fn owner_of(code: &str) -> String {
    let code = code.trim_start_matches("impl");
    let head = if code.starts_with('<') { behind_generics(code) } else { code };
    let target = head.rsplit_once(" for ").map_or(head, |(_, target)| target);
    target.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What follows the `<..>` at the start.
fn behind_generics(code: &str) -> &str {
    let mut depth = 0;
    let closes = |c: char| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth == 0
    };
    code.find(closes).map_or("", |end| &code[end + 1..])
}

/// The name behind `fn`.
pub(super) fn function_name(code: &str) -> Option<String> {
    let (before, rest) = code.split_once("fn ")?;
    let is_item = before.chars().all(|c| c.is_alphanumeric() || " _()".contains(c));
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (is_item && !name.is_empty()).then_some(name)
}

/// The line of the brace that ends what begins on line `start`, or of the `;` without one.
fn end_of(lines: &[Line], start: usize) -> usize {
    let mut depth = 0;
    for (index, line) in lines.iter().enumerate().skip(start) {
        for character in line.code.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 1 => return index,
                '}' => depth -= 1,
                ';' if depth == 0 => return index,
                _ => {}
            }
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "impl<T: Into<u8>> Drop for Guard<T> {\n    fn drop(&mut self) {\n        \
        a.store(1, Release);\n    }\n}\nimpl Lock {\n    fn lock(&self) -> [u8; 2] {\n        \
        self.other();\n    }\n}\npub(crate) fn free() {\n    fence(SeqCst);\n}\n";

    fn finding(path: &str, comment: &str) -> Option<String> {
        let partners = of(&File::new("src/lock.rs", TEXT), &[2, 11]);
        check(&File::new(path, ""), comment, &partners)
    }

    #[test]
    fn a_partner_exists_and_is_an_operation() {
        for comment in ["pairs with the store in `Guard::drop`.", "both pair with `lock::free`"] {
            assert_eq!(finding("src/other.rs", comment), None, "{comment}");
            assert_eq!(finding("src/lock.rs", comment), None, "{comment}");
        }
        for comment in [
            "pairs with that in `Guard::gone`",
            "pairs with `Lock::lock`",
            "pairs with `Guard::drop` and `free`",
            "pairs with the others. `Guard::drop` is one",
        ] {
            assert!(finding("src/other.rs", comment).is_some(), "{comment}");
        }
        assert_eq!(finding("src/lock.rs", "pairs with `drop` and `free`"), None);
    }

    #[test]
    fn finds_the_owner() {
        assert_eq!(owner_of("impl<'a, O: Owner> Drop for Claim<'_, O> {"), "Claim");
        assert_eq!(owner_of("impl List {"), "List");
        assert_eq!(owner_of("impl<T, P: Parked> Chan<T, P> {"), "Chan");
    }
}
