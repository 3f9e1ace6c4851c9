//! Auto traits and sizes of levada's types against tokio's.

use api_surface::{TypeFacts, on_levada, on_tokio};

/// tokio's and levada's facts about the same type, with the same payload.
fn pairs() -> Vec<(TypeFacts, TypeFacts)> {
    let (tokio, levada) = (on_tokio::TYPES, on_levada::TYPES);
    assert!(
        tokio.len() >= 150,
        "the table has only {} types",
        tokio.len()
    );
    tokio.iter().copied().zip(levada.iter().copied()).collect()
}

#[test]
fn auto_traits_are_tokios() {
    let traits = |of: TypeFacts| TypeFacts { size: 0, ..of };
    let different = pairs()
        .into_iter()
        .filter(|(tokio, levada)| traits(*tokio) != traits(*levada));
    let different: Vec<_> = different.collect();
    assert!(different.is_empty(), "(tokio, levada): {different:#?}");
}

#[test]
fn no_type_is_larger_than_tokios() {
    let larger: Vec<_> = pairs()
        .into_iter()
        .filter(|(tokio, levada)| tokio.size < levada.size)
        .collect();
    assert!(larger.is_empty(), "(tokio, levada): {larger:#?}");
}

#[test]
fn the_probe_sees_what_differs() {
    let of = |name: &str| {
        *on_tokio::TYPES
            .iter()
            .find(|facts| facts.name == name)
            .unwrap()
    };
    let sender = of("mpsc::Sender<u8>");
    assert!(sender.send && sender.sync && sender.unpin && sender.unwind_safe);
    let local = of("mpsc::Sender<std::rc::Rc<u8>>");
    assert!(!local.send && !local.sync);
    let pinned = of("mpsc::error::SendError<std::marker::PhantomPinned>");
    assert!(!pinned.unpin);
    let guard = of("watch::Ref<'static, u8>");
    assert!(!guard.send && guard.sync);
}

#[test]
fn the_table_is_whole() {
    const { assert!(on_tokio::ITEMS >= 230 && on_levada::ITEMS == on_tokio::ITEMS) };
}
