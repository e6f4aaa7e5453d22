//! Downloads, and the question before results are lost.

use serde_json::json;

use crate::fixture::{assert_same, crc32, png, tiny_model, upscaled, waves};
use crate::page::{PATIENCE, choose, choose_all, settle, wait_for_result, with_tiny_model};

/// A file in a zip.
pub struct Entry {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Reads an uncompressed zip file by its central directory, and compares the directory with the header of each file
/// (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>).
pub fn unzip(zip: &[u8]) -> Vec<Entry> {
    let two = |at: usize| usize::from(u16::from_le_bytes(zip[at..at + 2].try_into().unwrap()));
    let four = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap());
    let place = |at: usize| four(at) as usize;
    let end = zip.len() - 22;
    assert_eq!(four(end), 0x0605_4b50);
    assert_eq!(two(end + 8), two(end + 10));
    let mut at = place(end + 16);
    assert_eq!(
        at + place(end + 12),
        end,
        "the directory is followed by its end record"
    );
    let entries = (0..two(end + 10)).map(|_| {
        assert_eq!(four(at), 0x0201_4b50);
        let local = place(at + 42);
        assert_eq!(four(local), 0x0403_4b50);
        // Version, flags, method, date, checksum, sizes and the length of the name are in both.
        assert_eq!(zip[local + 4..local + 30], zip[at + 6..at + 32]);
        assert_eq!(
            (two(at + 8), two(at + 10)),
            (1 << 11, 0),
            "UTF-8, not compressed"
        );
        let name = &zip[local + 30..local + 30 + two(local + 26)];
        assert_eq!(name, &zip[at + 46..at + 46 + two(at + 28)]);
        let start = local + 30 + name.len();
        let bytes = zip[start..start + place(at + 20)].to_vec();
        assert_eq!(four(at + 16), crc32(&bytes));
        at += 46 + name.len();
        Entry {
            name: String::from_utf8(name.to_vec()).unwrap(),
            bytes,
        }
    });
    let entries = entries.collect();
    assert_eq!(at, end);
    entries
}

#[test]
fn all_results_are_downloaded_as_a_zip() {
    let visit = with_tiny_model();
    let opaque = |width, height| {
        let mut image = waves(width, height);
        image.pixels_mut().for_each(|pixel| pixel[3] = 255);
        image
    };
    let images = [opaque(40, 28), opaque(30, 20), opaque(20, 24)];
    let files = images.each_ref().map(png);
    // Two of the same name, and one that is not ASCII.
    choose_all(
        &visit,
        &[("waves.png", &files[0]), ("blühende Wiese.png", &files[1])],
    );
    settle(&visit);
    choose(&visit, "waves.png", &files[2]);
    settle(&visit);
    visit.chrome.click("#download-all");
    let entries = unzip(&std::fs::read(visit.download("uprez.zip")).unwrap());
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(
        names,
        ["waves-x2.png", "blühende Wiese-x2.png", "waves-x2 (2).png"]
    );
    for (entry, image) in entries.iter().zip(&images) {
        let found = image::load_from_memory(&entry.bytes).unwrap().into_rgba8();
        assert_same(&found, &upscaled(&tiny_model(), image));
    }
    visit.finish();
}

#[test]
fn more_than_a_zip_can_hold_is_an_error() {
    let visit = with_tiny_model();
    let script = "const { zip } = await import('/source/app/zip.js');
        const said = async (files) => await zip(files).then(() => '', ({ message }) => message);
        const large = { name: 'large.png', blob: { size: 3e9 } };
        const many = Array.from({ length: 65536 }, (_, i) => ({ name: `${i}`, blob: new Blob([]) }));
        return [await said([large, large]), await said(many), (await zip([])).size];";
    let said = visit.chrome.run(script, &[]);
    for i in [0, 1] {
        assert!(said[i].as_str().unwrap().contains("one by one"), "{said}");
    }
    assert_eq!(said[2], json!(22), "an empty zip is only its end record");
    visit.finish();
}

#[test]
fn leaving_is_confirmed_while_something_would_be_lost() {
    let visit = with_tiny_model();
    let asks = || {
        let script = "const event = new Event('beforeunload', { cancelable: true });
            window.dispatchEvent(event);
            return event.defaultPrevented;";
        visit.chrome.run(script, &[]) == json!(true)
    };
    assert!(!asks(), "nothing would be lost");
    choose(&visit, "large.png", &png(&waves(1800, 1400)));
    visit.chrome.wait_until(
        "document.querySelector('#images progress').value > 0",
        PATIENCE,
    );
    assert!(asks(), "an image is being upscaled");
    settle(&visit);
    assert!(asks(), "the result is not downloaded");
    wait_for_result(&visit, "large.png");
    visit.chrome.click("#download");
    assert!(!asks(), "the result was downloaded");
    visit.finish();
}
