//! What comes out: a table for people, and `target/bench.json`.

use std::fmt::{self, Display};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::short;

/// A result.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured, without the part's name.
    pub name: String,
    /// How much it was.
    pub value: f64,
    /// `ratio`, `MB`, …
    pub unit: &'static str,
    /// The value to reach; `None` for a figure without a goal.
    pub reach: Option<Reach>,
    /// The peer.
    pub peer: String,
}

impl Row {
    /// A ratio of something to the same of a peer.
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

    /// As it stands in the file.
    fn json(&self, part: &str) -> Value {
        json!({
            "name": self.in_part(part),
            "value": self.value,
            "unit": self.unit,
            "reach": self.reach.map(|reach| reach.to_string()),
            "peer": self.peer,
        })
    }

    /// As a line of the table.
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

/// What a value is to be.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
    /// Not less than the first, not more than the second.
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

/// Prints a part's rows, and puts them into `target/bench.json` in the place of those it has there.
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

/// The rows of other parts, and then these.
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
