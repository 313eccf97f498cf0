"""Rules of fields, the look-up of a new scope, selecting rows, and values of charts, on the sample page."""

import json
import pathlib
import time

from sample import run
from selenium.webdriver.common.keys import Keys

RULES = json.loads((pathlib.Path(__file__).parent / "rules.json").read_text())


def rules(sample, stand):
    tables = [("whole", RULES["whole"])] + [(f"money-{table['decimals']}", table) for table in RULES["money"]]
    assert len(RULES["whole"]["accepted"] + RULES["whole"]["rejected"]) >= 60
    for name, table in tables:
        field = stand.find(f"#{name}")
        assert field.get_attribute("data-max") == table["max"]
        for verdict in ["accepted", "rejected"]:
            for text in table[verdict]:
                invalid = stand.run(
                    """const [field, text] = arguments; field.value = text; field.dispatchEvent(new Event("change", { bubbles: true }));
                    return field.getAttribute("aria-invalid") === "true";""", field, text)
                assert invalid == (verdict == "rejected"), f"{name}: {text!r} was not {verdict}"


def sentences(sample, stand):
    sentence = "Limit: expected a positive whole number."
    field, error = stand.find("#whole"), stand.find("#whole-error")
    # Nobody is corrected while typing, only on leaving the field and from then on.
    field.send_keys("0")
    assert error.text == ""
    field.send_keys(Keys.TAB)
    assert error.text == sentence
    field.send_keys(Keys.HOME, "5")
    assert error.text == "" and field.get_attribute("aria-invalid") is None
    field.send_keys("x")
    # A form with a wrong field is not sent, and leads to the field.
    field.send_keys(Keys.ENTER)
    assert error.text == sentence and stand.driver.switch_to.active_element == field
    field.clear()
    stand.click("#form-whole button")
    assert error.text == sentence and sample.forms == []
    field.send_keys("500")
    stand.submit("#form-whole")
    assert sample.forms == [{"whole": ["500"]}], sample.forms


def look_up(sample, stand):
    field, answer = stand.find("#new input[name=id]"), stand.find("#new [data-lookup-answer]")
    limit = stand.find("#new fieldset")
    assert not limit.is_displayed()
    # On a busy machine 300 ms may pass between two keys, so not every time is without a look-up in between.
    counts = []
    for text in ["brand new 1", "brand new 2", "brand new 3"]:
        before = len(sample.lookups)
        stand.fill("#new input[name=id]", text)
        stand.wait_for(lambda: answer.text == f"{text} is new.", what="the answer")
        counts.append(len(sample.lookups) - before)
    assert min(counts) == 1 and max(counts) < 6, f"{counts} look-ups: {sample.lookups}"
    assert limit.is_displayed()

    # One that exists has a link instead.
    stand.fill("#new input[name=id]", "")
    stand.wait_for(lambda: not limit.is_displayed(), seconds=1, what="the end of the limit")
    field.send_keys("tenant 001")
    stand.wait_for(lambda: answer.text == "tenant 001 has limits already. Open", what="the answer")
    assert not limit.is_displayed() and limit.get_attribute("disabled")
    assert stand.find("#new [data-lookup-answer] a").get_attribute("href") == f"{sample.address}/scopes/x"

    # Only the newest answer counts, whichever comes first.
    sample.lookup_delays["slow"] = 1.5
    stand.fill("#new input[name=id]", "slow")
    stand.wait_for(lambda: "slow" in sample.lookups, what="the slow look-up")
    field.send_keys("/")
    stand.wait_for(lambda: answer.text == "id: expected no slash", what="the newest answer")
    time.sleep(1.8)
    assert answer.text == "id: expected no slash" and not limit.is_displayed()
    assert field.get_attribute("aria-invalid") == "true"

    # Ids are texts, whatever they look like.
    stand.fill("#new input[name=id]", "<img src=x onerror=alert(1)>")
    stand.wait_for(lambda: answer.text == "<img src=x onerror=alert(1)> is new.", what="the answer")
    assert stand.run("return document.querySelector('img') === null")
    # Another kind is another scope.
    count = len(sample.lookups)
    stand.find("#new select").send_keys("team")
    stand.wait_for(lambda: len(sample.lookups) == count + 1, what="a look-up of the other kind")


def selection(sample, stand):
    def chosen():
        return stand.run("return document.querySelectorAll('input[name=id]:checked').length")

    everything = stand.find("[data-select-all]")
    assert everything.is_displayed()
    everything.click()
    assert chosen() == 100
    stand.click("input[name=id][type=checkbox]")
    assert chosen() == 99 and stand.run("return arguments[0].indeterminate && !arguments[0].checked", everything)
    stand.click("input[name=id][type=checkbox]")
    assert everything.is_selected()
    everything.click()
    assert chosen() == 0


def gap(stand):
    """Returns the pixels between the tip and the mark that it is about, or -1 without a tip."""
    return stand.run(
        """const [tip, mark] = [".tip", ".chart .current"].map((name) => document.querySelector(name)?.getBoundingClientRect());
        return mark && tip.height ? Math.round(Math.max(mark.top - tip.bottom, tip.top - mark.bottom)) : -1;""")


def tips(sample, stand):
    stand.run("document.querySelector('.chart').scrollIntoView({ block: 'center' })")
    stand.run("document.querySelector('.chart [data-tip]').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))")
    assert stand.text(".tip") == "1 Nov · s1 · 0.20 USD"
    box = stand.run("return document.querySelector('.tip').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0 and box["top"] >= 0
    stand.run("document.body.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))")
    assert not stand.find(".tip").is_displayed()
    # By keys. A chart outside the window scrolls into it, and the tip goes with its mark.
    chart = stand.find(".chart")
    stand.run("scrollTo(0, 0)")
    chart.send_keys(Keys.TAB, Keys.SHIFT + Keys.TAB)
    stand.run("scrollBy(0, 20)")
    stand.wait_for(lambda: gap(stand) == 6, what="the tip beside its mark")
    assert stand.text(".tip") == "1 Nov · s1 · 0.20 USD"
    chart.send_keys(Keys.ARROW_RIGHT)
    chart.send_keys(Keys.ARROW_RIGHT)
    assert stand.text(".tip") == "1 Nov · s3 · 2.20 USD"
    chart.send_keys(Keys.ESCAPE)
    assert not stand.find(".tip").is_displayed()


def second_click(sample, stand):
    stand.find("#whole").send_keys("7")
    stand.run("const button = document.querySelector('#form-whole button'); button.click(); button.click();")
    stand.wait_for(lambda: sample.forms, what="the form")
    time.sleep(0.3)
    assert len(sample.forms) == 1, "the form was sent twice"


def without_scripts(sample, stand):
    """The last one, as scripts stay off."""
    stand.javascript(False)
    stand.open("/")
    for control in ["#refresh-now", "#refresh-pause", "#stale", "[data-select-all]"]:
        assert not stand.find(control).is_displayed(), f"{control} needs a script and is shown without"
    before = sample.fetches
    time.sleep(1)
    assert sample.fetches == before
    stand.fill("#whole", "12")
    stand.submit("#form-whole")
    assert sample.forms == [{"whole": ["12"]}]


if __name__ == "__main__":
    run([rules, sentences, look_up, selection, tips, second_click, without_scripts])
