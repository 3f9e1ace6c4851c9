//! Filters for system calls (seccomp), and what a process knows about itself.

use std::io;

/// What becomes of a system call that is not allowed.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// It fails with `EPERM`.
    Refuse,
    /// The process is killed.
    Kill,
}

/// Forbids the system call to all threads, and to all programs they become.
pub(crate) fn forbid(call: libc::c_long, action: Action) {
    let action = match action {
        Action::Refuse => libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        Action::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    };
    let statement = |code: u32, k: u32, jt, jf| libc::sock_filter { code: code as u16, jt, jf, k };
    // The number of the system call is the first word of what the filter is shown.
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, call as u32, 0, 1),
        statement(libc::BPF_RET | libc::BPF_K, action, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: it takes numbers only.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC);
    // SAFETY: the kernel reads `program` and what it leads to, which are there.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
}

/// Whether `membarrier` is refused.
pub(crate) fn is_membarrier_refused() -> bool {
    // SAFETY: it takes numbers only.
    unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_QUERY, 0, 0) < 0 }
}

/// How many threads the process has.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// The error of moving to a user namespace of one's own, or 0.
pub(crate) fn unshare() -> i32 {
    // SAFETY: it takes numbers only.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER) } == 0 {
        return 0;
    }
    io::Error::last_os_error().raw_os_error().unwrap()
}

/// What [`unshare`] gives in a child of this process, which has one thread.
pub(crate) fn unshare_in_child() -> i32 {
    // SAFETY: this process has one thread, so its child can do whatever it could.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let error = unshare();
        // SAFETY: it takes numbers only.
        unsafe { libc::_exit(error) };
    }
    let mut status = 0;
    // SAFETY: the kernel writes to `status`, which is there.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child, "{}", io::Error::last_os_error());
    libc::WEXITSTATUS(status)
}
