//! Accessibility: axe, and use by keyboard alone.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::fixture::{png, waves};
use crate::page::{
    PATIENCE, choose_all, choose_tiny_model, entry, settle, state, text, wait_for_result,
};
use crate::site::{Gpu, PAGE, Visit};

/// The script of axe-core, in the version of `axe/package.json`; `None` without npm.
fn axe() -> Option<String> {
    let folder = xtask::target_dir().unwrap().join("test-node");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/axe/package.json");
    let wanted = std::fs::read(source).unwrap();
    let list = folder.join("package.json");
    let is_there =
        script.exists() && std::fs::read(&list).is_ok_and(|installed| installed == wanted);
    if !is_there {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&list, wanted).unwrap();
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"]);
        match install.arg(&folder).status() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            status => assert!(status.unwrap().success(), "npm install axe-core failed"),
        }
    }
    Some(std::fs::read_to_string(script).unwrap())
}

/// The violations that axe finds, as `rule: elements`.
fn barriers(visit: &Visit, axe: &str) -> Vec<String> {
    let script = format!(
        "{axe};
        const {{ violations }} = await window.axe.run(document, {{ resultTypes: ['violations'] }});
        return violations.map(({{ id, nodes }}) => `${{id}}: ${{nodes.map(({{ target }}) => target).join(', ')}}`);"
    );
    let found = visit.chrome.run(&script, &[]);
    let found = found.as_array().unwrap().iter();
    found
        .map(|line| line.as_str().unwrap().to_string())
        .collect()
}

#[test]
fn axe_finds_nothing() {
    let Some(axe) = axe() else {
        println!("NOT RUN: the test with axe needs npm: install Node.js");
        return;
    };
    let visit = Visit::of(PAGE, Gpu::None);
    let look = |moment: &str| {
        for scheme in ["light", "dark"] {
            let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
            visit.chrome.cdp(
                "Emulation.setEmulatedMedia",
                json!({ "features": [feature] }),
            );
            assert_eq!(barriers(&visit, &axe), [""; 0], "{moment}, {scheme}");
        }
    };
    look("at the start");
    choose_tiny_model(&visit);
    let good = png(&waves(60, 40));
    choose_all(
        &visit,
        &[
            ("a.png", &good),
            ("b.png", &good),
            ("notes.png", b"not an image"),
        ],
    );
    settle(&visit);
    wait_for_result(&visit, "a.png");
    visit
        .chrome
        .run("document.querySelector('.address').open = true", &[]);
    crate::page::set(&visit, "size", "width");
    crate::page::set(&visit, "type", "image/jpeg");
    settle(&visit);
    look("with results, an error and other settings");
    choose_all(&visit, &[("large.png", &png(&waves(2400, 1800)))]);
    visit.chrome.wait_until(
        "document.querySelector('li[data-state=working] progress')?.value > 0",
        PATIENCE,
    );
    look("at work");
    visit.chrome.run(
        "document.querySelector('[aria-label=\"Cancel large.png\"]')?.click()",
        &[],
    );
    let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true });
    visit
        .chrome
        .cdp("Emulation.setDeviceMetricsOverride", metrics);
    look("on a phone");

    // An image without alternative text is found.
    let script = "document.querySelector('main').append(document.createElement('img'))";
    visit.chrome.run(script, &[]);
    let found = barriers(&visit, &axe);
    assert!(
        found.iter().any(|line| line.starts_with("image-alt")),
        "{found:?}"
    );
    visit.finish();
}

const TAB: char = '\u{e004}';
const SPACE: char = ' ';

/// Presses Tab until an element has the focus, and asserts that the focus is visible.
fn tab_to(visit: &Visit, css: &str) {
    let script = "return document.activeElement?.matches(arguments[0])";
    let reached = (0..60).any(|_| {
        visit.chrome.press(&[TAB]);
        visit.chrome.run(script, &[json!(css)]) == json!(true)
    });
    assert!(reached, "sixty times Tab, and never at {css}");
    let ring = "const { activeElement: element } = document;
        const shown = element.matches('.hidden-input') ? element.nextElementSibling : element;
        return getComputedStyle(shown).outlineStyle;";
    assert_ne!(
        visit.chrome.run(ring, &[]),
        json!("none"),
        "the focus at {css} is not seen"
    );
}

#[test]
fn everything_can_be_done_by_the_keyboard() {
    let visit = Visit::of(PAGE, Gpu::None);
    for css in [
        "#file",
        "#folder",
        "#address-form ~ *, .address summary",
        "#model",
        "#type",
        "#more summary",
    ] {
        tab_to(&visit, css);
    }
    visit.chrome.press(&[SPACE]);
    tab_to(&visit, "#auto");
    tab_to(&visit, ".example");
    visit.chrome.press(&[SPACE]);
    visit.chrome.wait_until(
        "document.querySelector('#images li')?.dataset.state === 'done'",
        PATIENCE,
    );
    wait_for_result(&visit, "capitol.webp");
    for css in [
        "#viewer",
        "#divider",
        "#zoom-in",
        "#hold",
        "#download",
        ".card-show",
        ".card .download",
    ] {
        tab_to(&visit, css);
    }
    // When the last image is removed, the focus moves to the button that adds one.
    tab_to(&visit, ".card .remove");
    visit.chrome.press(&[SPACE]);
    assert_eq!(
        visit.chrome.run("return document.activeElement.id", &[]),
        json!("file")
    );
    visit.finish();
}

#[test]
fn screen_readers_are_told_when_an_image_is_done() {
    let visit = Visit::of(PAGE, Gpu::None);
    choose_tiny_model(&visit);
    let role =
        "const { role, ariaLive } = document.querySelector('#status'); return [role, ariaLive]";
    assert_eq!(visit.chrome.run(role, &[]), json!(["status", "polite"]));
    for (name, bytes, said) in [
        ("good.png", png(&waves(40, 30)), "good.png is done."),
        ("notes.png", b"not an image".to_vec(), "notes.png failed. "),
    ] {
        choose_all(&visit, &[(name, &bytes)]);
        settle(&visit);
        let status = text(&visit, "#status");
        assert!(
            status.starts_with(said),
            "{}: {status}",
            state(&visit, name)
        );
    }
    // Buttons with the same text have different labels.
    let names = "return [...document.querySelectorAll('.card-actions button')].map(({ ariaLabel }) => ariaLabel)";
    let Value::Array(names) = visit.chrome.run(names, &[]) else {
        panic!("{} has no buttons", entry("good.png"))
    };
    let distinct: std::collections::HashSet<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
    visit.finish();
}
