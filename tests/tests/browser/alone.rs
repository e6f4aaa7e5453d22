//! Tests that run one at a time: other browsers would take the processor away from them.

use crate::app_import::drop_files_on_webgpu;
use crate::fixture::{png, waves};
use crate::page::{PATIENCE, choose, state, wait_for_result};
use crate::site::{Gpu, PAGE, Visit};

/// Longest task allowed on the main thread.
const LONGEST_TASK_MS: f64 = 50.0;

/// Other processes may take the core away during a task, but not every time.
const TRIES: usize = 3;

/// The longest task on the main thread, from choosing an image to its result.
fn longest_task(image: &[u8]) -> f64 {
    let visit = Visit::of(PAGE, Gpu::None);
    // Loading the page is not measured.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let watch = "window.tasks = [];
        new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration)))
          .observe({ type: 'longtask' });";
    visit.chrome.run(watch, &[]);
    choose(&visit, "large.png", image);
    // Each poll is a task, too.
    while state(&visit, "large.png") != "done" {
        assert_ne!(state(&visit, "large.png"), "failed");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    wait_for_result(&visit, "large.png");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let tasks = visit.chrome.run("return window.tasks", &[]);
    let tasks = tasks
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|ms| ms.as_f64());
    let longest = tasks.fold(0.0, f64::max);
    // Long tasks are reported at all.
    let busy = "setTimeout(() => { const end = performance.now() + 80; while (performance.now() < end); })";
    visit.chrome.run(busy, &[]);
    visit
        .chrome
        .wait_until("window.tasks.at(-1) >= 80", PATIENCE);
    visit.finish();
    longest
}

#[test]
fn no_task_is_long_while_four_megapixels_are_upscaled() {
    let image = png(&waves(2400, 1700));
    let mut found = Vec::new();
    while found.len() < TRIES {
        found.push(longest_task(&image));
        println!(
            "the longest task took {:.0} ms (0: none above 50)",
            found[found.len() - 1]
        );
        if found.last() < Some(&LONGEST_TASK_MS) {
            return;
        }
    }
    panic!("the longest tasks of {TRIES} tries took {found:?} ms");
}

#[test]
fn dropped_files_of_weights_compute_what_pytorch_does_on_webgpu() {
    drop_files_on_webgpu();
}
