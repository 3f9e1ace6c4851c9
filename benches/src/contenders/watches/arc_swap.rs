use crate::kinds::watch::Shared;
use crate::message::Message;
use std::sync::Arc;

/// Reads and writes only: nobody can await a change. Its `load` is the one without a reference
/// count.
#[derive(Debug)]
pub(crate) struct ArcSwap;

impl Shared for ArcSwap {
    const NAME: &'static str = "arc-swap";

    type Sender<T: Message> = Arc<::arc_swap::ArcSwap<T>>;
    type Receiver<T: Message> = Arc<::arc_swap::ArcSwap<T>>;

    fn channel<T: Message>(initial: T) -> (Self::Sender<T>, Self::Receiver<T>) {
        let shared = Arc::new(::arc_swap::ArcSwap::from_pointee(initial));
        (shared.clone(), shared)
    }

    fn another<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.clone()
    }

    fn send<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        sender.store(Arc::new(value));
    }

    fn read<T: Message, R>(receiver: &Self::Receiver<T>, look: impl FnOnce(&T) -> R) -> R {
        look(&receiver.load())
    }
}
