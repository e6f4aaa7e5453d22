//! The page works in the background, fails and recovers, and frees memory.

use serde_json::json;
use tests::bench::memory::Renderers;

use crate::app_offline::copy_of_the_site;
use crate::fixture::{png, waves};
use crate::page::{PATIENCE, choose, choose_all, message, set, settle, state, with_tiny_model};
use crate::site::{Gpu, PAGE, Visit};

#[test]
fn a_background_tab_continues() {
    let visit = with_tiny_model();
    let (large, small) = (png(&waves(1600, 1200)), png(&waves(40, 30)));
    visit.chrome.run("window.hidden = []; document.addEventListener('visibilitychange', () => window.hidden.push(document.hidden))", &[]);
    choose_all(&visit, &[("a.png", &large), ("b.png", &small)]);
    visit.chrome.wait_until(
        "document.querySelector('#images progress').value > 0",
        PATIENCE,
    );
    visit
        .chrome
        .cdp("Target.createTarget", json!({ "url": "about:blank" }));
    visit.chrome.wait_until("document.hidden", PATIENCE);
    settle(&visit);
    assert_eq!(
        visit
            .chrome
            .run("return [document.hidden, window.hidden]", &[]),
        json!([true, [true]])
    );
    for name in ["a.png", "b.png"] {
        assert_eq!(state(&visit, name), "done");
    }
    visit.finish();
}

#[test]
fn a_model_that_cannot_be_fetched_is_an_error_and_is_fetched_at_the_next_try() {
    let site = copy_of_the_site();
    // Without the service worker.
    std::fs::remove_file(site.path().join("files.json")).unwrap();
    let model = site.path().join("models/fast-x2.bpk");
    let bytes = std::fs::read(&model).unwrap();
    std::fs::remove_file(&model).unwrap();
    let visit = Visit::at(site.path().to_path_buf(), PAGE, Gpu::None);
    set(&visit, "model", "clean");
    choose(&visit, "waves.png", &png(&waves(40, 30)));
    settle(&visit);
    assert_eq!(state(&visit, "waves.png"), "failed");
    let said = message(&visit, "waves.png");
    assert!(
        said.contains("fast-x2.bpk") && said.contains("404"),
        "{said}"
    );
    std::fs::write(&model, bytes).unwrap();
    visit.chrome.click("[aria-label='Try again waves.png']");
    settle(&visit);
    assert_eq!(
        state(&visit, "waves.png"),
        "done",
        "{}",
        message(&visit, "waves.png")
    );
    visit.finish();
}

/// Memory after garbage collection: bytes of the JavaScript heap, resident bytes of the renderers, and DOM nodes.
fn held(visit: &Visit, renderers: &Renderers) -> [f64; 3] {
    // The first collection frees objects for the second one.
    for _ in 0..2 {
        visit.chrome.cdp("HeapProfiler.collectGarbage", json!({}));
    }
    let metrics = visit.chrome.cdp("Performance.getMetrics", json!({}));
    let metric = |name: &str| {
        let mut metrics = metrics["metrics"].as_array().unwrap().iter();
        metrics.find(|metric| metric["name"] == name).unwrap()["value"]
            .as_f64()
            .unwrap()
    };
    // Workers collect on their own.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let resident = renderers.resident().unwrap() as f64;
    [metric("JSHeapUsedSize"), resident, metric("Nodes")]
}

/// Images of a round, and rounds of each half of the test.
const IMAGES: usize = 25;
const ROUNDS: usize = 6;

#[test]
fn hundreds_of_images_leak_no_memory() {
    let visit = with_tiny_model();
    visit.chrome.cdp("Performance.enable", json!({}));
    let image = png(&waves(320, 240));
    let renderers = Renderers::of(&visit.chrome).unwrap();
    let work = |count: usize| {
        let names: Vec<String> = (0..count).map(|i| format!("{i}.png")).collect();
        let files: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), image.as_slice()))
            .collect();
        choose_all(&visit, &files);
        settle(&visit);
        let done = "return document.querySelectorAll('#images li[data-state=done]').length";
        assert_eq!(visit.chrome.run(done, &[]), json!(count));
        visit.chrome.click("#remove-all");
    };
    // Warms up compiled code and memory pools.
    work(100);
    let rounds: Vec<[f64; 3]> = (0..2 * ROUNDS)
        .map(|_| {
            work(IMAGES);
            held(&visit, &renderers)
        })
        .collect();
    // Workers collect garbage when they like: the least that is held in each half of the rounds.
    let least = |rounds: &[[f64; 3]], i: usize| {
        let values = rounds.iter().map(|held| held[i]);
        values.fold(f64::INFINITY, f64::min)
    };
    let (first, second) = rounds.split_at(ROUNDS);
    let growth = |i: usize| (least(second, i) - least(first, i)) / (ROUNDS * IMAGES) as f64;
    let [script, resident, nodes] = [0, 1, 2].map(growth);
    println!(
        "for each image {:.1} KB more in the script, {:.1} KB in all, {nodes} elements",
        script / 1e3,
        resident / 1e3
    );
    assert!(script < 20e3, "{script} bytes more for each image");
    assert!(nodes < 0.5, "{nodes} elements more for each image");
    // An image of 320 × 240 and its result take 1.5 MB.
    assert!(
        resident < 250e3,
        "{resident} bytes more for each image: {rounds:?}"
    );
    visit.finish();
}
