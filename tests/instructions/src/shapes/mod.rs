//! What is counted. One text for each shape, compiled against each contender.
#![expect(clippy::duplicate_mod, reason = "one text, compiled against each contender")]

/// A name, and a function that does as many operations as it is told, and checks what came out.
pub(crate) type Shape = (&'static str, fn(u64));

#[path = "."]
mod of_levada {
    use levada::{broadcast, mpsc, oneshot, watch};

    mod batches;
    mod bounded;
    mod broadcasts;
    mod kinds;
    mod lossless;
    mod mpmc;
    mod oneshots;
    mod overflow;
    mod replies;
    mod unbounded;
    mod watches;

    pub(super) const ALL: &[&[super::Shape]] = &[
        bounded::SHAPES,
        batches::SHAPES,
        overflow::SHAPES,
        unbounded::SHAPES,
        mpmc::SHAPES,
        oneshots::SHAPES,
        replies::SHAPES,
        broadcasts::SHAPES,
        lossless::SHAPES,
        kinds::SHAPES,
        watches::SHAPES,
    ];
}

#[path = "."]
mod of_tokio {
    use tokio::sync::{broadcast, mpsc, oneshot, watch};

    mod bounded;
    mod broadcasts;
    mod by_hand;
    mod oneshots;
    mod unbounded;
    mod watches;

    pub(super) const ALL: &[&[super::Shape]] = &[
        bounded::SHAPES,
        unbounded::SHAPES,
        oneshots::SHAPES,
        broadcasts::SHAPES,
        watches::SHAPES,
        by_hand::SHAPES,
    ];
}

const CONTENDERS: &[(&str, &[&[Shape]])] = &[("levada", of_levada::ALL), ("tokio", of_tokio::ALL)];

/// All shapes, as `CONTENDER/CHANNEL/WHAT`.
pub(crate) fn all() -> impl Iterator<Item = (String, fn(u64))> {
    CONTENDERS.iter().flat_map(|(contender, groups)| {
        let shapes = groups.iter().flat_map(|group| group.iter());
        shapes.map(move |(name, run)| (format!("{contender}/{name}"), *run))
    })
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn every_shape_does_what_it_says() {
        let mut names = Vec::new();
        for (name, shape) in all() {
            println!("{name}");
            shape(128);
            names.push(name);
        }
        let of = |contender: &str| -> Vec<_> {
            let prefix = format!("{contender}/");
            names.iter().filter_map(|name| name.strip_prefix(&prefix)).collect()
        };
        let (levada, tokio) = (of("levada"), of("tokio"));
        assert!(levada.len() >= 35, "{levada:?}");
        let is_own = |name: &str| name.starts_with("mpmc/") || name.starts_with("own/");
        let shared = levada.iter().filter(|name| !is_own(name));
        let of_tokio = tokio.iter().filter(|name| !is_own(name));
        assert_eq!(shared.collect::<Vec<_>>(), of_tokio.collect::<Vec<_>>());
        assert!(tokio.iter().all(|name| levada.contains(name)), "{tokio:?}");
    }
}
