//! Screenshots of the page to look at: `target/screenshots/*.png`.

use std::time::Duration;

use serde_json::json;

use crate::page::wait_for_result;
use crate::site::{Gpu, PAGE, Visit, screenshots};

#[test]
fn light_and_dark_on_a_desktop_and_on_a_phone() {
    let visit = Visit::of(PAGE, Gpu::None);
    let ready = "!('busy' in document.body.dataset) && document.querySelectorAll('li[data-state=done]').length === 2
            && document.querySelector('#viewer').dataset.shows === 'result'";
    for (device, [width, height], scale) in [("desktop", [1280, 900], 1), ("phone", [390, 844], 2)]
    {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": device == "phone",
        });
        visit
            .chrome
            .cdp("Emulation.setDeviceMetricsOverride", metrics);
        for scheme in ["light", "dark"] {
            let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
            visit.chrome.cdp(
                "Emulation.setEmulatedMedia",
                json!({ "features": [feature] }),
            );
            visit.chrome.run("location.reload()", &[]);
            visit.chrome.wait_until(
                "document.readyState === 'complete' && document.querySelector('#model').length",
                Duration::from_secs(20),
            );
            let capture = |moment: &str| {
                let wider = "return document.documentElement.scrollWidth - innerWidth";
                let wider = visit.chrome.run(wider, &[]).as_i64();
                assert!(
                    wider <= Some(0),
                    "{moment} is {wider:?} px wider than a {device}"
                );
                let name = format!("{device}-{scheme}-{moment}.png");
                let png = visit.chrome.screenshot();
                std::fs::write(screenshots().join(name), &png).unwrap();
                let image = image::load_from_memory(&png).unwrap().into_luma8();
                // The lightness of the background shows which scheme is used.
                let corner = image.get_pixel(image.width() - 2, image.height() - 2)[0];
                assert_eq!(
                    corner > 127,
                    scheme == "light",
                    "{device}, {scheme}: {corner}"
                );
            };
            capture("start");
            let both =
                "for (const example of document.querySelectorAll('.example')) example.click();";
            visit.chrome.run(both, &[]);
            visit.chrome.wait_until(ready, Duration::from_secs(120));
            // Either may have arrived first.
            visit
                .chrome
                .click("li:has([aria-label='Remove capitol.webp']) .card-show");
            wait_for_result(&visit, "capitol.webp");
            capture("result");
        }
    }
    visit.finish();
}
