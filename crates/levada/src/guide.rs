#![forbid(unsafe_code)]
#![doc = include_str!("../docs/guide/index.md")]

#[doc = include_str!("../docs/guide/choosing.md")]
pub mod choosing {}

#[doc = include_str!("../docs/guide/methods.md")]
pub mod methods {}

#[doc = include_str!("../docs/guide/sizing.md")]
pub mod sizing {}

#[doc = include_str!("../docs/guide/backpressure.md")]
pub mod backpressure {}

#[doc = include_str!("../docs/guide/lag.md")]
pub mod lag {}

#[doc = include_str!("../docs/guide/shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("../docs/guide/actors.md")]
pub mod actors {}

#[doc = include_str!("../docs/guide/batching.md")]
pub mod batching {}

#[doc = include_str!("../docs/guide/worker_pool.md")]
pub mod worker_pool {}

// Its snippets are excerpts of an example, compiled there; a test of the example compares them.
#[cfg_attr(not(doctest), doc = include_str!("../docs/guide/classic_service.md"))]
#[cfg_attr(doctest, doc = "A whole service.")]
pub mod classic_service {}

#[doc = include_str!("../docs/guide/cancel_safety.md")]
pub mod cancel_safety {}

#[doc = include_str!("../docs/guide/pitfalls.md")]
pub mod pitfalls {}

#[doc = include_str!("../docs/guide/platforms.md")]
pub mod platforms {}

#[doc = include_str!("../docs/guide/from_tokio.md")]
pub mod from_tokio {}

#[cfg_attr(feature = "stream", doc = include_str!("../docs/guide/ecosystem.md"))]
#[cfg_attr(
    not(feature = "stream"),
    doc = "With the feature `stream`: tokio-stream, tokio-util, tower and others."
)]
pub mod ecosystem {}

#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}
