//! The texts that the Markdown report, the page and the terminal share.

use super::compare::{Candidate, Comparison};
use crate::metric::Metric;

/// The origin of a report.
pub(super) struct About {
    /// The command that made the report.
    pub command: String,
    /// The device.
    pub device: String,
    /// Each model: name, file, parameters.
    pub models: Vec<(String, String, usize)>,
}

impl About {
    pub fn new(candidates: &[Candidate], device: &str) -> Self {
        let models = candidates
            .iter()
            .map(|model| (model.name.clone(), model.file.clone(), model.parameters));
        Self {
            command: command(),
            device: device.to_string(),
            models: models.collect(),
        }
    }
}

/// The command that runs now.
pub(crate) fn command() -> String {
    let arguments = std::env::args().skip(1);
    let quoted = arguments.map(|argument| match argument.contains(char::is_whitespace) {
        true => format!("'{argument}'"),
        false => argument,
    });
    let arguments: Vec<String> = quoted.collect();
    format!("cargo run -p trainer -- {}", arguments.join(" "))
}

pub(super) fn title(comparison: &Comparison) -> String {
    let models = &comparison.methods[1..];
    let sets: Vec<&str> = comparison
        .sets
        .iter()
        .map(|set| set.name.as_str())
        .collect();
    format!(
        "{} on {}, ×{}",
        models.join(", "),
        sets.join(", "),
        comparison.scale
    )
}

/// The sets' protocols, without repetitions.
pub(super) fn protocols(comparison: &Comparison) -> Vec<&str> {
    let mut protocols: Vec<&str> = Vec::new();
    for set in &comparison.sets {
        if !protocols.contains(&set.protocol.as_str()) {
            protocols.push(&set.protocol);
        }
    }
    protocols
}

pub(crate) fn legend(metric: Metric) -> String {
    let better = if metric.is_distance() { "less" } else { "more" };
    format!("{}; {better} is better", metric.about())
}

/// `13,716`
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_separated() {
        let found = [7, 716, 13_716, 1_000_000].map(super::thousands);
        assert_eq!(found, ["7", "716", "13,716", "1,000,000"]);
    }
}
