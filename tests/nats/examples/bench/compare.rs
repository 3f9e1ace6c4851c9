//! Two sides of a comparison: levada-nats, and async-nats by hand on the same server.
//!
//! Both take turns for some rounds, and each begins every second round. The figures are medians of
//! the rounds, as a table in Markdown.

use std::error::Error;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How much is measured.
pub(crate) struct Effort {
    pub(crate) messages: usize,
    pub(crate) rounds: usize,
}

impl Effort {
    /// Prints the head of a table.
    pub(crate) fn table(&self, title: &str) -> Table {
        let figures =
            ["/s", "p50, µs", "p99, µs"].map(|figure| format!("{figure} | by hand | ratio"));
        println!("| {title} | {} |", figures.join(" | "));
        println!("|---|{}", "--:|".repeat(9));
        Table { rounds: self.rounds }
    }
}

/// A table, of which each row is printed when it is measured.
pub(crate) struct Table {
    rounds: usize,
}

impl Table {
    /// Measures one row. What is to be ready before a run is not in its time.
    pub(crate) async fn row(
        &self,
        name: &str,
        mut ours: impl AsyncFnMut() -> Outcome<Run>,
        mut theirs: impl AsyncFnMut() -> Outcome<Run>,
    ) -> Outcome<()> {
        let (mut us, mut them) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            if round % 2 == 0 {
                us.push(ours().await?);
                them.push(theirs().await?);
            } else {
                them.push(theirs().await?);
                us.push(ours().await?);
            }
        }
        let cells =
            |figure: fn(&Run) -> Option<f64>| match (median(&us, figure), median(&them, figure)) {
                (Some(us), Some(them)) => format!("{us:.0} | {them:.0} | {:.2}", us / them),
                _ => "– | – | –".to_owned(),
            };
        let figures =
            [cells(Run::rate), cells(|run| run.percentile(50)), cells(|run| run.percentile(99))];
        println!("| {name} | {} |", figures.join(" | "));
        Ok(())
    }
}

fn median(runs: &[Run], figure: fn(&Run) -> Option<f64>) -> Option<f64> {
    let mut figures: Vec<f64> = runs.iter().filter_map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// What one run took.
pub(crate) struct Run {
    took: Duration,
    messages: usize,
    /// In order of size.
    latencies: Vec<Duration>,
}

impl Run {
    /// A run without latencies.
    pub(crate) fn since(begin: Instant, messages: usize) -> Self {
        Self { took: begin.elapsed(), messages, latencies: Vec::new() }
    }

    /// Messages per second.
    fn rate(&self) -> Option<f64> {
        Some(self.messages as f64 / self.took.as_secs_f64())
    }

    /// In microseconds.
    fn percentile(&self, percent: usize) -> Option<f64> {
        let index = self.latencies.len() * percent / 100;
        self.latencies.get(index).map(|latency| latency.as_secs_f64() * 1e6)
    }
}

/// What one task does over and over, and how long it takes each time.
pub(crate) struct Laps {
    left: usize,
    begin: Option<Instant>,
    latencies: Vec<Duration>,
}

impl Laps {
    /// Whether there is another lap. It ends the one before.
    pub(crate) fn next(&mut self) -> bool {
        let now = Instant::now();
        self.latencies.extend(self.begin.replace(now).map(|begin| now - begin));
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

/// Runs a task with so many laps.
pub(crate) async fn in_task<F>(laps: usize, one: impl FnOnce(Laps) -> F) -> Outcome<Run>
where
    F: Future<Output = Outcome<Laps>> + Send + 'static,
{
    let mut one = Some(one);
    in_tasks(1, laps, |laps| one.take().map(|one| one(laps)).expect("one task")).await
}

/// Runs so many tasks, each with so many laps.
pub(crate) async fn in_tasks<F>(
    tasks: usize,
    each: usize,
    mut one: impl FnMut(Laps) -> F,
) -> Outcome<Run>
where
    F: Future<Output = Outcome<Laps>> + Send + 'static,
{
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        let latencies = Vec::with_capacity(each);
        running.spawn(one(Laps { left: each, begin: None, latencies }));
    }
    let mut latencies = Vec::with_capacity(tasks * each);
    while let Some(laps) = running.join_next().await {
        latencies.extend(laps??.latencies);
    }
    let took = begin.elapsed();
    latencies.sort_unstable();
    Ok(Run { took, messages: tasks * each, latencies })
}
