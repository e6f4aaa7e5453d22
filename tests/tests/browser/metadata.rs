//! EXIF and XMP: removed, or kept without places, or all of them.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};
use serde_json::{Value, json};

use crate::api::run;
use crate::fixture::{assert_same, blocks_jpeg, crc32, png, tiny_model, upscaled, waves};
use crate::page::{choose, set, settle, state, with_tiny_model};
use crate::site::{Gpu, PLAIN, Visit};

/// Bytes of EXIF in either order.
struct Writer {
    bytes: Vec<u8>,
    little: bool,
}

impl Writer {
    fn short(&mut self, value: u16) {
        match self.little {
            true => self.bytes.extend(value.to_le_bytes()),
            false => self.bytes.extend(value.to_be_bytes()),
        }
    }

    fn long(&mut self, value: u32) {
        match self.little {
            true => self.bytes.extend(value.to_le_bytes()),
            false => self.bytes.extend(value.to_be_bytes()),
        }
    }

    /// A directory of entries: tag, type, count, and value or offset.
    fn directory(&mut self, entries: &[(u16, u16, u32, u32)], next: u32) {
        self.short(entries.len() as u16);
        for (tag, kind, count, value) in entries {
            self.short(*tag);
            self.short(*kind);
            self.long(*count);
            if *kind == 3 {
                self.short(*value as u16);
                self.short(0);
            } else {
                self.long(*value);
            }
        }
        self.long(next);
    }
}

const MAKER: &[u8] = b"MAKER'S SECRET";
const CAMERA: &[u8] = b"Camera\0\0";
const LATITUDE: &[u8] = b"LATITUDE IN 24 BYTES....";
const THUMBNAIL: &[u8] = b"THUMBNAIL OF THE ORIGINAL";

/// EXIF of a turned photograph of 64 × 32 pixels with a camera's name, notes of its maker, a place and a thumbnail.
fn exif(little: bool, orientation: u32) -> Vec<u8> {
    let mut exif = Writer {
        bytes: if little { b"II" } else { b"MM" }.to_vec(),
        little,
    };
    exif.short(42);
    exif.long(8);
    let size = |entries: u32| 2 + 12 * entries + 4;
    let own = 8 + size(4);
    let place = own + size(4);
    let second = place + size(1);
    let data = second + size(2);
    let [camera, maker, latitude, thumbnail] = [
        data,
        data + CAMERA.len() as u32,
        data + (CAMERA.len() + MAKER.len()) as u32,
        data + (CAMERA.len() + MAKER.len() + LATITUDE.len()) as u32,
    ];
    let length = |bytes: &[u8]| bytes.len() as u32;
    exif.directory(
        &[
            (0x010f, 2, length(CAMERA), camera),
            (0x0112, 3, 1, orientation),
            (0x8769, 4, 1, own),
            (0x8825, 4, 1, place),
        ],
        second,
    );
    exif.directory(
        &[
            (0x927c, 7, length(MAKER), maker),
            (0xa001, 3, 1, 0xffff),
            (0xa002, 3, 1, 64),
            (0xa003, 3, 1, 32),
        ],
        0,
    );
    exif.directory(&[(2, 5, 3, latitude)], 0);
    exif.directory(
        &[(0x0201, 4, 1, thumbnail), (0x0202, 4, 1, length(THUMBNAIL))],
        0,
    );
    assert_eq!(exif.bytes.len() as u32, data);
    [&exif.bytes, CAMERA, MAKER, LATITUDE, THUMBNAIL].concat()
}

/// The whole number of a tag, in the main directory or in the one that it points to.
fn number(exif: &[u8], wanted: u16) -> Option<u32> {
    let little = exif.starts_with(b"II");
    let short = |at: usize| {
        let bytes = exif[at..at + 2].try_into().unwrap();
        match little {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        }
    };
    let long = |at: usize| {
        let bytes = exif[at..at + 4].try_into().unwrap();
        match little {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        }
    };
    let find = |directory: usize, wanted: u16| {
        let entries = (0..usize::from(short(directory))).map(|i| directory + 2 + 12 * i);
        let mut entries = entries.filter(|at| short(*at) == wanted);
        entries.next().map(|at| match short(at + 2) {
            3 => u32::from(short(at + 8)),
            _ => long(at + 8),
        })
    };
    let main = long(4) as usize;
    let own = find(main, 0x8769).map(|own| own as usize);
    find(main, wanted).or_else(|| find(own?, wanted))
}

const XMP: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:e="http://ns.adobe.com/exif/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
  tiff:Orientation="6" e:GPSLatitude="52,31N" photoshop:City="Berlin" dc:format="image/jpeg">
<e:GPSLongitude>13,24E</e:GPSLongitude><e:PixelXDimension>64</e:PixelXDimension><dc:creator>Somebody</dc:creator>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#;

/// A JPEG with these segments behind its start.
fn jpeg(exif: &[u8], xmp: &[u8]) -> Vec<u8> {
    let segment = |name: &[u8], data: &[u8]| {
        let length = u16::try_from(2 + name.len() + data.len()).unwrap();
        [&[0xff, 0xe1], &length.to_be_bytes()[..], name, data].concat()
    };
    let file = blocks_jpeg();
    let xmp = segment(b"http://ns.adobe.com/xap/1.0/\0", xmp);
    [&file[..2], &segment(b"Exif\0\0", exif), &xmp, &file[2..]].concat()
}

/// A photograph with EXIF and XMP.
pub fn photograph() -> Vec<u8> {
    jpeg(&exif(true, 1), XMP.as_bytes())
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// EXIF and pixels as the decoders of the crate `image` find them.
fn decoded(bytes: &[u8]) -> (Option<Vec<u8>>, image::RgbaImage) {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut decoder = reader.unwrap().into_decoder().unwrap();
    let exif = decoder.exif_metadata().unwrap();
    assert_eq!(decoder.orientation().unwrap(), Orientation::NoTransforms);
    (exif, image::load_from_memory(bytes).unwrap().into_rgba8())
}

/// The upscaled file.
fn result(visit: &Visit, name: &str, options: Value) -> Vec<u8> {
    let script = "const [model, url, options] = arguments;
        window.upscaler ??= await load(model);
        const result = await upscaler.upscale(await fetchBlob(url), { as: 'blob', quality: 1, ...options });
        // The browser can decode it.
        await createImageBitmap(result);
        return [...new Uint8Array(await result.arrayBuffer())];";
    let found = run(
        visit,
        script,
        &[visit.url("tiny.bpk"), visit.url(name), options],
    );
    let bytes = found.as_array().unwrap().iter();
    bytes.map(|byte| byte.as_u64().unwrap() as u8).collect()
}

#[test]
fn metadata_are_removed_or_kept_as_asked_for() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    let mut upright = image::load_from_memory(&blocks_jpeg()).unwrap();
    upright.apply_orientation(Orientation::Rotate90);
    let expected = upscaled(&tiny_model(), &upright.into_rgba8());
    for little in [false, true] {
        visit.file("turned.jpg", &jpeg(&exif(little, 6), XMP.as_bytes()));
        for kind in ["image/jpeg", "image/png", "image/webp"] {
            let file = |metadata: &str| {
                let options = json!({ "type": kind, "metadata": metadata });
                result(&visit, "turned.jpg", options)
            };
            let bare = file("none");
            assert!(
                !holds(&bare, b"Camera") && !holds(&bare, b"Somebody"),
                "{kind}"
            );
            assert_eq!(decoded(&bare).0, None, "{kind}");
            for metadata in ["keep", "keep-with-location"] {
                let file = file(metadata);
                let (exif, image) = decoded(&file);
                let exif = exif.unwrap_or_else(|| panic!("{kind} has no EXIF"));
                let what = format!("{kind}, {metadata}, little-endian: {little}");
                assert!(holds(&exif, CAMERA), "{what}");
                assert!(!holds(&exif, b"THUMB"), "{what}");
                assert_eq!(number(&exif, 0x0112), Some(1), "{what}");
                assert_eq!(number(&exif, 0xa001), Some(1), "{what}");
                assert_eq!(number(&exif, 0xa002), Some(64), "{what}");
                assert_eq!(number(&exif, 0xa003), Some(128), "{what}");
                let xmp = String::from_utf8_lossy(&file).into_owned();
                assert!(xmp.contains("Somebody"), "{what}");
                assert!(xmp.contains("Orientation=\"1\""), "{what}");
                assert!(xmp.contains("PixelXDimension>64<"), "{what}");
                let all = metadata == "keep-with-location";
                for part in [MAKER, LATITUDE] {
                    assert_eq!(holds(&exif, part), all, "{what}");
                }
                assert_eq!(number(&exif, 0x8825).is_some(), all, "{what}");
                for part in ["52,31N", "13,24E", "Berlin"] {
                    assert_eq!(xmp.contains(part), all, "{what}: {part}");
                }
                if kind == "image/png" {
                    assert_same(&image, &expected);
                }
                assert_eq!(image.dimensions(), expected.dimensions());
            }
        }
    }
    visit.finish();
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], &body, &crc32(&body).to_be_bytes()].concat()
}

/// Results with alpha, whose WebP has an extended header already, and a PNG as the source.
#[test]
fn metadata_of_png_are_kept_beside_alpha() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    let image = waves(33, 20);
    let file = png(&image);
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0", XMP.as_bytes()].concat();
    let with = [
        &file[..33],
        &chunk(b"eXIf", &exif(true, 1)),
        &chunk(b"iTXt", &text),
        &file[33..],
    ];
    visit.file("image.png", &with.concat());
    for kind in ["image/png", "image/webp"] {
        let options = json!({ "type": kind, "metadata": "keep" });
        let file = result(&visit, "image.png", options);
        let (exif, found) = decoded(&file);
        assert!(holds(&exif.unwrap(), CAMERA), "{kind}");
        assert!(holds(&file, b"Somebody"), "{kind}");
        assert_eq!(found.dimensions(), (66, 40));
        assert!(
            found.pixels().any(|pixel| pixel[3] < 50),
            "{kind}: alpha is lost"
        );
    }
    // The result is a source in turn.
    let webp = result(
        &visit,
        "image.png",
        json!({ "type": "image/webp", "metadata": "keep" }),
    );
    visit.file("again.webp", &webp);
    let again = result(&visit, "again.webp", json!({ "metadata": "keep" }));
    let (exif, found) = decoded(&again);
    assert!(holds(&exif.unwrap(), CAMERA) && holds(&again, b"Somebody"));
    assert_eq!(found.dimensions(), (132, 80));
    visit.finish();
}

/// Damaged metadata are left out, whatever they claim.
#[test]
fn damaged_metadata_are_left_out() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    let whole = exif(false, 1);
    let mut outside = whole.clone();
    outside[4..8].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    let cases: [(&[u8], &[u8]); 4] = [
        (b"no TIFF at all", b"<not xml"),
        (
            &whole[..20],
            b"<!DOCTYPE x [<!ENTITY a 'Somebody'>]><x>&a;</x>",
        ),
        (&outside, b""),
        (b"", b"\0\0"),
    ];
    for (exif, xmp) in cases {
        visit.file("odd.jpg", &jpeg(exif, xmp));
        let file = result(&visit, "odd.jpg", json!({ "metadata": "keep" }));
        assert_eq!(decoded(&file).0, None);
        assert!(!holds(&file, b"Somebody") && !holds(&file, b"xml"));
    }
    // Every truncation, and many damaged bytes.
    let script = "const [bytes, xmp] = arguments;
        const { adapted } = await import('/source/lib/metadata.js');
        let state = 1;
        const below = (end) => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return Math.floor((state / 2 ** 32) * end);
        };
        let adaptedOnes = 0;
        for (let run = 0; run < 20000; run += 1) {
            const exif = Uint8Array.from(bytes).subarray(0, below(4) ? bytes.length : below(bytes.length));
            for (let change = below(5); change > 0; change -= 1) exif[below(exif.length)] = below(256);
            const found = adapted({ exif, xmp: null }, { width: 100, height: 70000, colorSpace: 'srgb', location: below(2) === 0 });
            if (found.exif && found.exif.length !== exif.length) throw new Error('the length has changed');
            adaptedOnes += found.exif ? 1 : 0;
        }
        return adaptedOnes;";
    let adapted = run(&visit, script, &[json!(whole), json!(XMP)]);
    assert!(adapted.as_u64() > Some(1000), "{adapted}");
    visit.finish();
}

#[test]
fn the_app_has_a_switch() {
    let visit = with_tiny_model();
    let shown = "return document.querySelector('#metadata').value";
    assert_eq!(visit.chrome.run(shown, &[]), json!("none"));
    set(&visit, "type", "image/jpeg");
    for (name, metadata, has) in [
        ("a.jpg", "none", [false, false]),
        ("b.jpg", "keep", [true, false]),
        ("c.jpg", "keep-with-location", [true, true]),
    ] {
        set(&visit, "metadata", metadata);
        choose(&visit, name, &jpeg(&exif(true, 1), XMP.as_bytes()));
        settle(&visit);
        assert_eq!(state(&visit, name), "done");
        visit
            .chrome
            .click(&format!("[aria-label='Download {name}']"));
        let file = visit.download(&name.replace(".jpg", "-x2.jpg"));
        let bytes = std::fs::read(file).unwrap();
        let found = [CAMERA, LATITUDE].map(|part| holds(&bytes, part));
        assert_eq!(found, has, "{metadata}");
    }
    visit.finish();
}
