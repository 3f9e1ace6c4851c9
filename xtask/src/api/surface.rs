//! Rust source that names every public item of tokio's channels, from rustdoc's JSON.
//!
//! One function per item: its signature is tokio's, its body calls the item. What compiles against
//! both crates has the same shape in both.

use super::render::{Place, Renderer, text, variant};
use crate::Result;
use crate::cargo::array;
use serde_json::Value;
use std::collections::BTreeMap;

/// Payloads that tell apart what a type asks of its `T` for each auto trait.
const PAYLOADS: &[&str] = &[
    "u8",
    "std::cell::Cell<u8>",
    "std::rc::Rc<u8>",
    "std::sync::MutexGuard<'static, u8>",
    "&'static std::cell::Cell<u8>",
    "&'static mut u8",
    "std::marker::PhantomPinned",
];

/// Traits whose implementation a caller cannot see, or that the derived ones stand for.
const UNSEEN: &[&str] = &["Drop", "StructuralPartialEq", "TrivialClone"];

/// The items of the four modules.
pub(super) struct Surface<'a> {
    index: &'a Value,
    renderer: Renderer<'a>,
    functions: Vec<String>,
    types: Vec<String>,
}

impl<'a> Surface<'a> {
    pub(super) fn new(doc: &'a Value, own: &'a BTreeMap<u64, String>) -> Self {
        let renderer = Renderer { foreign: &doc["paths"], own };
        Self { index: &doc["index"], renderer, functions: Vec::new(), types: Vec::new() }
    }

    /// The source, in the order of the paths.
    pub(super) fn source(mut self, paths: &BTreeMap<u64, String>) -> Result<String> {
        let mut items: Vec<_> = paths.iter().map(|(id, path)| (path, id)).collect();
        items.sort();
        for (path, id) in items {
            self.item(path, &self.index[id.to_string()])
                .map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(format!(
            "{}\n/// The number of functions above.\npub const ITEMS: usize = {};\n\n\
             /// The facts about every public type, with each payload.\n\
             pub const TYPES: &[TypeFacts] = &[\n{}];\n",
            self.functions.join("\n"),
            self.functions.len(),
            self.types.concat()
        ))
    }

    fn item(&mut self, path: &str, item: &Value) -> Result {
        match variant(&item["inner"])? {
            ("function", inner) => self.function(path, "", "", inner, &Value::Null),
            ("struct", inner) => {
                self.structure(path, inner)?;
                self.type_item(path, inner)
            }
            ("enum", inner) => {
                self.enumeration(path, inner)?;
                self.type_item(path, inner)
            }
            (kind, _) => Err(format!("cannot name an item of kind `{kind}`").into()),
        }
    }

    /// What structs and enums have in common.
    fn type_item(&mut self, path: &str, inner: &Value) -> Result {
        self.facts(path, inner);
        self.shrink(path, inner);
        for id in array(&inner["impls"]) {
            let block = &self.index[id.to_string()]["inner"]["impl"];
            if block["trait"].is_null() {
                self.methods(path, block)?;
            } else if block["is_synthetic"] != true && block["blanket_impl"].is_null() {
                self.implementation(path, block)?;
            }
        }
        Ok(())
    }

    fn methods(&mut self, path: &str, block: &Value) -> Result {
        let this = self.renderer.ty(&block["for"], Place { this: "", elided: "'_" })?;
        for id in array(&block["items"]) {
            let item = &self.index[id.to_string()];
            let name = text(&item["name"]);
            match variant(&item["inner"])? {
                ("function", inner) => {
                    self.function(path, name, &this, inner, &block["generics"])
                        .map_err(|error| format!("{name}: {error}"))?;
                }
                (kind, _) => return Err(format!("{name}: method of kind `{kind}`").into()),
            }
        }
        Ok(())
    }

    /// A function that calls a function, or the method `name` of the type `this`; `outer` are the
    /// parameters of the method's impl block.
    fn function(
        &mut self,
        path: &str,
        name: &str,
        this: &str,
        inner: &Value,
        outer: &Value,
    ) -> Result {
        let (inputs, output) = (&inner["sig"]["inputs"], &inner["sig"]["output"]);
        let output = match output {
            Value::Null => String::new(),
            output => {
                let place = Place { this, elided: "'this" };
                format!(" -> {}", self.renderer.ty(output, place)?)
            }
        };
        // Outside a method, a lifetime left out in the result has to be named.
        let borrowed = output.contains("'this") && borrows(inputs);
        let output = if borrowed { output } else { output.replace("'this", "'_") };
        let here = Place { this, elided: "" };
        let mut parameters = Vec::new();
        parameters.extend(borrowed.then(|| "'this".to_owned()));
        let mut conditions = Vec::new();
        for generics in [outer, &inner["generics"]] {
            parameters.extend(self.renderer.parameters(generics, here)?);
            conditions.extend(self.renderer.conditions(generics, here)?);
        }
        parameters.sort_by_key(|parameter| !parameter.starts_with('\''));
        let (declared, passed) = self.arguments(inputs, this, borrowed)?;
        let (keyword, wait) = match &inner["header"] {
            header if header["is_async"] == true => ("async ", ".await"),
            header if header["is_const"] == true => ("const ", ""),
            _ => ("", ""),
        };
        let callee = if name.is_empty() { path.to_owned() } else { format!("<{this}>::{name}") };
        self.functions.push(format!(
            "{keyword}fn {}{}({declared}){output} {} {{ {callee}({passed}){wait} }}\n",
            identifier(&[path, name]),
            angles(&parameters),
            where_clause(&conditions),
        ));
        Ok(())
    }

    /// The arguments as they are declared, and as they are passed on.
    fn arguments(&self, inputs: &Value, this: &str, borrowed: bool) -> Result<(String, String)> {
        let (mut declared, mut passed) = (Vec::new(), Vec::new());
        for (index, input) in array(inputs).enumerate() {
            let name = match text(&input[0]) {
                "self" => "this",
                name => name,
            };
            let elided = if index == 0 && borrowed { "'this" } else { "" };
            declared
                .push(format!("{name}: {}", self.renderer.ty(&input[1], Place { this, elided })?));
            passed.push(name);
        }
        Ok((declared.join(", "), passed.join(", ")))
    }

    /// A function that turns the type into `impl Trait`.
    fn implementation(&mut self, path: &str, block: &Value) -> Result {
        if UNSEEN.contains(&text(&block["trait"]["path"])) {
            return Ok(());
        }
        let place = Place { this: "Self", elided: "'_" };
        let this = self.renderer.ty(&block["for"], place)?;
        let place = Place { this: &this, ..place };
        let mut bound = self.renderer.path(&block["trait"], place)?;
        for id in array(&block["items"]) {
            let item = &self.index[id.to_string()];
            if let ("assoc_type", inner) = variant(&item["inner"])? {
                let ty = self.renderer.ty(&inner["type"], place)?;
                bound += &format!("<{} = {ty}>", text(&item["name"]));
            }
        }
        let parameters = self.renderer.parameters(&block["generics"], place)?;
        let conditions = self.renderer.conditions(&block["generics"], place)?;
        let name = identifier(&[path, "is", text(&block["trait"]["path"])]);
        let count = self.functions.iter().filter(|f| f.contains(&format!("fn {name}"))).count();
        let number = if count == 0 { String::new() } else { format!("_{}", count + 1) };
        self.functions.push(format!(
            "fn {name}{number}{}(value: {this}) -> impl {bound} {} {{ value }}\n",
            angles(&parameters),
            where_clause(&conditions),
        ));
        Ok(())
    }

    /// A function that takes a struct with public fields apart.
    fn structure(&mut self, path: &str, inner: &Value) -> Result {
        match variant(&inner["kind"]) {
            Ok(("tuple", fields)) if array(fields).all(|field| !field.is_null()) => {
                let (pattern, checks) = self.fields(path, fields)?;
                self.take_apart(path, inner, &format!("let {pattern} = value; {checks}"))
            }
            Ok(("plain", plain)) if array(&plain["fields"]).next().is_some() => {
                Err("a struct with named public fields is new here".into())
            }
            _ => Ok(()),
        }
    }

    /// A function that matches every variant of an enum, without a wildcard.
    fn enumeration(&mut self, path: &str, inner: &Value) -> Result {
        let mut arms = String::new();
        for id in array(&inner["variants"]) {
            let item = &self.index[id.to_string()];
            let kind = &item["inner"]["variant"]["kind"];
            let path = format!("{path}::{}", text(&item["name"]));
            let (pattern, checks) = match kind.get("tuple") {
                Some(fields) => self.fields(&path, fields)?,
                None if kind == "plain" => (path, String::new()),
                None => return Err(format!("{path} has named fields, which is new here").into()),
            };
            arms += &format!("{pattern} => {{ {checks} }}\n");
        }
        self.take_apart(path, inner, &format!("match value {{ {arms} }}"))
    }

    /// A pattern that names each field, and lines that say what type it has.
    fn fields(&self, path: &str, fields: &Value) -> Result<(String, String)> {
        let (mut names, mut checks) = (Vec::new(), String::new());
        for (number, id) in array(fields).enumerate() {
            let ty = &self.index[id.to_string()]["inner"]["struct_field"];
            let ty = self.renderer.ty(ty, Place { this: path, elided: "'_" })?;
            checks += &format!("let _: {ty} = field{number};");
            names.push(format!("field{number}"));
        }
        Ok((format!("{path}({})", names.join(", ")), checks))
    }

    fn take_apart(&mut self, path: &str, inner: &Value, body: &str) -> Result {
        let place = Place { this: path, elided: "'_" };
        let parameters = angles(&self.renderer.parameters(&inner["generics"], place)?);
        self.functions.push(format!(
            "fn {}{parameters}(value: {path}{parameters}) {{ {body} }}\n",
            identifier(&[path, "parts"]),
        ));
        Ok(())
    }

    /// A function that shortens a type's lifetime, which its variance must allow.
    fn shrink(&mut self, path: &str, inner: &Value) {
        let names: Vec<_> = array(&inner["generics"]["params"]).map(|p| text(&p["name"])).collect();
        if let ["'a", rest @ ..] = &names[..] {
            let rest: String = rest.iter().map(|name| format!(", {name}")).collect();
            self.functions.push(format!(
                "fn {}<'a: 'b, 'b{rest}>(value: {path}<'a{rest}>) -> {path}<'b{rest}> {{ value }}\n",
                identifier(&[path, "shrinks"]),
            ));
        }
    }

    /// The type's entries in the table of facts: one per payload, or one if it takes none.
    fn facts(&mut self, path: &str, inner: &Value) {
        let names: Vec<_> = array(&inner["generics"]["params"]).map(|p| text(&p["name"])).collect();
        let payloads = if names.contains(&"T") { PAYLOADS } else { &[""] };
        for payload in payloads {
            let arguments: Vec<_> = names
                .iter()
                .map(|name| if name.starts_with('\'') { "'static" } else { payload })
                .map(String::from)
                .collect();
            let ty = format!("{path}{}", angles(&arguments));
            self.types.push(format!("facts!({ty}),\n"));
        }
    }
}

/// Whether the first argument is a reference.
fn borrows(inputs: &Value) -> bool {
    inputs[0][1].get("borrowed_ref").is_some()
}

/// `mpsc::error::SendError` and `is` to `mpsc_error_send_error_is`.
fn identifier(parts: &[&str]) -> String {
    let mut name = String::new();
    let mut before = '_';
    for character in parts.join("_").replace("::", "_").trim_end_matches('_').chars() {
        if character.is_uppercase() && before != '_' {
            name.push('_');
        }
        name.extend(character.to_lowercase());
        before = character;
    }
    name
}

fn angles(parameters: &[String]) -> String {
    if parameters.is_empty() { String::new() } else { format!("<{}>", parameters.join(", ")) }
}

fn where_clause(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!("where {}", conditions.join(", ")) }
}
