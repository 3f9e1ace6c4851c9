use crate::support::{Message, now, wait_for};
use levada::broadcast;
use levada::broadcast::error::TryRecvError;

pub(crate) fn check<T: Message>() {
    let (tx, mut rx) = broadcast::channel(2);
    let mut other = tx.subscribe();
    let received = wait_for(rx.recv(), || assert_eq!(tx.send(T::new(0)).unwrap(), 2));
    assert_eq!(received, Ok(T::new(0)));
    // Past the messages after which readers relax.
    for _ in 0..2_000 {
        tx.send(T::new(1)).unwrap();
        assert_eq!(rx.try_recv(), Ok(T::new(1)));
    }
    tx.send(T::new(2)).unwrap();
    assert_eq!(now(rx.recv()), Ok(T::new(2)));
    assert_eq!(other.try_recv(), Err(TryRecvError::Lagged(2_000)));
    assert_eq!((other.len(), tx.len()), (2, 2));
    assert_eq!((other.try_recv(), other.try_recv()), (Ok(T::new(1)), Ok(T::new(2))));
    assert_eq!(other.try_recv(), Err(TryRecvError::Empty));

    let third = rx.resubscribe();
    assert_eq!((tx.receiver_count(), third.same_channel(&rx)), (3, true));
    drop((rx, other));
    wait_for(tx.closed(), || drop(third));
    assert!(tx.send(T::new(3)).is_err());
    let mut late = tx.subscribe();
    let weak = tx.downgrade();
    assert!(weak.upgrade().is_some_and(|again| again.same_channel(&tx)));
    assert!(wait_for(late.recv(), || drop(tx)).is_err());
    assert!(weak.upgrade().is_none());

    // A ring of several chunks.
    let (tx, mut rx) = broadcast::channel(1_000);
    (0..1_000).for_each(|n| assert_eq!(tx.send(T::new(n as u8)).unwrap(), 1));
    assert!((0..1_000).all(|n| rx.try_recv() == Ok(T::new(n as u8))));
}
