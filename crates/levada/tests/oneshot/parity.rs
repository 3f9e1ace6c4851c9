//! The same as tokio's, side by side: texts, auto traits, sizes, panics.

use std::cell::Cell;
use std::marker::{PhantomData, PhantomPinned};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use levada::oneshot as ours;
use tokio::sync::oneshot as tokios;

/// Tells which auto traits a concrete type has: the inherent method wins if its bound holds.
struct Probe<T>(PhantomData<T>);

impl<T> Probe<T> {
    const NEW: Self = Self(PhantomData);

    fn of(_: &T) -> Self {
        Self::NEW
    }
}

#[rustfmt::skip]
trait Lacks {
    fn send(&self) -> bool { false }
    fn sync(&self) -> bool { false }
    fn unpin(&self) -> bool { false }
    fn unwind_safe(&self) -> bool { false }
    fn ref_unwind_safe(&self) -> bool { false }
}

impl<T> Lacks for Probe<T> {}

#[rustfmt::skip]
impl<T: Send> Probe<T> { fn send(&self) -> bool { true } }
#[rustfmt::skip]
impl<T: Sync> Probe<T> { fn sync(&self) -> bool { true } }
#[rustfmt::skip]
impl<T: Unpin> Probe<T> { fn unpin(&self) -> bool { true } }
#[rustfmt::skip]
impl<T: UnwindSafe> Probe<T> { fn unwind_safe(&self) -> bool { true } }
#[rustfmt::skip]
impl<T: RefUnwindSafe> Probe<T> { fn ref_unwind_safe(&self) -> bool { true } }

macro_rules! auto_traits {
    ($probe:expr) => {{
        let probe = $probe;
        [probe.send(), probe.sync(), probe.unpin(), probe.unwind_safe(), probe.ref_unwind_safe()]
    }};
}

#[test]
fn the_probe_tells_them_apart() {
    assert_eq!(auto_traits!(Probe::<u8>::NEW), [true; 5]);
    assert_eq!(auto_traits!(Probe::<Cell<u8>>::NEW), [true, false, true, true, false]);
    assert_eq!(auto_traits!(Probe::<&mut PhantomPinned>::NEW), [true, true, true, false, true]);
    assert_eq!(
        auto_traits!(Probe::<(Rc<u8>, PhantomPinned)>::NEW),
        [false, false, false, true, true]
    );
}

#[test]
fn auto_traits() {
    macro_rules! same {
        ($ours:expr, $tokios:expr) => {
            assert_eq!(auto_traits!($ours), auto_traits!($tokios));
        };
    }
    macro_rules! same_with_values_of {
        ($($value:ty),*) => {$(
            same!(Probe::<ours::Sender<$value>>::NEW, Probe::<tokios::Sender<$value>>::NEW);
            same!(Probe::<ours::Receiver<$value>>::NEW, Probe::<tokios::Receiver<$value>>::NEW);
            let (mut tx, _rx) = ours::channel::<$value>();
            let (mut tokio_tx, _tokio_rx) = tokios::channel::<$value>();
            same!(Probe::of(&tx.closed()), Probe::of(&tokio_tx.closed()));
        )*};
    }
    same_with_values_of!(u8, Cell<u8>, Rc<u8>, *mut u8, &'static mut u8, PhantomPinned);
    same!(Probe::<ours::error::RecvError>::NEW, Probe::<tokios::error::RecvError>::NEW);
    same!(Probe::<ours::error::TryRecvError>::NEW, Probe::<tokios::error::TryRecvError>::NEW);
}

#[cfg(not(feature = "observe"))]
#[test]
fn no_larger() {
    assert_eq!(size_of::<ours::Sender<u64>>(), size_of::<usize>());
    assert_eq!(size_of::<ours::Receiver<u64>>(), size_of::<usize>());
    assert!(size_of::<ours::Sender<u64>>() <= size_of::<tokios::Sender<u64>>());
    assert!(size_of::<ours::Receiver<u64>>() <= size_of::<tokios::Receiver<u64>>());
}

/// Makes a channel of each crate, brings both into the same states, and compares their texts.
#[test]
fn debug_texts() {
    let (mut tx, mut rx) = ours::channel::<u8>();
    let (mut tokio_tx, mut tokio_rx) = tokios::channel::<u8>();
    macro_rules! same {
        ($one:expr, $other:expr) => {
            assert_eq!(format!("{:?}", $one), format!("{:?}", $other));
            assert_eq!(format!("{:#?}", $one), format!("{:#?}", $other));
        };
    }
    same!(tx, tokio_tx);
    same!(rx, tokio_rx);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(tx.poll_closed(&mut cx).is_pending());
    assert!(tokio_tx.poll_closed(&mut cx).is_pending());
    same!(tx, tokio_tx);
    drop((tx, tokio_tx));
    assert!(rx.try_recv().is_err());
    assert!(tokio_rx.try_recv().is_err());
    same!(rx, tokio_rx);

    let (tx, rx) = ours::channel::<u8>();
    let (tokio_tx, tokio_rx) = tokios::channel::<u8>();
    drop((rx, tokio_rx));
    same!(tx, tokio_tx);

    let (tx, rx) = ours::channel::<u8>();
    let (tokio_tx, tokio_rx) = tokios::channel::<u8>();
    tx.send(7).unwrap();
    tokio_tx.send(7).unwrap();
    same!(rx, tokio_rx);
}

#[test]
fn error_texts() {
    let (_, rx) = ours::channel::<u8>();
    let (_, tokio_rx) = tokios::channel::<u8>();
    let (error, tokio_error) =
        (rx.blocking_recv().unwrap_err(), tokio_rx.blocking_recv().unwrap_err());
    assert_eq!(error.to_string(), tokio_error.to_string());
    assert_eq!(format!("{error:?}"), format!("{tokio_error:?}"));
    assert_eq!(error.clone(), error);

    use ours::error::TryRecvError as Ours;
    use tokios::error::TryRecvError as Tokios;
    for (error, tokio_error) in [(Ours::Empty, Tokios::Empty), (Ours::Closed, Tokios::Closed)] {
        assert_eq!(error.to_string(), tokio_error.to_string());
        assert_eq!(format!("{error:?}"), format!("{tokio_error:?}"));
        let _: &dyn std::error::Error = &error;
    }
}

/// Runs `f`, which panics, and gives the panic's text, file and line.
fn panic_of(f: impl FnOnce()) -> (String, String, u32) {
    let seen = Arc::new(Mutex::new(None));
    let (sink, thread) = (Arc::clone(&seen), std::thread::current().id());
    let before = Arc::new(std::panic::take_hook());
    let chained = Arc::clone(&before);
    std::panic::set_hook(Box::new(move |info| {
        let location = info.location().map(|at| (at.file().to_owned(), at.line()));
        if std::thread::current().id() != thread {
            chained(info);
        } else if let Ok(mut sink) = sink.lock() {
            *sink = location;
        }
    }));
    let result = catch_unwind(AssertUnwindSafe(f));
    std::panic::set_hook(Box::new(move |info| before(info)));
    let payload = result.expect_err("it panics");
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    let (file, line) =
        seen.lock().expect("only this thread uses it").take().expect("a panic has a location");
    (text.expect("a panic has a text"), file, line)
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn blocking_inside_a_runtime_panics_at_the_caller() {
    let (_tx, rx) = ours::channel::<u8>();
    let (_tokio_tx, tokio_rx) = tokios::channel::<u8>();
    let line = line!();
    let (text, file, at) = panic_of(|| drop(rx.blocking_recv()));
    let (tokio_text, tokio_file, tokio_at) = panic_of(|| drop(tokio_rx.blocking_recv()));
    assert_eq!((text, &file), (tokio_text, &tokio_file));
    assert_eq!(file, file!());
    assert_eq!((at, tokio_at), (line + 1, line + 2));
}
