//! A place for one value.

use core::mem::MaybeUninit;

use super::version::Version;
use crate::prim::UnsafeCell;

/// A place for one value.
pub(super) struct Node<T> {
    pub(super) hold: UnsafeCell<Hold>,
    /// Of the value, and touched by whoever may touch that.
    version: UnsafeCell<Version>,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// How the value of a node is being used.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) readers: usize,
    /// There may be readers that are not counted.
    pub(super) posted: bool,
    /// Somebody changes the value in place.
    pub(super) writing: bool,
    /// Somebody waits to take the value, so the last reader does not.
    pub(super) claimed: bool,
    /// There is a value.
    pub(super) full: bool,
}

impl Hold {
    pub(super) const FREE: Self =
        Self { readers: 0, posted: false, writing: false, claimed: false, full: false };

    pub(super) const IDLE: Self = Self { full: true, ..Self::FREE };

    #[inline]
    pub(super) fn is_in_use(&self) -> bool {
        self.readers > 0 || self.posted || self.writing
    }

    #[inline]
    pub(super) fn add_reader(&mut self) {
        // Of 64 bits no program lives to see the end.
        if usize::BITS < 64 && self.readers == usize::MAX {
            // Snapshots were leaked until the count is about to wrap, which would free a value
            // that is being read.
            std::process::abort();
        }
        self.readers += 1;
    }
}

impl<T> Node<T> {
    /// A node that nobody uses, with a value.
    pub(super) fn with(value: T, version: Version) -> Self {
        Self::new(Hold::IDLE, version, MaybeUninit::new(value))
    }

    /// A node without a value.
    pub(super) fn free() -> Self {
        Self::new(Hold::FREE, Version::INITIAL, MaybeUninit::uninit())
    }

    fn new(hold: Hold, version: Version, value: MaybeUninit<T>) -> Self {
        Self {
            hold: UnsafeCell::new(hold),
            version: UnsafeCell::new(version),
            value: UnsafeCell::new(value),
        }
    }

    /// Puts a value in.
    ///
    /// # Safety
    /// The node is free and the caller holds the lock; the caller marks it full.
    pub(super) unsafe fn write(&self, value: T, version: Version) {
        // SAFETY: nobody else touches the version of a free node.
        self.version.with_mut(|place| unsafe { *place = version });
        self.value.with_mut(|place| {
            // SAFETY: nobody else touches the value of a free node.
            let place = unsafe { &mut *place };
            place.write(value);
        });
    }

    /// Takes the value out.
    ///
    /// # Safety
    /// The node is full and its value is the caller's to touch (I3); the caller marks it free.
    pub(super) unsafe fn take(&self) -> T {
        self.value.with_mut(|place| {
            // SAFETY: the caller may touch the value.
            let place = unsafe { &mut *place };
            // SAFETY: it is there, and as the node is free from now on it is not used again.
            unsafe { place.assume_init_read() }
        })
    }

    /// The version of the value.
    ///
    /// # Safety
    /// The node is full, and nobody changes its value meanwhile.
    #[inline(always)]
    pub(super) unsafe fn version(&self) -> Version {
        // SAFETY: nobody changes it, as nobody changes the value.
        self.version.with(|version| unsafe { *version })
    }

    /// The value, to look at.
    ///
    /// # Safety
    /// The node is full, and for `'a` its value is only looked at.
    #[inline(always)]
    pub(super) unsafe fn get<'a>(&self) -> &'a T {
        self.value.with(|place| {
            // SAFETY: nobody changes the value.
            let place = unsafe { &*place };
            // SAFETY: it is there.
            unsafe { place.assume_init_ref() }
        })
    }

    /// The value, to change.
    ///
    /// # Safety
    /// The node is full, and for `'a` nobody else touches its value.
    #[inline(always)]
    pub(super) unsafe fn get_mut<'a>(&self) -> &'a mut T {
        self.value.with_mut(|place| {
            // SAFETY: nobody else touches the value.
            let place = unsafe { &mut *place };
            // SAFETY: it is there.
            unsafe { place.assume_init_mut() }
        })
    }

    /// Makes it the value of another version.
    ///
    /// # Safety
    /// The node is full, and nobody else touches its value meanwhile.
    #[inline(always)]
    pub(super) unsafe fn set_version(&self, version: Version) {
        // SAFETY: nobody else touches it, as nobody else touches the value.
        self.version.with_mut(|place| unsafe { *place = version });
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self` excludes every other access.
        if self.hold.with(|hold| unsafe { (*hold).full }) {
            // SAFETY: it is full (I2), and ours alone.
            let value = unsafe { self.get_mut() };
            // SAFETY: it is not used again. In place: it may be larger than what is left of the
            // stack.
            unsafe { core::ptr::drop_in_place(value) };
        }
    }
}
