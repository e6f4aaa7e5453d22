//! Devices that fail: Burn reports a lost GPU, and memory that is used up, by a panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::anyhow;

/// Words of Burn's and wgpu's messages about memory.
const MEMORY: [&str; 4] = ["memory", "allocat", "buffer size", "BufferTooBig"];

/// The error of a device that failed with this panic.
pub fn failure(panic: &(dyn Any + Send)) -> anyhow::Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("no reason given");
    // A stack trace follows.
    let reason = text.split("\nBacktrace").next().unwrap_or(text);
    if MEMORY.iter().any(|word| reason.contains(word)) {
        return anyhow!(
            "the device has too little memory for a step: work on each batch in parts (--set training.accumulate=2, or \
             more) or use a smaller one (--batch): {reason}"
        );
    }
    anyhow!("{reason}")
}

/// Runs `work`; a panic in it becomes an error.
pub fn guarded<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    // After a panic, nothing that `work` has changed is used any more.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(failure(&*panic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_memory_ends_in_a_sentence() {
        let of = |text: &str| {
            let text = text.to_string();
            let error = guarded::<()>(|| std::panic::panic_any(text));
            error.unwrap_err().to_string()
        };
        for text in [
            "An out-of-memory error happened during launch\nCaused by:\n  pool\nBacktrace\n0: main",
            "wgpu error: Out of Memory\nmemory",
            "out of device memory allocating 12 bytes",
        ] {
            let error = of(text);
            assert!(error.contains("training.accumulate=2"), "{error}");
            assert!(!error.contains("main"), "{error}");
        }
        assert_eq!(of("the wgpu device was lost"), "the wgpu device was lost");
    }
}
