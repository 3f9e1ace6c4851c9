//! `oneshot` with an allocation that is used again, and without: one request and its reply. Of a
//! type that `oneshots` does not have, so that nothing is inlined otherwise there.
//!
//! [`fresh`] allocates, and here that takes a few instructions only: to compare the three, count
//! with the system's allocator (`cargo xtask instructions --malloc own/oneshot`).

use super::oneshot;
use crate::run::on_runtime;
use crate::shapes::Shape;
use std::hint::black_box;

pub(crate) const SHAPES: &[Shape] =
    &[("own/oneshot-fresh", fresh), ("own/oneshot-reusable", reusable), ("own/oneshot-pool", pool)];

fn fresh(n: u64) {
    on_runtime(async move {
        let mut sum = 0;
        for i in 0..n as i64 {
            let (tx, rx) = oneshot::channel();
            tx.send(black_box(i)).expect("the receiver is there");
            sum += rx.await.expect("the value is there");
        }
        assert_eq!(sum, sum_below(n));
    });
}

fn reusable(n: u64) {
    on_runtime(async move {
        let mut reply = oneshot::Reusable::new();
        let mut sum = 0;
        for i in 0..n as i64 {
            reply.sender().send(black_box(i)).expect("the receiver is there");
            sum += reply.recv().await.expect("the value is there");
        }
        assert_eq!(sum, sum_below(n));
    });
}

fn pool(n: u64) {
    on_runtime(async move {
        let pool = oneshot::Pool::new(4);
        let mut sum = 0;
        for i in 0..n as i64 {
            let mut reply = pool.get();
            reply.sender().send(black_box(i)).expect("the receiver is there");
            sum += reply.recv().await.expect("the value is there");
        }
        assert_eq!(sum, sum_below(n));
    });
}

fn sum_below(n: u64) -> i64 {
    (n * (n - 1) / 2) as i64
}
