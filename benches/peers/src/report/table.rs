//! Tables in Markdown: medians, and how many times worse than the best.

use crate::record::{Row, Table, Unit};

/// The order of columns; who is not named here comes last.
const ORDER: [&str; 10] = [
    "kvs",
    "kvs, native protocol",
    "LMDB",
    "redb",
    "sled",
    "fjall",
    "RocksDB",
    "Redis",
    "Valkey",
    "",
];

/// Returns the subjects of a table in the order of its columns.
pub fn subjects<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<String> {
    let mut names: Vec<String> =
        rows.into_iter().flat_map(|row| row.cells.keys().cloned()).collect();
    names.sort_by_key(|name| (place(name), name.clone()));
    names.dedup();
    names
}

/// Returns the place of a subject in all tables and pictures.
pub fn place(subject: &str) -> usize {
    ORDER.iter().position(|name| *name == subject).unwrap_or(ORDER.len())
}

/// Returns the table; the best of each row is bold, the others say how many times worse they are.
pub fn markdown(table: &Table) -> String {
    let subjects = subjects(&table.rows);
    let mut units: Vec<Unit> = table.rows.iter().map(|row| row.unit).collect();
    units.sort_unstable();
    units.dedup();
    let shared = if let [unit] = units[..] { unit.label() } else { "" };
    let mut text = format!("| {shared} | {} | runs |\n", subjects.join(" | "));
    text += &format!("|---|{}---:|\n", "---:|".repeat(subjects.len()));
    for row in &table.rows {
        let unit =
            if shared.is_empty() { format!(", {}", row.unit.label()) } else { String::new() };
        let cells: Vec<String> = subjects.iter().map(|subject| cell(row, subject)).collect();
        text += &format!("| {}{unit} | {} | {} |\n", row.name, cells.join(" | "), row.runs());
    }
    text
}

fn cell(row: &Row, subject: &str) -> String {
    let Some(median) = row.median(subject) else { return "–".to_owned() };
    match row.ratio(subject) {
        Some(ratio) if ratio < 1.005 => format!("**{}**", number(median)),
        Some(ratio) => format!("{} ({}×)", number(median), number(ratio)),
        None => number(median),
    }
}

/// Returns a number with three digits that count.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_best_is_bold_and_the_others_have_ratios() {
        let cells = [("kvs", vec![100.0]), ("redb", vec![25.0, 25.0]), ("zzz", vec![0.0])];
        let cells: BTreeMap<String, Vec<f64>> =
            cells.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
        let row = Row { name: "gets".to_owned(), unit: Unit::Rate, cells };
        let table = Table { name: "Reading".to_owned(), rows: vec![row] };
        assert_eq!(
            markdown(&table),
            "| thousand operations/s | kvs | redb | zzz | runs |\n\
             |---|---:|---:|---:|---:|\n\
             | gets | **100** | 25.0 (4.00×) | 0 | 1 |\n"
        );
    }
}
