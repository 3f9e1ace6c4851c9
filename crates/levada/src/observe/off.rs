//! What the channels record with the feature `observe`, without it: nothing.
//!
//! The types have no size and the methods no body, so that the channels are the same code with the
//! feature and without, and cost not one instruction more without.
#![forbid(unsafe_code)]
#![allow(dead_code, clippy::extra_unused_type_parameters, reason = "as with the feature")]

use core::marker::PhantomData;
use core::task::Context;

use super::{Kind, Op, Side};
use crate::prim::Arc;

/// A channel that has a record.
pub(crate) trait Observed {
    /// The record.
    fn record(&self) -> &ChannelRecord;
}

/// What is recorded of a channel.
#[derive(Debug)]
pub(crate) struct ChannelRecord;

/// What is recorded of a future or handle that waits.
#[derive(Debug)]
pub(crate) struct WaitRecord;

/// What is recorded of a handle.
#[derive(Debug)]
pub(crate) struct HandleRecord;

/// What a channel has done when it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) sent: u64,
    pub(crate) evicted: u64,
}

/// Where a oneshot was created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CreatedAt;

impl CreatedAt {
    #[inline(always)]
    pub(crate) fn caller() -> Self {
        Self
    }
}

/// What is recorded of a receiver that has a position of its own.
#[derive(Debug)]
pub(crate) struct PositionRecord;

/// A reference to one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionRef<'a>(PhantomData<&'a ()>);

/// The name of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Name;

impl Name {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn new(_: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self
    }
}

impl ChannelRecord {
    #[inline(always)]
    pub(crate) fn new<T>(_: Kind, _: Name) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn show_as<T>(&mut self, _: Kind) {}

    #[inline(always)]
    pub(crate) fn unregister(&self, _: impl FnOnce() -> Done) {}

    #[inline(always)]
    pub(crate) fn note_sent(&self, _: usize, _: impl FnOnce() -> usize) {}

    #[inline(always)]
    pub(crate) fn note_received(&self, _: usize) {}

    #[inline(always)]
    pub(crate) fn note_received_many(&self, _: usize, _: usize) {}

    #[inline(always)]
    pub(crate) fn publish_position(&self, _: u64) {}

    #[inline(always)]
    pub(crate) fn note_ahead(&self, _: isize) {}

    #[inline(always)]
    pub(crate) fn ahead(&self) -> usize {
        0
    }
}

impl WaitRecord {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn fork(&self) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn at_caller(&mut self) {}

    #[inline(always)]
    pub(crate) fn note(&mut self, _pending: bool, _: &Context<'_>, _: &ChannelRecord, _: Op) {}

    #[inline(always)]
    pub(crate) fn note_oneshot<T>(&mut self, _pending: bool, _: &Context<'_>) {}

    #[inline(always)]
    pub(crate) fn note_closed_oneshot<T>(&mut self, _pending: bool, _: &Context<'_>, _: CreatedAt) {
    }

    #[inline(always)]
    pub(crate) fn leave(&mut self) {}
}

impl HandleRecord {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn touch<C: Observed>(&self, _: &Arc<C>, _: Side) {}

    #[inline(always)]
    pub(crate) fn touch_at<C: Observed>(&self, _: &Arc<C>, _: &PositionRecord, _: u64) {}
}

impl PositionRecord {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn note(&self, _next: u64, _missed: u64) {}

    #[inline(always)]
    pub(crate) fn as_ref(&self) -> PositionRef<'_> {
        PositionRef(PhantomData)
    }
}

impl PositionRef<'_> {
    #[inline(always)]
    pub(crate) fn note(self, _next: u64, _missed: u64) {}
}
