//! Settings: size, format, and storage.

use image::ImageFormat;
use serde_json::json;

use crate::fixture::{png, tiny_model, waves};
use crate::page::{
    PATIENCE, choose, choose_tiny_model, click_auto, set, settle, text, wait_for_result,
    with_tiny_model,
};
use crate::site::{Gpu, PAGE, Visit};

#[test]
fn results_have_the_size_that_was_asked_for() {
    let visit = with_tiny_model();
    choose(&visit, "waves.png", &png(&waves(40, 28)));
    settle(&visit);
    wait_for_result(&visit, "waves.png");
    let cases = [
        ("1", "", "40 × 28"),
        ("1.5", "", "60 × 42"),
        ("3", "", "120 × 84"),
        ("4", "", "160 × 112"),
        ("factor", "2.5", "100 × 70"),
        ("width", "100", "100 × 70"),
        ("height", "56", "80 × 56"),
        ("longest", "120", "120 × 84"),
        ("model", "", "80 × 56"),
    ];
    for (size, amount, expected) in cases {
        set(&visit, "size", size);
        if !amount.is_empty() {
            set(&visit, "amount", amount);
        }
        settle(&visit);
        let redo =
            "const button = document.querySelector('#again'); if (!button.hidden) button.click();";
        visit.chrome.run(redo, &[]);
        settle(&visit);
        let facts = text(&visit, "#images .card-facts");
        assert!(
            facts.contains(&format!("→ {expected} ")),
            "{size} {amount}: {facts}"
        );
    }
    visit.finish();
}

/// Compressed images get another model than lossless ones, unless a purpose is chosen.
#[test]
fn the_model_suits_each_image() {
    let visit = Visit::of(PAGE, Gpu::None);
    let photograph = xtask::root().join("www/examples/indri.png");
    let photograph = image::open(photograph).unwrap().crop_imm(0, 0, 64, 48);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    photograph
        .to_rgb8()
        .write_to(&mut jpeg, ImageFormat::Jpeg)
        .unwrap();
    choose(&visit, "lossy.jpg", jpeg.get_ref());
    settle(&visit);
    wait_for_result(&visit, "lossy.jpg");
    let facts = text(&visit, "#facts");
    assert!(
        facts.contains("photo-x2") && facts.contains("JPEG, quality about 75"),
        "{facts}"
    );
    choose(&visit, "lossless.png", &png(&photograph.to_rgba8()));
    settle(&visit);
    wait_for_result(&visit, "lossless.png");
    let facts = text(&visit, "#facts");
    assert!(
        facts.contains("fast-x2") && facts.contains("PNG"),
        "{facts}"
    );
    // The one that was used last is described.
    let described = "document.querySelector('#model-terms').textContent.includes('fast-x2')";
    visit.chrome.wait_until(described, PATIENCE);
    set(&visit, "model", "photo");
    visit.chrome.click("#again");
    settle(&visit);
    visit.chrome.wait_until(
        "document.querySelector('#facts').textContent.includes('photo-x2')",
        PATIENCE,
    );
    let described = "document.querySelector('#model-terms').textContent.includes('photo-x2')";
    visit.chrome.wait_until(described, PATIENCE);
    visit.finish();
}

#[test]
fn an_invalid_amount_changes_nothing() {
    let visit = with_tiny_model();
    set(&visit, "size", "factor");
    set(&visit, "amount", "3");
    for wrong in ["", "0", "-2", "1000"] {
        set(&visit, "amount", wrong);
        let invalid = "return document.querySelector('#amount').validity.valid";
        assert_eq!(visit.chrome.run(invalid, &[]), json!(false), "{wrong}");
    }
    choose(&visit, "waves.png", &png(&waves(40, 28)));
    settle(&visit);
    let facts = text(&visit, "#images .card-facts");
    assert!(facts.contains("120 × 84"), "{facts}");
    assert_eq!(text(&visit, "#amount-hint"), "From 0.1 to 16");
    visit.finish();
}

#[test]
fn results_have_the_format_and_quality_that_were_asked_for() {
    let visit = with_tiny_model();
    choose(&visit, "waves.png", &png(&waves(60, 40)));
    settle(&visit);
    wait_for_result(&visit, "waves.png");
    let mut sizes = Vec::new();
    for (kind, quality, ending, format) in [
        ("image/jpeg", "95", "jpg", ImageFormat::Jpeg),
        ("image/webp", "30", "webp", ImageFormat::WebP),
    ] {
        set(&visit, "type", kind);
        set(&visit, "quality", quality);
        visit.chrome.click("#again");
        settle(&visit);
        visit.chrome.click("[aria-label='Download waves.png']");
        let bytes = std::fs::read(visit.download(&format!("waves-x2.{ending}"))).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), format);
        let image = image::load_from_memory(&bytes).unwrap();
        assert_eq!((image.width(), image.height()), (120, 80));
        sizes.push(bytes.len());
    }
    // Lower quality gives fewer bytes.
    set(&visit, "type", "image/jpeg");
    set(&visit, "quality", "20");
    visit.chrome.click("#again");
    settle(&visit);
    visit.chrome.click("[aria-label='Download waves.png']");
    let bytes = std::fs::read(visit.download("waves-x2 (1).jpg")).unwrap();
    assert!(
        bytes.len() < sizes[0] / 2,
        "{} and {} bytes",
        bytes.len(),
        sizes[0]
    );
    visit.finish();
}

/// The settings as the form shows them.
const SHOWN: &str = "return ['model', 'size', 'amount', 'type', 'quality', 'metadata', 'engine']
    .map((id) => document.getElementById(id).value)
    .concat(document.querySelector('#auto').checked)";

fn reload(visit: &Visit) {
    visit.chrome.run("location.reload()", &[]);
    let ready =
        "document.readyState === 'complete' && document.querySelector('#model')?.length > 2";
    visit
        .chrome
        .wait_until(ready, std::time::Duration::from_secs(20));
}

#[test]
fn settings_are_remembered() {
    let visit = Visit::of(PAGE, Gpu::None);
    set(&visit, "model", "clean");
    set(&visit, "size", "longest");
    set(&visit, "amount", "900");
    set(&visit, "type", "image/jpeg");
    set(&visit, "quality", "77");
    set(&visit, "metadata", "keep");
    set(&visit, "engine", "cpu");
    click_auto(&visit);
    reload(&visit);
    let expected = json!([
        "clean",
        "longest",
        "900",
        "image/jpeg",
        "77",
        "keep",
        "cpu",
        false
    ]);
    visit.chrome.wait_until(
        "document.querySelector('#model').value === 'clean'",
        PATIENCE,
    );
    assert_eq!(visit.chrome.run(SHOWN, &[]), expected);
    // Invalid values in storage are ignored.
    for stored in [
        "no JSON",
        "null",
        "7",
        "{\"size\": \"model\"}",
        "{\"size\": \"gone\", \"quality\": \"best\", \"other\": 1}",
    ] {
        visit.chrome.run(
            "localStorage['uprez-settings'] = arguments[0]",
            &[json!(stored)],
        );
        reload(&visit);
        assert_eq!(
            visit
                .chrome
                .run("return document.querySelector('#size').value", &[]),
            json!("2")
        );
    }
    visit.finish();
}

#[test]
fn the_page_works_without_storage() {
    let visit = Visit::of(PAGE, Gpu::None);
    let refuse = "for (const name of ['getItem', 'setItem']) {
          Storage.prototype[name] = () => { throw new DOMException('refused', 'SecurityError'); };
        }";
    visit.chrome.cdp(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({ "source": refuse }),
    );
    reload(&visit);
    choose_tiny_model(&visit);
    set(&visit, "size", "3");
    choose(&visit, "waves.png", &png(&waves(40, 28)));
    settle(&visit);
    let facts = text(&visit, "#images .card-facts");
    assert!(facts.contains("120 × 84"), "{facts}");
    visit.finish();
}

/// A model file's facts about itself may be of any type.
#[test]
fn odd_metadata_of_a_model_file_is_left_out() {
    let mut model = tiny_model();
    for (from, to) in [
        ("\"scores\":[]", "\"scores\":7 "),
        ("\"data\":[]", "\"data\":{}"),
        ("\"name\":\"tiny\"", "\"name\":123456"),
        ("\"degradation\":\"none\"", "\"degradation\":[1, 2]"),
    ] {
        // Of the same length, so that all offsets stay.
        assert_eq!(from.len(), to.len());
        let place = model
            .windows(from.len())
            .position(|part| part == from.as_bytes());
        let place = place.unwrap_or_else(|| panic!("the file has no {from}"));
        model[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    let visit = Visit::of(PAGE, Gpu::None);
    visit.chrome.run(
        "window.rejected = []; addEventListener('unhandledrejection', ({ reason }) => rejected.push(`${reason}`))",
        &[],
    );
    choose(&visit, "odd.bpk", &model);
    settle(&visit);
    choose(&visit, "waves.png", &png(&waves(20, 14)));
    wait_for_result(&visit, "waves.png");
    let terms = text(&visit, "#model-terms");
    assert!(
        terms.contains("plain") && !terms.contains("object"),
        "{terms}"
    );
    assert_eq!(visit.chrome.run("return rejected", &[]), json!([]));
    visit.finish();
}
