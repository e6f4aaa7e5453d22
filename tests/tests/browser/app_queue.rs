//! Several images at once.

use serde_json::json;

use crate::fixture::{png, png_of_size, waves};
use crate::page::{
    PATIENCE, choose_all, click_auto, entry, message, set, settle, state, text, with_tiny_model,
};
use crate::site::Visit;

/// The app with "Start automatically" switched off.
fn waiting() -> Visit {
    let visit = with_tiny_model();
    click_auto(&visit);
    visit
}

fn facts(visit: &Visit, name: &str) -> String {
    text(visit, &format!("{} .card-facts", entry(name)))
}

fn is_shown(visit: &Visit, css: &str) -> bool {
    let script = "return document.querySelector(arguments[0]).checkVisibility()";
    visit.chrome.run(script, &[json!(css)]) == json!(true)
}

/// Records the order in which images are done, and how many are in work at once.
fn watch(visit: &Visit) {
    let script = "window.most = 0;
        window.ends = [];
        new MutationObserver((records) => {
          const working = document.querySelectorAll('#images li[data-state=working]').length;
          window.most = Math.max(window.most, working);
          for (const { target } of records) {
            if (target.dataset.state === 'done') window.ends.push(target.querySelector('.card-name').textContent);
          }
        }).observe(document.querySelector('#images'), { subtree: true, attributeFilter: ['data-state'] });";
    visit.chrome.run(script, &[]);
}

#[test]
fn images_wait_with_their_sizes_and_are_upscaled_one_after_the_other() {
    let visit = waiting();
    let (a, b, c) = (
        png(&waves(700, 500)),
        png(&waves(60, 50)),
        png(&waves(64, 48)),
    );
    choose_all(&visit, &[("a.png", &a), ("b.png", &b), ("c.png", &c)]);
    settle(&visit);
    for name in ["a.png", "b.png", "c.png"] {
        assert_eq!(state(&visit, name), "waiting");
    }
    let said = facts(&visit, "a.png");
    assert!(
        said.starts_with("700 × 500 → 1,400 × 1,000 · 1.4 MP · "),
        "{said}"
    );
    assert!(said.ends_with(" s"), "no expected time: {said}");
    let summary = text(&visit, "#summary");
    assert!(
        summary.starts_with("0 of 3 done · ") && summary.ends_with(" to do"),
        "{summary}"
    );
    let thumbnails =
        "return [...document.querySelectorAll('.thumbnail')].map(({ width }) => width > 1)";
    assert_eq!(visit.chrome.run(thumbnails, &[]), json!([true, true, true]));

    watch(&visit);
    assert_eq!(text(&visit, "#start"), "Upscale 3 images");
    visit.chrome.click("#start");
    settle(&visit);
    assert_eq!(visit.chrome.run("return window.most", &[]), json!(1));
    let ends = visit.chrome.run("return [...new Set(window.ends)]", &[]);
    assert_eq!(ends, json!(["a.png", "b.png", "c.png"]));
    assert_eq!(text(&visit, "#summary"), "3 of 3 done");
    visit.finish();
}

#[test]
fn the_image_in_work_shows_progress_and_time_left() {
    let visit = with_tiny_model();
    let (a, b) = (png(&waves(2200, 1600)), png(&waves(60, 50)));
    watch(&visit);
    choose_all(&visit, &[("a.png", &a), ("b.png", &b)]);
    let begun = "document.querySelector('#images progress').value > 0";
    visit.chrome.wait_until(begun, PATIENCE);
    let said = facts(&visit, "a.png");
    assert!(said.contains(" % · ") && said.ends_with(" left"), "{said}");
    assert!(is_shown(&visit, "#overall"));
    let overall = "const { value, max } = document.querySelector('#overall'); return value > 0 && value < 1 && max === 2";
    assert_eq!(visit.chrome.run(overall, &[]), json!(true));
    // The next image is read meanwhile, and is not started during a pause.
    let waits = "document.querySelector('#images li:last-child').dataset.state === 'waiting'";
    visit.chrome.wait_until(waits, PATIENCE);
    visit.chrome.click("#start");
    visit.chrome.wait_until(
        "document.querySelector('#images li').dataset.state === 'done'",
        PATIENCE,
    );
    assert_eq!(state(&visit, "b.png"), "waiting");
    visit.chrome.click("#start");
    settle(&visit);
    assert_eq!(state(&visit, "b.png"), "done");
    assert_eq!(visit.chrome.run("return window.most", &[]), json!(1));
    visit.finish();
}

#[test]
fn each_error_is_shown_at_its_image_and_does_not_affect_others() {
    let visit = waiting();
    let good = png(&waves(40, 30));
    let damaged = &good[..200];
    let huge = png_of_size(30_000, 20_000);
    choose_all(
        &visit,
        &[
            ("good.png", &good),
            ("damaged.png", damaged),
            ("huge.png", &huge),
            ("other.png", &good),
        ],
    );
    settle(&visit);
    // Reported before anything starts, with the size that fits.
    assert_eq!(state(&visit, "huge.png"), "failed");
    let said = message(&visit, "huge.png");
    assert!(
        said.contains("30000 × 20000") && said.contains("up to"),
        "{said}"
    );
    visit.chrome.click("#start");
    settle(&visit);
    assert_eq!(state(&visit, "good.png"), "done");
    assert_eq!(state(&visit, "other.png"), "done");
    assert_eq!(state(&visit, "damaged.png"), "failed");
    assert!(message(&visit, "damaged.png").contains("image"));
    assert_eq!(text(&visit, "#summary"), "2 of 4 done · 2 failed");

    visit.chrome.click("[aria-label='Try again damaged.png']");
    settle(&visit);
    assert_eq!(state(&visit, "damaged.png"), "failed");
    visit.chrome.click("[aria-label='Remove damaged.png']");
    let names =
        "return [...document.querySelectorAll('.card-name')].map(({ textContent }) => textContent)";
    let left = json!(["good.png", "huge.png", "other.png"]);
    assert_eq!(visit.chrome.run(names, &[]), left);
    visit.finish();
}

#[test]
fn one_can_be_cancelled_and_tried_again_while_others_go_on() {
    let visit = with_tiny_model();
    let (large, small) = (png(&waves(2400, 1800)), png(&waves(40, 30)));
    choose_all(&visit, &[("large.png", &large), ("small.png", &small)]);
    let begun = "document.querySelector('#images progress').value > 0";
    visit.chrome.wait_until(begun, PATIENCE);
    visit.chrome.click("[aria-label='Cancel large.png']");
    settle(&visit);
    assert_eq!(state(&visit, "large.png"), "cancelled");
    assert_eq!(state(&visit, "small.png"), "done");
    visit.chrome.click("[aria-label='Try again large.png']");
    settle(&visit);
    assert_eq!(state(&visit, "large.png"), "done");
    visit.chrome.click("#remove-all");
    visit
        .chrome
        .wait_until("!document.body.classList.contains('has-images')", PATIENCE);
    visit.finish();
}

#[test]
fn settings_can_change_for_waiting_and_for_finished_images() {
    let visit = waiting();
    let image = png(&waves(40, 30));
    choose_all(&visit, &[("a.png", &image), ("b.png", &image)]);
    settle(&visit);
    set(&visit, "size", "3");
    settle(&visit);
    let said = facts(&visit, "b.png");
    assert!(said.starts_with("40 × 30 → 120 × 90"), "{said}");
    visit.chrome.click("#start");
    settle(&visit);
    assert!(!is_shown(&visit, "#again"));
    set(&visit, "size", "1.5");
    assert_eq!(text(&visit, "#again"), "Redo 2 images with these settings");
    assert!(
        facts(&visit, "a.png").contains("120 × 90"),
        "a result is lost before there is a new one"
    );
    visit.chrome.click("#again");
    settle(&visit);
    for name in ["a.png", "b.png"] {
        let said = facts(&visit, name);
        assert!(said.contains("60 × 45"), "{said}");
    }
    visit.finish();
}
