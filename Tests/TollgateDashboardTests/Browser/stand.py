"""The stand of the browser tests: a headless Chromium of its own, driven by selenium.

A test is a script of steps. It reads its settings from the standard input, as one JSON object:

    from stand import Stand, settings
    with Stand(settings()["address"]) as stand:
        stand.open("/usage?kind=tenant")
        assert stand.cells("usage")["acme"][1] == "12"

The browser resolves no name and reaches nothing but 127.0.0.1, keeps its profile in a temporary folder, and records the
console and all requests. It runs Debian's chromium and chromedriver; nothing is downloaded.
"""

import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import urllib.parse

from selenium import webdriver
from selenium.common.exceptions import (
    JavascriptException, NoSuchElementException, StaleElementReferenceException, WebDriverException)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CONTRAST = (pathlib.Path(__file__).parent / "contrast.js").read_text()


def settings():
    """Returns the settings of the test, and ends it with a traceback after their `seconds`."""
    given = json.load(sys.stdin)

    def end(number, frame):
        raise TimeoutError(f"the test took more than {given['seconds']} s")

    signal.signal(signal.SIGALRM, end)
    signal.alarm(int(given.get("seconds", 120)))
    # So that a test that is ended from outside still closes its browser.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("ended by SIGTERM"))
    return given


class Stand:
    """A browser for one test, closed at the end of the `with` statement."""

    def __init__(self, address="", width=1280, height=900, scheme="light"):
        self.address = address.rstrip("/")
        self.console = []
        self.requests = []
        self._profile = tempfile.TemporaryDirectory(prefix="tollgate-browser-", ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in [
            "--headless=new",
            # Chromium's sandbox does not start as root, as CI runs. All pages are the test's own.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--no-default-browser-check",
            "--lang=en",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={self._profile.name}",
            f"--window-size={width},{height}",
        ]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_page_load_timeout(30)
        self.size(width, height)
        self.scheme(scheme)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if error is not None and not isinstance(error, SystemExit):
                self._report()
        finally:
            self.driver.quit()
            self._profile.cleanup()

    def _report(self):
        """Prints what the page was like when a step failed; with TOLLGATE_TEST_PICTURES also saves a picture there."""
        try:
            print(f"at {self.driver.current_url}", *self._new_console(), sep="\n", file=sys.stderr)
            print(self.driver.find_element(By.TAG_NAME, "body").text[:1500], file=sys.stderr)
            if folder := os.environ.get("TOLLGATE_TEST_PICTURES"):
                self.picture(f"{folder}/{pathlib.Path(sys.argv[0]).stem}.png")
        except Exception as problem:
            print(f"no report of the page: {problem}", file=sys.stderr)

    # The page

    def at(self, address):
        """Goes on with another server, without the requests and the console of the last one."""
        self.driver.get("about:blank")
        self._new_console()
        self.hosts_requested()
        self.requests = []
        self.address = address.rstrip("/")

    def open(self, path):
        """Opens a path of the address, or another URL."""
        self.driver.get(urllib.parse.urljoin(self.address + "/", path))

    @property
    def path(self):
        """The path of the page, with its query."""
        parts = urllib.parse.urlsplit(self.driver.current_url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def run(self, code, *arguments):
        """Runs JavaScript in the page, and returns what it returns."""
        return self.driver.execute_script(code, *arguments)

    def find(self, selector):
        """Returns the first element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        """Returns the elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector="body"):
        """Returns the visible text of an element."""
        return self.find(selector).text

    def click(self, selector):
        """Clicks the first element of a CSS selector."""
        self.find(selector).click()

    def fill(self, selector, text):
        """Replaces the text of a field by keys."""
        self.find(selector).send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.BACKSPACE, text)

    def submit(self, selector="form"):
        """Submits a form by its first button, and waits for the page that follows."""
        before = self.find("html")
        self.find(f"{selector} button:not([type=button])").click()
        self.wait_for(lambda: is_gone(before), what="the page after the form")

    def cells(self, name):
        """Returns the texts of the cells of the table body `data-rows=NAME`, by the keys of its rows, in order."""
        return dict(self.run(
            """const body = [...document.querySelectorAll("[data-rows]")].find((each) => each.dataset.rows === arguments[0]);
            return [...body.children].filter((row) => row.dataset.row !== undefined)
                .map((row) => [row.dataset.row, [...row.cells].map((cell) => cell.innerText.trim())]);""", name))

    def wait_for(self, condition, seconds=10, what="a condition"):
        """Waits until a condition holds, and returns its value. One that meets a page which is just changing is false."""
        end = time.monotonic() + seconds
        while True:
            try:
                if value := condition():
                    return value
            except (NoSuchElementException, StaleElementReferenceException, JavascriptException):
                pass
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come within {seconds} s")
            time.sleep(0.05)

    # The way in

    def sign_in_by_link(self, link):
        """Signs in by the link of `tollgate dashboard`."""
        self.open(link)
        self.wait_for(lambda: self.find(".user"), what="a page after signing in")

    def sign_in_by_token(self, token):
        """Signs in by the form that takes a token."""
        self.open("/sign-in")
        self.fill("input[name=token]", token)
        self.submit("form:has(input[name=token])")
        self.wait_for(lambda: self.find(".user"), what="a page after signing in")

    # The browser

    def size(self, width, height):
        """Sets the size of the page in CSS pixels, also below the least size of a window."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def scheme(self, name):
        """Sets what the user prefers: "light" or "dark"."""
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def print_style(self, on):
        """Shows the page as it is printed, or as on a screen."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print" if on else ""})

    def javascript(self, on):
        """Turns the scripts of pages on or off, from the next page on. Steps of the test still work."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})

    def picture(self, path, whole=False):
        """Saves a picture of the window, or of the whole page, as PNG."""
        import base64

        answer = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole, "fromSurface": True})
        pathlib.Path(path).write_bytes(base64.b64decode(answer["data"]))

    # What must hold on every page

    def _new_console(self):
        entries = self.driver.get_log("browser")
        self.console += entries
        return [f"console {entry['level']}: {entry['message']}" for entry in entries]

    def no_console_errors(self, but=()):
        """Asserts that the console has no error and no warning since the last time, except those with a text of `but`."""
        faults = [
            line for line in self._new_console()
            if line.startswith(("console SEVERE", "console WARNING")) and not any(text in line for text in but)
        ]
        assert not faults, "\n".join(faults)

    def hosts_requested(self):
        """Returns the hosts and ports that any page has sent a request to."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        parts = [urllib.parse.urlsplit(url) for url in self.requests]
        return {part.netloc for part in parts if part.scheme not in ("data", "blob", "about", "chrome")}

    def no_other_host(self):
        """Asserts that every request so far went to the address."""
        others = self.hosts_requested() - {urllib.parse.urlsplit(self.address).netloc}
        assert not others, f"requests to {others}"

    def contrast_faults(self, least=4.5):
        """Returns a line for each visible text whose contrast with its background is less than `least` : 1."""
        return self.run(CONTRAST, least)

    def no_sideways_scroll(self):
        """Asserts that the page is not wider than the window."""
        width, room = self.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        wide = self.run(
            """return [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
                .map((each) => `${each.tagName}.${each.getAttribute("class") ?? ""}`).slice(0, 10);""")
        assert width <= room, f"the page at {self.path} is {width} px wide in a window of {room} px: {wide}"


def is_gone(element):
    """Returns whether an element is no longer in the page."""
    try:
        element.is_enabled()
        return False
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:
        # While a page is replaced, Chromium may say the same in other words.
        if "does not belong to the document" in str(error):
            return True
        raise
