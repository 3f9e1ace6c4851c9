//! The document, and others that list the same.

use std::collections::BTreeSet;

use serde_json::Value;

const ROUTES: &str = include_str!("../../src/http/mod.rs");
const DOCS: &str = include_str!("../../docs/http.md");

/// A method and a path, as in the table of the docs.
pub(crate) type Operation = (String, String);

/// As it is in the source, without its version.
pub(crate) fn document() -> Value {
    serde_json::from_str(include_str!("../../src/http/openapi.json")).unwrap()
}

/// Every operation with its description.
pub(crate) fn operations(document: &Value) -> Vec<(Operation, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Beside the methods there are the parameters that they share.
            if operation.is_object() {
                operations.push(((method.to_uppercase(), path.clone()), operation));
            }
        }
    }
    operations
}

/// What the JSON pointer of a `$ref` leads to.
pub(crate) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else {
        return value;
    };
    let pointer = reference.strip_prefix('#').unwrap();
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// The first column of the table under a heading of the docs: what stands there as code.
fn column(heading: &str) -> Vec<&'static str> {
    let (_, section) = DOCS.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    // Without the head and the line below it.
    rows.skip(2).flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn paths_are_those_of_the_router() {
    let routes = ROUTES.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    // The page's files are not part of the API.
    let routes: BTreeSet<_> = routes.filter(|path| !path.starts_with("/page/")).collect();
    let document = document();
    let paths: BTreeSet<_> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(routes.len() > 10);
    assert_eq!(paths, routes);
}

#[test]
fn operations_are_those_of_the_docs() {
    let listed: BTreeSet<Operation> = column("Requests")
        .into_iter()
        .map(|code| code.split_once(' ').unwrap())
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    let document = document();
    let operations: BTreeSet<_> =
        operations(&document).into_iter().map(|(operation, _)| operation).collect();
    assert!(listed.len() > 10);
    assert_eq!(operations, listed);
}

#[test]
fn problem_types_are_those_of_the_docs() {
    let document = document();
    let types = document["components"]["schemas"]["ProblemType"]["enum"].as_array().unwrap();
    let types: Vec<_> = types
        .iter()
        .map(|kind| kind.as_str().unwrap().strip_prefix("urn:levada:problem:").unwrap())
        .collect();
    assert!(types.len() > 10);
    assert_eq!(types, column("Problems"));
}

#[test]
fn operations_have_names_and_say_when_they_are_refused() {
    let document = document();
    let mut names = BTreeSet::new();
    for (operation, description) in operations(&document) {
        let name = description["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} twice");
        let responses = description["responses"].as_object().unwrap();
        // Whatever needs no token is open to the pages of other sites as little as the rest.
        let refusals =
            if description["security"].is_array() { &["403"][..] } else { &["401", "403"] };
        for status in refusals {
            assert!(responses.contains_key(*status), "{operation:?} lacks {status}");
        }
    }
}

#[test]
fn references_lead_somewhere_and_components_are_used() {
    let document = document();
    let mut used = BTreeSet::new();
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        if value["$ref"].is_string() {
            resolve(&document, value);
            used.insert(value["$ref"].as_str().unwrap().to_owned());
        }
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    let mut there = BTreeSet::new();
    for (kind, components) in document["components"].as_object().unwrap() {
        let names = components.as_object().unwrap().keys();
        there.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    // By the requirement, and not by reference.
    used.insert("#/components/securitySchemes/token".to_owned());
    assert_eq!(used, there);
}
