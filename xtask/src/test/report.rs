//! Collects the results of tests: what ran, how long it took, and the remarks.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::run::{describe, run};

/// Collects results of groups of tests, and prints them at the end.
#[derive(Default)]
pub struct Report {
    groups: Vec<Group>,
    notes: Vec<String>,
}

struct Group {
    name: String,
    counts: Counts,
    seconds: f64,
}

/// Counts of a test runner's summaries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    /// Failed tests with their panics, and tests that did not run or ran in part only.
    remarks: Vec<String>,
    panic: Panic,
}

/// How much of a failed test's panic has been read.
#[derive(Debug, Default, PartialEq, Eq)]
enum Panic {
    /// All of it, or no failed test's output is being read.
    #[default]
    None,
    /// Nothing: the panic of this remark's test is still to come.
    Ahead(usize),
    /// Its place; the lines of the message follow.
    Message(usize),
}

/// Prefix of the line by which a test reports that a part of it could not run.
const NOT_RUN: &str = "NOT RUN";

impl Report {
    /// Runs a function that passes or fails as a whole.
    pub fn step(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) {
        self.group(name, || {
            let result = step().inspect_err(|error| eprintln!("error: {error:#}"));
            Counts {
                passed: usize::from(result.is_ok()),
                failed: usize::from(result.is_err()),
                ..Counts::default()
            }
        });
    }

    /// Runs a command that passes or fails as a whole.
    pub fn check(&mut self, name: &str, command: &mut Command) {
        self.step(name, || {
            eprintln!("{}", describe(command));
            run(command)
        });
    }

    /// Runs a command whose tests are counted one by one.
    pub fn tests(&mut self, name: &str, command: &mut Command) {
        self.group(name, || {
            eprintln!("{}", describe(command));
            count(command, std::io::stdout())
        });
    }

    /// Adds a note, which is printed after the counts.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    fn group(&mut self, name: &str, body: impl FnOnce() -> Counts) {
        eprintln!("\n=== {name} ===");
        let start = Instant::now();
        let counts = body();
        let seconds = start.elapsed().as_secs_f64();
        self.groups.push(Group {
            name: name.to_string(),
            counts,
            seconds,
        });
    }

    /// Prints the report; returns an error if anything failed.
    pub fn finish(self) -> anyhow::Result<()> {
        println!("\n=== what ran ===");
        for Group {
            name,
            counts,
            seconds,
        } in &self.groups
        {
            let Counts {
                passed,
                failed,
                remarks,
                ..
            } = counts;
            println!("{name:<28} {passed:>4} passed {failed:>4} failed {seconds:>7.0} s");
            for remark in remarks {
                println!("    {}", remark.replace('\n', "\n        "));
            }
        }
        for note in &self.notes {
            println!("{note}");
        }
        let sum = |count: fn(&Counts) -> usize| -> usize {
            self.groups.iter().map(|group| count(&group.counts)).sum()
        };
        let failed = sum(|counts| counts.failed);
        println!("{} passed, {failed} failed", sum(|counts| counts.passed));
        ensure!(failed == 0, "tests failed: see above");
        Ok(())
    }
}

/// Runs a command, forwards its output, and parses the counts in it.
fn count(command: &mut Command, output: impl Write) -> Counts {
    let mut counts = Counts::default();
    let success = read(command, output, &mut counts).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        false
    });
    // A failed build, an aborted run, and a run without tests count as failures, too.
    if counts.failed == 0 && (!success || counts.passed == 0) {
        counts.failed = 1;
        let remark = format!("failed: {}", describe(command));
        counts.remarks.push(remark);
    }
    counts
}

fn read(
    command: &mut Command,
    mut output: impl Write,
    counts: &mut Counts,
) -> anyhow::Result<bool> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("it cannot be started")?;
    let stdout = child.stdout.take().context("it has no output")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(output, "{line}")?;
        counts.read(&line);
    }
    Ok(child.wait()?.success())
}

impl Counts {
    /// Parses a line of the output of libtest or of wasm-bindgen's test runner.
    fn read(&mut self, line: &str) {
        let line = line.trim();
        self.read_panic(line);
        if let Some((passed, failed)) = summary(line) {
            self.passed += passed;
            self.failed += failed;
        } else if line.starts_with(NOT_RUN) {
            self.remarks.push(line.to_string());
        } else if let Some((name, outcome)) = line
            .strip_prefix("test ")
            .and_then(|line| line.split_once(" ... "))
        {
            match outcome.split([' ', ',']).next() {
                Some("FAILED" | "FAIL") => self.remarks.push(format!("FAILED {name}")),
                Some("ignored") => self.remarks.push(format!("{NOT_RUN} {name}: ignored")),
                _ => {}
            }
        }
    }

    /// Adds the place and message of a failed test's first panic to its remark.
    fn read_panic(&mut self, line: &str) {
        let shown = line
            .strip_prefix("---- ")
            .and_then(|line| line.strip_suffix(" stdout ----"));
        if let Some(name) = shown {
            let remark = format!("FAILED {name}");
            let failed = self.remarks.iter().position(|other| *other == remark);
            self.panic = failed.map_or(Panic::None, Panic::Ahead);
        }
        match self.panic {
            Panic::Ahead(failed) => {
                if let Some((_, place)) = line.split_once(" panicked at ") {
                    self.panic = Panic::Message(failed);
                    self.remarks[failed] += &format!("\n{place}");
                }
            }
            Panic::Message(_) if line == "stack backtrace:" || line.starts_with("note: ") => {
                self.panic = Panic::None;
            }
            Panic::Message(failed) => self.remarks[failed] += &format!("\n{line}"),
            Panic::None => {}
        }
    }
}

/// Parses the counts in a line such as `test result: ok. 8 passed; 0 failed; …`.
fn summary(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result:")?.split_once(". ")?;
    let count = |word: &str| {
        let part = counts.split(';').find(|part| part.trim().ends_with(word))?;
        part.trim().split(' ').next()?.parse().ok()
    };
    Some((count("passed")?, count("failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_test_runners_say() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test a ... ok",
            "test b::c ... FAILED",
            "test d ... ignored, takes an hour",
            "NOT RUN on Set5: it is missing",
            "test result: FAILED. 8 passed; 2 failed; 1 ignored; 0 measured; 1 filtered out",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 filtered out; finished in 1.2s",
            "test result of something",
            "---- a stdout ----",
            "thread '<unnamed>' (6) panicked at src/a.rs:1:2:",
            "as it should",
            "note: run with `RUST_BACKTRACE=1`",
            "---- b::c stdout ----",
            "some output",
            "thread 'b::c' (7) panicked at src/b.rs:3:4:",
            "assertion `left == right` failed",
            "  left: 1",
            "stack backtrace:",
            "   0: main",
        ] {
            counts.read(line);
        }
        assert_eq!((counts.passed, counts.failed), (13, 2));
        let remarks = [
            "FAILED b::c\nsrc/b.rs:3:4:\nassertion `left == right` failed\nleft: 1",
            "NOT RUN d: ignored",
            "NOT RUN on Set5: it is missing",
        ];
        assert_eq!(counts.remarks, remarks);
    }

    #[test]
    fn what_runs_nothing_or_breaks_off_has_failed() {
        for line in [
            "exit 1",
            "echo 'test result: ok. 0 passed; 0 failed'",
            "echo nothing",
            "echo 'test result: ok. 2 passed; 0 failed'; exit 1",
        ] {
            // Discard the output: the test run around this test would parse the counts in it.
            let counts = count(Command::new("sh").args(["-c", line]), std::io::sink());
            assert_eq!(counts.failed, 1, "{line}");
        }
        let mut report = Report::default();
        report.step("a step", || anyhow::bail!("as it should"));
        assert!(report.finish().is_err());
    }
}
