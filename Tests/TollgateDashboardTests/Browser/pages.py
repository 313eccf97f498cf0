"""Every page of the dashboard: both ways in, contrast, narrow windows, the console, and no scripts."""

import json

from stand import Stand, settings


def main():
    given = settings()
    paths = json.loads(given["paths"])
    with Stand(given["address"]) as stand:
        ways_in(stand, given)
        stand.open("/usage?kind=tenant")
        paths += stand.run("return [...document.querySelectorAll('[data-rows=usage] th a')].map((each) => each.pathname)")
        assert len(paths) > 10, paths
        for path in paths:
            looks(stand, path)
        for path in json.loads(given["hostile"]):
            stand.open(path)
            # Some of the ids are not valid, which is said on the page.
            check(stand, "status of 4")
        refreshes(stand, paths)
        without_scripts(stand, paths)


def ways_in(stand, given):
    # Without a session every page leads to the form, and from there back to the page.
    stand.open("/usage?kind=user")
    assert stand.path.startswith("/sign-in?"), stand.path
    check(stand)
    stand.fill("input[name=token]", "wrong")
    stand.submit("form:has(input[name=token])")
    assert stand.find("[role=alert]").is_displayed() and stand.path.startswith("/sign-in")
    stand.no_console_errors(but=["status of 401"])
    stand.open("/usage?kind=user")
    stand.sign_in_by_token(given["token"])
    sign_out(stand)
    stand.sign_in_by_link(given["link"])
    assert stand.find(".user").is_displayed()
    # A link works once.
    sign_out(stand)
    stand.open(given["link"])
    assert stand.find("input[name=token]").is_displayed()
    stand.no_console_errors(but=["status of 401"])
    stand.sign_in_by_token(given["token"])


def sign_out(stand):
    stand.submit(".user")
    stand.wait_for(lambda: stand.find("input[name=token]"), what="the form that takes a token")


def looks(stand, path):
    for scheme in ["light", "dark"]:
        stand.scheme(scheme)
        for width, height in [(1280, 900), (390, 844)]:
            stand.size(width, height)
            stand.open(path)
            assert stand.path == path, f"{path} leads to {stand.path}"
            stand.run("for (const each of document.querySelectorAll('details')) each.open = true;")
            check(stand)
    stand.size(1280, 900)
    stand.scheme("light")


def check(stand, expected="status of 401"):
    faults = stand.contrast_faults()
    assert not faults, f"{stand.path}:\n" + "\n".join(faults)
    stand.no_sideways_scroll()
    assert len(stand.find_all("h1")) == 1, f"{stand.path}: a page has one heading of the first level"
    unnamed = stand.run(
        """return [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href]")]
            .filter((each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim() || each.title))
            .map((each) => each.outerHTML.slice(0, 120));""")
    assert not unnamed, f"{stand.path}: no name for screen readers: {unnamed}"
    same = stand.run(
        """const seen = new Set();
        return [...document.querySelectorAll("[id]")].map((each) => each.id).filter((id) => seen.size === seen.add(id).size);""")
    assert not same, f"{stand.path}: the same id twice: {same}"
    made = stand.run(
        """return [...document.querySelectorAll("main img, main script, main b")].concat([...document.querySelectorAll("*")]
            .filter((each) => each.getAttributeNames().some((name) => name.startsWith("on")))).map((each) => each.outerHTML.slice(0, 120));""")
    assert not made, f"{stand.path}: an id became markup: {made}"
    stand.no_console_errors(but=[expected])
    stand.no_other_host()


def refreshes(stand, paths):
    """A refresh by hand replaces nothing that has not changed: neither forms nor links."""
    for path in paths:
        stand.open(path)
        if not stand.find_all("html[data-refresh]"):
            continue
        stand.run("for (const each of document.querySelectorAll('form, [data-row]')) each.mine = true;")
        before = stand.find("#as-of time")
        stand.run("arguments[0].mine = true;", before)
        stand.wait_for(lambda: stand.run(
            """if (!document.querySelector("#as-of time").mine) return true;
            document.querySelector("#refresh-now").click();"""), what=f"a refresh of {path}")
        lost = stand.run("return [...document.querySelectorAll('form, [data-row]')].filter((each) => !each.mine).map((each) => each.outerHTML.slice(0, 200));")
        assert not lost, f"{path}: replaced without a change: {lost}"
        assert not stand.find("#stale").is_displayed(), f"{path}: {stand.text('#stale')}"
    stand.no_console_errors()


def without_scripts(stand, paths):
    """The last one, as scripts stay off."""
    stand.javascript(False)
    for path in paths:
        stand.open(path)
        assert stand.path == path and stand.find("h1").is_displayed(), path
        for control in stand.find_all("#refresh-now, #refresh-pause, #stale, [data-select-all]"):
            assert not control.is_displayed(), f"{path}: a control that needs a script is shown without"
    stand.no_console_errors()


if __name__ == "__main__":
    main()
