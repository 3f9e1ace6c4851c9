//! Running the models of levada's own parts, which are tests with `model` in their names.

#[cfg(loom)]
pub(crate) use super::backend::{park_on as block_on, thread};
#[cfg(not(loom))]
pub(crate) use {super::park_on as block_on, std::thread};

/// Runs `f` under every interleaving, up to a number of preemptions: `LOOM_MAX_PREEMPTIONS`, else
/// 2.
///
/// Then writes down how many executions that were, and whether it was all of them; `cargo xtask
/// loom` reads it.
#[cfg(loom)]
pub(crate) fn model(f: impl Fn() + Send + Sync + 'static) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(2);
    // std's own atomic: loom shall not see it.
    let executions = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&executions);
    let start = std::time::Instant::now();
    builder.check(move || {
        // ORDERING: Relaxed, no pair: loom runs its threads one at a time on this one.
        count.fetch_add(1, Ordering::Relaxed);
        f();
    });
    let time = start.elapsed();
    let name = std::thread::current().name().unwrap_or("unnamed").to_owned();
    // loom does not say why it returned. With the time used up, assume that it was that.
    let end =
        if builder.max_duration.is_some_and(|limit| time >= limit) { "cut off" } else { "all" };
    // ORDERING: Relaxed, no pair: as above.
    let executions = executions.load(Ordering::Relaxed);
    println!("model {name}: {executions} executions, {:.2} s, {end}", time.as_secs_f64());
}

/// Runs `f` many times, on whatever interleavings come. Under Miri the seeds are what makes many
/// times of it (`cargo xtask miri --deep`).
#[cfg(not(loom))]
pub(crate) fn model(f: impl Fn() + Send + Sync + 'static) {
    for _ in 0..if cfg!(miri) { 4 } else { 200 } {
        f();
    }
}
