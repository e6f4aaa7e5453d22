//! The licences of the images.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// The images' licences and credits.
pub(super) struct Licences(Vec<Entry>);

struct Entry {
    /// The end of the paths that it applies to; empty for all.
    path: PathBuf,
    licence: String,
    credit: String,
}

impl Licences {
    /// The same for all images.
    pub fn of_all(licence: Option<&str>, credit: Option<&str>) -> Self {
        Self(vec![Entry {
            path: PathBuf::new(),
            licence: licence.unwrap_or_default().to_string(),
            credit: credit.unwrap_or_default().to_string(),
        }])
    }

    /// Reads a tab-separated table with the columns `path`, `licence` and perhaps `source`.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let column = |name: &str| header.iter().position(|column| *column == name);
        let missing = |column| format!("{name} has no column `{column}`");
        let path = column("path").with_context(|| missing("path"))?;
        let licence = column("licence").with_context(|| missing("licence"))?;
        let source = column("source");
        let entry = |(number, line): (usize, &str)| {
            let cells: Vec<&str> = line.split('\t').collect();
            ensure!(
                cells.len() == header.len(),
                "line {} of {name} has {} columns, and the first line {}",
                number + 2,
                cells.len(),
                header.len()
            );
            Ok(Entry {
                path: cells[path].into(),
                licence: cells[licence].to_string(),
                credit: source.map_or("", |source| cells[source]).to_string(),
            })
        };
        let lines = lines.enumerate().filter(|(_, line)| !line.is_empty());
        Ok(Self(lines.map(entry).collect::<anyhow::Result<_>>()?))
    }

    /// Licence and credit of a file; empty where none is known.
    pub fn of(&self, file: &Path) -> (&str, &str) {
        let entry = self.0.iter().find(|entry| file.ends_with(&entry.path));
        entry.map_or(("", ""), |entry| (&entry.licence, &entry.credit))
    }
}
