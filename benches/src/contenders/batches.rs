//! The crates that send a batch in one call; all of them receive one.

use crate::kinds::batches::SendMany;
use crate::kinds::mpsc::RecvMany;
use ::fibre::mpsc as fibre;
use ::levada::{mpmc, mpsc};
use ::tokio::sync::mpsc as tokio;
use std::collections::VecDeque;

impl SendMany for mpsc::Sender<usize> {
    type Batch = VecDeque<usize>;

    async fn send_many(&mut self, batch: &mut VecDeque<usize>) {
        mpsc::Sender::send_many(self, batch).await.expect("the receiver lives");
    }
}

impl SendMany for mpmc::Sender<usize> {
    type Batch = VecDeque<usize>;

    async fn send_many(&mut self, batch: &mut VecDeque<usize>) {
        mpmc::Sender::send_many(self, batch).await.expect("the receiver lives");
    }
}

impl RecvMany<usize> for mpmc::Receiver<usize> {
    async fn recv_many(&mut self, buffer: &mut Vec<usize>, limit: usize) -> usize {
        mpmc::Receiver::recv_many(self, buffer, limit).await
    }
}

/// tokio waits for room for all of them, and each permit is a send then.
impl SendMany for tokio::Sender<usize> {
    type Batch = Vec<usize>;

    async fn send_many(&mut self, batch: &mut Vec<usize>) {
        let permits = self.reserve_many(batch.len()).await.expect("the receiver lives");
        batch.drain(..).zip(permits).for_each(|(message, permit)| permit.send(message));
    }
}

impl SendMany for fibre::BoundedAsyncSender<usize> {
    type Batch = Vec<usize>;

    async fn send_many(&mut self, batch: &mut Vec<usize>) {
        let sent = self.send_batch_mut(batch).await.expect("the receiver lives");
        assert!(sent > 0 && batch.is_empty(), "the batch is sent");
    }
}
