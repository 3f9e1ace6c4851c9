//! What a thread holds: words, each for as long as the thread holds what it stands for.
//!
//! A word may be held several times. The first [`PLACES`] are known one by one; of further ones,
//! only how many they are. A word that is never released, because what it stands for was
//! forgotten, keeps its place.
#![forbid(unsafe_code)]

use core::cell::Cell;

/// So many words are known one by one.
const PLACES: usize = 4;

struct Held {
    /// 0 where there is none.
    words: [Cell<usize>; PLACES],
    more: Cell<usize>,
}

impl Held {
    const fn nothing() -> Self {
        Self { words: [const { Cell::new(0) }; PLACES], more: Cell::new(0) }
    }

    #[cold]
    fn hold_further(&self, word: usize) {
        match self.words.iter().find(|place| place.get() == 0) {
            Some(place) => place.set(word),
            None => self.more.set(self.more.get().wrapping_add(1)),
        }
    }

    #[cold]
    fn release_further(&self, word: usize) {
        match self.words.iter().find(|place| place.get() == word) {
            Some(place) => place.set(0),
            None => self.more.set(self.more.get().wrapping_sub(1)),
        }
    }
}

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
thread_local! {
    static HELD: Held = const { Held::nothing() };
}

#[cfg(all(loom, feature = "loom"))]
loom::thread_local! {
    static HELD: Held = Held::nothing();
}

#[cfg(all(shuttle, feature = "shuttle"))]
shuttle::thread_local! {
    static HELD: Held = Held::nothing();
}

/// This thread holds `word`, which is not 0, once more.
#[inline(always)]
pub(crate) fn hold(word: usize) {
    HELD.with(|held| {
        let [first, ..] = &held.words;
        if first.get() == 0 {
            first.set(word);
        } else {
            held.hold_further(word);
        }
    });
}

/// This thread holds `word` once less.
#[inline(always)]
pub(crate) fn release(word: usize) {
    HELD.with(|held| {
        let [first, ..] = &held.words;
        if first.get() == word {
            first.set(0);
        } else {
            held.release_further(word);
        }
    });
}

/// Whether this thread holds `word`, as far as it is known: if it holds many words, the answer
/// may be yes though it does not.
#[cold]
pub(crate) fn is_held(word: usize) -> bool {
    HELD.with(|held| held.more.get() > 0 || held.words.iter().any(|place| place.get() == word))
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn few_words_are_known() {
        for word in 1..=PLACES {
            hold(word);
        }
        assert!((1..=PLACES).all(is_held) && !is_held(PLACES + 1));
        release(1);
        assert!(!is_held(1) && is_held(2));
        hold(2);
        release(2);
        assert!(is_held(2), "it is held once more");
        (2..=PLACES).for_each(release);
        assert!(!(1..=PLACES).any(is_held));
    }

    #[test]
    fn of_more_words_any_may_be_held() {
        (1..=PLACES + 2).for_each(hold);
        assert!(is_held(PLACES + 2) && is_held(PLACES + 3));
        (1..=PLACES + 2).rev().for_each(release);
        assert!(!(1..=PLACES + 3).any(is_held));
    }
}
