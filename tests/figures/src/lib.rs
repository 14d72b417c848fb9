//! What a benchmark says: figures, beside what they should be and what the machine itself does in the same run.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

/// What a figure counts.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// Billionths of a second.
    Nanoseconds,
    /// Millionths of a second.
    Microseconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// So many in a second.
    PerSecond,
    /// Thousands of bytes.
    Kilobytes,
    /// Millions of bytes.
    Megabytes,
    /// A number.
    Times,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Kilobytes => "kB",
            Self::Megabytes => "MB",
            Self::Times => "x",
        }
    }
}

/// A figure.
#[derive(Debug, Clone)]
pub struct Figure {
    name: String,
    value: f64,
    unit: Unit,
    at_most: Option<f64>,
    at_least: Option<f64>,
    beside: Option<f64>,
}

impl Figure {
    /// So much of this.
    pub fn new(name: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, at_most: None, at_least: None, beside: None }
    }

    /// It should be no more than this.
    #[must_use]
    pub fn at_most(self, target: f64) -> Self {
        Self { at_most: Some(target), ..self }
    }

    /// It should be no less than this.
    #[must_use]
    pub fn at_least(self, target: f64) -> Self {
        Self { at_least: Some(target), ..self }
    }

    /// What is measured beside it, in the same run and unit.
    #[must_use]
    pub fn beside(self, bare: f64) -> Self {
        Self { beside: Some(bare), ..self }
    }

    fn is_missed(&self) -> bool {
        self.at_most.is_some_and(|target| self.value > target)
            || self.at_least.is_some_and(|target| self.value < target)
    }

    fn verdict(&self) -> &'static str {
        match self.at_most.or(self.at_least) {
            Some(_) if self.is_missed() => "MISSED",
            Some(_) => "ok",
            None => "",
        }
    }

    fn line(&self, width: usize) -> String {
        let Self { name, value, unit, at_most, at_least, beside } = self;
        let unit = unit.as_str();
        let said = |value: &Option<f64>, sign: &str| {
            value.map(|value| format!("{sign}{value:.2} {unit}")).unwrap_or_default()
        };
        let target = said(at_most, "<= ") + &said(at_least, ">= ");
        let (beside, verdict) = (said(beside, ""), self.verdict());
        let line = format!("{name:width$}  {value:>13.2} {unit:2}  {target:>16}  {verdict:6}  {beside:>16}");
        line.trim_end().to_owned()
    }
}

/// Prints the figures, for a person or for a program. It is a failure if a target is missed. `beside` is what the figures
/// are measured beside.
pub fn print(figures: &[Figure], beside: &str, as_json: bool) -> ExitCode {
    if as_json {
        println!("{}", json(figures));
    } else {
        print!("{}", table(figures, beside));
    }
    if figures.iter().any(Figure::is_missed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn table(figures: &[Figure], beside: &str) -> String {
    let width = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or_default();
    let head = format!("{:width$}  {:>16}  {:>16}  {:6}  {beside:>16}", "", "measured", "target", "");
    let mut text = format!("{}\n", head.trim_end());
    for figure in figures {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", figure.line(width));
    }
    text
}

fn json(figures: &[Figure]) -> Value {
    let one = |figure: &Figure| {
        json!({ "name": figure.name, "value": figure.value, "beside": figure.beside,
            "unit": figure.unit.as_str(), "target": figure.at_most.or(figure.at_least), "missed": figure.is_missed() })
    };
    json!({ "figures": figures.iter().map(one).collect::<Vec<Value>>() })
}

/// The value below which half of the values are.
pub fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50)
}

/// The value below which so many hundredths of the values are.
pub fn percentile(values: &mut [f64], hundredths: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = values.len().saturating_sub(1) * hundredths / 100;
    values.get(place).copied().unwrap_or_default()
}
