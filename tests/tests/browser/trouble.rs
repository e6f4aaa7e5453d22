//! Several calls at once, and failures of workers and requests.

use serde_json::json;

use crate::api::{opaque, plain_page, run};
use crate::fixture::{assert_same, png, tiny_model, upscaled, waves};
use crate::page::to_image;

#[test]
fn calls_take_turns_and_urgent_ones_go_first() {
    let small = opaque(waves(31, 22));
    let (visit, [model, url]) = plain_page(&small);
    visit.file("large.png", &png(&opaque(waves(1700, 1300))));
    let script = "const [model, small, large] = arguments;
        const upscaler = await load(model, { engine: 'cpu', workers: 1 });
        const [smallBlob, largeBlob] = [await fetchBlob(small), await fetchBlob(large)];
        const ended = [];
        const call = (name, blob, options) => upscaler.upscale(blob, options).then(() => ended.push(name));
        const calls = [
            call('background', largeBlob, { priority: 'background' }),
            call('large', largeBlob),
            call('small', smallBlob),
            call('urgent', smallBlob, { priority: 'user-blocking' }),
        ];
        await Promise.all(calls);
        const many = await Promise.all(Array.from({ length: 20 }, () => upscaler.upscale(smallBlob)));
        return { ended, many: many.filter(({ width }) => width === 62).length };";
    let found = run(&visit, script, &[model, url, visit.url("large.png")]);
    let ended: Vec<&str> = found["ended"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let place = |name| ended.iter().position(|other| *other == name).unwrap();
    assert_eq!(place("urgent"), 0, "{ended:?}");
    assert!(place("large") < place("background"), "{ended:?}");
    assert_eq!(found["many"], 20);
    visit.finish();
}

#[test]
fn a_waiting_call_can_be_aborted() {
    let (visit, [model, url]) = plain_page(&opaque(waves(31, 22)));
    visit.file("large.png", &png(&opaque(waves(1200, 900))));
    let script = "const [model, small, large] = arguments;
        const upscaler = await load(model, { engine: 'cpu', workers: 1 });
        const [smallBlob, largeBlob] = [await fetchBlob(small), await fetchBlob(large)];
        const calls = [1, 2, 3].map(() => upscaler.upscale(largeBlob));
        const controller = new AbortController();
        const leaves = failure(upscaler.upscale(smallBlob, { signal: controller.signal }));
        controller.abort();
        const left = await leaves;
        upscaler.dispose();
        return { left, others: await Promise.all(calls.map(failure)) };";
    let found = run(&visit, script, &[model, url, visit.url("large.png")]);
    assert_eq!(found["left"]["name"], "AbortError");
    for other in found["others"].as_array().unwrap() {
        assert_eq!(other["code"], "disposed", "{found}");
    }
    visit.finish();
}

#[test]
fn a_crashed_worker_is_replaced() {
    let image = opaque(waves(700, 610));
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url] = arguments;
        const workers = [];
        const Original = Worker;
        window.Worker = class extends Original {
            constructor(...args) { super(...args); workers.push(this); }
        };
        const upscaler = await load(model, { engine: 'cpu', workers: 2 });
        let killed = 0;
        const onProgress = ({ done }) => {
            if (done !== 1 || killed) return;
            killed = workers.length;
            for (const worker of workers) worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }));
        };
        const image = await upscaler.upscale(await fetchBlob(url), { onProgress });
        return { killed, started: workers.length, engine: upscaler.engine, ...plain(image) };";
    let found = run(&visit, script, &[model, url]);
    assert!(
        found["started"].as_u64() > found["killed"].as_u64(),
        "{}",
        found["started"]
    );
    assert_eq!(found["engine"], "cpu");
    assert_same(&to_image(found), &upscaled(&tiny_model(), &image));
    visit.finish();
}

#[test]
fn a_worker_that_crashes_every_time_is_an_error_and_the_next_image_works() {
    let image = opaque(waves(31, 22));
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { engine: 'cpu', workers: 1 });
        const blob = await fetchBlob(url);
        const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (...args) {
            post.apply(this, args);
            if (args[0].type === 'upscale') this.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }));
        };
        const failed = await failure(upscaler.upscale(blob));
        Worker.prototype.postMessage = post;
        return { failed, ...plain(await upscaler.upscale(blob)) };";
    let found = run(&visit, script, &[model, url]);
    assert_eq!(found["failed"]["code"], "worker-failed");
    assert_eq!(found["failed"]["message"], "out of memory");
    assert_same(&to_image(found), &upscaled(&tiny_model(), &image));
    visit.finish();
}

#[test]
fn a_wasm_that_cannot_be_fetched_is_an_error_and_the_next_load_works() {
    let image = opaque(waves(31, 22));
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url] = arguments;
        const { fetch } = window;
        window.fetch = (url, ...rest) => `${url}`.endsWith('.wasm')
            ? Promise.resolve(new Response('', { status: 503 })) : fetch(url, ...rest);
        const failed = await failure(load(model));
        window.fetch = fetch;
        const elsewhere = await failure(load(model, { base: '/files/nothing/' }));
        const upscaler = await load(model);
        return { failed, elsewhere, ...plain(await upscaler.upscale(await fetchBlob(url))) };";
    let found = run(&visit, script, &[model, url]);
    for (name, status) in [("failed", "503"), ("elsewhere", "404")] {
        assert_eq!(found[name]["code"], "worker-failed");
        let message = found[name]["message"].as_str().unwrap();
        assert!(message.contains(status), "{message}");
    }
    assert_same(&to_image(found), &upscaled(&tiny_model(), &image));
    visit.finish();
}

#[test]
fn preloaded_files_are_not_fetched_again() {
    let (visit, [model, url]) = plain_page(&opaque(waves(31, 22)));
    let script = "const [model, url, base] = arguments;
        const { preload } = await import('../some/where/uprez.js');
        const downloads = [];
        await preload(model, { base, onDownload: (download) => downloads.push(download) });
        const upscaler = await load(model, { base });
        const { width } = await upscaler.upscale(await fetchBlob(url));
        return { width, first: downloads[0], last: downloads.at(-1) };";
    let found = run(&visit, script, &[model, url, json!("../some/where")]);
    assert_eq!(found["width"], 62);
    let last = &found["last"];
    assert_eq!(last["loaded"], last["total"], "{found}");
    assert!(last["loaded"].as_u64() > Some(100_000), "{found}");
    assert!(
        found["first"]["loaded"].as_u64() < last["loaded"].as_u64(),
        "{found}"
    );
    let requests = visit.requests();
    for file in ["tiny.bpk", "pkg/cpu/web_bg.wasm"] {
        let times = requests.iter().filter(|url| url.ends_with(file)).count();
        assert_eq!(times, 1, "{file}");
    }
    visit.finish();
}
