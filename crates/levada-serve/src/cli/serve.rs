//! `levada serve`: its command line. The table in `config::options` has most of its options.

use clap::Args;

use super::program::Program;
use crate::config::{Options, Source};

/// Options of `levada serve`.
///
/// The doc of each field is its `--help` text.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "\
levada serve [OPTIONS] -- COMMAND [ARGUMENTS]
       levada serve [OPTIONS] --config FILE [-- COMMAND [ARGUMENTS]]")]
#[command(after_help = "\
Durations are written as 30s, 5m, 1h30m or 250ms, or as a number of seconds; sizes in bytes, or \
with KiB, MiB, GiB, TiB. docs/config.md describes the file: each option above but --config, \
--check and --log-format is a key in it.

Examples: levada serve --workers 4 -- wc -c
          curl --data-binary @file http://127.0.0.1:8080/

          levada serve --config levada.toml --check")]
pub struct ServeArgs {
    #[command(flatten)]
    pub(crate) program: Program,

    #[command(flatten)]
    options: Options<false>,
}

impl ServeArgs {
    /// Where the configuration comes from.
    pub(crate) fn source(&self) -> Source {
        self.program.source(self.options.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::serve as parse;

    #[test]
    fn command_keeps_its_own_options() {
        let source = parse(&["--queue", "3", "--", "grep", "--count", "-e", "x"]).unwrap().source();
        assert_eq!(source.command, ["grep", "--count", "-e", "x"]);
    }

    #[test]
    fn command_stands_after_dashes_and_is_required_without_a_file() {
        for bad in [&[][..], &["--"], &["wc"], &["--config", "f", "--workers", "2"]] {
            assert!(parse(bad).is_err(), "{bad:?} was accepted");
        }
        let args = parse(&["--config", "f"]).unwrap();
        assert!(args.source().command.is_empty());
    }

    #[test]
    fn bounds_are_kept() {
        for bad in [
            "--queue=0",
            "--workers=4097",
            "--listen=8080",
            "--wait=-1",
            "--timeout=0",
            "--full-status=500",
            "--on-disconnect=ignore",
            "--priority=128",
            "--store=",
            "--keep-bytes=0",
            "--content-type=\u{7f}",
        ] {
            assert!(parse(&[bad, "--", "true"]).is_err(), "{bad} was accepted");
        }
    }
}
