//! Does one operation of a channel many times, for `cargo xtask instructions`, which runs it under
//! callgrind. `levada-instructions` alone prints the shapes; `levada-instructions CONTENDER/SHAPE`
//! runs one.
//!
//! A run is two calls of [`counted_operations`], one with twice as many operations as the other.
//! callgrind writes down what it has counted whenever the function is called, so a third call, with
//! none, ends the second. The difference is what the operations take: whatever is done once for a
//! call drops out. It is printed how many operations and allocations the difference has.

mod allocator;
mod run;
mod shapes;

use std::hint::black_box;
use std::process::ExitCode;

/// How many operations the difference between the calls has. Each channel is made anew for a call,
/// so it must have settled by then: levada's `mpsc` lets its fence go after 1,024 messages. A
/// multiple of every batch, ring and budget in the shapes, so that nothing is left over.
const OPERATIONS: u64 = 2048;

fn main() -> ExitCode {
    let Some(wanted) = std::env::args().nth(1) else {
        for (name, _) in shapes::all() {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, shape)) = shapes::all().find(|(name, _)| *name == wanted) else {
        eprintln!("no shape is called `{wanted}`; without an argument, all are listed");
        return ExitCode::FAILURE;
    };
    // The first run pays for what is done once in a process.
    shape(OPERATIONS);
    let start = allocator::allocations();
    counted_operations(shape, OPERATIONS);
    let middle = allocator::allocations();
    counted_operations(shape, 2 * OPERATIONS);
    let end = allocator::allocations();
    counted_operations(|_| {}, 0);
    println!("{OPERATIONS} operations, {} allocations", (end - middle) - (middle - start));
    ExitCode::SUCCESS
}

/// callgrind finds this function by its name.
#[inline(never)]
fn counted_operations(shape: fn(u64), operations: u64) {
    shape(operations);
    // Not the last thing: a call at the end would be a jump.
    black_box(operations);
}
