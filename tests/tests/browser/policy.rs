//! The checks of `Visit::finish` can fail.

use crate::site::{Gpu, PAGE, Visit};

#[test]
fn csp_violations_are_noticed() {
    let visit = Visit::of(PAGE, Gpu::None);
    assert_eq!(visit.served().violations(), [""; 0]);
    let script =
        "document.head.append(Object.assign(document.createElement('script'), { text: '1' }));
        new Image().src = 'http://stranger.invalid/pixel.png';
        await fetch('http://stranger.invalid/').catch(() => {});";
    visit.chrome.run(script, &[]);
    let violations = visit.served().wait_for_violations(3).join("\n");
    for directive in ["script-src", "img-src", "connect-src"] {
        assert!(
            violations.contains(directive),
            "{directive} is missing from {violations}"
        );
    }
}

#[test]
fn csp_violations_are_noticed_when_the_site_is_gone() {
    let mut visit = Visit::of(PAGE, Gpu::None);
    visit.disconnect();
    let script = "await fetch('http://stranger.invalid/').catch(() => {})";
    visit.chrome.run(script, &[]);
    let violations = visit.served().wait_for_violations(1).join("");
    assert!(violations.contains("connect-src"), "{violations}");
}

#[test]
fn requests_to_other_servers_are_noticed() {
    let visit = Visit::of(PAGE, Gpu::None);
    assert_eq!(visit.foreign_requests(), [""; 0]);
    // A page without a CSP.
    visit.chrome.go("about:blank");
    visit.chrome.run(
        "await fetch('http://stranger.invalid/', { mode: 'no-cors' }).catch(() => {})",
        &[],
    );
    assert_eq!(visit.foreign_requests(), ["http://stranger.invalid/"]);
}

#[test]
fn the_csp_holds_in_workers() {
    let visit = Visit::of(PAGE, Gpu::None);
    // The CSP of a worker is that of its script's response.
    visit.file(
        "worker.js",
        b"fetch('http://stranger.invalid/').catch(() => postMessage('done'))",
    );
    let script =
        "await new Promise((resolve) => { new Worker(arguments[0]).onmessage = resolve; })";
    visit.chrome.run(script, &[visit.url("worker.js")]);
    let violations = visit.served().wait_for_violations(1).join("");
    assert!(violations.contains("connect-src"), "{violations}");
}
