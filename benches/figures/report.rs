//! The figures and their report.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

/// The samples of one measurement, in order.
#[derive(Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    pub fn add_time(&mut self, time: Duration) {
        self.add(time.as_secs_f64() * 1_000.0);
    }

    /// Returns the value that this share of the samples does not exceed.
    pub fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * share).round() as usize]
    }

    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// Returns by how much each sample exceeds the floor's sample of the same round.
    pub fn over(&self, floor: &Self) -> Self {
        Self(self.0.iter().zip(&floor.0).map(|(sample, floor)| sample - floor).collect())
    }
}

/// One line of the report.
pub struct Figure {
    what: String,
    unit: &'static str,
    value: f64,
    spread: Option<(f64, f64)>,
    floor: Option<f64>,
    target: Option<Target>,
    is_ratio: bool,
}

/// The target of a figure.
#[derive(Clone, Copy)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
}

impl Figure {
    /// Returns a figure that is the same in each run.
    pub fn new(what: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self { what: what.into(), unit, value, spread: None, floor: None, target: None, is_ratio: true }
    }

    /// Returns the median of samples, with their quartiles.
    pub fn median(what: impl Into<String>, unit: &'static str, samples: &Samples) -> Self {
        Self { spread: Some((samples.at(0.25), samples.at(0.75))), ..Self::new(what, unit, samples.median()) }
    }

    pub fn floor(self, floor: f64) -> Self {
        Self { floor: Some(floor), ..self }
    }

    /// Sets a floor that is already subtracted from the figure.
    pub fn above(self, floor: f64) -> Self {
        Self { floor: Some(floor), is_ratio: false, ..self }
    }

    pub fn at_most(self, most: f64) -> Self {
        Self { target: Some(Target::AtMost(most)), ..self }
    }

    pub fn at_least(self, least: f64) -> Self {
        Self { target: Some(Target::AtLeast(least)), ..self }
    }

    /// Sets a target for the ratio to the floor.
    pub fn ratio_at_most(self, most: f64) -> Self {
        Self { target: Some(Target::RatioAtMost(most)), ..self }
    }

    pub fn ratio_at_least(self, least: f64) -> Self {
        Self { target: Some(Target::RatioAtLeast(least)), ..self }
    }

    fn ratio(&self) -> Option<f64> {
        self.floor.filter(|floor| self.is_ratio && *floor > 0.0).map(|floor| self.value / floor)
    }

    fn is_met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtMost(most) => self.value <= most,
            Target::AtLeast(least) => self.value >= least,
            Target::RatioAtMost(most) => self.ratio().is_some_and(|ratio| ratio <= most),
            Target::RatioAtLeast(least) => self.ratio().is_some_and(|ratio| ratio >= least),
        })
    }

    fn target(&self) -> Option<String> {
        self.target.map(|target| match target {
            Target::AtMost(most) => format!("≤ {}", number(most)),
            Target::AtLeast(least) => format!("≥ {}", number(least)),
            Target::RatioAtMost(most) => format!("≤ {} ×", number(most)),
            Target::RatioAtLeast(least) => format!("≥ {} ×", number(least)),
        })
    }

    fn row(&self) -> String {
        let dash = || "–".to_owned();
        format!(
            "| {} | {} {} | {} | {} | {} | {} | {} |",
            self.what,
            number(self.value),
            self.unit,
            self.spread.map_or_else(dash, |(low, high)| format!("{} to {}", number(low), number(high))),
            self.floor.map_or_else(dash, number),
            self.ratio().map_or_else(dash, number),
            self.target().unwrap_or_else(dash),
            self.is_met().map_or("", |met| if met { "met" } else { "**missed**" }),
        )
    }
}

/// The figures in the order of the report.
pub struct Report {
    figures: Vec<(&'static str, Figure)>,
    load_before: String,
    /// Set to run fewer rounds, for a quick look.
    pub quick: bool,
}

impl Report {
    pub fn new(quick: bool) -> Self {
        Self { figures: Vec::new(), load_before: load(), quick }
    }

    /// Returns the number of rounds to run: a tenth with `--quick`.
    pub fn rounds(&self, rounds: usize) -> usize {
        if self.quick { (rounds / 10).max(5) } else { rounds }
    }

    pub fn add(&mut self, section: &'static str, figure: Figure) {
        eprintln!("  {}", figure.row());
        // Insert it after the last figure of its section.
        let after = self.figures.iter().rposition(|(other, _)| *other == section);
        self.figures.insert(after.map_or(self.figures.len(), |at| at + 1), (section, figure));
    }

    pub fn markdown(&self) -> String {
        let mut text = self.machine();
        let mut before = "";
        for (section, figure) in &self.figures {
            if *section != before {
                before = section;
                _ = writeln!(
                    text,
                    "\n### {section}\n\n| | Measured | Quartiles | Floor | Ratio | Target | |\n|---|--:|--:|--:|--:|--:|---|"
                );
            }
            text.push_str(&figure.row());
            text.push('\n');
        }
        text
    }

    /// Describes the machine, the date, the commit and the load.
    fn machine(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let commit = output_of(Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=10"]));

        let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
        format!(
            "{date}, commit `{commit}`, {}, {cores} cores of {}, {}{}. Load average (1, 5, 15 minutes) at the start: {}; at \
             the end: {}.\n",
            std::env::consts::OS,
            processor.map_or("unknown make", |(_, name)| name),
            output_of(Command::new("rustc").arg("--version")),
            if self.quick { ", `--quick`" } else { "" },
            self.load_before,
            load(),
        )
    }

    /// Writes JSON and Markdown of this name to `target/bench/`.
    pub fn save(&self, name: &str) {
        let rows: Vec<_> = self
            .figures
            .iter()
            .map(|(section, figure)| {
                json!({"section": section, "what": figure.what, "unit": figure.unit, "measured": figure.value,
                    "quartiles": figure.spread, "floor": figure.floor, "ratio": figure.ratio(), "target": figure.target(), "met": figure.is_met()})
            })
            .collect();
        std::fs::write(folder().join(format!("{name}.json")), format!("{:#}\n", json!(rows))).unwrap();
        std::fs::write(folder().join(format!("{name}.md")), self.markdown()).unwrap();
    }

    /// Writes the figures into `docs/performance.md`, between the marks of this name. The text around them stays. A part
    /// without marks is added at the end of the page.
    pub fn document(&self, name: &str) {
        let path = root().join("docs/performance.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = (format!("<!-- {name}: "), format!("<!-- /{name} -->"));
        let figures = self.markdown();
        let page = if let Some((before, rest)) = text.split_once(&begin) {
            let (mark, rest) = rest.split_once('\n').unwrap();
            let (_, after) = rest.split_once(&end).expect("the end mark");
            format!("{before}{begin}{mark}\n{figures}{end}{after}")
        } else {
            let title = match name {
                "against" => "A previous build",
                "grown" => "A larger catalogue",
                other => other,
            };
            format!("{text}\n## {title}\n\n{begin}written by `cargo bench` with `--doc` -->\n{figures}{end}\n")
        };
        std::fs::write(path, page).unwrap();
    }
}

/// Returns the root folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folder for the results.
pub fn folder() -> PathBuf {
    let folder = root().join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(", ")
}

fn output_of(command: &mut Command) -> String {
    let output = command.current_dir(root()).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => {
            let digits = format!("{value:.0}");
            let split = digits.len() - 3;
            format!("{},{}", &digits[..split], &digits[split..])
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
