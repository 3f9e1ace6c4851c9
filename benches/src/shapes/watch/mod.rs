//! The newest value, for everyone.

use crate::cell::{Cell, Round, contenders};
use crate::contenders::watches::{ArcSwap, Asyncband, Eyeball, Levada, Postage, Tokio};
use crate::kinds::watch::{Shared, Watch};
use crate::message::{Message, Tally};
use crate::runtime::{On, joined};
use crate::shapes::payloads::Text;
use crate::shapes::rounds::{Rounds, scaled};
use std::hint::black_box;
use std::time::{Duration, Instant};

mod threads;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![create_and_drop(), clone_and_drop()];
    cells.extend([read::<usize>(), read::<Text>()]);
    cells.extend(threads::cells());
    cells.push(send_without_receivers());
    cells.extend([send::<usize>(1), send::<usize>(100), send::<Text>(1)]);
    for on in [On::Ct, On::Mt] {
        cells.extend([1, 10, 100, 1000].map(|receivers| wake(on, receivers)));
    }
    cells.extend([ping::<usize>(), ping::<Text>()]);
    cells
}

fn create_and_drop() -> Cell {
    let about = "A channel is made and dropped.";
    let contenders = contenders!(
        C => |n| Round::Time(created_and_dropped::<C>(n));
        [Levada, Tokio, Asyncband, Postage, Eyeball]
    );
    Cell::timed("watch/create-drop", about, contenders)
}

fn created_and_dropped<C: Watch>(n: u64) -> Duration {
    let start = Instant::now();
    for number in 0..n {
        drop(black_box(C::channel(<usize as Message>::new(number))));
    }
    start.elapsed()
}

fn clone_and_drop() -> Cell {
    let about = "A receiver is cloned, and the clone dropped.";
    let contenders = contenders!(
        C => |n| Round::Time(cloned_and_dropped::<C>(n));
        [Levada, Tokio, Asyncband, Postage, Eyeball]
    );
    Cell::timed("watch/clone-drop", about, contenders)
}

fn cloned_and_dropped<C: Watch>(n: u64) -> Duration {
    let (_sender, receiver) = C::channel(0_usize);
    let start = Instant::now();
    for _ in 0..n {
        drop(black_box(C::another(&receiver)));
    }
    start.elapsed()
}

fn read<T: Message>() -> Cell {
    let about = "The value is read; nobody else is there.";
    let contenders = contenders!(
        C => |n| Round::Time(read_alone::<C, T>(n));
        [Levada, Tokio, Asyncband, Postage, Eyeball, ArcSwap]
    );
    Cell::timed(format!("watch/read/none/{}", T::NAME), about, contenders)
}

fn read_alone<C: Shared, T: Message>(n: u64) -> Duration {
    let (_sender, receiver) = C::channel(T::new(3));
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..n {
        sum += C::read(black_box(&receiver), T::number);
    }
    let elapsed = start.elapsed();
    assert_eq!(sum, 3 * n, "the value, each time");
    elapsed
}

fn send<T: Message>(receivers: u64) -> Cell {
    let about = "A value is sent, while no receiver waits for it.";
    let contenders = contenders!(
        C => move |n| Round::Time(sent::<C, T>(n, receivers));
        [Levada, Tokio, Asyncband, Postage, Eyeball]
    );
    Cell::timed(format!("watch/send/none-1-{receivers}/{}", T::NAME), about, contenders)
}

fn sent<C: Watch, T: Message>(n: u64, receivers: u64) -> Duration {
    let (mut sender, receiver) = C::channel(T::new(0));
    let receivers: Vec<_> = (0..receivers).map(|_| C::another(&receiver)).collect();
    drop(receiver);
    let start = Instant::now();
    for number in 1..=n {
        C::send(&mut sender, T::new(number));
    }
    let elapsed = start.elapsed();
    for receiver in receivers {
        assert_eq!(C::read(&receiver, T::number), n, "the last value");
    }
    elapsed
}

fn send_without_receivers() -> Cell {
    let about = "A value replaces the one before; there is no receiver.";
    let contenders = contenders!(
        C => |n| Round::Time(replaced::<C>(n));
        [Levada, Tokio, Asyncband, Postage, Eyeball]
    );
    Cell::timed("watch/send/none-1-0/u64", about, contenders)
}

fn replaced<C: Watch>(n: u64) -> Duration {
    let (mut sender, receiver) = C::channel(0_usize);
    drop(receiver);
    let start = Instant::now();
    for number in 1..=n {
        C::replace(&mut sender, <usize as Message>::new(number));
    }
    let elapsed = start.elapsed();
    let receiver = C::subscribe(&mut sender);
    assert_eq!(C::read(&receiver, usize::number), n, "the last value");
    elapsed
}

fn wake(on: On, receivers: u64) -> Cell {
    let about = "One of the receivers that wait is woken and sees the value; flat, if it costs the same for any \
                 number. The next value is sent when all have seen this one.";
    let contenders = contenders!(
        C => move |n| {
            let values = n.div_ceil(receivers);
            scaled(on.run(woken::<C>(values, receivers)), values * receivers, n)
        };
        [Levada, Tokio, Asyncband, Postage, Eyeball]
    );
    Cell::timed(format!("watch/wake/{}-1-{receivers}/u64", on.name()), about, contenders)
}

async fn woken<C: Watch>(values: u64, receivers: u64) -> Duration {
    let (mut sender, first) = C::channel(0_usize);
    let seen = Rounds::of(receivers);
    let mut waiting = vec![];
    for _ in 0..receivers {
        let (mut receiver, seen) = (C::another(&first), seen.clone());
        C::settle(&mut receiver);
        waiting.push(tokio::spawn(async move {
            let mut tally = Tally::default();
            seen.arrive();
            for _ in 0..values {
                tally.add(C::next(&mut receiver, usize::number).await);
                seen.arrive();
            }
            tally
        }));
    }
    drop(first);
    seen.done(1).await;
    let start = Instant::now();
    for value in 0..values {
        C::send(&mut sender, <usize as Message>::new(value));
        seen.done(value + 2).await;
    }
    let elapsed = start.elapsed();
    for receiver in waiting {
        joined(receiver).await.check(values);
    }
    elapsed
}

fn ping<T: Message>() -> Cell {
    let about = "A value goes to another task, which waits for it, and comes back through a second channel.";
    let contenders = contenders!(
        C => |n| Round::Time(On::Ct.run(pinged::<C, T>(n)));
        [Levada, Tokio, Asyncband, Postage, Eyeball]
    );
    Cell::timed(format!("watch/ping/ct/{}", T::NAME), about, contenders)
}

async fn pinged<C: Watch, T: Message>(n: u64) -> Duration {
    let (mut there, mut arrived) = C::channel(T::new(0));
    let (mut back, mut returned) = C::channel(T::new(0));
    C::settle(&mut arrived);
    C::settle(&mut returned);
    let mut tally = Tally::default();
    let start = Instant::now();
    let other = tokio::spawn(async move {
        for _ in 0..n {
            let value = C::next(&mut arrived, T::clone).await;
            C::send(&mut back, value);
        }
        // The last value is seen while its sender is there.
        back
    });
    for number in 0..n {
        C::send(&mut there, T::new(number));
        tally.add(C::next(&mut returned, T::number).await);
    }
    let elapsed = start.elapsed();
    drop(joined(other).await);
    tally.check(n);
    elapsed
}
