//! Ctrl+C: a command keeps its results before it ends.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status of a program that Ctrl+C ended: 128 and the signal's number.
const STATUS: i32 = 130;

static IS_REQUESTED: AtomicBool = AtomicBool::new(false);

/// Takes Ctrl+C (and the signal that asks a process to end) as the request to stop after `unit`, such as "this
/// step". A second one ends the process at once.
pub fn watch(unit: &'static str) -> anyhow::Result<()> {
    static RESULT: OnceLock<Result<(), String>> = OnceLock::new();
    let result = RESULT.get_or_init(|| {
        let handler = move || {
            if IS_REQUESTED.swap(true, Ordering::Relaxed) {
                std::process::exit(STATUS);
            }
            eprintln!("\nStopping after {unit}; press Ctrl+C again to stop at once.");
        };
        ctrlc::set_handler(handler).map_err(|error| error.to_string())
    });
    result
        .clone()
        .map_err(|error| anyhow::anyhow!("cannot watch for Ctrl+C: {error}"))
}

/// Whether the command is to stop.
pub fn is_requested() -> bool {
    IS_REQUESTED.load(Ordering::Relaxed)
}
