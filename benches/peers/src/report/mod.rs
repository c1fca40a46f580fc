//! `docs/benchmarks.md` and its pictures, made of what was measured.

mod chart;
mod losses;
mod table;
mod text;

use std::fs;
use std::path::Path;

use crate::arguments::Paths;
use crate::record::{Results, Row};
use crate::{Outcome, say};
use chart::Chart;

/// The page.
const PAGE: &str = "benchmarks.md";

/// Where the pictures go, beside the page.
const PICTURES: &str = "benchmarks";

/// Writes the report of the parts that were measured.
pub fn run(paths: &Paths) -> Outcome<()> {
    let embedded = read(&paths.embedded())?;
    let servers = read(&paths.servers())?;
    if embedded.is_none() && servers.is_none() {
        return Err("nothing was measured yet".into());
    }
    let pictures = paths.docs.join(PICTURES);
    fs::create_dir_all(&pictures)?;
    let mut page = text::opening();
    if let Some(results) = &embedded {
        page += &text::embedded(results);
        page += &section(results, &pictures)?;
    }
    if let Some(results) = &servers {
        page += &text::servers(results);
        page += &section(results, &pictures)?;
    }
    let all: Vec<&Results> = [&embedded, &servers].into_iter().flatten().collect();
    page += &losses::section(&all);
    let page_path = paths.docs.join(PAGE);
    fs::write(&page_path, page)?;
    say(&format!("wrote {}", page_path.display()));
    Ok(())
}

fn read(path: &Path) -> Outcome<Option<Results>> {
    if path.exists() { Results::read(path).map(Some) } else { Ok(None) }
}

/// All tables of a part, with the pictures that belong to them.
fn section(results: &Results, pictures: &Path) -> Outcome<String> {
    let mut page = String::new();
    for table in &results.tables {
        page += &format!("### {}\n\n", table.name);
        for chart in chart::of_table(&table.name) {
            let rows: Vec<&Row> = table.rows.iter().filter(|row| chart.shows(&row.name)).collect();
            if rows.is_empty() {
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
