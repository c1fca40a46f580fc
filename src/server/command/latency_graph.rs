//! The times of an event as a graph of characters, as Redis draws it.

use crate::server::measure::latency_monitor::LatencySeries;

/// The most samples side by side.
const COLUMNS: usize = 80;

/// The rows of the graph.
const ROWS: usize = 4;

/// The characters of a row, lowest first.
const LEVELS: [char; 3] = ['_', 'o', '#'];

/// Returns the graph of an event, which has at least one sample, at this second.
pub(super) fn graph_of(event: &str, series: &LatencySeries, now_seconds: u64) -> String {
    let times: Vec<_> = series.samples.iter().map(|sample| sample.milliseconds).collect();
    let ages =
        series.samples.iter().map(|sample| age(now_seconds.saturating_sub(sample.at_seconds)));
    let ages: Vec<_> = ages.collect();
    let low = times.iter().copied().min().unwrap_or(0);
    let high = times.iter().copied().max().unwrap_or(0);
    let longest = series.longest;
    let line = "-".repeat(COLUMNS);
    let head = format!("{event} - high {high} ms, low {low} ms (all time high {longest} ms)\n");
    let graphs = times.chunks(COLUMNS).zip(ages.chunks(COLUMNS));
    let graphs: Vec<_> =
        graphs.map(|(times, ages)| rows(times, low, high) + &labels(ages)).collect();
    format!("{head}{line}\n{}", graphs.join("\n"))
}

/// Returns the age of a sample as its label.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn rows(times: &[u64], low: u64, high: u64) -> String {
    let steps = LEVELS.len() * ROWS;
    let step = |time: &u64| {
        let share = u128::from(time - low) * steps as u128 / u128::from((high - low).max(1));
        usize::try_from(share).map_or(steps - 1, |step| step.min(steps - 1))
    };
    let row = |row: usize| {
        let base = (ROWS - row - 1) * LEVELS.len();
        let character = |time: &u64| match step(time).checked_sub(base) {
            None => ' ',
            Some(level) => LEVELS.get(level).copied().unwrap_or('|'),
        };
        times.iter().map(character).chain(['\n']).collect::<String>()
    };
    (0..ROWS).map(row).collect()
}

/// Returns labels below each other, each from the top down, behind an empty row.
fn labels(labels: &[String]) -> String {
    let height = labels.iter().map(String::len).max().unwrap_or(0);
    let row = |row: usize| {
        let character = |label: &String| label.chars().nth(row).unwrap_or(' ');
        labels.iter().map(character).chain(['\n']).collect::<String>()
    };
    let rows: String = (0..height).map(row).collect();
    format!("{}\n{rows}", " ".repeat(labels.len()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::measure::latency_monitor::LatencyMonitor;

    #[test]
    fn a_graph_is_drawn_as_in_redis() {
        let monitor = LatencyMonitor::default();
        for (second, milliseconds) in [(1000, 10), (1001, 100), (1070, 55)] {
            monitor.add("command", second, Duration::from_millis(milliseconds));
        }
        let series = monitor.series(b"command").unwrap();
        let lines = [
            "command - high 100 ms, low 10 ms (all time high 100 ms)",
            &"-".repeat(80),
            " # ",
            " |_",
            " ||",
            "_||",
            "   ",
            "111",
            "mm0",
            "  s",
            "",
        ];
        assert_eq!(graph_of("command", &series, 1080), lines.join("\n"));
        (0..100).for_each(|second| monitor.add("x", second, Duration::ZERO));
        let series = monitor.series(b"x").unwrap();
        assert_eq!(graph_of("x", &series, 1 << 40).lines().count(), 2 + 14 + 1 + 14);
    }
}
