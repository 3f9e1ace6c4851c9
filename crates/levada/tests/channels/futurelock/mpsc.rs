//! The suite's view of mpsc.

use super::channel::{Channel, Receiving, Sending, Way};
use levada::mpsc::{self, error::TryRecvError};
use std::cell::RefCell;
use std::rc::Rc;
use support::Task;

pub(crate) struct Mpsc {
    tx: mpsc::Sender<u32>,
    rx: Rc<RefCell<mpsc::Receiver<u32>>>,
}

impl Channel for Mpsc {
    fn new(capacity: usize) -> Self {
        let (tx, rx) = mpsc::channel(capacity);
        Self { tx, rx: Rc::new(RefCell::new(rx)) }
    }

    fn name() -> &'static str {
        "mpsc"
    }

    fn send(&self, way: Way, message: u32) -> Sending {
        let tx = self.tx.clone();
        Task::new(Box::pin(async move {
            match way {
                Way::Send => tx.send(message).await.is_ok(),
                Way::Reserve => tx.reserve().await.map(|permit| permit.send(message)).is_ok(),
                Way::ReserveOwned => tx.reserve_owned().await.map(|it| it.send(message)).is_ok(),
                Way::ReserveMany => match tx.reserve_many(1).await {
                    Ok(permits) => permits.map(|permit| permit.send(message)).count() == 1,
                    Err(_) => false,
                },
            }
        }))
    }

    fn blocking_send(&self, message: u32) -> impl FnOnce() -> bool + Send + 'static {
        let tx = self.tx.clone();
        move || tx.blocking_send(message).is_ok()
    }

    fn try_send(&self, message: u32) -> bool {
        self.tx.try_send(message).is_ok()
    }

    fn hold(&self) {
        support::forget(self.tx.try_reserve().unwrap());
    }

    fn recv(&self) -> Receiving {
        let rx = self.rx.clone();
        Task::new(Box::pin(std::future::poll_fn(move |cx| rx.borrow_mut().poll_recv(cx))))
    }

    fn try_recv(&self) -> Option<u32> {
        self.rx.borrow_mut().try_recv().ok()
    }

    fn close(&self) {
        self.rx.borrow_mut().close();
    }

    fn has_ended(&self) -> bool {
        self.rx.borrow_mut().try_recv() == Err(TryRecvError::Disconnected)
    }
}
