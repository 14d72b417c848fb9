//! A figure of ours, what it should be, and what bare wasmtime does.

use std::fmt::Write;

use serde_json::{Value, json};

/// What a figure counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Millionths of a second.
    Microseconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Thousands of bytes.
    Kilobytes,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Kilobytes => "kB",
        }
    }
}

/// A figure.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    name: &'static str,
    value: f64,
    bare: f64,
    unit: Unit,
    at_most: Option<f64>,
}

impl Figure {
    /// A figure of ours, and that of bare wasmtime.
    pub(crate) fn new(name: &'static str, unit: Unit, value: f64, bare: f64) -> Self {
        Self { name, value, bare, unit, at_most: None }
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
    let mut text = format!(
        "{:width$}  {:>10}     {:>12}  {:6}  {:>13}\n",
        "", "measured", "target", "", "bare wasmtime"
    );
    for figure in figures {
        let (name, value, bare, unit) = (figure.name, figure.value, figure.bare, figure.unit.as_str());
        let target = figure.at_most.map(|target| format!("<= {target} {unit}")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:width$}  {value:>10.2} {unit}  {target:>12}  {:6}  {bare:>10.2} {unit}",
            figure.verdict()
        );
    }
    text
}

/// The figures for a program.
pub(crate) fn json(figures: &[Figure]) -> Value {
    let one = |figure: &Figure| {
        json!({ "name": figure.name, "value": figure.value, "bareWasmtime": figure.bare,
            "unit": figure.unit.as_str(), "target": figure.at_most, "missed": figure.is_missed() })
    };
    json!({ "figures": figures.iter().map(one).collect::<Vec<Value>>() })
}

/// The value below which half of the values are.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
