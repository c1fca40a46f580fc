//! `docs/benchmarks.md` and its pictures, made of what was measured.

mod chart;
mod losses;
mod table;
mod text;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::arguments::Paths;
use crate::record::{Results, Row};
use crate::{Outcome, say};
use chart::Chart;

/// The page.
const PAGE: &str = "benchmarks.md";

/// The folder of the pictures, beside the page.
const PICTURES: &str = "benchmarks";

/// Writes the report of the parts that were measured.
pub fn run(paths: &Paths) -> Outcome<()> {
    let embedded: Vec<Results> = read_all(&paths.all_embedded()?)?;
    let servers: Vec<Results> = read_all(&[paths.servers()])?;
    let pictures = paths.docs.join(PICTURES);
    fs::create_dir_all(&pictures)?;
    let mut page = text::opening();
    let mut drawn = BTreeSet::new();
    for (position, results) in embedded.iter().enumerate() {
        page += &if position == 0 { text::embedded(results) } else { text::more(results) };
        page += &section(results, &pictures, &mut drawn)?;
    }
    for results in &servers {
        page += &text::servers(results);
        page += &section(results, &pictures, &mut drawn)?;
    }
    let all: Vec<&Results> = embedded.iter().chain(&servers).collect();
    if all.is_empty() {
        return Err("nothing was measured yet".into());
    }
    page += &losses::section(&all);
    let page_path = paths.docs.join(PAGE);
    fs::write(&page_path, page)?;
    say(&format!("wrote {}", page_path.display()));
    Ok(())
}

fn read_all(paths: &[PathBuf]) -> Outcome<Vec<Results>> {
    paths.iter().filter(|path| path.exists()).map(|path| Results::read(path)).collect()
}

/// Returns all tables of a part, with the pictures that belong to them.
fn section(
    results: &Results,
    pictures: &Path,
    drawn: &mut BTreeSet<&'static str>,
) -> Outcome<String> {
    let mut page = String::new();
    for table in &results.tables {
        page += &format!("### {}\n\n", table.name);
        for chart in chart::of_table(&table.name) {
            let rows: Vec<&Row> = table.rows.iter().filter(|row| chart.shows(&row.name)).collect();
            // Of several tables that a picture could show it shows the first.
            if rows.is_empty() || !drawn.insert(chart.file) {
                continue;
            }
            fs::write(pictures.join(chart.file), chart.draw(&rows)?)?;
            let Chart { title, file, .. } = chart;
            page += &format!("![{title}]({PICTURES}/{file})\n\n");
        }
        page += &table::markdown(table);
        page.push('\n');
    }
    Ok(page)
}
