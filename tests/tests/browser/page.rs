//! What a person does on the page.

use fantoccini::Locator;
use fantoccini::key::Key;
use image::ImageEncoder;
use serde_json::json;
use tests::{shipped, upscaled};

use super::support::{Session, WebGpu};

/// A JPEG that EXIF says to turn by a quarter: 40×24 pixels stored, 24×40 meant.
fn rotated_jpeg() -> Vec<u8> {
    let pixels: Vec<u8> = (0..40 * 24)
        .flat_map(|i| {
            let (x, y) = (i % 40, i / 40);
            [(x * 6) as u8, (y * 10) as u8, if x < 20 { 30 } else { 220 }]
        })
        .collect();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95)
        .write_image(&pixels, 40, 24, image::ExtendedColorType::Rgb8)
        .unwrap();
    // APP1: a TIFF header and one entry, orientation (0x0112) = 6.
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut segment = vec![0xff, 0xe1];
    segment.extend((exif.len() as u16 + 2).to_be_bytes());
    segment.extend(exif);
    jpeg.splice(2..2, segment);
    jpeg
}

/// A PNG whose header claims more pixels than anybody has memory for.
fn enormous_png() -> Vec<u8> {
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png)
        .write_image(&[0; 3], 1, 1, image::ExtendedColorType::Rgb8)
        .unwrap();
    png[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    // The header's checksum has to be right, or it is a damaged file instead.
    let mut crc = !0u32;
    for byte in &png[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    png
}

const IDLE: &str =
    "!('busy' in document.body.dataset) && !document.getElementById('result').hidden";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not yet seen to pass: some of these hang ChromeDriver (issue 3)"]
async fn a_rotated_jpeg_comes_out_upright_and_nothing_foreign_is_asked_for() {
    let session = Session::start(WebGpu::Off).await;
    let path = session.file("rotated.jpg", &rotated_jpeg());
    session
        .wait_until("document.getElementById('model').options.length > 0")
        .await;
    session.choose(&path).await;
    session.wait_until(IDLE).await;

    let image = trainer::image_file::load(&path).unwrap();
    assert_eq!((image.width, image.height), (24, 40));
    let expected = upscaled(
        &shipped("fast-x2").unwrap(),
        &image,
        &model::engine::ndarray(),
        96,
    )
    .unwrap();
    let size = session
        .value("[document.getElementById('after').width, document.getElementById('after').height]")
        .await;
    assert_eq!(size, json!([48, 80]));
    let pixels = session
        .value("[...document.getElementById('after').getContext('2d').getImageData(0, 0, 48, 80).data]")
        .await;
    let pixels: Vec<u8> = pixels
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_u64().unwrap() as u8)
        .collect();
    let rgb: Vec<u8> = pixels
        .chunks(4)
        .flat_map(|pixel| pixel[..3].to_vec())
        .collect();
    let difference = tests::largest_difference(&rgb, &expected.data);
    assert!(difference.is_some_and(|d| d <= 1), "{difference:?}");

    let facts = session
        .value("document.getElementById('facts').innerText")
        .await;
    let facts = facts.as_str().unwrap();
    assert!(
        facts.contains("24 × 40") && facts.contains("48 × 80") && facts.contains("CPU"),
        "{facts}"
    );
    let name = session
        .value("document.getElementById('download').download")
        .await;
    assert_eq!(name, "rotated-x2.png");

    let foreign = session
        .value("performance.getEntriesByType('resource').map((e) => e.name).filter((n) => !n.startsWith(location.origin + '/some/where/') && !n.startsWith('blob:'))")
        .await;
    assert_eq!(foreign, json!([]));
    assert!(
        session
            .server
            .requests()
            .iter()
            .any(|path| path.ends_with("pkg/cpu/web_bg.wasm"))
    );
    assert!(
        !session
            .server
            .requests()
            .iter()
            .any(|path| path.contains("pkg/gpu"))
    );
    let console = session.console().await;
    assert!(
        !console
            .iter()
            .any(|line| line.contains("Content Security Policy")),
        "{console:?}"
    );
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not yet seen to pass: some of these hang ChromeDriver (issue 3)"]
async fn the_line_moves_by_keyboard_and_by_mouse() {
    let session = Session::start(WebGpu::Off).await;
    session
        .client
        .find(Locator::Css(".example"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    session.wait_until(IDLE).await;
    session.screenshot("desktop-light").await;

    let now = "document.getElementById('divider').getAttribute('aria-valuenow')";
    let divider = session.client.find(Locator::Id("divider")).await.unwrap();
    let press = async |key: Key| {
        divider
            .send_keys(&String::from(char::from(key)))
            .await
            .unwrap()
    };
    press(Key::Home).await;
    assert_eq!(session.value(now).await, "0");
    press(Key::Right).await;
    assert_eq!(session.value(now).await, "2");
    press(Key::End).await;
    assert_eq!(session.value(now).await, "100");
    // A click in the middle of the picture.
    session
        .client
        .find(Locator::Id("compare"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    let middle: f64 = session.value(now).await.as_str().unwrap().parse().unwrap();
    assert!((middle - 50.0).abs() <= 2.0, "{middle}");

    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    session.chrome("Emulation.setEmulatedMedia", dark).await;
    session.screenshot("desktop-dark").await;
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    session
        .chrome("Emulation.setDeviceMetricsOverride", phone)
        .await;
    session.screenshot("phone-dark").await;
    let overflow = session
        .value("document.documentElement.scrollWidth > innerWidth")
        .await;
    assert_eq!(overflow, json!(false), "the page is wider than a phone");
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_one_can_be_cancelled_and_the_next_one_works() {
    let session = Session::start(WebGpu::Off).await;
    let large = model::pixel::Image::blank(1600, 1300, model::pixel::Channels::Rgb).unwrap();
    let path = session.folder.path().join("large.png");
    trainer::image_file::save(&large, &path).unwrap();
    session.choose(&path).await;
    session
        .wait_until("document.getElementById('progress').value > 0")
        .await;
    session.screenshot("working").await;
    session
        .client
        .find(Locator::Id("cancel"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    session
        .wait_until("document.getElementById('status').textContent === 'Cancelled.'")
        .await;
    assert_eq!(
        session
            .value("document.getElementById('result').hidden")
            .await,
        json!(true)
    );

    let small = session.file("small.jpg", &rotated_jpeg());
    session.choose(&small).await;
    session.wait_until(IDLE).await;
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not yet seen to pass: some of these hang ChromeDriver (issue 3)"]
async fn bad_files_are_answered_with_a_sentence() {
    let session = Session::start(WebGpu::Off).await;
    for (name, bytes, words) in [
        (
            "letter.png",
            b"this is a letter".to_vec(),
            "PNG, JPEG, WebP or BMP",
        ),
        ("enormous.png", enormous_png(), "60000 × 60000"),
        (
            "letter.bpk",
            b"this is a letter".to_vec(),
            "not a model file",
        ),
    ] {
        let path = session.file(name, &bytes);
        session.choose(&path).await;
        session
            .wait_until(
                "!document.getElementById('error').hidden && !('busy' in document.body.dataset)",
            )
            .await;
        let text = session
            .value("document.getElementById('error').textContent")
            .await;
        assert!(text.as_str().unwrap().contains(words), "{name}: {text}");
    }
    session.screenshot("error").await;
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not yet seen to pass: some of these hang ChromeDriver (issue 3)"]
async fn ones_own_model_is_used() {
    let session = Session::start(WebGpu::Off).await;
    let path = session.file("mine.bpk", &shipped("srcnn-x3").unwrap());
    session.choose(&path).await;
    session
        .wait_until("document.getElementById('model').selectedOptions[0]?.value.startsWith('own:')")
        .await;
    let small = session.file("small.jpg", &rotated_jpeg());
    session
        .wait_until("!('busy' in document.body.dataset)")
        .await;
    session.choose(&small).await;
    session.wait_until(IDLE).await;
    let width = session
        .value("document.getElementById('after').width")
        .await;
    assert_eq!(width, 72);
    session.close().await;
}
