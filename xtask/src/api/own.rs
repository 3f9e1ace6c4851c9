//! The public items of levada, one a line, from rustdoc's JSON and the source.
//!
//! rustdoc says which items are public and where they are; what they look like is what the source
//! says, up to the body.

use super::render::{text, variant};
use crate::Result;
use crate::cargo::{array, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The list: the modules by name, in each the items by kind and name, with their methods.
pub(super) fn list(doc: &Value) -> Result<String> {
    let mut list =
        List { index: &doc["index"], sources: BTreeMap::new(), modules: BTreeMap::new() };
    list.module("levada", &doc["index"][doc["root"].to_string()])?;
    let modules = list.modules.into_iter().filter(|(_, items)| !items.is_empty());
    Ok(modules.map(|(name, items)| format!("mod {name}\n{}\n", items.concat())).collect())
}

struct List<'a> {
    index: &'a Value,
    /// The files that items are in.
    sources: BTreeMap<&'a str, String>,
    /// The items of each module, each with its own items.
    modules: BTreeMap<String, Vec<String>>,
}

impl<'a> List<'a> {
    /// Adds a module and those in it.
    fn module(&mut self, path: &str, module: &'a Value) -> Result {
        let mut items = Vec::new();
        for mut item in self.items(&module["inner"]["module"]["items"]) {
            let mut name = text(&item["name"]);
            if let Some(import) = item["inner"].get("use") {
                name = text(&import["name"]);
                item = &self.index[import["id"].to_string()];
            }
            if item["inner"].get("module").is_some() {
                self.module(&format!("{path}::{name}"), item)?;
            } else {
                items.push(self.item(item).map_err(|error| format!("{path}::{name}: {error}"))?);
            }
        }
        items.sort();
        self.modules.insert(path.to_owned(), items);
        Ok(())
    }

    /// The items with these ids, in the order of the source.
    fn items(&self, ids: &'a Value) -> Vec<&'a Value> {
        let mut items: Vec<_> = array(ids).map(|id| &self.index[id.to_string()]).collect();
        items.sort_by_key(|item| {
            let span = &item["span"];
            (text(&span["filename"]), span["begin"][0].as_u64(), span["begin"][1].as_u64())
        });
        items
    }

    /// An item of a module, and its own items.
    fn item(&mut self, item: &'a Value) -> Result<String> {
        let mut lines = vec![self.declaration(item)?];
        let (kind, inner) = variant(&item["inner"])?;
        let parts = match kind {
            "struct" => &inner["kind"]["plain"]["fields"],
            "enum" => &inner["variants"],
            "trait" => &inner["items"],
            _ => &Value::Null,
        };
        for part in self.items(parts) {
            lines.push(format!("  {}", self.declaration(part)?));
        }
        let mut traits = BTreeSet::new();
        for block in self.items(&inner["impls"]) {
            let inner = &block["inner"]["impl"];
            if !inner["trait"].is_null() {
                let is_written = inner["is_synthetic"] != true && inner["blanket_impl"].is_null();
                traits.extend(is_written.then(|| text(&inner["trait"]["path"])));
            } else if array(&inner["items"]).next().is_some() {
                lines.push(format!("  {}", self.declaration(block)?));
                for method in self.items(&inner["items"]) {
                    lines.push(format!("    {}", self.declaration(method)?));
                }
            }
        }
        for unseen in ["Drop", "StructuralPartialEq", "Unpin"] {
            traits.remove(unseen);
        }
        if !traits.is_empty() {
            lines.push(format!("  is {}", Vec::from_iter(traits).join(", ")));
        }
        Ok(lines.join("\n") + "\n")
    }

    /// What the source says of an item, up to its body, in one line.
    fn declaration(&mut self, item: &'a Value) -> Result<String> {
        let (kind, inner) = variant(&item["inner"])?;
        let name = text(&item["name"]);
        if let Some(fields) = inner["kind"].get("struct") {
            let fields = self.items(&fields["fields"]);
            let names: Vec<_> = fields.iter().map(|field| text(&field["name"])).collect();
            return Ok(format!("{name} {{ {} }}", names.join(", ")));
        }
        let source = self.source(&item["span"])?;
        // The place of what a macro declares is that of the macro's call.
        let begin = if kind == "struct" { source.find(&format!("struct {name}")) } else { None };
        let source = &source[begin.unwrap_or(0)..];
        let is_opaque = array(&inner["kind"]["tuple"]).any(Value::is_null);
        let end = match kind {
            "struct_field" | "variant" => source.len(),
            "struct" if is_opaque => source.find('(').unwrap_or(source.len()),
            _ => end_of_head(source),
        };
        let words: Vec<_> =
            source[..end].split_whitespace().filter(|word| *word != "pub").collect();
        let mut line = words.join(" ");
        for (before, after) in
            [("(pub ", "("), ("(mut self", "(self"), ("( ", "("), (", )", ")"), ("< ", "<")]
        {
            line = line.replace(before, after);
        }
        Ok(line.replace(", >", ">").trim_end_matches(',').to_owned())
    }

    /// The text at a place.
    fn source(&mut self, span: &'a Value) -> Result<String> {
        let file = text(&span["filename"]);
        if !self.sources.contains_key(file) {
            let path = root().join(file);
            let content = fs::read_to_string(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            self.sources.insert(file, content);
        }
        let place = |end: &Value| -> Option<(usize, usize)> {
            Some((usize::try_from(end[0].as_u64()?).ok()?, usize::try_from(end[1].as_u64()?).ok()?))
        };
        let places = place(&span["begin"]).zip(place(&span["end"]));
        let ((first, from), (last, to)) = places.ok_or("an item without a place")?;
        let lines = self.sources[file].lines().skip(first - 1).take(last - first + 1);
        let mut text: String = lines.map(|line| format!("{line}\n")).collect();
        // Columns begin with 1, and the last one is behind the item.
        let behind = text.lines().last().map_or(0, str::len) + 1 - to.min(text.len());
        text.truncate(text.len() - 1 - behind);
        Ok(text.split_off(from - 1))
    }
}

/// Where the body of an item begins, or the item ends: not within the brackets of an array.
fn end_of_head(source: &str) -> usize {
    let mut brackets = 0;
    let is_end = |character| {
        match character {
            '[' => brackets += 1,
            ']' => brackets -= 1,
            _ => {}
        }
        brackets == 0 && matches!(character, '{' | ';')
    };
    source.find(is_end).unwrap_or(source.len())
}

#[cfg(test)]
mod tests {
    use super::end_of_head;

    #[test]
    fn the_head_of_an_item() {
        for (head, rest) in [
            ("fn lanes<const N: usize>(all: [usize; N]) -> [u8; N] ", "{ all }"),
            ("struct SendError<T>(pub T)", ";"),
            ("const fn new() -> Self", ""),
        ] {
            assert_eq!(end_of_head(&format!("{head}{rest}")), head.len());
        }
    }
}
