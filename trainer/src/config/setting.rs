//! Values of a configuration that the command line sets, and what two configurations differ in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};
use toml::{Table, Value};

/// A value of a configuration, by its key: `training.steps=2000`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key with its tables: `training.steps`.
    pub key: String,
    value: Value,
}

impl Setting {
    /// A value for a key.
    pub fn new(key: &str, value: impl Into<Value>) -> Self {
        Self {
            key: key.to_string(),
            value: value.into(),
        }
    }

    /// Writes the value into a configuration's table, in place of one that is there.
    pub(super) fn apply(&self, table: &mut Table) -> anyhow::Result<()> {
        let (tables, name) = match self.key.rsplit_once('.') {
            Some((tables, name)) => (tables.split('.').collect(), name),
            None => (Vec::new(), self.key.as_str()),
        };
        let mut table = table;
        for part in tables {
            let entry = table.entry(part).or_insert_with(|| Table::new().into());
            table = entry
                .as_table_mut()
                .with_context(|| format!("{}: {part} is a value and has no keys", self.key))?;
        }
        table.insert(name.to_string(), self.value.clone());
        Ok(())
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(format!("{text:?} has no value: write KEY=VALUE"));
        };
        let key = key.trim();
        let is_name = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        if !key.split('.').all(is_name) {
            return Err(format!("{key:?} is no key: write it like training.steps"));
        }
        // Text needs no quotation marks, which a shell would take away.
        let table: Result<Table, _> = format!("value = {value}").parse();
        let parsed = table.ok().and_then(|mut table| table.remove("value"));
        Ok(Self::new(
            key,
            parsed.unwrap_or_else(|| value.trim().into()),
        ))
    }
}

/// A key whose value differs between two configurations.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The key with its tables.
    pub key: String,
    before: Option<Value>,
    now: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| match value {
            Some(value) => value.to_string(),
            None => "not set".to_string(),
        };
        let (before, now) = (text(&self.before), text(&self.now));
        write!(f, "{} was {before} and is {now}", self.key)
    }
}

/// The keys whose values differ between two configurations' texts.
pub fn differences(before: &str, now: &str) -> anyhow::Result<Vec<Difference>> {
    let values = |text: &str| {
        let Ok(table) = text.parse() else {
            bail!("it is not TOML");
        };
        let mut values = BTreeMap::new();
        flatten(String::new(), Value::Table(table), &mut values);
        Ok(values)
    };
    let (before, now) = (values(before)?, values(now)?);
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differences = keys.into_iter().map(|key| Difference {
        key: key.clone(),
        before: before.get(key).cloned(),
        now: now.get(key).cloned(),
    });
    Ok(differences.filter(|d| d.before != d.now).collect())
}

fn flatten(key: String, value: Value, values: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                let key = match key.as_str() {
                    "" => name,
                    tables => format!("{tables}.{name}"),
                };
                flatten(key, value, values);
            }
        }
        value => {
            values.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_and_compared() {
        let before = "name = \"a\"\n[training]\nsteps = 10 # few\nloss = \"1*l1\"\n";
        let mut table: Table = before.parse().unwrap();
        for text in [
            "training.steps=20",
            "training.loss = 1*mse",
            "training.schedule.warm_up_steps=5",
            "name=\"a\"",
        ] {
            let setting: Setting = text.parse().unwrap();
            setting.apply(&mut table).unwrap();
        }
        let now = toml::to_string(&table).unwrap();
        let found: Vec<String> = differences(before, &now)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "training.loss was \"1*l1\" and is \"1*mse\"",
                "training.schedule.warm_up_steps was not set and is 5",
                "training.steps was 10 and is 20",
            ]
        );
        assert_eq!(
            differences(before, &format!("# text\n{before}")).unwrap(),
            []
        );
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for text in ["steps", "=3", "training.=3", "a b=3"] {
            assert!(text.parse::<Setting>().is_err(), "{text}");
        }
        let setting: Setting = "name.first=3".parse().unwrap();
        let mut table: Table = "name = \"a\"".parse().unwrap();
        let error = setting.apply(&mut table).unwrap_err().to_string();
        assert!(error.contains("name"), "{error}");
    }
}
