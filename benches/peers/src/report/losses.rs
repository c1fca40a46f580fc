//! The losses of kvs: every row in which another is better, the worst first.

use super::table::number;
use crate::record::{Results, Row};

/// From which ratio on it is a loss and not the noise of the machine.
const RATIO_MIN: f64 = 1.1;

/// The name that the names of kvs' columns begin with.
const SELF: &str = "kvs";

/// A row in which another is better.
struct Loss<'a> {
    ratio: f64,
    table: &'a str,
    row: &'a Row,
    own: f64,
    winner: &'a str,
    best: f64,
}

/// Returns the section.
pub fn section(results: &[&Results]) -> String {
    let rows: Vec<(&str, &Row)> = results
        .iter()
        .flat_map(|results| &results.tables)
        .flat_map(|table| table.rows.iter().map(|row| (table.name.as_str(), row)))
        .filter(|(_, row)| row.unit.is_compared() && row.best_of(is_other).is_some())
        .collect();
    let compared: Vec<Loss<'_>> = rows.iter().filter_map(|(table, row)| loss(table, row)).collect();
    let count = compared.len();
    let mut losses: Vec<_> = compared.into_iter().filter(|loss| loss.ratio >= RATIO_MIN).collect();
    losses.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    let mut text = format!(
        "## Where kvs loses\n\nIn {} of {count} comparisons another is better by more than a \
         tenth; the worst first. \
         Against servers it is kvs in Redis' protocol that is compared.\n\n\
         | times worse | table | row | unit | kvs | best |\n|---:|---|---|---|---:|---:|\n",
        losses.len(),
    );
    for Loss { ratio, table, row, own, winner, best } in losses {
        text += &format!(
            "| {}× | {table} | {} | {} | {} | {winner} {} |\n",
            number(ratio),
            row.name,
            row.unit.label(),
            number(own),
            number(best),
        );
    }
    let absent: Vec<String> = rows
        .iter()
        .filter(|(_, row)| row.median(SELF).is_none())
        .map(|(table, row)| format!("{} ({table})", row.name))
        .collect();
    if !absent.is_empty() {
        text += &format!("\nWhat kvs does not offer at all: {}.\n", absent.join("; "));
    }
    text
}

fn loss<'a>(table: &'a str, row: &'a Row) -> Option<Loss<'a>> {
    let own = row.median(SELF)?;
    let (winner, best) = row.best_of(is_other)?;
    let ratio = row.unit.times_worse(own, best)?;
    Some(Loss { ratio, table, row, own, winner, best })
}

/// Returns true if a column is somebody else's.
fn is_other(subject: &str) -> bool {
    !subject.starts_with(SELF)
}
