//! The main paths of the app.

use serde_json::json;

use super::{Kind, turned_jpeg};
use crate::any_browser::Visit;
use crate::app_import::{community, expected};
use crate::app_offline::{copy_of_the_site, publish, reload, wait_until_kept};
use crate::fixture::{
    assert_same, assert_within, on_black, png, png_without_alpha, tiny_model, upscaled, waves,
};
use crate::page::{
    PATIENCE, canvas, choose, entry, error, is_error, message, set, settle, state, text,
    wait_for_result,
};
use crate::site::{Opened, PAGE, POLICY};

pub fn the_app_upscales_and_saves(kind: Kind) {
    let visit = kind.open_app();
    let (jpeg, upright) = turned_jpeg();
    for (name, bytes, image) in [
        ("waves.png", png(&waves(40, 28)), waves(40, 28)),
        ("turned.jpg", jpeg, upright),
    ] {
        choose(&visit, name, &bytes);
        settle(&visit);
        assert_eq!(state(&visit, name), "done", "{}", message(&visit, name));
        wait_for_result(&visit, name);
        let expected = on_black(&upscaled(&tiny_model(), &image));
        // Firefox rounds twice where alpha is low.
        let most = if kind == Kind::Firefox { 2 } else { 1 };
        assert_within(most, &on_black(&canvas(&visit, "#after")), &expected);
        let facts = text(&visit, "#facts");
        let [width, height] = [image.width(), image.height()];
        let engine = if kind.engine() == "webgpu" {
            "WebGPU"
        } else {
            "CPU"
        };
        for fact in [
            &format!("{width} × {height}"),
            &format!("{} × {}", 2 * width, 2 * height),
            engine,
        ] {
            assert!(facts.contains(fact), "{fact} is missing from: {facts}");
        }
        visit.session().click("#download");
        let file = visit.download(&name.replace(".png", "-x2.png").replace(".jpg", "-x2.png"));
        let saved = image::open(file).unwrap().into_rgba8();
        assert_same(&on_black(&saved), &expected);
    }
    let offers = visit.run(
        "return Array.from(document.querySelector('#type').options, ({ value }) => value)",
        &[],
    );
    let has_webp = offers.as_array().unwrap().contains(&json!("image/webp"));
    assert_eq!(has_webp, kind.encodes_webp(), "{offers}");
    visit.finish();
}

pub fn the_app_explains_broken_files_and_cancels(kind: Kind) {
    let visit = kind.open_app();
    let damaged = &png(&waves(30, 30))[..400];
    for (name, bytes) in [
        ("notes.png", &b"this is a text"[..]),
        ("damaged.png", damaged),
    ] {
        choose(&visit, name, bytes);
        settle(&visit);
        assert!(is_error(&visit, name), "{name}: {}", state(&visit, name));
        let message = message(&visit, name);
        assert!(
            message.contains("image") && message.ends_with('.'),
            "{message}"
        );
    }
    choose(&visit, "broken.bpk", b"this is no model");
    visit
        .session()
        .wait_until("!document.querySelector('#error').hidden", PATIENCE);
    assert!(error(&visit).contains("model"), "{}", error(&visit));

    // Clicks in the page, as WebDriver's click may come when the work is done.
    let script = "const [progress, cancel] = [...arguments].map((css) => () => document.querySelector(css));
        new MutationObserver((_, observer) => {
            if (!(progress()?.value > 0)) return;
            observer.disconnect();
            cancel().click();
        }).observe(document.querySelector('#images'), { subtree: true, attributeFilter: ['value'] });";
    let progress = format!("{} progress", entry("large.png"));
    let args = [json!(progress), json!("[aria-label='Cancel large.png']")];
    visit.session().run(script, &args);
    choose(&visit, "large.png", &png(&waves(2400, 1800)));
    settle(&visit);
    assert_eq!(state(&visit, "large.png"), "cancelled");
    choose(&visit, "small.png", &png(&waves(20, 20)));
    settle(&visit);
    assert_eq!(state(&visit, "small.png"), "done");
    visit.finish();
}

pub fn the_app_imports_a_model_of_another_project(kind: Kind) {
    let visit = kind.open(PAGE);
    let file = "realesr-general-x4.pth";
    choose(&visit, file, &community(file));
    let chosen = format!(
        "document.querySelector('#model').selectedOptions[0]?.value.startsWith('own:{file}')"
    );
    visit.session().wait_until(&chosen, PATIENCE);
    settle(&visit);
    choose(
        &visit,
        "input.png",
        &png_without_alpha(&expected("input_61x47")),
    );
    settle(&visit);
    wait_for_result(&visit, "input.png");
    let expected = expected("realesr-general-x4.61x47");
    assert_same(&canvas(&visit, "#after"), &expected);
    visit.finish();
}

pub fn the_app_works_offline(kind: Kind) {
    let mut visit = kind.open(PAGE);
    wait_until_kept(&visit);
    visit.disconnect();
    let gone = "return await fetch('files.json').then(() => false, () => true)";
    assert_eq!(visit.run(gone, &[]), json!(true), "the page is not offline");
    reload(&visit);
    // An example, an image with alpha for our decoder, and another size for the resizer.
    visit.session().click(".example");
    settle(&visit);
    wait_for_result(&visit, "capitol.webp");
    set(&visit, "size", "1.5");
    choose(&visit, "waves.png", &png(&waves(40, 28)));
    settle(&visit);
    assert_eq!(state(&visit, "waves.png"), "done");
    visit.finish();
}

pub fn two_tabs_move_to_a_new_version(kind: Kind) {
    let site = copy_of_the_site();
    let folder = site.path().to_path_buf();
    let visit = Visit::at(folder, POLICY, PAGE, |downloads| kind.start(downloads));
    let title = || visit.run("return document.title", &[]);
    wait_until_kept(&visit);
    let first = title();
    publish(site.path(), "second");
    reload(&visit);
    let offered = "document.querySelector('#update').checkVisibility()";
    visit.session().wait_until(offered, PATIENCE);
    let [here, other] = visit.session().new_tab();
    visit.session().switch_to(&other);
    visit.go(PAGE);
    wait_until_kept(&visit);
    assert_eq!(
        title(),
        first,
        "a tab of the new version beside one of the old"
    );
    visit.session().switch_to(&here);
    visit.session().click("#update-now");
    let moved = "document.title === 'second' && document.querySelector('#model')?.length";
    for tab in [&here, &other] {
        visit.session().switch_to(tab);
        visit.session().wait_until(moved, PATIENCE);
    }
    let caches = visit.run("return await caches.keys()", &[]);
    let own = format!("uprez-app {}{PAGE} second", visit.origin());
    assert_eq!(caches, json!([own]));
    visit.finish();
}
