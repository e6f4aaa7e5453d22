//! Colour spaces: sources in Display P3 are converted or kept, never taken for sRGB.

use image::{Rgba, RgbaImage};
use serde_json::json;

use crate::api::{opaque, plain_page, run};
use crate::fixture::{assert_same, crc32, png, tiny_model, upscaled, waves};
use crate::page::to_image;
use crate::site::Visit;

/// From Display P3 to sRGB, in floating point: <https://www.w3.org/TR/css-color-4/#color-conversion-code>.
fn to_srgb(image: &RgbaImage) -> RgbaImage {
    // The primaries' luminances and chromaticities give these; each row has the sum 1, as both have the same white.
    let rows = [
        [1.224_940_2, -0.224_940_2, 0.0],
        [-0.042_057, 1.042_057, 0.0],
        [-0.019_637_6, -0.078_636, 1.098_273_6],
    ];
    let linear = |byte: u8| {
        let value = f64::from(byte) / 255.0;
        match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055_f64).powf(2.4),
        }
    };
    let encoded = |value: f64| {
        let value = value.clamp(0.0, 1.0);
        let value = match value <= 0.003_130_8 {
            true => 12.92 * value,
            false => 1.055 * value.powf(1.0 / 2.4) - 0.055,
        };
        (255.0 * value).round() as u8
    };
    let mut image = image.clone();
    for pixel in image.pixels_mut() {
        let [r, g, b] = [0, 1, 2].map(|channel| linear(pixel[channel]));
        let [r, g, b] = rows.map(|row| encoded(row[0] * r + row[1] * g + row[2] * b));
        *pixel = Rgba([r, g, b, pixel[3]]);
    }
    image
}

/// The pixels of `url` taken as Display P3, in several kinds of sources.
const SOURCES: &str = "const [model, url, kind, options] = arguments;
    window.upscaler ??= await load(model, { engine: 'cpu' });
    const bitmap = await createImageBitmap(await fetchBlob(url));
    const { width, height } = bitmap;
    const plainContext = new OffscreenCanvas(width, height).getContext('2d');
    plainContext.drawImage(bitmap, 0, 0);
    const { data } = plainContext.getImageData(0, 0, width, height);
    const pixels = new ImageData(data, width, height, { colorSpace: 'display-p3' });
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { colorSpace: 'display-p3' });
    context.putImageData(pixels, 0, 0);
    const makers = {
        data: () => pixels,
        canvas: () => canvas,
        bitmap: () => createImageBitmap(canvas),
        // With a colour profile.
        png: () => canvas.convertToBlob(),
        half: () => context.getImageData(0, 0, width, height, { pixelFormat: 'rgba-float16' }),
        srgb: () => plainContext.getImageData(0, 0, width, height),
    };
    const result = await upscaler.upscale(await makers[kind](), options);";

fn upscaled_in_page(
    visit: &Visit,
    urls: &[serde_json::Value; 2],
    kind: &str,
    options: &serde_json::Value,
) -> (RgbaImage, serde_json::Value) {
    let script = format!("{SOURCES} return {{ colorSpace: result.colorSpace, ...plain(result) }};");
    let [model, url] = urls.clone();
    let mut found = run(visit, &script, &[model, url, json!(kind), options.clone()]);
    let space = found["colorSpace"].take();
    (to_image(found), space)
}

/// The largest difference of two images.
fn apart(a: &RgbaImage, b: &RgbaImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    let pairs = a.iter().zip(b.iter());
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn wide_gamut_is_converted_to_srgb() {
    let image = opaque(waves(41, 33));
    let (visit, urls) = plain_page(&image);
    let expected = upscaled(&tiny_model(), &to_srgb(&image));
    let wrong = upscaled(&tiny_model(), &image);
    assert!(apart(&expected, &wrong) > 20, "the test proves nothing");
    for kind in ["data", "canvas", "bitmap", "png", "half"] {
        let (found, space) = upscaled_in_page(&visit, &urls, kind, &json!({}));
        assert_eq!(space, "srgb");
        // Converters round differently, and the network amplifies that.
        let apart = apart(&found, &expected);
        assert!(apart <= 6, "{kind}: {apart} of 255 apart");
    }
    visit.finish();
}

#[test]
fn wide_gamut_is_kept_when_asked_for() {
    let image = opaque(waves(41, 33));
    let (visit, urls) = plain_page(&image);
    let expected = upscaled(&tiny_model(), &image);
    let options = json!({ "colorSpace": "display-p3" });
    for kind in ["data", "canvas", "bitmap", "png"] {
        let (found, space) = upscaled_in_page(&visit, &urls, kind, &options);
        assert_eq!(space, "display-p3");
        assert_same(&found, &expected);
    }
    // There and back.
    let (found, _) = upscaled_in_page(&visit, &urls, "srgb", &options);
    let back = to_srgb(&found);
    let in_srgb = upscaled_in_page(&visit, &urls, "srgb", &json!({})).0;
    let mean = |a: &RgbaImage, b: &RgbaImage| {
        let pairs = a.iter().zip(b.iter());
        let sum: f64 = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
        sum / a.len() as f64
    };
    let (near, far) = (mean(&back, &in_srgb), mean(&found, &in_srgb));
    assert!(near < 1.5 && far > 2.0 * near, "{near} {far}");
    visit.finish();
}

/// Files say in a profile that they are in Display P3; a PNG that is written row by row says it, too.
#[test]
fn files_in_display_p3_say_so() {
    let image = opaque(waves(41, 33));
    let (visit, urls) = plain_page(&image);
    let expected = upscaled(&tiny_model(), &image);
    let script = format!(
        "{SOURCES}
        const decoded = await createImageBitmap(result);
        const shown = new OffscreenCanvas(decoded.width, decoded.height).getContext('2d', {{ colorSpace: 'display-p3' }});
        shown.drawImage(decoded, 0, 0);
        return plain(shown.getImageData(0, 0, decoded.width, decoded.height));"
    );
    let found = |options: serde_json::Value| {
        let [model, url] = urls.clone();
        to_image(run(&visit, &script, &[model, url, json!("data"), options]))
    };
    let space = "display-p3";
    let png = json!({ "as": "blob", "colorSpace": space });
    assert_same(&found(png.clone()), &expected);
    for kind in ["image/jpeg", "image/webp"] {
        let file = found(json!({ "as": "blob", "colorSpace": space, "type": kind, "quality": 1 }));
        let pairs = file.iter().zip(expected.iter());
        let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = sum as f64 / expected.len() as f64;
        assert!(mean < 8.0, "{kind}: {mean}");
    }
    let tight = "Object.defineProperty(navigator, 'deviceMemory', { value: 1e-4 })";
    visit.chrome.run(tight, &[]);
    assert_same(&found(png.clone()), &expected);
    // Also for programs that know only profiles.
    let script = format!("{SOURCES} return [...new Uint8Array(await result.arrayBuffer())];");
    let [model, url] = urls.clone();
    let bytes = run(&visit, &script, &[model, url, json!("data"), png]);
    let bytes: Vec<u8> = serde_json::from_value(bytes).unwrap();
    for chunk in [b"cICP", b"iCCP"] {
        assert!(bytes.windows(4).any(|part| part == chunk));
    }
    visit.finish();
}

#[test]
fn browsers_without_display_p3_say_so() {
    let (visit, [model, url]) = plain_page(&opaque(waves(9, 7)));
    let script = "const [model, url] = arguments;
        const { getContext } = OffscreenCanvas.prototype;
        OffscreenCanvas.prototype.getContext = function (kind, { colorSpace, ...rest } = {}) {
            return getContext.call(this, kind, rest);
        };
        const upscaler = await load(model);
        const blob = await fetchBlob(url);
        const [kept, wrong] = ['display-p3', 'rec2020'].map((colorSpace) => failure(upscaler.upscale(blob, { colorSpace })));
        return [await kept, await wrong];";
    let found = run(&visit, script, &[model, url]);
    assert_eq!(found[0]["code"], "no-display-p3");
    assert_eq!(found[1]["name"], "TypeError");
    visit.finish();
}

/// A PNG with alpha may state a gamma instead of a profile, which our decoder does not apply.
#[test]
fn gamma_of_png_is_applied_with_alpha_too() {
    let grey = |alpha| RgbaImage::from_pixel(20, 20, Rgba([64, 64, 64, alpha]));
    for (gamma, expected) in [(45_455_u32, 64_u8), (100_000, 137)] {
        let file = png(&grey(200));
        let body = [b"gAMA", &gamma.to_be_bytes()[..]].concat();
        let chunk = [&[0, 0, 0, 4], &body[..], &crc32(&body).to_be_bytes()].concat();
        let (visit, [model, url]) = plain_page(&grey(255));
        visit.file("image.png", &[&file[..33], &chunk, &file[33..]].concat());
        let script = "const [model, url] = arguments;
            return plain(await (await load(model)).upscale(await fetchBlob(url)));";
        let found = to_image(run(&visit, script, &[model, url]));
        // A random network changes a flat colour a little.
        let flat = Rgba([expected, expected, expected, 255]);
        let plain = upscaled(&tiny_model(), &RgbaImage::from_pixel(20, 20, flat));
        let apart = found.get_pixel(20, 20)[0].abs_diff(plain.get_pixel(20, 20)[0]);
        assert!(apart <= 3, "{gamma}: {apart} apart");
        visit.finish();
    }
}

/// Bitmaps with alpha are read in bands, as canvases have limits.
#[test]
fn large_bitmaps_with_alpha_are_complete() {
    let image = waves(1400, 1100);
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { engine: 'cpu' });
        const blob = await fetchBlob(url);
        const bitmap = await createImageBitmap(blob);
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const context = canvas.getContext('2d');
        context.drawImage(bitmap, 0, 0);
        const whole = await upscaler.upscale(context.getImageData(0, 0, canvas.width, canvas.height));
        const banded = await upscaler.upscale(canvas);
        let apart = 0;
        banded.data.forEach((value, i) => { apart = Math.max(apart, Math.abs(value - whole.data[i])); });
        return { apart, width: banded.width, height: banded.height };";
    let found = run(&visit, script, &[model, url]);
    assert_eq!(found, json!({ "apart": 0, "width": 2800, "height": 2200 }));
    visit.finish();
}
