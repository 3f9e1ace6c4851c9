//! The page of `levada-observe`.

use serde_json::{Value, json};

use crate::browser::{Page, with_page};

/// Instead of the program's, the page gets the report that the test has put here.
const REPORTED: &str = "const real = window.fetch;
    window.fetch = async (path, options) => {
      if (path !== 'channels' || !window.report) return real(path, options);
      window.asked = (window.asked ?? 0) + 1;
      return new Response(JSON.stringify(window.report));
    };";

fn example() -> Value {
    serde_json::from_str(include_str!("../../../../crates/levada-observe/tests/example.json"))
        .unwrap()
}

/// Opens the page, served by a program, and shows this report on it.
async fn with_report(report: Value, test: impl AsyncFnOnce(&Page)) {
    let serving = levada_observe::serve("127.0.0.1:0").unwrap();
    with_page(&format!("http://{}", serving.address()), async |page| {
        page.load_with(REPORTED).await;
        set(page, &report).await;
        test(page).await;
    })
    .await;
}

/// Sets the report, and waits until the page has asked for it, and the answer to that is shown.
async fn set(page: &Page, report: &Value) {
    page.js(&format!("window.report = {report}; window.asked = 0")).await;
    page.until("return window.asked >= 2").await;
}

async fn labels(page: &Page) -> Value {
    page.js(
        "return [...document.querySelectorAll('#channels td.name a')].map((it) => it.textContent)",
    )
    .await
}

fn row<'a>(report: &'a mut Value, label: &str) -> &'a mut Value {
    let rows = report["channels"].as_array_mut().unwrap();
    rows.iter_mut().find(|row| row["label"] == label).unwrap()
}

#[tokio::test]
async fn channels_are_shown_the_most_troubled_first() {
    with_report(example(), async |page| {
        page.until_text("#program", "orders").await;
        assert_eq!(page.text("#pid").await, "4242");
        assert_eq!(page.text("#observed").await, "12m14s");
        assert_eq!(page.text("#instances").await, "218");
        assert_eq!(page.text("#waits").await, "240");
        let expected = json!([
            "to_stock",
            "to_billing",
            "jobs",
            "src/results.rs:14",
            "events",
            "src/connection.rs:30",
            "config"
        ]);
        assert_eq!(labels(page).await, expected);
        let jobs = "[data-key='mpsc jobs src/main.rs:21:34 orders::Job']";
        for (class, text) in [
            ("state", "full"),
            ("name", "mpmc of Job · src/main.rs:21"),
            ("depth", "100 of 100"),
            ("in", "802/s"),
            ("out", "801/s"),
            ("waiting", "14"),
            ("full", "92 %"),
        ] {
            page.until_text(&format!("{jobs} td.{class}"), text).await;
        }
        let growing = "[data-key='mpsc src/results.rs:14:24 orders::Outcome'] td.depth";
        page.until_text(growing, "13.1 k, no bound").await;
        let drawn = "return document.querySelectorAll('#channels .line.depth[d^=M]').length";
        assert_eq!(page.js(drawn).await, json!(7));
        page.until_text("#findings", "add workers or refuse earlier").await;
        page.until_text("#oneshots", "src/ask.rs:20").await;
        page.until_text("#blocked", "16h48m").await;
        page.until_text("#ended", "9,120,330").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_unknown_is_left_out() {
    let mut report = example();
    report["window"] = Value::Null;
    report["program"]["observed_seconds"] = Value::Null;
    for row in report["channels"].as_array_mut().unwrap() {
        for field in ["rates", "shares", "history"] {
            row[field] = Value::Null;
        }
    }
    with_report(report.clone(), async |page| {
        page.until_text("#observed", "not observed").await;
        // The page counts itself: 100 messages between two reports that are 2 seconds apart.
        row(&mut report, "jobs")["sent"] = json!(412_445);
        report["program"]["time_unix_seconds"] = json!(1_796_056_802.25);
        set(page, &report).await;
        let rate = "[data-key='mpsc jobs src/main.rs:21:34 orders::Job'] td.in";
        page.until_text(rate, "50/s").await;
        row(&mut report, "jobs")["state"] = json!("a state of a later version");
        set(page, &report).await;
        page.until_text("#channels", "a state of a later version").await;
    })
    .await;
}

#[tokio::test]
async fn titles_sort() {
    with_report(example(), async |page| {
        page.click("[data-sort='waiting']").await;
        page.until_text("#channels tr:first-child", "src/connection.rs:30").await;
        let sorted = "return document.querySelector('[aria-sort]').innerText";
        assert_eq!(page.js(sorted).await, json!("Waiting"));
        // Again: the other way round, and by the keyboard.
        page.js("document.querySelector(\"[data-sort='name']\").focus()").await;
        page.press(thirtyfour::Key::Enter + "").await;
        page.until_text("#channels tr:first-child", "config").await;
        let way = "return document.querySelector('[aria-sort]').getAttribute('aria-sort')";
        assert_eq!(page.js(way).await, json!("ascending"));
        page.press(thirtyfour::Key::Enter + "").await;
        page.until_text("#channels tr:first-child", "to_stock").await;
        assert_eq!(page.js(way).await, json!("descending"));
        // A channel without a figure is last either way.
        page.click("[data-sort='depth']").await;
        page.click("[data-sort='depth']").await;
        page.until_text("#channels tr:last-child", "config").await;
        assert_eq!(page.js("return location.hash").await, json!("#sort=depth&reversed="));
    })
    .await;
}

#[tokio::test]
async fn search_finds_names_lines_types_and_kinds() {
    with_report(example(), async |page| {
        for (word, found) in [
            ("BILLING", json!(["to_stock", "to_billing"])),
            ("http.rs:88", json!(["jobs"])),
            ("bytes::Bytes", json!(["src/connection.rs:30"])),
            ("broadcast event", json!(["events"])),
            ("nothing like it", json!([])),
        ] {
            page.js("document.getElementById('search').value = ''").await;
            page.write("#search", word).await;
            page.until(&format!(
                "return JSON.stringify([...document.querySelectorAll('#channels td.name a')]
                    .map((it) => it.textContent)) === JSON.stringify({found})"
            ))
            .await;
        }
        page.until_text("#channels-empty", "No channel fits.").await;
        page.js("document.getElementById('search').value = ''; location.hash = ''").await;
        page.click("#troubled").await;
        page.until_text("#shown", "5 of 7 rows").await;
    })
    .await;
}

#[tokio::test]
async fn a_suspected_deadlock_is_said_aloud() {
    let mut calm = example();
    calm["deadlocks"] = json!([]);
    calm["findings"] = json!([]);
    with_report(calm, async |page| {
        page.until("return document.getElementById('deadlocks-section').hidden").await;
        set(page, &example()).await;
        page.until_text("#deadlocks h3", "2 tasks wait for each other, for 35s").await;
        for (task, channel, site) in [
            ("task 12", "to_stock", "src/billing.rs:31"),
            ("task 13", "to_billing", "src/stock.rs:52"),
        ] {
            let about = "(mpsc, 1 of 1, full)";
            let wait = format!("{task} waits to send on {channel} {about} at {site} for 35s");
            page.until_text("#deadlocks ol", &wait).await;
        }
        page.until_text("#deadlocks", "no channel of them has moved for 35s").await;
        page.until_text("#deadlocks", "3 more tasks wait for those").await;
        assert_eq!(page.text("#spoken").await, "1 suspected deadlock.");
        assert_eq!(page.js("return document.title").await, json!("(deadlock) orders: channels"));
        // The ring of two tasks and two channels, and the task that waits for it.
        let stuck = "return document.querySelectorAll('#graph .node.stuck').length";
        assert_eq!(page.js(stuck).await, json!(3));
        let edges = "return document.querySelectorAll('#graph .edge.stuck').length";
        assert_eq!(page.js(edges).await, json!(5));
        page.click("summary").await;
        page.until_text("#graph-list", "src/billing.rs:31").await;
    })
    .await;
}

#[tokio::test]
async fn a_channel_opens_and_closes() {
    with_report(example(), async |page| {
        page.tab_to("#channels tr:nth-child(3) a").await;
        page.press(thirtyfour::Key::Enter + "").await;
        page.until_text("#detail-title", "jobs").await;
        for text in [
            "mpmc of orders::Job, created at src/main.rs:21",
            "412,345 (802/s)",
            "task 301, task 302",
            "and 6 more",
            "131ms",
            "48,212",
            "does not wait",
        ] {
            page.until_text("#detail", text).await;
        }
        page.press(thirtyfour::Key::Escape + "").await;
        page.until("return !document.getElementById('detail').open && location.hash === ''").await;
        page.open_again("channel=broadcast+events+src%2Fmain.rs%3A23%3A30+orders%3A%3AEvent").await;
        page.until_text("#detail-subscribers", "1,204").await;
        let mut without = example();
        without["channels"].as_array_mut().unwrap().clear();
        set(page, &without).await;
        page.until_text("#detail-gone", "No channel of this row is alive any more.").await;
        page.until_text("#detail-title", "events").await;
    })
    .await;
}

#[tokio::test]
async fn names_are_text() {
    let hostile = "<img src=x onerror='window.harmed = true'>\"'&amp;";
    let mut report = example();
    let mut text = report.to_string();
    for word in ["to_stock", "orders::Reservation", "src/http.rs", "task 12", "orders::Answer"] {
        text = text.replace(
            word,
            &json!(hostile).to_string().trim_matches('"').replace("x on", &format!("{word} on")),
        );
    }
    report = serde_json::from_str(&text).unwrap();
    report["program"]["name"] = json!(hostile);
    with_report(report, async |page| {
        page.until_text("#program", hostile).await;
        page.until_text("#channels", "<img src=to_stock onerror=").await;
        page.until_text("#deadlocks", "<img src=").await;
        page.click("#channels tr:first-child a").await;
        page.until_text("#detail", "of <img src=orders::Reservation onerror=").await;
        page.until_text("#detail-title", "<img src=to_stock").await;
        assert_eq!(page.js("return document.querySelectorAll('img').length").await, json!(1));
        assert_eq!(page.js("return window.harmed ?? null").await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_frozen_page_keeps_what_it_shows() {
    let mut report = example();
    with_report(report.clone(), async |page| {
        page.until_text("#program", "orders").await;
        page.click("#freeze").await;
        page.until(
            "return document.getElementById('freeze').getAttribute('aria-pressed') === 'true'",
        )
        .await;
        report["program"]["name"] = json!("later");
        set(page, &report).await;
        page.until_text("#live", "frozen").await;
        assert_eq!(page.text("#program").await, "orders");
        page.click("#freeze").await;
        page.until_text("#program", "later").await;
        page.until_text("#live", "live").await;
    })
    .await;
}

#[tokio::test]
async fn a_hidden_page_asks_for_nothing() {
    with_report(example(), async |page| {
        page.js("Object.defineProperty(document, 'hidden', { value: true, writable: true })").await;
        // One more answer may be under way.
        page.until(
            "const now = { asked: window.asked, at: Date.now() };
            if (now.asked !== window.since?.asked) window.since = now;
            return Date.now() - window.since.at > 3000",
        )
        .await;
        page.js("document.hidden = false;
            document.dispatchEvent(new Event('visibilitychange'))")
            .await;
        page.until("return window.asked > window.since.asked").await;
    })
    .await;
}

#[tokio::test]
async fn a_program_that_is_gone_is_said_to_be() {
    let (tx, _rx) = levada::mpsc::builder::<u8>(7).named("alive").build();
    tx.try_send(1).unwrap();
    let serving = levada_observe::serve("127.0.0.1:0").unwrap();
    let url = format!("http://{}", serving.address());
    with_page(&url, async move |page| {
        page.until_text("#live", "live").await;
        page.until_text("#channels", "alive").await;
        page.until_text("#channels", "1 of 7").await;
        drop(serving);
        page.until_text("#away", "The program does not answer").await;
        page.until_text("#away", "What is shown is").await;
        page.until_text("#live", "away").await;
        // What it showed stays.
        assert!(page.text("#channels").await.contains("alive"));
    })
    .await;
}

#[tokio::test]
async fn a_phone_needs_no_sideways_scroll() {
    let mut report = example();
    row(&mut report, "jobs")["message"] = json!("a::b::".repeat(80) + "C");
    row(&mut report, "jobs")["label"] = json!("x".repeat(200));
    report["findings"][1]["text"] = json!("x".repeat(200));
    with_report(report, async |page| {
        page.resize(390, 844).await;
        page.until("return innerWidth === 390").await;
        page.until("return document.documentElement.scrollWidth <= innerWidth").await;
        page.until_shown("#sort").await;
        page.click("#channels tr:nth-child(3) a").await;
        page.until_shown("#detail-facts").await;
        page.until(
            "const body = document.querySelector('.drawer-body');
            return body.scrollWidth <= body.clientWidth && body.clientWidth <= 390",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn the_graph_has_room_for_many_nodes() {
    let mut report = example();
    let ids: Vec<_> =
        report["channels"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    let wait = |task: usize| {
        json!({ "task": task, "channel": ids[task % ids.len()],
        "instance": task, "op": "send", "site": format!("src/{task}.rs:1:1"), "seconds": 1.5 })
    };
    let task = |id: usize| json!({ "id": id, "label": format!("task {id}"), "stuck": false });
    report["graph"] = json!({ "tasks": (0..100).map(task).collect::<Vec<_>>(), "handles": [],
        "waits": (0..100).map(wait).collect::<Vec<_>>(), "left_out": 0 });
    with_report(report, async |page| {
        page.until_text("#graph-note", "160 more nodes are in the list only").await;
        // No two boxes overlap.
        page.until(
            "const boxes = [...document.querySelectorAll('#graph rect')]
                .map((it) => it.getBoundingClientRect());
            const before = (a, b) => a.right <= b.left || a.bottom <= b.top;
            const fits = (a, at) => boxes.slice(at + 1).every((b) => before(a, b) || before(b, a));
            return boxes.length === 40 && boxes.every(fits)",
        )
        .await;
        page.click("summary").await;
        page.until("return document.querySelectorAll('#graph-list tbody tr').length === 100").await;
    })
    .await;
}

#[tokio::test]
async fn it_uses_nothing_but_its_own_files() {
    with_report(example(), async |page| {
        let others = "return performance.getEntriesByType('resource')
            .filter((it) => !it.name.startsWith(location.origin)).length";
        assert_eq!(page.js(others).await, json!(0));
        assert_eq!(page.console().await.len(), 0);
        page.assert_policy().await;
    })
    .await;
}

#[tokio::test]
async fn what_the_program_answers_instead_of_a_report_is_shown() {
    with_report(example(), async |page| {
        page.js("window.fetch = async () => new Response('no feature json', { status: 404 })")
            .await;
        page.until_text("#away", "The program answered 404: no feature json").await;
        page.js("window.fetch = async () => new Response('{\"version\":2}')").await;
        page.until_text("#away", "version 2 of the report, and this page reads version 1").await;
    })
    .await;
}
