//! Output of the benchmarks: a printed table, and `target/bench.json`.

use std::fmt::{self, Display};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::short;

/// One result of a benchmark.
#[derive(Clone, Debug)]
pub struct Row {
    /// Description of the measurement, without the part's name.
    pub name: String,
    /// Measured value.
    pub value: f64,
    /// Unit: `ratio`, `MB`, …
    pub unit: &'static str,
    /// Target; `None` if there is none.
    pub reach: Option<Reach>,
    /// Peer of the comparison.
    pub peer: String,
}

impl Row {
    /// Ratio of a measurement to the same measurement of a peer.
    pub fn ratio(name: &str, value: f64, reach: Option<Reach>, peer: &str) -> Self {
        Self {
            name: name.to_string(),
            value,
            unit: "ratio",
            reach,
            peer: peer.to_string(),
        }
    }

    fn in_part(&self, part: &str) -> String {
        format!("{part}, {}", self.name)
    }

    fn json(&self, part: &str) -> Value {
        json!({
            "name": self.in_part(part),
            "value": self.value,
            "unit": self.unit,
            "reach": self.reach.map(|reach| reach.to_string()),
            "peer": self.peer,
        })
    }

    fn line(&self, part: &str) -> String {
        let (name, value) = (self.in_part(part), short(self.value));
        let (reach, reached) = match self.reach {
            Some(reach) if reach.holds(self.value) => (reach.to_string(), "yes"),
            Some(reach) => (reach.to_string(), "no"),
            None => (String::new(), ""),
        };
        let (unit, peer) = (self.unit, &self.peer);
        format!("| {name} | {value} | {unit} | {reach} | {reached} | {peer} |")
    }
}

/// Target of a value.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// At least this value.
    AtLeast(f64),
    /// At most this value.
    AtMost(f64),
    /// At least the first value, at most the second one.
    Within(f64, f64),
}

impl Reach {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Within(least, most) => (least..=most).contains(&value),
        }
    }
}

impl Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::Within(least, most) => write!(f, "{least}…{most}"),
        }
    }
}

/// Prints the rows of a part, and replaces the part's rows in `target/bench.json`.
pub fn report(part: &str, rows: &[Row]) -> anyhow::Result<()> {
    println!("| result | value | unit | to reach | reached | peer |\n|---|---|---|---|---|---|");
    for row in rows {
        println!("{}", row.line(part));
    }
    let path = xtask::target_dir()?.join("bench.json");
    let rows = rows.iter().map(|row| row.json(part));
    let all = merged(read(&path)?, part, rows.collect());
    std::fs::write(&path, serde_json::to_string_pretty(&all)?)?;
    println!("\nwritten to {}\n", path.display());
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<Value>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path)?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged: remove it", path.display()))
}

/// Replaces the rows of this part; those of other parts come first.
fn merged(mut all: Vec<Value>, part: &str, rows: Vec<Value>) -> Vec<Value> {
    let start = format!("{part}, ");
    let is_own = |row: &Value| {
        row["name"]
            .as_str()
            .is_some_and(|name| name.starts_with(&start))
    };
    all.retain(|row| !is_own(row));
    all.extend(rows);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_replaces_its_own_rows_alone() {
        let row = |name: &str, value| {
            let reach = Some(Reach::AtMost(1.0));
            Row::ratio(name, value, reach, "peer")
        };
        let before = vec![row("a", 1.0).json("one"), row("a", 2.0).json("two")];
        let after = merged(before, "one", vec![row("b", 3.0).json("one")]);
        let names = after.iter().map(|row| row["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["two, a", "one, b"]);
        assert_eq!(after[1]["reach"], "≤ 1");
    }

    #[test]
    fn bounds_belong_to_what_is_reached() {
        assert!(Reach::AtMost(1.0).holds(1.0) && !Reach::AtMost(1.0).holds(1.1));
        assert!(Reach::AtLeast(1.0).holds(1.0) && !Reach::AtLeast(1.0).holds(0.9));
        assert!(Reach::Within(0.9, 1.1).holds(1.1) && !Reach::Within(0.9, 1.1).holds(0.8));
    }
}
