//! levada against its peers, shape by shape. `README.md` says how it measures.

mod allocator;
mod cell;
mod contenders;
mod kinds;
mod message;
mod registry;
mod runtime;
mod shapes;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

fn main() {
    for cell in registry::cells() {
        println!("{}", cell.name);
    }
}
