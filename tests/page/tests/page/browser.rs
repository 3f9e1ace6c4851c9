//! A browser that shows the page, by WebDriver.

use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::Capabilities;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::common::log::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;

/// Longer than anything here takes on the slowest machine; only a failing test waits for it.
const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Page {
    pub(crate) driver: WebDriver,
    url: String,
}

/// Opens the page of the service, runs the test, and checks that nothing went wrong in the browser
/// meanwhile.
pub(crate) async fn with_page(url: &str, test: impl AsyncFnOnce(&Page)) {
    let chromedriver = ChromeDriver::start();
    let profile = TempDir::new().unwrap();
    let driver = WebDriver::new(&chromedriver.url, capabilities(&profile)).await.unwrap();
    let page = Page { driver, url: url.to_owned() };
    page.open("").await;
    // A test that fails leaves no browser behind either.
    let result = AssertUnwindSafe(test(&page)).catch_unwind().await;
    let errors = page.errors().await;
    page.driver.quit().await.unwrap();
    if let Err(panic) = result {
        eprintln!("the browser's console: {errors:?}");
        resume_unwind(panic);
    }
    assert!(errors.is_empty(), "the browser's console: {errors:?}");
}

fn capabilities(profile: &TempDir) -> Capabilities {
    let mut chrome = DesiredCapabilities::chrome();
    for argument in [
        "--headless",
        // As root, the browser has no sandbox; it opens nothing but this page.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
    ] {
        chrome.add_arg(argument).unwrap();
    }
    chrome.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
    chrome.set_logging_prefs("browser", LoggingPrefsLogLevel::All).unwrap();
    chrome.into()
}

struct ChromeDriver {
    child: Child,
    url: String,
    /// It must not be closed while it runs.
    _output: BufReader<ChildStdout>,
}

impl ChromeDriver {
    fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child =
            command.spawn().expect("chromedriver starts; `cargo xtask page` installs it");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "chromedriver ended");
            if let Some((_, port)) = line.trim_end().split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        Self { child, url: format!("http://127.0.0.1:{port}"), _output: output }
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page {
    /// Opens the page with this after `#`, and waits until it is live.
    pub(crate) async fn open(&self, hash: &str) {
        // An address that differs behind `#` alone would not load anything.
        self.driver.goto("about:blank").await.unwrap();
        self.driver.goto(format!("{}/#{hash}", self.url)).await.unwrap();
    }

    /// Loads the page anew, after a script that runs before those of the page.
    pub(crate) async fn load_with(&self, script: &str) {
        let parameters = json!({ "source": script });
        self.devtools("Page.addScriptToEvaluateOnNewDocument", parameters).await;
        self.open("").await;
    }

    /// Goes to this after `#`, without loading the page anew.
    pub(crate) async fn open_again(&self, hash: &str) {
        self.js(&format!("location.hash = {}", json!(hash))).await;
    }

    pub(crate) async fn until_live(&self) {
        self.until("return document.getElementById('service-live').textContent === 'live'").await;
    }

    /// What a script returns.
    pub(crate) async fn js(&self, script: &str) -> Value {
        let answer = self.driver.execute(script, Vec::new()).await;
        answer.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// Waits until a script returns what JavaScript takes for true.
    ///
    /// An element that is not there yet is a `TypeError` of the script: the wait goes on, and the
    /// error is part of the panic if the time runs out.
    pub(crate) async fn until(&self, script: &str) {
        let begin = Instant::now();
        let script = format!(
            "try {{ return Boolean((() => {{ {script} }})()) }}
            catch (error) {{ if (error instanceof TypeError) return error.message; throw error }}"
        );
        loop {
            let answer = self.js(&script).await;
            if answer == json!(true) {
                return;
            }
            if begin.elapsed() > LONG {
                let text = self.js("return document.body.innerText").await;
                let text = text.as_str().unwrap();
                panic!(
                    "not within {LONG:?}: {script}\nit returned {answer}\nthe page says:\n{text}"
                );
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The page's policy holds: what it forbids is refused, and the console says so.
    pub(crate) async fn assert_policy(&self) {
        self.js("document.body.append(Object.assign(new Image(), { src: 'http://192.0.2.1/' }))")
            .await;
        let begin = Instant::now();
        let mut heard = Vec::new();
        while heard.is_empty() {
            assert!(begin.elapsed() < LONG, "the console says nothing of a forbidden picture");
            heard = self.console().await;
        }
        assert!(heard[0].message.contains("Content Security Policy"), "{heard:?}");
    }

    /// Waits until what a selector selects shows this among its text.
    pub(crate) async fn until_text(&self, selector: &str, text: &str) {
        self.until(&format!(
            "return document.querySelector({}).innerText.includes({})",
            json!(selector),
            json!(text)
        ))
        .await;
    }

    pub(crate) async fn until_shown(&self, selector: &str) {
        self.until(&format!(
            "return document.querySelector({})?.checkVisibility()",
            json!(selector)
        ))
        .await;
    }

    /// The text of what a selector selects.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({}).textContent", json!(selector));
        self.js(&script).await.as_str().unwrap().to_owned()
    }

    /// Clicks as a person does: where something else covers it, this fails.
    pub(crate) async fn click(&self, selector: &str) {
        self.until_shown(selector).await;
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Writes into a field.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        self.until_shown(selector).await;
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        element.send_keys(text).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn press(&self, keys: impl Into<thirtyfour::TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Moves the focus on by Tab until it is where the selector says.
    pub(crate) async fn tab_to(&self, selector: &str) {
        let there = format!("return document.activeElement.matches({})", json!(selector));
        for _ in 0..60 {
            if self.js(&there).await == json!(true) {
                let seen =
                    "return getComputedStyle(document.activeElement).outlineStyle !== 'none'";
                assert_eq!(self.js(seen).await, json!(true), "the focus on {selector} is not seen");
                return;
            }
            self.press(Key::Tab + "").await;
        }
        panic!("Tab never reaches {selector}");
    }

    /// Submits a job from outside of what is tested. Its id.
    pub(crate) async fn submit(&self, queue: &str, body: &str) -> String {
        let script = format!(
            "return fetch('/q/{queue}', {{ method: 'POST', headers: {{ Prefer: 'respond-async' }}, body: {} }})
                .then((answer) => answer.headers.get('Levada-Job-Id'))",
            json!(body)
        );
        self.js(&script).await.as_str().expect("the job is accepted").to_owned()
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(command, parameters).await.unwrap()
    }

    /// Sets the size of the window, as that of a phone if it is narrow.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Everything that the console has heard of, and has not told yet.
    pub(crate) async fn console(&self) -> Vec<thirtyfour::BrowserLogEntry> {
        self.driver.browser_log().await.unwrap()
    }

    /// What it complains of; but an answer that is no success is no mistake of the page.
    async fn errors(&self) -> Vec<thirtyfour::BrowserLogEntry> {
        let mut entries = self.console().await;
        entries.retain(|entry| entry.source.as_deref() != Some("network"));
        entries
    }
}
