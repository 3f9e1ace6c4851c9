//! Every order in which two sides can take their steps.

use crate::party::Side;

/// All interleavings of `senders` steps of the sender with `receivers` of the receiver.
pub(crate) fn interleavings(senders: u8, receivers: u8) -> Vec<Vec<Side>> {
    if senders == 0 && receivers == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    if senders > 0 {
        all.extend(
            interleavings(senders - 1, receivers).into_iter().map(|rest| (Side::Sender, rest)),
        );
    }
    if receivers > 0 {
        all.extend(
            interleavings(senders, receivers - 1).into_iter().map(|rest| (Side::Receiver, rest)),
        );
    }
    all.into_iter().map(|(first, rest)| [vec![first], rest].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_ways_to_choose() {
        assert_eq!(interleavings(0, 3).len(), 1);
        assert_eq!(interleavings(1, 1).len(), 2);
        assert_eq!(interleavings(3, 3).len(), 20);
        assert_eq!(interleavings(4, 2).len(), 15);
        let mut all = interleavings(3, 2);
        all.dedup();
        assert_eq!(all.len(), 10, "no two are the same");
    }
}
