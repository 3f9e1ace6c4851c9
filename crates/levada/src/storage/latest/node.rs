//! A node: the cell of one value, and how many use it.

use core::mem::MaybeUninit;

use super::split_count::Internal;
use super::version::Version;
use crate::prim::UnsafeCell;

/// The cell of one value.
pub(super) struct Node<T> {
    pub(super) users: Internal,
    /// The version of the value, with the same rules of access.
    version: UnsafeCell<Version>,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Node<T> {
    /// A current node that is open, with a value.
    pub(super) fn with(value: T, version: Version) -> Self {
        Self::new(Internal::open(), version, MaybeUninit::new(value))
    }

    /// A node without a value.
    pub(super) fn free() -> Self {
        Self::new(Internal::free(), Version::INITIAL, MaybeUninit::uninit())
    }

    fn new(users: Internal, version: Version, value: MaybeUninit<T>) -> Self {
        Self { users, version: UnsafeCell::new(version), value: UnsafeCell::new(value) }
    }

    /// Puts a value in.
    ///
    /// # Safety
    /// The node is free and the caller holds the lock; the caller makes it current.
    pub(super) unsafe fn write(&self, value: T, version: Version) {
        // SAFETY: only the lock holder accesses the version of a free node (I3, I5).
        self.version.with_mut(|cell| unsafe { *cell = version });
        self.value.with_mut(|cell| {
            // SAFETY: only the lock holder accesses the value of a free node (I3).
            let cell = unsafe { &mut *cell };
            cell.write(value);
        });
    }

    /// Takes the value out.
    ///
    /// # Safety
    /// The node is full and the caller may access its value (I3); the caller marks it free.
    pub(super) unsafe fn take(&self) -> T {
        self.value.with_mut(|cell| {
            // SAFETY: the caller may access the value.
            let cell = unsafe { &mut *cell };
            // SAFETY: it is initialised (I2), and as the node is free from now on it is not used
            // again.
            unsafe { cell.assume_init_read() }
        })
    }

    /// The version of the value.
    ///
    /// # Safety
    /// The node is full, and no thread changes its value meanwhile.
    #[inline(always)]
    pub(super) unsafe fn version(&self) -> Version {
        // SAFETY: no thread changes it, as no thread changes the value (I5).
        self.version.with(|version| unsafe { *version })
    }

    /// Shared access to the value.
    ///
    /// # Safety
    /// The node is full, and for `'a` its value is only read.
    #[inline(always)]
    pub(super) unsafe fn get<'a>(&self) -> &'a T {
        self.value.with(|cell| {
            // SAFETY: no thread changes the value.
            let cell = unsafe { &*cell };
            // SAFETY: the node is full, so it is initialised (I2).
            unsafe { cell.assume_init_ref() }
        })
    }

    /// Exclusive access to the value.
    ///
    /// # Safety
    /// The node is full, and for `'a` only the caller accesses its value.
    #[inline(always)]
    pub(super) unsafe fn get_mut<'a>(&self) -> &'a mut T {
        self.value.with_mut(|cell| {
            // SAFETY: only the caller accesses the value.
            let cell = unsafe { &mut *cell };
            // SAFETY: the node is full, so it is initialised (I2).
            unsafe { cell.assume_init_mut() }
        })
    }

    /// Gives the value another version.
    ///
    /// # Safety
    /// The node is full, and only the caller accesses its value meanwhile.
    #[inline(always)]
    pub(super) unsafe fn set_version(&self, version: Version) {
        // SAFETY: only the caller accesses it, as only the caller accesses the value (I5).
        self.version.with_mut(|cell| unsafe { *cell = version });
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        if !self.users.is_free() {
            // SAFETY: it is full, and `&mut self` excludes every other access.
            let value = unsafe { self.get_mut() };
            // SAFETY: it is not used again. In place, as it may be larger than the rest of the
            // stack.
            unsafe { core::ptr::drop_in_place(value) };
        }
    }
}
