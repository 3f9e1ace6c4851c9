//! `levada completions` and `levada man`.

use crate::support::{levada, run};

const SUBCOMMANDS: [&str; 10] = [
    "serve",
    "submit",
    "status",
    "result",
    "cancel",
    "retry",
    "queues",
    "top",
    "completions",
    "man",
];

#[test]
fn completions_know_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(levada().args(["completions", shell]), b"");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{shell}");
        for name in SUBCOMMANDS.iter().chain(&["all-failed"]) {
            assert!(ran.text().contains(name), "{shell} does not know {name}");
        }
    }
    run(levada().args(["completions", "tcsh"]), b"").says(2, &["bash", "fish"]);
}

#[test]
fn pages_know_every_subcommand() {
    let ran = run(levada().arg("man"), b"");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.text().contains(".TH levada 1"), "{ran:?}");
    for name in SUBCOMMANDS {
        assert!(ran.text().contains(&format!("levada\\-{name}(1)")), "{name} is missing");
        let page = run(levada().args(["man", name]), b"");
        assert_eq!(page.code, 0, "{page:?}");
        assert!(page.text().contains(&format!("levada\\-{name}")), "{page:?}");
    }
    let submit = run(levada().args(["man", "submit"]), b"");
    assert!(
        submit.text().contains("no\\-wait") && submit.text().contains("Examples"),
        "{submit:?}"
    );
    run(levada().args(["man", "nonsense"]), b"").says(2, &["nonsense", "submit"]);
}

#[test]
fn pages_in_a_directory() {
    let directory = tempfile::TempDir::new().unwrap();
    let target = directory.path().join("man1");
    let ran = run(levada().args(["man", "--output-dir"]).arg(&target), b"");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for name in SUBCOMMANDS {
        assert!(target.join(format!("levada-{name}.1")).metadata().unwrap().len() > 100, "{name}");
    }
    assert!(target.join("levada.1").exists());
}
