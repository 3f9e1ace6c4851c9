//! `levada completions`: its options.

use clap::Args;
use clap_complete::Shell;

/// Options of `levada completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples: levada completions bash >~/.local/share/bash-completion/completions/levada
          levada completions zsh >~/.zfunc/_levada
          levada completions fish >~/.config/fish/completions/levada.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}
