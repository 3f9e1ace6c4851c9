//! What goes through the channels, and the account of it.

/// A message that knows its number. `Default` and `Clone` are what thingbuf's slots ask for.
pub(crate) trait Message:
    Default + Clone + std::fmt::Debug + Send + Sync + Unpin + 'static
{
    /// As it stands in a cell's name.
    const NAME: &'static str;

    fn new(number: u64) -> Self;

    fn number(&self) -> u64;
}

impl Message for usize {
    const NAME: &'static str = "u64";

    fn new(number: u64) -> Self {
        usize::try_from(number).expect("numbers of messages are small")
    }

    fn number(&self) -> u64 {
        *self as u64
    }
}

/// A message of `8 * WORDS` bytes; every word is its number.
#[derive(Clone, Debug)]
pub(crate) struct Words<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Default for Words<WORDS> {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl<const WORDS: usize> Message for Words<WORDS> {
    const NAME: &'static str = match WORDS {
        8 => "64-bytes",
        32 => "256-bytes",
        _ => "words",
    };

    fn new(number: u64) -> Self {
        Self([number; WORDS])
    }

    fn number(&self) -> u64 {
        self.0[WORDS - 1]
    }
}

impl Message for String {
    const NAME: &'static str = "string";

    /// Eight characters of six bits: on the heap, as most strings are, and quickly made.
    fn new(number: u64) -> Self {
        let digits: [u8; 8] =
            std::array::from_fn(|place| b'0' + ((number >> (6 * place)) & 63) as u8);
        Self::from_utf8(digits.to_vec()).expect("it is ASCII")
    }

    fn number(&self) -> u64 {
        let digit = |digit: u8| u64::from(digit.wrapping_sub(b'0'));
        self.bytes().rev().fold(0, |number, byte| number << 6 | digit(byte))
    }
}

/// The account of some messages: how many, their sum and their exclusive or.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    sum: u64,
    xor: u64,
}

impl Tally {
    /// That of the messages with these numbers.
    pub(crate) fn of(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut tally = Self::default();
        numbers.into_iter().for_each(|number| tally.add(number));
        tally
    }

    pub(crate) fn add(&mut self, number: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(number);
        self.xor ^= number;
    }

    /// Both accounts in one.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum.wrapping_add(other.sum),
            xor: self.xor ^ other.xor,
        }
    }

    /// Checks that every message of 0 to `n - 1` is in the account, once.
    ///
    /// # Panics
    /// If not: the contender has lost, doubled or changed one.
    pub(crate) fn check(self, n: u64) {
        assert_eq!(self, Self::of(0..n), "left: received, right: sent");
    }
}

/// How many of `n` messages the `part`th of `parts` senders sends, and the number of its first.
pub(crate) fn share(n: u64, parts: u64, part: u64) -> std::ops::Range<u64> {
    n * part / parts..n * (part + 1) / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_everything_once() {
        for (n, parts) in [(0, 3), (1, 4), (10, 3), (1000, 100), (7, 7)] {
            let numbers = (0..parts).flat_map(|part| share(n, parts, part));
            assert_eq!(numbers.collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_tally_sees_what_is_missing_and_what_is_double() {
        Tally::of([2, 0, 1]).check(3);
        assert_eq!(Tally::of([0, 1]).and(Tally::of([2])), Tally::of(0..3));
        for wrong in [vec![0, 1], vec![0, 1, 1], vec![0, 1, 3], vec![0, 1, 2, 2]] {
            assert_ne!(Tally::of(wrong.clone()), Tally::of(0..3), "{wrong:?}");
        }
    }

    #[test]
    fn messages_keep_their_number() {
        assert_eq!(<usize as Message>::new(7).number(), 7);
        assert_eq!(Words::<32>::new(7).number(), 7);
        for number in [0, 63, 64, 123_456_789] {
            assert_eq!(<String as Message>::new(number).number(), number);
        }
    }
}
