//! Auto traits and sizes of levada's types against tokio's.

use api_surface::{TypeFacts, on_levada, on_tokio};

/// tokio's and levada's facts about the same type, with the same payload.
fn pairs() -> Vec<(TypeFacts, TypeFacts)> {
    let (tokio, levada) = (on_tokio::TYPES, on_levada::TYPES);
    assert!(tokio.len() >= 150, "the table has only {} types", tokio.len());
    tokio.iter().copied().zip(levada.iter().copied()).collect()
}

#[test]
fn auto_traits_are_tokios() {
    let traits = |of: TypeFacts| (of.send, of.sync, of.unpin);
    let different: Vec<_> =
        pairs().into_iter().filter(|(tokio, levada)| traits(*tokio) != traits(*levada)).collect();
    assert!(different.is_empty(), "(tokio, levada): {different:#?}");
}

/// tokio's broadcast and watch are unwind safe with std's locks, and not with its feature
/// `parking_lot`, which some crate of the build may turn on. levada's always are.
#[test]
fn what_is_unwind_safe_in_tokio_is_here() {
    let lost: Vec<_> = pairs()
        .into_iter()
        .filter(|(tokio, levada)| {
            tokio.unwind_safe && !levada.unwind_safe
                || tokio.ref_unwind_safe && !levada.ref_unwind_safe
        })
        .collect();
    assert!(lost.is_empty(), "(tokio, levada): {lost:#?}");
}

/// The one type that may be larger is `watch::Ref`: three words, as tokio's with std's locks, of
/// which tokio's feature `parking_lot` saves one.
#[test]
#[cfg_attr(feature = "observe", ignore = "`cargo xtask features` runs it")]
fn no_type_is_larger_than_tokios() {
    let most = |tokio: &TypeFacts| {
        if tokio.name.starts_with("watch::Ref<") { 3 * size_of::<usize>() } else { tokio.size }
    };
    let larger: Vec<_> =
        pairs().into_iter().filter(|(tokio, levada)| most(tokio) < levada.size).collect();
    assert!(larger.is_empty(), "(tokio, levada): {larger:#?}");
}

#[test]
fn the_probe_sees_what_differs() {
    let of = |name: &str| *on_tokio::TYPES.iter().find(|facts| facts.name == name).unwrap();
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
