//! rustdoc's description of a type or bound, as Rust source.

use crate::Result;
use crate::cargo::array;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the text of a type depends on besides the type.
pub(super) struct Renderer<'a> {
    /// rustdoc's table of paths, for items of other crates.
    pub(super) foreign: &'a Value,
    /// Public paths below the channel modules, by id.
    pub(super) own: &'a BTreeMap<u64, String>,
}

/// Where a type stands: what `Self` means there, and the name of a lifetime left out.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) this: &'a str,
    pub(super) elided: &'a str,
}

impl Renderer<'_> {
    /// A type.
    pub(super) fn ty(&self, ty: &Value, place: Place<'_>) -> Result<String> {
        let (kind, inner) = variant(ty)?;
        Ok(match kind {
            "generic" if inner == "Self" => place.this.to_owned(),
            "generic" | "primitive" => text(inner).to_owned(),
            "tuple" => format!("({})", self.list(inner, place)?.join(", ")),
            "borrowed_ref" => {
                let lifetime = inner["lifetime"].as_str().unwrap_or(place.elided);
                let mutable = if inner["is_mutable"] == true { "mut " } else { "" };
                format!("&{lifetime} {mutable}{}", self.ty(&inner["type"], place)?)
            }
            "resolved_path" => self.path(inner, place)?,
            "impl_trait" => format!("impl {}", self.bounds(inner, place)?),
            _ => return Err(format!("cannot write a type of kind `{kind}`: {inner}").into()),
        })
    }

    /// Several types.
    fn list(&self, types: &Value, place: Place<'_>) -> Result<Vec<String>> {
        array(types).map(|ty| self.ty(ty, place)).collect()
    }

    /// A named type or trait with its arguments.
    pub(super) fn path(&self, path: &Value, place: Place<'_>) -> Result<String> {
        let name = self.name(path)?;
        let arguments = &path["args"];
        if let Some(call) = arguments.get("parenthesized") {
            // Lifetimes left out here are the closure's own.
            let place = Place { elided: "", ..place };
            let inputs = self.list(&call["inputs"], place)?.join(", ");
            let output = if call["output"].is_null() {
                String::new()
            } else {
                format!(" -> {}", self.ty(&call["output"], place)?)
            };
            return Ok(format!("{name}({inputs}){output}"));
        }
        let mut words = Vec::new();
        for argument in array(&arguments["angle_bracketed"]["args"]) {
            words.push(match variant(argument)? {
                ("type", ty) => self.ty(ty, place)?,
                ("lifetime", lifetime) if lifetime == "'_" => place.elided.to_owned(),
                ("lifetime", lifetime) => text(lifetime).to_owned(),
                (kind, _) => {
                    return Err(format!("cannot write an argument of kind `{kind}`").into());
                }
            });
        }
        if words.is_empty() { Ok(name) } else { Ok(format!("{name}<{}>", words.join(", "))) }
    }

    fn name(&self, path: &Value) -> Result<String> {
        let id = path["id"].as_u64().unwrap_or_default();
        if let Some(own) = self.own.get(&id) {
            return Ok(own.clone());
        }
        let segments: Vec<_> = array(&self.foreign[id.to_string()]["path"]).map(text).collect();
        match segments[..] {
            // The standard library shows its items at most one module deep, in `std`.
            ["core" | "alloc" | "std", module, .., name] => Ok(format!("std::{module}::{name}")),
            _ => Err(format!("`{}` is neither a channel's nor std's", path["path"]).into()),
        }
    }

    /// Bounds, joined by `+`.
    fn bounds(&self, bounds: &Value, place: Place<'_>) -> Result<String> {
        let mut words = Vec::new();
        for bound in array(bounds) {
            words.push(match variant(bound)? {
                ("trait_bound", inner) if inner["modifier"] == "maybe" => {
                    format!("?{}", self.path(&inner["trait"], place)?)
                }
                ("trait_bound", inner) => self.path(&inner["trait"], place)?,
                ("outlives", lifetime) => text(lifetime).to_owned(),
                (kind, _) => return Err(format!("cannot write a bound of kind `{kind}`").into()),
            });
        }
        Ok(words.join(" + "))
    }

    /// The parameters as they are declared, lifetimes first.
    pub(super) fn parameters(&self, generics: &Value, place: Place<'_>) -> Result<Vec<String>> {
        let mut words = Vec::new();
        for parameter in array(&generics["params"]) {
            let name = text(&parameter["name"]);
            match variant(&parameter["kind"])? {
                ("lifetime", _) if name != "'_" => words.push(name.to_owned()),
                ("type", inner) if inner["is_synthetic"] != true => {
                    let bounds = self.bounds(&inner["bounds"], place)?;
                    let colon = if bounds.is_empty() { "" } else { ": " };
                    words.push(format!("{name}{colon}{bounds}"));
                }
                _ => {}
            }
        }
        Ok(words)
    }

    /// The conditions of a `where`.
    pub(super) fn conditions(&self, generics: &Value, place: Place<'_>) -> Result<Vec<String>> {
        let mut words = Vec::new();
        for predicate in array(&generics["where_predicates"]) {
            match variant(predicate)? {
                ("bound_predicate", inner) => words.push(format!(
                    "{}: {}",
                    self.ty(&inner["type"], place)?,
                    self.bounds(&inner["bounds"], place)?
                )),
                (kind, _) => {
                    return Err(format!("cannot write a condition of kind `{kind}`").into());
                }
            }
        }
        Ok(words)
    }
}

/// The single key of an enum in rustdoc's JSON, and what it holds.
pub(super) fn variant(value: &Value) -> Result<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1);
    let (key, inner) = object
        .and_then(|object| object.iter().next())
        .ok_or_else(|| format!("expected one of several kinds, found {value}"))?;
    Ok((key, inner))
}

/// A JSON string's text.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
