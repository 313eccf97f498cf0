"""A day of an administrator: a new tenant with a limit, used until it is denied, alerts, a higher limit, an override, a second
administrator, and everything by keyboard."""

import json
import time
import urllib.error
import urllib.request

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from stand import Stand, settings

ROW = '[data-row="tenant:acme"]'
USAGE = "/usage?kind=tenant&meter=tokens"
PAGES = [
    "/", USAGE, "/scopes/new?kind=tenant&id=globex", "/scopes/tenant%3Aacme", "/alerts", "/analytics?scope=tenant%3Aacme", "/tiers",
    "/tiers/basic", "/assignments", "/overrides", "/who?user=alice", "/audit", "/deliveries", "/policy", "/system",
]


def main():
    given = settings()
    api = API(given)
    with Stand(given["address"]) as stand:
        stand.sign_in_by_token(given["token"])
        status, body = api.call("PUT", "/v1/tiers/basic", {"limits": {"tokens": {"month": 500}}})
        assert status == 201, body
        status, body = api.call("PUT", "/v1/assignments/user:alice", {"tier": "basic"})
        assert status == 201, body
        new_tenant(stand)
        denied_at_the_limit(stand, api)
        resolve_an_alert(stand)
        raise_the_limit_by_keys(stand, api)
        second_administrator(stand, api)
        override(stand, api)
        late_rows(stand, api)
        for path in PAGES:
            keyboard_alone(stand, path)
        stand.no_console_errors(but=["status of 412", "status of 422"])
        stand.no_other_host()


class API:
    """Calls of the admin API with the administrator's token."""

    def __init__(self, given):
        self.address, self.token = given["address"], given["token"]

    def call(self, method, path, body=None, headers=None):
        """Returns the status and the JSON of a response."""
        request = urllib.request.Request(
            self.address + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def check(self, tokens=1):
        return self.call("POST", "/v1/check", {"scopes": {"tenant": "acme"}, "tokens": tokens})[0]

    def record(self, tokens, tenant="acme"):
        status, body = self.call("POST", "/v1/record", {"scopes": {"tenant": tenant}, "tokens": tokens})
        assert status == 200, body


def new_tenant(stand):
    stand.open("/usage?kind=tenant")
    stand.find(".toolbar").find_element(By.PARTIAL_LINK_TEXT, "New tenant").click()
    limit = stand.find("#max")
    assert not limit.is_displayed(), "the limit field is shown before an id is entered"
    stand.fill("input[name=id]", "acme")
    stand.wait_for(lambda: stand.find("#max").is_displayed(), what="the limit field of a new tenant")
    stand.fill("#max", "0")
    stand.find("#max").send_keys(Keys.TAB)
    said = stand.text("#max-error")
    assert said == "Enter a whole number from 1 to 9000000000000000.", said
    stand.fill("#max", "1000")
    assert stand.text("#max-error") == ""
    stand.submit("main form")
    assert stand.path == "/scopes/tenant%3Aacme", stand.path
    assert "1\u202f000 tokens / month" in stand.text("main"), stand.text("main")
    # The same id again exists.
    stand.open("/scopes/new?kind=tenant")
    stand.fill("input[name=id]", "acme")
    stand.wait_for(lambda: "exists already" in stand.text("[data-lookup-answer]"), what="the sentence about an existing tenant")
    assert not stand.find("#max").is_displayed()


def level(stand):
    return stand.find(ROW).get_attribute("class")


def denied_at_the_limit(stand, api):
    api.record(799)
    stand.open(USAGE)
    stand.wait_for(lambda: stand.open(USAGE) or stand.find_all(ROW), what="the row of the tenant")
    assert level(stand) == "" and "79.9 %" in stand.text(ROW), stand.text(ROW)
    stand.run("window.loadedOnce = true;")
    assert api.check() == 200
    api.record(1)
    stand.wait_for(lambda: level(stand) == "warning", 30, "amber at 80 %")
    assert "80.0 %" in stand.text(ROW), stand.text(ROW)
    api.record(200)
    assert api.check() == 429
    stand.wait_for(lambda: level(stand) == "danger", 30, "red at 100 %")
    assert "100.0 %" in stand.text(ROW), stand.text(ROW)
    assert stand.run("return window.loadedOnce"), "the page was loaded anew"


def resolve_an_alert(stand):
    stand.open("/alerts")
    boxes = stand.wait_for(lambda: stand.open("/alerts") or stand.find_all("[data-rows=alerts] input[name=id]"), what="alerts")
    count = len(boxes)
    assert "exceeded" in stand.text("[data-rows=alerts]"), stand.text("[data-rows=alerts]")
    boxes[0].click()
    before = stand.find("html")
    stand.click("button[value=resolve]")
    stand.wait_for(lambda: stand.find("html") != before and stand.find(".notice.ok"), what="the notice about the alert")
    assert len(stand.find_all("[data-rows=alerts] input[name=id]")) == count - 1


def raise_the_limit_by_keys(stand, api):
    stand.open(USAGE)
    keys = stand.find("body")
    keys.send_keys(Keys.TAB)
    focus(stand, f"{ROW} a[data-edit]")
    stand.driver.switch_to.active_element.send_keys(Keys.ENTER)
    field = f"{ROW} input[name=max]"
    stand.wait_for(
        lambda: stand.run("return document.activeElement.matches(arguments[0])", field), what="the focus in the form of the row")
    # The old value is selected, and replaced by what is typed.
    stand.driver.switch_to.active_element.send_keys("2000", Keys.ENTER)
    stand.wait_for(lambda: stand.find(".notice.ok"), what="the notice about the limit")
    assert "tenant:acme: tokens/month is now 2000." in stand.text(".notice.ok"), stand.text(".notice.ok")
    assert level(stand) == "" and "50.0 %" in stand.text(ROW), stand.text(ROW)
    assert api.check() == 200


def focus(stand, selector, most=400):
    """Presses Tab until the element of a selector has the focus."""
    for _ in range(most):
        if stand.run("return document.activeElement.matches(arguments[0])", selector):
            return
        stand.driver.switch_to.active_element.send_keys(Keys.TAB)
    raise AssertionError(f"Tab does not reach {selector}")


def second_administrator(stand, api):
    stand.open(USAGE)
    stand.click(f"{ROW} a[data-edit]")
    stand.wait_for(lambda: stand.find_all(f"{ROW} input[name=max]"), what="the form of the row")
    stand.fill(f"{ROW} input[name=max]", "3000")
    path = "/v1/scopes/tenant%3Aacme/limits"
    status, body = api.call("PUT", path, {"limits": {"tokens": {"month": 4000}}}, {"If-Match": "*"})
    assert status == 200, body
    # What was entered survives five refreshes, with the focus and the caret.
    stand.run("arguments[0].setSelectionRange(2, 2);", stand.find(f"{ROW} input[name=max]"))
    for _ in range(5):
        refresh(stand)
    field = stand.find(f"{ROW} input[name=max]")
    assert field.get_attribute("value") == "3000"
    assert stand.run("return document.activeElement === arguments[0] && arguments[0].selectionStart === 2", field)
    stand.submit(f"{ROW} form.inline")
    assert "Changed meanwhile from 2000 to 4000. Send it again to replace 4000." in stand.text(ROW), stand.text(ROW)
    assert stand.find(f"{ROW} input[name=max]").get_attribute("value") == "3000"
    assert "4\u202f000 tokens / month" in stand.text(ROW)
    stand.submit(f"{ROW} form.inline")
    assert "tenant:acme: tokens/month is now 3000." in stand.text(".notice.ok")


def refresh(stand):
    """Refreshes without touching the focus, and waits until it is done. Leaves automatic refreshes paused."""
    stand.run("if (document.getElementById('refresh-pause').ariaPressed === 'false') document.getElementById('refresh-pause').click();")
    text = None
    # An automatic one may still be running. The status line has whole seconds.
    while text != (text := stand.text("#as-of")):
        time.sleep(1.1)
    stand.run("document.getElementById('refresh-now').click();")
    stand.wait_for(lambda: stand.find("#as-of").text != text, seconds=30, what="the time of the next refresh")


def override(stand, api):
    stand.open("/scopes/tenant%3Aacme")
    stand.run("for (const each of document.querySelectorAll('details')) each.open = true;")
    Select(stand.find("#override-limit")).select_by_visible_text("tokens/month")
    stand.fill("#override-amount", "9000")
    stand.fill("#override-ends", "2h")
    stand.fill("#override-reason", "a demo for <b>acme</b>")
    stand.submit("form[action$='/override']")
    text = stand.text("main")
    assert "tokens/month = 9\u202f000 until" in text and "a demo for <b>acme</b>" in text, text
    status, usage = api.call("GET", "/v1/usage?scope=tenant%3Aacme")
    assert status == 200 and usage["limits"][0]["max"] == 9000, usage


def late_rows(stand, api):
    """Everything that a scope has later appears on its page, and rows stay the same while their cells change."""
    lists = ["limits", "alerts", "denials", "holds"]
    stand.open("/scopes/tenant%3Ainitech")
    assert not any(stand.cells(name) for name in lists), stand.text("main")
    assert not stand.find_all("input[name=limits]")
    path = "/v1/scopes/tenant%3Ainitech/limits"
    status, body = api.call("PUT", path, {"limits": {"tokens": {"month": 100}}}, {"If-Match": '"0"'})
    assert status == 201, body
    names = {"scopes": {"tenant": "initech"}}
    status, body = api.call("POST", "/v1/reserve", {**names, "tokens": 10, "ttl": 600})
    assert status == 200, body
    api.record(85, "initech")
    status, body = api.call("POST", "/v1/check", {**names, "tokens": 50})
    assert status == 429, body
    stand.wait_for(lambda: refresh(stand) or all(stand.cells(name) for name in lists), seconds=60, what="a row in each list")
    assert stand.find_all("input[name=limits][value='tokens/month']"), "the counter cannot be reset"
    text = stand.text("main")
    assert "No alerts." not in text and "No denials." not in text and "No open reservations." not in text, text
    stand.run("for (const row of document.querySelectorAll('[data-row]')) row.mine = true;")
    refresh(stand)
    assert stand.run("return [...document.querySelectorAll('[data-row]')].every((row) => row.mine)"), "rows were replaced"


def keyboard_alone(stand, path):
    """Asserts that Tab reaches every visible control of a page."""
    stand.open(path)
    assert stand.path == path, f"{path} leads to {stand.path}"
    # A refresh would replace controls that have been counted.
    if stand.find_all("html[data-refresh]") and stand.find_all("#refresh-pause[aria-pressed=false]"):
        stand.click("#refresh-pause")
    count = stand.run(
        """for (const each of document.querySelectorAll("details")) each.open = true;
        document.activeElement.blur();
        window.controls = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
            .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.disabled && each.type !== "hidden");
        window.reached = new Set();
        document.addEventListener("focusin", ({ target }) => window.reached.add(target));
        return controls.length;""")
    assert count > 10, f"{path} has {count} controls"
    for _ in range(count + 60):
        ActionChains(stand.driver).send_keys(Keys.TAB).perform()
        if stand.run("return controls.every((each) => reached.has(each))"):
            return
    missing = stand.run("return controls.filter((each) => !reached.has(each)).map((each) => each.outerHTML.slice(0, 120))")
    raise AssertionError(f"{path}: Tab does not reach {missing}")


if __name__ == "__main__":
    main()
