//! The public paths of the channel modules' items.

use super::render::{text, variant};
use crate::Result;
use crate::cargo::array;
use serde_json::Value;
use std::collections::BTreeMap;

const MODULES: &[&str] = &["broadcast", "mpsc", "oneshot", "watch"];

/// The public items below the four modules by id, with their paths.
pub(super) fn collect(doc: &Value) -> Result<BTreeMap<u64, String>> {
    let index = &doc["index"];
    let root = &index[doc["root"].to_string()];
    let sync = child(index, root, "sync")?;
    let mut paths = BTreeMap::new();
    for name in MODULES {
        let module = child(index, sync, name)?;
        walk(index, module, name, &mut paths)?;
    }
    Ok(paths)
}

fn child<'a>(index: &'a Value, module: &Value, name: &str) -> Result<&'a Value> {
    array(&module["inner"]["module"]["items"])
        .map(|id| &index[id.to_string()])
        .find(|item| item["name"] == name)
        .ok_or_else(|| format!("tokio has no module `{name}`").into())
}

fn walk(index: &Value, module: &Value, at: &str, paths: &mut BTreeMap<u64, String>) -> Result {
    for id in array(&module["inner"]["module"]["items"]) {
        let item = &index[id.to_string()];
        match variant(&item["inner"])? {
            ("module", _) => walk(index, item, &format!("{at}::{}", text(&item["name"])), paths)?,
            ("use", inner) => {
                let id = inner["id"].as_u64().ok_or("a re-export of nothing")?;
                paths.insert(id, format!("{at}::{}", text(&inner["name"])));
            }
            _ => {
                let id = id.as_u64().ok_or("an item without an id")?;
                paths.insert(id, format!("{at}::{}", text(&item["name"])));
            }
        }
    }
    Ok(())
}
