use crate::support::{Message, wait_for};
use levada::oneshot;
use levada::oneshot::error::TryRecvError;

pub(crate) fn check<T: Message>() {
    let (tx, rx) = oneshot::channel();
    let received = wait_for(rx, || tx.send(T::new(1)).unwrap());
    assert_eq!(received, Ok(T::new(1)));

    let (tx, mut rx) = oneshot::channel();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    // A waker is stored time after time: each time the word has another value.
    for _ in 0..1_000 {
        crate::support::cancel(&mut rx);
    }
    tx.send(T::new(2)).unwrap();
    assert_eq!(rx.try_recv(), Ok(T::new(2)));

    let (mut tx, rx) = oneshot::channel();
    wait_for(tx.closed(), || drop(rx));
    assert_eq!(tx.send(T::new(3)), Err(T::new(3)));

    let (tx, mut rx) = oneshot::channel::<T>();
    rx.close();
    assert!(tx.is_closed());
    drop(tx);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));

    let (tx, rx) = oneshot::channel::<T>();
    assert!(wait_for(rx, || drop(tx)).is_err());
}
