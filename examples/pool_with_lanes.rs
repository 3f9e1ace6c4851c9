//! A renderer of pages for visitors and for a crawler: visitors come first, and the crawler does
//! not starve.
//!
//! Why `levada_work::pool` with lanes: in one queue a visitor waits behind all that the crawler has
//! asked for. Two pools would leave the workers of one idle while the other is busy.
//! `control_before_data` shows the lanes alone.
//!
//! Look at:
//! - `Serve::Weighted([3, 1])`: while both wait, three pages of visitors to one of the crawler.
//! - the lane of the crawler is full, and that of the visitors is not: each has its own bound.
//! - the lane of the crawler may end sooner; `drain` ends the rest, with a limit.

use std::error::Error;
use std::time::Duration;

use levada::mpmc::lanes::Serve;
use levada_work::pool::Pool;

/// A page that is asked for, and by which side.
struct Page {
    for_visitor: bool,
    number: u32,
}

/// Stands for the work.
async fn render(page: Page) {
    let side = if page.for_visitor { "visitor" } else { "crawler" };
    println!("render: page {} for the {side}", page.number);
    tokio::task::yield_now().await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // One worker, so that the order is seen.
    let (pages, workers) = Pool::new(1).lanes([8, 4], Serve::Weighted([3, 1])).start(render);
    let [visitors, crawler] = pages.into_lanes();

    let mut asked = 0;
    while let Ok(()) = crawler.try_send(Page { for_visitor: false, number: asked }) {
        asked += 1;
    }
    println!("crawler: {asked} pages, and its lane is full");
    for number in 0..5 {
        visitors.send(Page { for_visitor: true, number }).await?;
    }
    println!("visitors: {} pages wait, with {} free places", visitors.len(), visitors.capacity());
    drop(crawler);

    workers.drain(Duration::from_secs(30)).await?;
    let refused = visitors.send(Page { for_visitor: true, number: 5 }).await.is_err();
    println!("visitors: another page is refused: {refused}");
    Ok(())
}
