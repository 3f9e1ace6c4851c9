//! Cargo, and what it knows about the workspace.

use crate::{Result, shell};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// The repository's root, fixed when xtask was compiled.
pub(crate) fn root() -> PathBuf {
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map(PathBuf::from).unwrap_or(xtask)
}

/// A cargo of the toolchain that runs xtask, started in the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// `cargo metadata` of the workspace.
pub(crate) struct Metadata(Value);

impl Metadata {
    pub(crate) fn load() -> Result<Self> {
        let text = shell::output(cargo().args(["metadata", "--format-version=1"]))?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    pub(crate) fn target_dir(&self) -> PathBuf {
        self.0["target_directory"].as_str().unwrap_or("target").into()
    }

    /// The workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = Package<'_>> {
        let is_member = |package: &&Value| {
            array(&self.0["workspace_members"]).any(|member| *member == package["id"])
        };
        array(&self.0["packages"]).filter(is_member).map(Package)
    }

    /// The description of the package called `name`.
    pub(crate) fn package(&self, name: &str) -> Result<Package<'_>> {
        array(&self.0["packages"])
            .find(|package| package["name"] == name)
            .map(Package)
            .ok_or_else(|| format!("no package `{name}` in the workspace's dependencies").into())
    }
}

/// One package of [`Metadata`].
pub(crate) struct Package<'a>(&'a Value);

impl<'a> Package<'a> {
    /// The folder that holds its `Cargo.toml`.
    pub(crate) fn dir(&self) -> PathBuf {
        let mut manifest = PathBuf::from(self.0["manifest_path"].as_str().unwrap_or_default());
        manifest.pop();
        manifest
    }

    pub(crate) fn name(&self) -> &str {
        self.0["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn version(&self) -> &str {
        self.0["version"].as_str().unwrap_or_default()
    }

    /// The oldest Rust that it supports.
    pub(crate) fn rust_version(&self) -> &str {
        self.0["rust_version"].as_str().unwrap_or_default()
    }

    /// Whether it goes to the registry: `publish = false` is an empty list.
    pub(crate) fn is_published(&self) -> bool {
        self.0["publish"].is_null()
    }

    /// The names of its features, without `default`.
    pub(crate) fn features(&self) -> Vec<&'a str> {
        let names = self.0["features"].as_object().into_iter().flatten();
        names.map(|(name, _)| name.as_str()).filter(|name| *name != "default").collect()
    }

    /// The files its targets begin with.
    pub(crate) fn target_files(&self) -> impl Iterator<Item = PathBuf> + use<'a> {
        array(&self.0["targets"])
            .filter_map(|target| target["src_path"].as_str())
            .map(PathBuf::from)
    }

    /// The names of its integration tests.
    pub(crate) fn tests(&self) -> Vec<&'a str> {
        array(&self.0["targets"])
            .filter(|target| array(&target["kind"]).any(|kind| kind == "test"))
            .filter_map(|target| target["name"].as_str())
            .collect()
    }

    /// What the feature called `name` switches on.
    pub(crate) fn feature(&self, name: &str) -> Vec<&str> {
        array(&self.0["features"][name]).filter_map(Value::as_str).collect()
    }

    /// Its development dependencies, as lines for a `[dependencies]` table.
    pub(crate) fn dev_dependencies(&self) -> Vec<String> {
        array(&self.0["dependencies"])
            .filter(|dependency| dependency["kind"] == "dev")
            .map(|dependency| {
                let (name, version) = (&dependency["name"], &dependency["req"]);
                let name = name.as_str().unwrap_or_default();
                format!("{name} = {{ version = {version}, features = {} }}", dependency["features"])
            })
            .collect()
    }
}

/// The elements of a JSON array; none for anything else.
pub(crate) fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
