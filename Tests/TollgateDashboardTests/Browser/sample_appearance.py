"""Contrast, narrow windows, print and focus, on the sample page with every component."""

from sample import run
from selenium.webdriver.common.keys import Keys


def contrast_and_width(sample, stand):
    for scheme in ["light", "dark"]:
        for width, height in [(1280, 900), (390, 844)]:
            stand.scheme(scheme)
            stand.size(width, height)
            open_still(sample, stand)
            show_everything(stand)
            faults = stand.contrast_faults()
            assert not faults, f"{scheme}, {width} px:\n" + "\n".join(faults)
            stand.no_sideways_scroll()
    stand.size(1280, 900)
    stand.scheme("light")


def open_still(sample, stand):
    """Opens the page without refreshes."""
    sample.refresh = 0
    stand.open("/")


def show_everything(stand):
    """Brings everything into sight that is shown only now and then."""
    stand.run("""
        for (const each of document.querySelectorAll("[hidden]")) each.hidden = false;
        for (const each of document.querySelectorAll("details")) each.open = true;
        for (const each of document.querySelectorAll(".field-error")) each.textContent = "expected a positive whole number";
        const stale = document.querySelector("#stale");
        stale.textContent = "Stale since 14:03:10 ";
        stale.append(Object.assign(document.createElement("a"), { href: "/", textContent: "Sign in" }));
        document.querySelector("#refresh-pause").setAttribute("aria-pressed", "true");
        document.querySelector("[data-lookup-answer]").textContent = "expected no slash";
        document.querySelector("[data-lookup-answer]").classList.add("invalid");
        document.querySelector("[data-tip]").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
        document.querySelector("input[name=max]").value = "text";""")


def the_checker(sample, stand):
    """The check of contrast finds what it is for."""
    open_still(sample, stand)
    assert len(stand.contrast_faults(least=22)) > 500, "texts were not judged"
    stand.run("""document.querySelector("h1").animate([{ color: "#999", backgroundColor: "#fff" }], { duration: 1, fill: "forwards" });
        document.querySelector("tbody a").animate([{ opacity: 0.3 }], { duration: 1, fill: "forwards" });
        document.querySelector("text.axis").animate([{ fill: "#888" }], { duration: 1, fill: "forwards" });""")
    stand.wait_for(lambda: len(stand.contrast_faults()) == 3, what="three faults")


def focus(sample, stand):
    """Everything that the Tab key reaches shows that it has the focus."""
    open_still(sample, stand)
    body = stand.find("body")
    seen = set()
    for _ in range(60):
        body.send_keys(Keys.TAB) if not seen else stand.driver.switch_to.active_element.send_keys(Keys.TAB)
        name, style, width = stand.run(
            """const style = getComputedStyle(document.activeElement);
            return [document.activeElement.outerHTML.slice(0, 80), style.outlineStyle, parseFloat(style.outlineWidth)];""")
        assert style != "none" and width >= 1, f"no ring around {name}"
        seen.add(name)
    assert len(seen) > 30, seen


def head(sample, stand):
    """The head of a long table stays at the edge of the window."""
    stand.run("document.querySelector(\"tr[data-row='tenant:tenant 050']\").scrollIntoView()")
    assert stand.run("return document.querySelector('thead').getBoundingClientRect().top < 0")
    assert stand.run("return document.querySelector('thead th').getBoundingClientRect().top") == 0


def print_style(sample, stand):
    open_still(sample, stand)
    stand.scheme("dark")
    stand.print_style(True)
    for selector in ["nav", ".toolbar", "details", "button", "#form-whole"]:
        assert not any(each.is_displayed() for each in stand.find_all(selector)), f"{selector} is printed"
    assert stand.find("tbody td a").is_displayed() and stand.find(".chart").is_displayed()
    colors = stand.run("return [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert colors == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"], colors
    faults = stand.contrast_faults()
    assert not faults, "\n".join(faults)


if __name__ == "__main__":
    run([contrast_and_width, the_checker, focus, head, print_style])
