//! The pages in another language.

use serde_json::json;

use crate::page::{PATIENCE, settle, text, wait_for_result};
use crate::site::{Gpu, PAGE, PLAIN, Visit, screenshots};

/// Every text of the pages and scripts is in each file of `www/languages`, and a language has as many placeholders.
#[test]
fn translations_are_complete() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let www = xtask::root().join("www");
    let mut scripts: Vec<_> = ["demo.js", "digits.js", "app.js"].map(String::from).into();
    for entry in std::fs::read_dir(www.join("app")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".js") {
            scripts.push(format!("app/{name}"));
        }
    }
    let texts: Vec<String> = scripts
        .iter()
        .flat_map(|name| translated_literals(&std::fs::read_to_string(www.join(name)).unwrap()))
        .collect();
    assert!(texts.len() > 40, "{texts:?}");
    for entry in std::fs::read_dir(www.join("languages")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let script = "const [file, texts] = arguments;
            const { patternOf, textsOf } = await import('/source/app/words.js');
            const { default: words } = await import('/source/languages/' + file);
            const expected = new Set(texts);
            for (const name of ['index', 'demo', 'digits']) {
                const html = await (await fetch(`/source/${name}.html`)).text();
                for (const { text } of textsOf(new DOMParser().parseFromString(html, 'text/html'))) expected.add(text);
            }
            const patterns = Object.keys(words).map(patternOf);
            const isKnown = (text) => patterns.some((pattern) => pattern.test(text));
            const count = (text) => text.split(/\\{\\d*\\}/).length;
            const differs = ([key, value]) => count(value) > count(key);
            return [[...expected].filter((text) => !isKnown(text)), Object.entries(words).filter(differs)];";
        let found = visit.chrome.run(script, &[json!(file), json!(texts)]);
        assert_eq!(found, json!([[], []]), "{file} lacks texts");
    }
    visit.finish();
}

/// The texts in calls of `translated`, with `{}` for each value.
fn translated_literals(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, call) in script.match_indices("translated(") {
        let mut rest = script[at + call.len()..].chars();
        let mut depth = 1;
        while depth > 0 {
            match rest.next().expect("the call ends") {
                '(' => depth += 1,
                ')' => depth -= 1,
                quote @ ('"' | '`') => found.push(literal(&mut rest, quote)),
                _ => {}
            }
        }
    }
    found
}

/// The rest of a literal, whose end is skipped.
fn literal(rest: &mut std::str::Chars, quote: char) -> String {
    let mut text = String::new();
    loop {
        match rest.next().expect("the text ends") {
            end if end == quote => return text.replace("\\u00a0", "\u{a0}"),
            '$' if rest.as_str().starts_with('{') => {
                text.push_str("{}");
                let mut depth = 0;
                for next in rest.by_ref() {
                    depth += i32::from(next == '{') - i32::from(next == '}');
                    if depth == 0 {
                        break;
                    }
                }
            }
            other => text.push(other),
        }
    }
}

#[test]
fn texts_of_calls_are_found() {
    let script = r#"a(translated("One") + translated(`${f(`x ${y}`)} of ${n} done`)); b("Other");
        translated(c ? "Two" : `Three ${d("q")}`)"#;
    let found = translated_literals(script);
    assert_eq!(found, ["One", "{} of {} done", "Two", "Three {}"]);
}

#[test]
fn the_app_speaks_the_browsers_language() {
    let visit = Visit::of(PAGE, Gpu::None);
    let metrics = json!({ "width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false });
    visit
        .chrome
        .cdp("Emulation.setDeviceMetricsOverride", metrics);
    let agent = visit.chrome.run("return navigator.userAgent", &[]);
    let english = text(&visit, "#file + label");
    assert_eq!(english, "Choose images");
    let german = json!({ "userAgent": agent, "acceptLanguage": "fr-FR,de-AT,en" });
    visit.chrome.cdp("Emulation.setUserAgentOverride", german);
    visit.chrome.run("location.reload()", &[]);
    visit
        .chrome
        .wait_until("document.querySelector('#model')?.length > 1", PATIENCE);
    settle(&visit);
    assert_eq!(text(&visit, "#file + label"), "Bilder wählen");
    assert_eq!(
        visit
            .chrome
            .run("return document.documentElement.lang", &[]),
        json!("de")
    );
    let size = "return document.querySelector('#size option[value=\"1.5\"]').text";
    assert_eq!(visit.chrome.run(size, &[]), json!("×1,5"));
    visit.chrome.click(".example");
    settle(&visit);
    wait_for_result(&visit, "capitol.webp");
    let png = visit.chrome.screenshot();
    std::fs::write(screenshots().join("desktop-german.png"), png).unwrap();
    assert_eq!(text(&visit, "#status"), "capitol.webp ist fertig.");
    assert_eq!(text(&visit, "#summary"), "1 von 1 fertig");
    // No term of a list is missing in the language.
    let terms = "const { default: words } = await import('/source/languages/de.js');
        const known = Object.values(words);
        const terms = [...document.querySelectorAll('dt')].map((term) => term.textContent);
        return [terms.length > 10, terms.filter((term) => !known.includes(term))];";
    assert_eq!(visit.chrome.run(terms, &[]), json!([true, []]));
    // Errors, too.
    let path = visit.file("notes.png", b"no image").display().to_string();
    visit.chrome.type_into("#file", &path);
    settle(&visit);
    let said = text(&visit, "li:last-child .card-message");
    assert!(
        said.starts_with("Der Browser kann diese Datei nicht"),
        "{said}"
    );
    visit.finish();
}
