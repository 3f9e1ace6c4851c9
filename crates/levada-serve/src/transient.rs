//! Errors of the system that pass by themselves.

use std::io;

use rustix::io::Errno;

/// Whether the system lacks something that it may have in a moment: too many files open in this
/// process or in all, too many processes, too little memory, or a program that is open for writing.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    let transient = [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM, Errno::TXTBSY];
    error.raw_os_error().is_some_and(|code| transient.map(Errno::raw_os_error).contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_does_not() {
        let is_transient = |errno: Errno| is_transient(&errno.into());
        assert!(
            [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM, Errno::TXTBSY]
                .map(is_transient)
                == [true; 5]
        );
        assert!(
            [Errno::NOENT, Errno::ACCESS, Errno::IO, Errno::TOOBIG].map(is_transient) == [false; 4]
        );
        assert!(!super::is_transient(&io::Error::other("Too many open files")));
    }
}
