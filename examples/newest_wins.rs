//! A sensor is faster than the display of its readings. The sensor never waits: the oldest reading
//! goes, and the display shows the newest ones, in order.
//!
//! Why `mpsc` with `Overflow::EvictOldest`: a plain queue would make the sensor wait, and then show
//! what is long past. A `watch` would keep one reading, and the display wants the last few.
//!
//! Look at:
//! - `send` under this policy is ready at once, and never says that the queue is full.
//! - `on_evicted` gets each reading that goes, so that it can be counted, logged or used again.
//! - a place that was reserved is never evicted: the alarm arrives however many readings come.

use std::error::Error;
use std::fmt;

use levada::mpsc::{self, Overflow};

/// Two readings, and an alarm.
const PLACES: usize = 3;

/// What the display shows.
enum Shown {
    Degrees(u32),
    Alarm(&'static str),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Degrees(degrees) => write!(f, "{degrees} degrees"),
            Self::Alarm(text) => f.write_str(text),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (sensor, mut display) = mpsc::builder(PLACES)
        .overflow(Overflow::EvictOldest)
        .on_evicted(|shown: Shown| println!("evicted: {shown}"))
        .build();
    let alarm = sensor.reserve().await?;

    // The display is busy with something else.
    for degrees in 91..=95 {
        sensor.send(Shown::Degrees(degrees)).await?;
    }
    alarm.send(Shown::Alarm("too hot"));
    println!("sensor: 5 readings, of which {} are not shown", sensor.evicted());

    drop(sensor);
    while let Some(shown) = display.recv().await {
        println!("display: {shown}");
    }
    Ok(())
}
