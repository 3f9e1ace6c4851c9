use crate::support::{Message, now, wait_for};
use levada::watch;

pub(crate) fn check<T: Message>() {
    let (tx, mut rx) = watch::channel(T::new(1));
    wait_for(rx.changed(), || tx.send(T::new(2)).unwrap()).unwrap();
    let old = rx.borrow();
    tx.send(T::new(3)).unwrap();
    tx.send_modify(|value| *value = T::new(4));
    assert!(!tx.send_if_modified(|_| false));
    assert_eq!((&*old, &*rx.borrow()), (&T::new(2), &T::new(4)));
    drop(old);
    assert!(rx.has_changed().unwrap());
    assert_eq!(*rx.borrow_and_update(), T::new(4));
    assert_eq!(tx.send_replace(T::new(5)), T::new(4));
    assert_eq!(*now(rx.wait_for(|value| *value == T::new(5))).unwrap(), T::new(5));

    // So often that the value is open, and is shut by the next one.
    let mut other = tx.subscribe();
    for n in 6..9 {
        (0..60_000).for_each(|_| assert_eq!(*rx.borrow(), T::new(n - 1)));
        tx.send(T::new(n)).unwrap();
        assert_eq!(*other.borrow_and_update(), T::new(n));
    }
    rx.mark_unchanged();
    assert_eq!((rx.has_changed().unwrap(), tx.receiver_count()), (false, 2));
    drop(other);
    wait_for(tx.closed(), || drop(rx));
    let mut late = tx.subscribe();
    assert!(wait_for(late.changed(), || drop(tx)).is_err());
}
