//! Which auto traits a type has, as constants.

use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// What is compared between the crates about one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the traits' names")]
pub struct TypeFacts {
    pub name: &'static str,
    /// In bytes.
    pub size: usize,
    pub send: bool,
    pub sync: bool,
    pub unpin: bool,
    pub unwind_safe: bool,
    pub ref_unwind_safe: bool,
}

/// Asks about `T`: `Probe::<T>::SEND` is [`Absent`]'s false, unless `T: Send` brings the inherent
/// constant of the same name, which goes first.
pub(crate) struct Probe<T>(PhantomData<T>);

/// The facts about a type without parameters; with one, `Probe` could not see its traits.
macro_rules! facts {
    ($type:ty) => {
        TypeFacts {
            name: stringify!($type),
            size: Probe::<$type>::SIZE,
            send: Probe::<$type>::SEND,
            sync: Probe::<$type>::SYNC,
            unpin: Probe::<$type>::UNPIN,
            unwind_safe: Probe::<$type>::UNWIND_SAFE,
            ref_unwind_safe: Probe::<$type>::REF_UNWIND_SAFE,
        }
    };
}
pub(crate) use facts;

/// The answers for a type without the trait.
pub(crate) trait Absent {
    const SEND: bool = false;
    const SYNC: bool = false;
    const UNPIN: bool = false;
    const UNWIND_SAFE: bool = false;
    const REF_UNWIND_SAFE: bool = false;
}

impl<T> Absent for Probe<T> {}

impl<T> Probe<T> {
    pub(crate) const SIZE: usize = size_of::<T>();
}

impl<T: Send> Probe<T> {
    pub(crate) const SEND: bool = true;
}

impl<T: Sync> Probe<T> {
    pub(crate) const SYNC: bool = true;
}

impl<T: Unpin> Probe<T> {
    pub(crate) const UNPIN: bool = true;
}

impl<T: UnwindSafe> Probe<T> {
    pub(crate) const UNWIND_SAFE: bool = true;
}

impl<T: RefUnwindSafe> Probe<T> {
    pub(crate) const REF_UNWIND_SAFE: bool = true;
}
