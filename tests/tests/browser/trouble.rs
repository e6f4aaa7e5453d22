//! Several calls at once, and failures of workers and requests.

use serde_json::json;

use crate::api::{opaque, plain_page, run};
use crate::fixture::{WATCH_WORKERS, assert_same, png, tiny_model, upscaled, waves};
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

/// An image that never arrives takes no turn of others, and urgent calls do not hold up others for ever.
#[test]
fn stalled_and_urgent_calls_let_others_pass() {
    let (visit, [model, url]) = plain_page(&opaque(waves(31, 22)));
    let script = "const [model, url] = arguments;
        const { fetch } = window;
        const blob = await fetchBlob(url);
        const upscaler = await load(model, { engine: 'cpu', workers: 1 });
        window.fetch = (url, ...rest) => `${url}`.endsWith('never.png') ? new Promise(() => {}) : fetch(url, ...rest);
        const never = new URL('never.png', url);
        const stalled = [1, 2, 3].map(() => upscaler.upscale(never));
        const { width } = await upscaler.upscale(blob);
        upscaler.dispose();

        const { Scheduler } = await import('/source/lib/scheduler.js');
        const scheduler = new Scheduler();
        const running = await Promise.all([scheduler.enter(1), scheduler.enter(1)]);
        let overtaken = 0;
        let isAdmitted = false;
        const background = scheduler.enter(2).then((leave) => {
            isAdmitted = true;
            leave();
        });
        while (!isAdmitted && overtaken < 1000) {
            const next = scheduler.enter(1);
            running.shift()();
            running.push(await next);
            overtaken += 1;
        }
        return { width, overtaken };";
    let found = run(&visit, script, &[model, url]);
    assert_eq!(found["width"], 62);
    assert!(found["overtaken"].as_u64() < Some(100), "{found}");
    visit.finish();
}

#[test]
fn loading_can_be_aborted_at_any_time() {
    let (visit, [model, url]) = plain_page(&opaque(waves(31, 22)));
    let script = "const [model, url] = arguments;
        const { fetch } = window;
        const abort = AbortSignal.abort(new Error('stop'));
        const before = await failure(load(model, { signal: abort }));
        const never = (ending) => (url, ...rest) =>
            `${url}`.endsWith(ending) ? new Promise(() => {}) : fetch(url, ...rest);
        const during = [];
        for (const ending of ['.bpk', '.wasm']) {
            window.fetch = never(ending);
            const controller = new AbortController();
            const loading = failure(load(new URL(model), { signal: controller.signal, base: `/some/${ending}/` }));
            setTimeout(() => controller.abort(new Error('stop')), 200);
            during.push(await loading);
        }
        window.fetch = fetch;
        const left = workers.size;
        const upscaler = await load(model);
        upscaler.dispose();
        upscaler.dispose();
        const estimate = await failure(upscaler.estimate({ width: 10, height: 10 }));
        // A preload that is cancelled takes nothing from another one.
        const { preload } = await import('../some/where/uprez.js');
        const controller = new AbortController();
        const cancelled = failure(preload('fast-x2', { signal: controller.signal }));
        const other = preload('fast-x2');
        controller.abort(new Error('stop'));
        during.push(await cancelled);
        await other;
        return { messages: [before, ...during].map(({ message }) => message), left, estimate };";
    visit.chrome.run(WATCH_WORKERS, &[]);
    let found = run(&visit, script, &[model, url]);
    assert_eq!(found["messages"], json!(["stop", "stop", "stop", "stop"]));
    assert_eq!(found["left"], 0, "a worker is left");
    assert_eq!(found["estimate"]["code"], "disposed");
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
        const options = { base, onDownload: (download) => downloads.push(download) };
        // The second call shares what the first one fetches, and so does a call before they end.
        const preloads = [preload(model, options), preload(model, options)];
        const upscaler = await load(model, { base });
        await Promise.all(preloads);
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
    for file in ["tiny.bpk", "pkg/cpu/web_bg-", "workers/cpu-"] {
        let times = requests.iter().filter(|url| url.contains(file)).count();
        assert_eq!(times, 1, "{file}");
    }
    visit.finish();
}
