//! Panics whose payload panics again when it is dropped, thrown by everything foreign (C68, C69).

use levada::oneshot;
use support::{Armed, Event, explodes, explosive_waker, poll_explosive, poll_with};

/// Both wakers of a oneshot channel explode, one when it is woken and one when it is dropped; also
/// while the thread unwinds.
#[test]
fn both_wakers_of_a_oneshot_channel() {
    let _armed = Armed::new();
    for unwinding in [false, true] {
        let (mut tx, mut rx) = oneshot::channel::<u8>();
        let mut closed = Box::pin(tx.closed());
        assert!(poll_explosive(&mut closed).unwrap().is_pending());
        drop(closed);
        let mut receiving = Box::pin(&mut rx);
        assert!(poll_with(&mut receiving, explosive_waker(Event::Wake)).is_pending());
        drop(receiving);
        if unwinding {
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _tx = tx;
                panic!("first");
            }));
            assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"first"));
            assert_eq!(rx.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        } else {
            assert!(explodes(|| tx.send(7).unwrap()));
            assert_eq!(rx.try_recv(), Ok(7));
        }
    }
}
