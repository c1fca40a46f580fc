//! Where kvs loses: every row in which another is better, the worst first.

use super::table::number;
use crate::record::{Results, Row};

/// From which ratio on it is a loss and not the noise of the machine.
const RATIO_MIN: f64 = 1.1;

/// Who is compared.
const SELF: &str = "kvs";

/// The section.
pub fn section(results: &[&Results]) -> String {
    let rows = || {
        results
            .iter()
            .flat_map(|results| &results.tables)
            .flat_map(|table| table.rows.iter().map(move |row| (table.name.as_str(), row)))
    };
    let compared = || rows().filter(|(_, row)| row.cells.len() > 1 && row.median(SELF).is_some());
    let mut losses: Vec<(f64, &str, &Row)> = compared()
        .filter_map(|(table, row)| Some((row.ratio(SELF)?, table, row)))
        .filter(|(ratio, ..)| *ratio >= RATIO_MIN)
        .collect();
    losses.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut text = format!(
        "## Where kvs loses\n\nIn {} of {} comparisons another is better by more than a tenth; the worst first.\n\n",
        losses.len(),
        compared().count(),
    );
    text += "| times worse | table | row | unit | kvs | best |\n|---:|---|---|---|---:|---:|\n";
    for (ratio, table, row) in losses {
        let own = row.median(SELF).map_or_else(String::new, number);
        let (name, best) = best(row);
        text += &format!(
            "| {}× | {table} | {} | {} | {own} | {name} {} |\n",
            number(ratio),
            row.name,
            row.unit.label(),
            number(best),
        );
    }
    let absent: Vec<String> = rows()
        .filter(|(_, row)| row.median(SELF).is_none())
        .map(|(table, row)| format!("{} ({table})", row.name))
        .collect();
    if !absent.is_empty() {
        text += &format!("\nWhat kvs does not offer at all: {}.\n", absent.join("; "));
    }
    text
}

fn best(row: &Row) -> (&str, f64) {
    let medians = row.cells.keys().filter_map(|name| Some((name.as_str(), row.median(name)?)));
    let best = row.best();
    medians.into_iter().find(|(_, median)| Some(*median) == best).unwrap_or(("", 0.0))
}
