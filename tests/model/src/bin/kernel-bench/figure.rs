//! A figure, and what it should be.

use std::fmt::Write;

use serde_json::{Value, json};

/// What a figure counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Billionths of a second.
    Nanoseconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// So many in a second.
    PerSecond,
    /// A number.
    Times,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Times => "x",
        }
    }
}

/// A figure.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: Unit,
    at_most: Option<f64>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, at_most: None }
    }

    /// It should be no more than this.
    pub(crate) fn at_most(self, target: f64) -> Self {
        Self { at_most: Some(target), ..self }
    }

    pub(crate) fn is_missed(&self) -> bool {
        self.at_most.is_some_and(|target| self.value > target)
    }

    fn verdict(&self) -> &'static str {
        match self.at_most {
            Some(_) if self.is_missed() => "MISSED",
            Some(_) => "ok",
            None => "",
        }
    }
}

/// The figures for a person.
pub(crate) fn table(figures: &[Figure]) -> String {
    let width = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for figure in figures {
        let target = figure.at_most.map(|target| format!("<= {target:.2} {}", figure.unit.as_str()));
        let target = target.unwrap_or_default();
        let (name, value, unit) = (&figure.name, figure.value, figure.unit.as_str());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:width$}  {value:>12.3} {unit:2}  {target:16} {}", figure.verdict());
    }
    text
}

/// The figures for a program.
pub(crate) fn json(figures: &[Figure]) -> Value {
    let one = |figure: &Figure| {
        json!({ "name": figure.name, "value": figure.value, "unit": figure.unit.as_str(),
            "target": figure.at_most, "missed": figure.is_missed() })
    };
    json!({ "figures": figures.iter().map(one).collect::<Vec<Value>>() })
}

/// The value below which so many hundredths of the values are.
pub(crate) fn percentile(values: &mut [f64], hundredths: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = values.len().saturating_sub(1) * hundredths / 100;
    values.get(place).copied().unwrap_or_default()
}
