"""Forms without JavaScript, sent to the sidecar: a limit in a row, a new scope, an alert, an override and a tier."""

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from journey import API, ROW, USAGE
from stand import Stand, is_gone, settings


def main():
    given = settings()
    api = API(given)
    with Stand(given["address"]) as stand:
        stand.javascript(False)
        stand.sign_in_by_token(given["token"])
        limit_in_a_row(stand, api)
        new_scope(stand, api)
        alert(stand, api)
        override(stand, api)
        foreign_field(stand, api)
        stand.no_console_errors(but=["status of 422"])
        stand.no_other_host()


def max_of(api, scope):
    """Returns the maximum of the first limit of a scope."""
    status, usage = api.call("GET", f"/v1/usage?scope={scope}")
    assert status == 200, usage
    return usage["limits"][0]["max"]


def limit_in_a_row(stand, api):
    api.record(10)
    stand.wait_for(lambda: stand.open(USAGE) or stand.find_all(ROW), seconds=30, what="the row of the tenant")
    assert not stand.find("#refresh-now").is_displayed(), "scripts run"
    stand.click(f"{ROW} a[data-edit]")
    Select(stand.find(f"{ROW} select[name=meter]")).select_by_value("tokens")
    Select(stand.find(f"{ROW} select[name=period]")).select_by_value("month")
    stand.fill(f"{ROW} input[name=max]", "1000")
    stand.submit(f"{ROW} form.inline")
    assert "tenant:acme: tokens/month is now 1000." in stand.text(".notice.ok"), stand.text("main")
    assert max_of(api, "tenant%3Aacme") == 1000


def new_scope(stand, api):
    stand.open("/scopes/new?kind=tenant")
    assert not stand.find("#max").is_displayed(), "the limit field is shown before the look-up"
    stand.fill("input[name=id]", "globex")
    stand.submit("main form [data-without-script]")
    assert stand.path == "/scopes/new?kind=tenant&id=globex", stand.path
    assert "tenant:globex is new." in stand.text("main"), stand.text("main")
    stand.fill("#max", "0")
    stand.submit("main form fieldset")
    assert stand.text("#max-error") == "Enter a whole number from 1 to 9000000000000000.", stand.text("main")
    stand.fill("#max", "700")
    before = stand.find("html")
    stand.find("#max").send_keys(Keys.ENTER)
    stand.wait_for(lambda: is_gone(before), what="the page after the key Enter")
    assert stand.path == "/scopes/tenant%3Aglobex", stand.path
    assert max_of(api, "tenant%3Aglobex") == 700


def alert(stand, api):
    api.record(900)
    boxes = "[data-rows=alerts] input[name=id]"
    stand.wait_for(lambda: stand.open("/alerts") or stand.find_all(boxes), seconds=30, what="an alert")
    count = len(stand.find_all(boxes))
    stand.click(boxes)
    before = stand.find("html")
    stand.click("button[value=resolve]")
    stand.wait_for(lambda: is_gone(before), what="the page after the form")
    assert stand.find(".notice.ok").is_displayed()
    assert len(stand.find_all(boxes)) == count - 1


def override(stand, api):
    stand.open("/overrides")
    stand.click("details.panel > summary")
    stand.fill("#scope", "tenant:acme")
    Select(stand.find("#change")).select_by_visible_text("set")
    stand.fill("#amount", "9000")
    Select(stand.find("#meter")).select_by_visible_text("tokens")
    stand.fill("#ends", "2h")
    stand.fill("#reason", "without scripts")
    stand.submit("form[action='/overrides']")
    assert "tenant:acme has an override." in stand.text(".notice.ok"), stand.text("main")
    assert "without scripts" in stand.text("[data-rows=overrides]"), stand.text("main")
    assert max_of(api, "tenant%3Aacme") == 9000


def foreign_field(stand, api):
    """A field that the form does not have changes nothing of the page that shows the form again."""
    status, body = api.call("PUT", "/v1/tiers/basic", {"limits": {}})
    assert status == 201, body
    stand.open("/tiers/basic")
    stand.run(
        """for (const name of ["path", "limitsError", "isAdmin"]) {
            const field = document.querySelector("main form.fields").appendChild(document.createElement("input"));
            Object.assign(field, { type: "hidden", name, value: "/foreign" });
        }""")
    stand.fill("#limits", "{")
    stand.submit("main form.fields")
    assert stand.text("#limits-error"), stand.text("main")
    assert "/foreign" not in stand.driver.page_source
    assert stand.find("main form.fields").get_dom_attribute("action") == "/tiers/basic"


if __name__ == "__main__":
    main()
