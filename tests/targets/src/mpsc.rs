use crate::support::{Message, cancel, messages, now, wait_for};
use levada::mpsc;

pub(crate) fn check<T: Message>() {
    bounded::<T>();
    permits::<T>();
    handles::<T>();
    unbounded::<T>();
}

fn bounded<T: Message>() {
    let (tx, mut rx) = mpsc::channel(2);
    let sent = wait_for(rx.recv(), || tx.try_send(T::new(1)).unwrap());
    assert_eq!(sent, Some(T::new(1)));
    // Past the first segment, which is in the channel itself, round, and past the messages after
    // which the receiver relaxes.
    for _ in 0..2_000 {
        tx.try_send(T::new(2)).unwrap();
        now(tx.send(T::new(3))).unwrap();
        cancel(tx.send(T::new(4)));
        assert!(tx.try_send(T::new(4)).is_err());
        assert_eq!((rx.len(), rx.capacity(), rx.is_empty()), (2, 0, false));
        assert_eq!(rx.try_recv(), Ok(T::new(2)));
        assert_eq!(rx.try_recv(), Ok(T::new(3)));
    }
    for _ in 0..2_000 {
        tx.try_send(T::new(2)).unwrap();
        assert_eq!(now(rx.recv()), Some(T::new(2)));
    }
    (1..=2).for_each(|n| tx.try_send(T::new(n)).unwrap());
    let third = wait_for(tx.send(T::new(3)), || assert_eq!(rx.try_recv(), Ok(T::new(1))));
    third.unwrap();
    let mut buffer = Vec::new();
    assert_eq!(now(rx.recv_many(&mut buffer, 5)), 2);
    assert_eq!(buffer, messages::<T, 2>(2));
    wait_for(tx.closed(), || rx.close());
    assert!(tx.try_send(T::new(4)).is_err());
    assert_eq!(now(rx.recv()), None);
}

fn permits<T: Message>() {
    let (tx, mut rx) = mpsc::channel(3);
    let permits = tx.try_reserve_many(2).unwrap();
    permits.zip(messages::<T, 2>(1)).for_each(|(permit, message)| permit.send(message));
    now(tx.reserve()).unwrap().send(T::new(3));
    let mut buffer = Vec::new();
    let many = wait_for(tx.reserve_many(2), || {
        assert_eq!(now(rx.recv_many(&mut buffer, 2)), 2);
    });
    drop(many.unwrap());
    tx.try_reserve().unwrap().send(T::new(4));
    let tx = tx.try_reserve_owned().unwrap().send(T::new(5));
    let tx = {
        let owned = wait_for(tx.reserve_owned(), || buffer.push(rx.try_recv().unwrap()));
        owned.unwrap().release()
    };
    drop(tx);
    assert_eq!(now(rx.recv_many(&mut buffer, 9)), 2);
    assert_eq!(buffer, messages::<T, 5>(1));
}

fn handles<T: Message>() {
    let (tx, mut rx) = mpsc::channel(1);
    let weak = tx.downgrade();
    let second = weak.upgrade().unwrap();
    assert!(second.same_channel(&tx) && !tx.is_closed());
    assert_eq!((rx.sender_strong_count(), rx.sender_weak_count()), (2, 1));
    drop(second);
    tx.try_send(T::new(1)).unwrap();
    drop(tx);
    assert!(weak.upgrade().is_none());
    assert_eq!((rx.try_recv(), now(rx.recv())), (Ok(T::new(1)), None));
}

fn unbounded<T: Message>() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let sent = wait_for(rx.recv(), || tx.send(T::new(0)).unwrap());
    assert_eq!(sent, Some(T::new(0)));
    for _ in 0..2 {
        (0..5_000).for_each(|n| tx.send(T::new(n as u8)).unwrap());
        assert!((0..5_000).all(|n| rx.try_recv() == Ok(T::new(n as u8))));
    }
    assert_eq!(wait_for(rx.recv(), || drop(tx)), None);
}
