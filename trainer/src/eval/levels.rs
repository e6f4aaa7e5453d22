//! Files of degradations to compare models on, one after the other.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::degrade::Degradation;

/// A degradation with a name for tables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Level {
    pub name: String,
    pub degradation: Degradation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    level: Vec<Level>,
}

/// Reads the levels of a file, a TOML table `[[level]]` with `name` and `degradation` for each.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Level>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let file: File = toml::from_str(&text).with_context(|| format!("in {name}"))?;
    ensure!(!file.level.is_empty(), "{name} has no [[level]]");
    Ok(file.level)
}
