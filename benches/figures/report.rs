//! The figures, and how they are shown.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    section: &'static str,
    what: String,
    unit: &'static str,
    measured: f64,
    floor: Option<f64>,
    target: Option<Target>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Target::AtMost(most) => measured <= most,
            Target::AtLeast(least) => measured >= least,
        }
    }

    fn text(self) -> String {
        match self {
            Target::AtMost(most) => format!("≤ {}", number(most)),
            Target::AtLeast(least) => format!("≥ {}", number(least)),
        }
    }
}

impl Report {
    pub fn add(
        &mut self,
        section: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        measured: f64,
        floor: Option<f64>,
        target: Option<Target>,
    ) {
        self.rows.push(Row { section, what: what.into(), unit, measured, floor, target });
    }

    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for row in &self.rows {
            if row.section != section {
                section = row.section;
                _ = writeln!(text, "\n### {section}\n\n| | Measured | Floor | Target | |\n|---|--:|--:|--:|---|");
            }
            let met = row.target.map_or("", |target| if target.is_met(row.measured) { "met" } else { "**missed**" });
            let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
            _ = writeln!(
                text,
                "| {} | {} {} | {} | {} | {met} |",
                row.what,
                number(row.measured),
                row.unit,
                or_dash(row.floor.map(number)),
                or_dash(row.target.map(Target::text)),
            );
        }
        text
    }

    pub fn save(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({"section": row.section, "what": row.what, "unit": row.unit, "measured": row.measured,
                    "floor": row.floor, "target": row.target.map(Target::text),
                    "met": row.target.map(|target| target.is_met(row.measured))})
            })
            .collect();
        std::fs::write(folder.join("figures.json"), format!("{:#}\n", json!(rows))).unwrap();
        std::fs::write(folder.join("figures.md"), self.markdown()).unwrap();
    }
}

fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// The middle of some measurements.
pub fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
