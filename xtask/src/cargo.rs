//! Cargo, and what it knows about the workspace.

use crate::{Result, shell};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository's root, fixed when xtask was compiled.
pub(crate) fn root() -> PathBuf {
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map(PathBuf::from).unwrap_or(xtask)
}

/// A cargo of the toolchain that runs xtask, started in the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What `cargo run` tells xtask about its package. Build scripts that ask for the same names,
    // such as ring's, would run once more, and all that depends on them would be built again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_about_package) {
            command.env_remove(name);
        }
    }
    command
}

fn is_about_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// `cargo metadata` of the workspace.
pub(crate) struct Metadata(Value);

impl Metadata {
    pub(crate) fn load() -> Result<Self> {
        Self::of(&root())
    }

    /// The same of another workspace, whose root is `dir`.
    pub(crate) fn of(dir: &Path) -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--format-version=1", "--manifest-path"]);
        let text = shell::output(command.arg(dir.join("Cargo.toml")))?;
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

    /// The one with that id.
    pub(crate) fn package_with(&self, id: &str) -> Result<Package<'_>> {
        let mut packages = array(&self.0["packages"]).map(Package);
        let found = packages.find(|package| package.id() == id);
        found.ok_or_else(|| format!("no package with the id {id} in the workspace").into())
    }

    /// The one of that name and version.
    pub(crate) fn package_of(&self, name: &str, version: &str) -> Result<Package<'_>> {
        array(&self.0["packages"])
            .map(Package)
            .find(|package| package.name() == name && package.version() == version)
            .ok_or_else(|| format!("no package `{name}` {version} in the workspace").into())
    }

    /// The versions of `dependency` that `package` takes.
    pub(crate) fn requirement(&self, package: &str, dependency: &str) -> Result<String> {
        let package = self.package(package)?;
        let mut dependencies = array(&package.0["dependencies"]);
        let found = dependencies.find(|found| found["name"] == dependency);
        let found = found.and_then(|found| found["req"].as_str());
        Ok(found.ok_or_else(|| format!("no dependency `{dependency}`"))?.to_owned())
    }

    /// The workspace's own package whose folder is `dir`.
    pub(crate) fn package_in(&self, dir: &Path) -> Result<Package<'_>> {
        self.members()
            .find(|member| member.dir() == dir)
            .ok_or_else(|| format!("no member in {}", dir.display()).into())
    }

    /// The packages that the one with the id `id` depends on, directly or not, and itself.
    pub(crate) fn reachable(&self, id: &str) -> Vec<Package<'_>> {
        let nodes = || array(&self.0["resolve"]["nodes"]);
        let mut ids = vec![id];
        let mut next = 0;
        while let Some(id) = ids.get(next) {
            next += 1;
            let node = nodes().find(|node| node["id"] == *id).unwrap_or(&Value::Null);
            let dependencies = array(&node["dependencies"]).filter_map(Value::as_str);
            let new: Vec<_> = dependencies.filter(|id| !ids.contains(id)).collect();
            ids.extend(new);
        }
        let packages = array(&self.0["packages"]).map(Package);
        packages.filter(|package| ids.contains(&package.id())).collect()
    }
}

/// One package of [`Metadata`].
pub(crate) struct Package<'a>(&'a Value);

impl<'a> Package<'a> {
    pub(crate) fn id(&self) -> &'a str {
        self.0["id"].as_str().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &'a str {
        self.0["name"].as_str().unwrap_or_default()
    }

    /// Whether a registry delivered it.
    pub(crate) fn is_from_registry(&self) -> bool {
        self.0["source"].is_string()
    }

    /// The folder that holds its `Cargo.toml`.
    pub(crate) fn dir(&self) -> PathBuf {
        let mut manifest = PathBuf::from(self.0["manifest_path"].as_str().unwrap_or_default());
        manifest.pop();
        manifest
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

    /// The keys of `[package]` that a registry shows, and that it lacks.
    pub(crate) fn missing_metadata(&self) -> Vec<&'static str> {
        let keys = ["authors", "categories", "description", "keywords", "license", "readme"];
        let keys = keys.into_iter().chain(["repository", "rust_version"]);
        let is_empty =
            |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        keys.filter(|key| is_empty(&self.0[*key])).collect()
    }

    /// What docs.rs gives rustdoc for it, if it has a table for docs.rs, with all features.
    pub(crate) fn docs_rs_arguments(&self) -> Option<Vec<&'a str>> {
        let table = &self.0["metadata"]["docs"]["rs"];
        let arguments = array(&table["rustdoc-args"]).filter_map(Value::as_str);
        (table["all-features"] == true).then(|| arguments.collect())
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

    /// The names of its features.
    pub(crate) fn features(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0["features"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// What the feature called `name` switches on.
    pub(crate) fn feature(&self, name: &str) -> Vec<&str> {
        array(&self.0["features"][name]).filter_map(Value::as_str).collect()
    }

    /// Its dependencies of one kind, on every platform.
    pub(crate) fn dependencies(
        &self,
        kind: Kind,
    ) -> impl Iterator<Item = Dependency<'a>> + use<'a> {
        let kind = match kind {
            Kind::Normal => Value::Null,
            Kind::Development => "dev".into(),
        };
        array(&self.0["dependencies"])
            .filter(move |dependency| dependency["kind"] == kind && dependency["target"].is_null())
            .map(Dependency)
    }
}

/// When a dependency is needed.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Normal,
    Development,
}

/// One dependency of a [`Package`].
pub(crate) struct Dependency<'a>(&'a Value);

impl Dependency<'_> {
    pub(crate) fn name(&self) -> &str {
        self.0["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_optional(&self) -> bool {
        self.0["optional"] == true
    }

    /// As the text of a manifest.
    pub(crate) fn features(&self) -> String {
        self.0["features"].to_string()
    }

    /// As a line for a `[dependencies]` table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} = {{ version = {}, features = {} }}",
            self.name(),
            self.0["req"],
            self.features()
        )
    }
}

/// A program that cargo has built.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) package_id: String,
    /// The name of the library, binary or test file.
    pub(crate) target: String,
    pub(crate) path: PathBuf,
    pub(crate) is_test: bool,
}

/// Runs a `cargo build` and returns the programs that it built. Fails if it does.
pub(crate) fn programs(build: &mut Command) -> Result<Vec<Built>> {
    match build_all(build)? {
        (true, programs) => Ok(programs),
        (false, _) => Err("it does not build; cargo has said why".into()),
    }
}

/// Packages that are built for themselves. What they depend on has features that no other package
/// is to be tested with: serde_json keeps the order of keys for the driver of the browser.
const APART: [&str; 2] = ["levada-page-test", "tokio-shim"];

/// A cargo that does what `words` say with all packages but [`APART`].
///
/// A dependency gets the features that all selected packages ask for, so that it is built once if
/// each command selects the same packages.
pub(crate) fn shared(words: &[&str]) -> Command {
    let mut command = cargo();
    command.args(words).arg("--workspace");
    command.args(APART.iter().flat_map(|package| ["--exclude", package]));
    command
}

/// A `cargo build` that shares what it builds with `cargo xtask test`. Cargo counts what tests ask
/// for only if a test is selected, and this one is the smallest.
pub(crate) fn shared_build() -> Command {
    shared(&["build", "--test", "types"])
}

/// Builds the program `name` of the workspace with all features.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    find(name, programs(shared_build().args(["--all-features", "--bin", name]))?)
}

/// The path of the program `name` among those that were `built`.
pub(crate) fn find(name: &str, built: Vec<Built>) -> Result<PathBuf> {
    let program = built.into_iter().find(|built| built.target == name && !built.is_test);
    Ok(program.ok_or_else(|| format!("cargo built no `{name}`; its messages have changed"))?.path)
}

/// Runs a `cargo build` and returns the test programs among what it built. What does not compile
/// is not among them, and cargo has said why.
pub(crate) fn test_programs(build: &mut Command) -> Result<Vec<Built>> {
    let (_, mut programs) = build_all(build)?;
    programs.retain(|program| program.is_test);
    Ok(programs)
}

/// Whether everything was built, and what was.
fn build_all(build: &mut Command) -> Result<(bool, Vec<Built>)> {
    build.arg("--message-format=json-render-diagnostics");
    let output = build.stderr(Stdio::inherit()).output()?;
    let mut programs = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let message: Value = serde_json::from_str(line)?;
        if let Some(path) = message["executable"].as_str() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            programs.push(Built {
                package_id: text(&message["package_id"]),
                target: text(&message["target"]["name"]),
                path: path.into(),
                is_test: message["profile"]["test"] == true,
            });
        }
    }
    Ok((output.status.success(), programs))
}

/// The elements of a JSON array; none for anything else.
pub(crate) fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn cargo_is_not_told_of_xtask() {
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let command = cargo();
        let is_removed =
            |wanted: &str| command.get_envs().any(|of| of == (OsStr::new(wanted), None));
        assert!(is_removed("CARGO_PKG_NAME") && is_removed("CARGO_MANIFEST_DIR"));
        assert!(!is_removed("CARGO_TARGET_DIR"));
    }

    /// Examples and programs are files without a hash: the second of one name replaces the first.
    #[test]
    fn programs_have_names_of_their_own() {
        let metadata = Metadata::load().unwrap();
        let targets = metadata.members().flat_map(|member| array(&member.0["targets"]));
        let is_program = |target: &&Value| {
            array(&target["kind"]).any(|kind| *kind == "example" || *kind == "bin")
        };
        let mut names: Vec<_> = targets.filter(is_program).map(|target| &target["name"]).collect();
        let count = names.len();
        names.sort_by_key(|name| name.as_str());
        let twice: Vec<_> = names.windows(2).filter(|two| two[0] == two[1]).collect();
        assert!(twice.is_empty() && count > 20, "{count} programs; twice: {twice:?}");
    }
}
