//! Pictures: bars beside each other, one group for each row, readable on light and on dark.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::table::{number, place, subjects};
use crate::Outcome;
use crate::record::Row;

/// One picture.
pub struct Chart {
    /// Its title.
    pub title: &'static str,
    /// Its file.
    pub file: &'static str,
    /// The beginning of the name of its table.
    table: &'static str,
    /// The beginnings of the names of the rows that it shows.
    rows: &'static [&'static str],
}

/// All pictures; of tables with the same beginning the first one is shown.
const CHARTS: [Chart; 6] = [
    Chart {
        title: "Embedded: reads",
        file: "get.svg",
        table: "Reading: ",
        rows: &["get, uniform", "get, zipfian, 1", "get 100"],
    },
    Chart {
        title: "Embedded: writes",
        file: "writes.svg",
        table: "Writing: ",
        rows: &["overwrites, ", "overwrites in"],
    },
    Chart {
        title: "Embedded: writes that wait for the disk",
        file: "synced.svg",
        table: "Writing: ",
        rows: &["overwrites that wait"],
    },
    Chart {
        title: "Servers: throughput, 50 connections, 100 B",
        file: "throughput.svg",
        table: "Throughput, durability interval",
        rows: &[
            "GET, 50 connections, 1 at once, 100 B",
            "GET, 50 connections, 16 at once, 100 B",
            "SET, 50 connections, 1 at once, 100 B",
            "SET, 50 connections, 16 at once, 100 B",
        ],
    },
    Chart {
        title: "Servers: processor time, 50 connections, 100 B",
        file: "processor.svg",
        table: "Processor time, durability interval",
        rows: &[
            "GET, 50 connections, 1 at once, 100 B",
            "GET, 50 connections, 16 at once, 100 B",
            "SET, 50 connections, 1 at once, 100 B",
            "SET, 50 connections, 16 at once, 100 B",
        ],
    },
    Chart {
        title: "Servers: latency from the time of arrival",
        file: "latency.svg",
        table: "Latency",
        rows: &["GET at", "SET at"],
    },
];

/// Returns the pictures of a table.
pub fn of_table(name: &str) -> impl Iterator<Item = &'static Chart> {
    CHARTS.iter().filter(move |chart| name.starts_with(chart.table))
}

const WIDTH: i32 = 840;
const TITLE: i32 = 58;
const LABEL: i32 = 20;
const BAR: i32 = 15;
const GAP: i32 = 12;
const LEFT: i32 = 150;
const RIGHT: i32 = 90;
const AXIS: i32 = 44;

/// The text takes the colour of the reader's theme, see [`STYLE`]; this is for viewers without
/// style sheets.
const TEXT: RGBColor = RGBColor(128, 128, 128);

/// Put into the picture: text and lines that suit a light and a dark page.
const STYLE: &str =
    "<style>text{fill:#333}@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>";

/// A colour for each subject, the same in all pictures; after Okabe and Ito, whom the colour-blind
/// can tell apart.
const COLOURS: [RGBColor; 9] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(150, 130, 40),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Chart {
    /// Returns true if it shows this row.
    pub fn shows(&self, row: &str) -> bool {
        self.rows.iter().any(|beginning| row.starts_with(beginning)) && !row.contains("sent late")
    }

    /// Returns the picture as SVG.
    pub fn draw(&self, rows: &[&Row]) -> Outcome<String> {
        let names = subjects(rows.iter().copied());
        let bars: i32 = rows.iter().map(|row| bar_count(row, &names)).sum();
        let groups = i32::try_from(rows.len())?;
        let height = TITLE + bars * BAR + groups * (LABEL + GAP) + AXIS;
        let mut svg = String::new();
        {
            let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            self.draw_heading(&area, &names)?;
            let medians = rows.iter().flat_map(|row| names.iter().filter_map(|n| row.median(n)));
            let scale = Scale::of(medians.fold(0.0, f64::max));
            let unit = rows.first().map_or("", |row| row.unit.label());
            draw_axis(&area, &scale, unit, height)?;
            let mut y = TITLE;
            for row in rows {
                draw_text(&area, &row.name, (8, y + LABEL / 2), 14, HPos::Left)?;
                y += LABEL;
                for name in &names {
                    if let Some(median) = row.median(name) {
                        draw_bar(&area, name, median, &scale, y)?;
                        y += BAR;
                    }
                }
                y += GAP;
            }
            area.present()?;
        }
        Ok(svg.replacen(">\n", &format!(">\n{STYLE}\n"), 1))
    }

    fn draw_heading(&self, area: &Area<'_>, names: &[String]) -> Outcome<()> {
        draw_text(area, self.title, (8, 16), 19, HPos::Left)?;
        let mut x = 8;
        for name in names {
            area.draw(&Rectangle::new([(x, 36), (x + 12, 48)], colour(name).filled()))?;
            draw_text(area, name, (x + 17, 42), 14, HPos::Left)?;
            x += 34 + i32::try_from(name.len())? * 8;
        }
        Ok(())
    }
}

/// The end of the axis, and how far apart its marks are.
struct Scale {
    end: f64,
    step: f64,
}

impl Scale {
    fn of(largest: f64) -> Self {
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let power = 10_f64.powf((largest / 4.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| step * 5.0 >= largest).unwrap_or(largest);
        Self { end: (largest / step).ceil() * step, step }
    }

    #[allow(clippy::cast_possible_truncation, reason = "the share of a picture's width")]
    fn x(&self, value: f64) -> i32 {
        LEFT + (value / self.end * f64::from(WIDTH - LEFT - RIGHT)).round() as i32
    }
}

fn bar_count(row: &Row, names: &[String]) -> i32 {
    names.iter().map(|name| i32::from(row.median(name).is_some())).sum()
}

fn colour(subject: &str) -> RGBColor {
    COLOURS.get(place(subject)).copied().unwrap_or(TEXT)
}

fn draw_axis(area: &Area<'_>, scale: &Scale, unit: &str, height: i32) -> Outcome<()> {
    let bottom = height - AXIS;
    let mut value = 0.0;
    while value <= scale.end * 1.001 {
        let x = scale.x(value);
        let line = [(x, TITLE), (x, bottom)];
        area.draw(&PathElement::new(line.to_vec(), TEXT.mix(0.3).stroke_width(1)))?;
        draw_text(area, &number(value), (x, bottom + 10), 12, HPos::Center)?;
        value += scale.step;
    }
    draw_text(area, unit, (scale.x(scale.end / 2.0), bottom + 30), 13, HPos::Center)
}

fn draw_bar(area: &Area<'_>, name: &str, value: f64, scale: &Scale, y: i32) -> Outcome<()> {
    draw_text(area, name, (LEFT - 6, y + BAR / 2), 12, HPos::Right)?;
    let corners = [(LEFT, y + 1), (scale.x(value).max(LEFT + 1), y + BAR - 1)];
    area.draw(&Rectangle::new(corners, colour(name).filled()))?;
    draw_text(area, &number(value), (scale.x(value) + 5, y + BAR / 2), 12, HPos::Left)
}

fn draw_text(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: u32,
    horizontal: HPos,
) -> Outcome<()> {
    let style = TextStyle::from(("sans-serif", size).into_font())
        .color(&TEXT)
        .pos(Pos::new(horizontal, VPos::Center));
    area.draw(&Text::new(text, at, style))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::record::Unit;

    #[test]
    fn a_picture_has_a_bar_and_a_label_for_each_subject() {
        let cells: BTreeMap<String, Vec<f64>> =
            [("kvs".to_owned(), vec![12.0]), ("LMDB".to_owned(), vec![34.5])].into();
        let row = Row { name: "get, uniform, 1 thread".to_owned(), unit: Unit::Rate, cells };
        let svg = CHARTS[0].draw(&[&row]).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("34.5") && svg.contains("prefers-color-scheme:dark"));
        assert_eq!(svg.matches("#0072B2").count(), 2, "the legend and the bar");
    }

    #[test]
    fn the_axis_ends_behind_the_largest_value() {
        for largest in [0.03, 1.0, 4.2, 99.0, 1234.0] {
            let scale = Scale::of(largest);
            assert!(scale.end >= largest && scale.end <= 2.0 * largest, "{largest}");
            assert!(scale.end / scale.step <= 5.001, "{largest}");
        }
    }
}
