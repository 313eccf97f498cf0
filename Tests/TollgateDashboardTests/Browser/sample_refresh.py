"""Refreshing in place, on the sample page: what changes, what stays, and what happens without a server."""

import time

from sample import run


def refreshes(sample, stand, count):
    """Waits until the page shows so many more states of the server."""
    aim = sample.fetches + count
    stand.wait_for(lambda: shown(stand) >= aim, seconds=10 + 3 * count, what=f"refresh {count}")


def shown(stand):
    """The number of the state that the page shows."""
    minutes, seconds = stand.text("#as-of time").split(":")[1:]
    return int(minutes) * 60 + int(seconds)


def settled(sample, stand):
    """Waits until the page shows the last state of the server."""
    stand.wait_for(lambda: sample.at_once == 0 and shown(stand) == sample.fetches, what="the end of the running refresh")


def shows_its_state(stand):
    """Waits until a cell and the status line show the same state, as the page may change between two looks."""
    stand.wait_for(lambda: stand.cells("usage")["tenant:tenant 000"][2] == str(shown(stand)), what="the number of the state")


def only_changes(sample, stand):
    # A property of a node lasts as long as the node.
    stand.run("document.querySelectorAll('[data-live], [data-row]').forEach((each) => { each.mine = true; });")
    refreshes(sample, stand, 2)
    replaced = stand.run("return [...document.querySelectorAll('[data-live], [data-row]')].filter((each) => !each.mine).map((each) => each.dataset.live)")
    assert sorted(replaced) == ["as-of", "card Requests a minute", "tenant:tenant 000 requests"], replaced
    shows_its_state(stand)

    # A row turns amber and red where it is.
    for amount, level, text in [(799, "", "79.9 %"), (800, "warning", "80.0 % warning"), (1000, "danger", "100.0 % danger"), (5, "", "0.5 %")]:
        sample.amounts["tenant 003"] = amount
        stand.wait_for(lambda: stand.cells("usage")["tenant:tenant 003"][4] == text, what=text)
        row = stand.find("tr[data-row='tenant:tenant 003']")
        assert (row.get_attribute("class") or "") == level
        assert stand.run("return arguments[0].mine", row), "the row was replaced"


def rows_come_and_go(sample, stand):
    hostile = "<img src=x onerror=alert(1)>\"'"
    for rows in [
        ["tenant 002", "tenant 000", hostile, "tenant 001"], [hostile, "tenant 001", "tenant 000"], ["tenant 000"], [],
        ["tenant 005", hostile, "tenant 000"],
    ]:
        sample.rows = rows
        stand.wait_for(lambda: list(stand.cells("usage")) == [f"tenant:{row}" for row in rows], what=f"rows {rows}")
    assert stand.run("return document.querySelector('img') === null"), "an id became an element"
    # Rows with the same key are the same rows all along.
    sample.rows = ["tenant 000", hostile]
    stand.open("/")
    stand.run("document.querySelectorAll('[data-row]').forEach((each) => { each.mine = each.dataset.row; });")
    sample.rows = [hostile, "tenant 007", "tenant 000"]
    stand.wait_for(lambda: len(stand.cells("usage")) == 3, what="a new row")
    marks = stand.run("return [...document.querySelectorAll('[data-rows=usage] > tr')].map((each) => each.mine ?? null)")
    assert marks == [f"tenant:{hostile}", None, "tenant:tenant 000"], marks


def typing_survives(sample, stand):
    row = "tr[data-row='tenant:tenant 002']"
    stand.click(f"{row} summary")
    field = stand.find(f"{row} input[data-rule]")
    field.click()
    for key in "12345":
        field.send_keys(key)
        # The row's other cells change meanwhile, and its place.
        sample.amounts["tenant 002"] = 100 * int(key)
        sample.rows = sample.rows[-1:] + sample.rows[:-1]
        refreshes(sample, stand, 1)
        assert stand.driver.switch_to.active_element == field, "the field lost the focus"
    assert field.get_attribute("value") == "12345"
    assert stand.cells("usage")["tenant:tenant 002"][4] == "50.0 %"
    # Rows are in the server's order around the one in use, and it does not vanish.
    assert list(stand.cells("usage")) == [f"tenant:{row}" for row in sample.rows]
    sample.rows = [row for row in sample.rows if row != "tenant 002"]
    refreshes(sample, stand, 1)
    assert field.get_attribute("value") == "12345"
    # Without the focus the field still differs from the server's: half-typed text.
    stand.run("document.activeElement.blur()")
    refreshes(sample, stand, 2)
    assert field.get_attribute("value") == "12345"
    field.clear()
    stand.run("document.activeElement.blur()")
    stand.wait_for(lambda: "tenant:tenant 002" not in stand.cells("usage"), what="the end of the row")


def use_survives(sample, stand):
    # A text selection.
    stand.run("""const cell = document.querySelector("tr[data-row='tenant:tenant 000'] td.number");
        getSelection().selectAllChildren(cell); window.selectedCell = cell;""")
    before = stand.run("return getSelection().toString()")
    refreshes(sample, stand, 3)
    assert stand.run("return getSelection().toString()") == before
    assert stand.run("return selectedCell.isConnected")
    stand.run("getSelection().removeAllRanges()")
    refreshes(sample, stand, 1)
    shows_its_state(stand)

    # A ticked box keeps its row, and another row's box is of its own.
    stand.click("tr[data-row='tenant:tenant 001'] input[name=id]")
    sample.rows = ["tenant 003", "tenant 002", "tenant 001", "tenant 000"]
    refreshes(sample, stand, 1)
    assert list(stand.cells("usage")) == [f"tenant:{row}" for row in sample.rows]
    assert stand.run("return [...document.querySelectorAll('input[name=id]:checked')].map((each) => each.value)") == ["tenant:tenant 001"]
    assert stand.run("return document.querySelector('[data-select-all]').indeterminate")

    # A link and an opened form keep the focus though their cells are replaced.
    stand.click("tr[data-row='tenant:tenant 003'] summary")
    stand.run("document.querySelector('tr[data-row=\"tenant:tenant 002\"] a').focus()")
    sample.rows = ["tenant 002", "tenant 003"]
    refreshes(sample, stand, 1)
    assert stand.run("return document.activeElement.textContent") == "tenant 002"
    assert stand.run("return document.querySelector('tr[data-row=\"tenant:tenant 003\"] details').open"), "the opened form closed"


def scroll_survives(sample, stand):
    def top(key):
        return stand.run("return document.querySelector(`tr[data-row='tenant:${arguments[0]}']`).getBoundingClientRect().top", key)

    stand.run("document.querySelector(\"tr[data-row='tenant:tenant 050']\").scrollIntoView(); scrollBy(0, -200);")
    position, before = stand.run("return scrollY"), top("tenant 050")
    refreshes(sample, stand, 3)
    assert stand.run("return scrollY") == position and top("tenant 050") == before, "the page moved"

    # Nothing that is visible moves while rows above it come, go, or change places.
    stand.run("""window.moves = 0; const row = document.querySelector("tr[data-row='tenant:tenant 050']"); const top = row.getBoundingClientRect().top;
        const look = () => { if (Math.abs(row.getBoundingClientRect().top - top) > 1) moves += 1; requestAnimationFrame(look); }; look();""")
    sample.rows = ["new 1", "new 2", "new 3"] + sample.rows
    refreshes(sample, stand, 1)
    assert abs(top("tenant 050") - before) <= 1, "rows inserted above moved the page"
    sample.rows = sample.rows[10:]
    refreshes(sample, stand, 1)
    assert abs(top("tenant 050") - before) <= 1, "rows removed above moved the page"
    assert stand.run("return moves") == 0, "the page moved for a moment"
    # One visible row leaves for the top: the page does not follow it.
    below = top("tenant 060")
    sample.rows = ["tenant 052"] + [row for row in sample.rows if row != "tenant 052"]
    refreshes(sample, stand, 1)
    assert top("tenant 052") < 0 and abs(top("tenant 060") - below) <= 1, "the page followed a row"

    # The field that has the focus stays under the caret, also at the top of the page.
    stand.run("scrollTo(0, 0)")
    name = sample.rows[2]
    stand.click(f"tr[data-row='tenant:{name}'] summary")
    stand.click(f"tr[data-row='tenant:{name}'] input[data-rule]")
    before = top(name)
    sample.rows = ["new 4", "new 5"] + sample.rows
    refreshes(sample, stand, 1)
    assert abs(top(name) - before) <= 1, "the field moved under the caret"


def stale_and_back(sample, stand):
    refreshes(sample, stand, 1)
    assert not stand.find("#stale").is_displayed()
    sample.stop()
    stand.wait_for(lambda: stand.find("#stale").is_displayed(), what="the word stale")
    assert stand.text("#stale").startswith(f"Stale since {stand.text('#as-of time')}: the server does not answer."), stand.text("#stale")
    sample.start()
    stand.wait_for(lambda: not stand.find("#stale").is_displayed(), seconds=20, what="recovery")
    refreshes(sample, stand, 1)

    # A server that answers with errors, at growing intervals: 1, 2, 4 and 8 s after failures.
    sample.status = 503
    before = sample.fetches
    stand.wait_for(lambda: stand.find("#stale").is_displayed(), what="the word stale")
    assert "status 503" in stand.text("#stale")
    time.sleep(6)
    assert sample.fetches - before <= 4, f"{sample.fetches - before} requests in 6 s"
    sample.status = 200
    stand.click("#refresh-now")
    stand.wait_for(lambda: not stand.find("#stale").is_displayed(), seconds=2, what="recovery by hand")
    refreshes(sample, stand, 2)


def one_at_a_time(sample, stand):
    sample.delay = 1.5
    stand.wait_for(lambda: sample.at_once == 1, what="a slow request")
    for _ in range(5):
        stand.click("#refresh-now")
    sample.delay = 0
    refreshes(sample, stand, 1)


def paused(sample, stand):
    refreshes(sample, stand, 1)
    stand.click("#refresh-pause")
    assert stand.find("#refresh-pause").get_attribute("aria-pressed") == "true"
    settled(sample, stand)
    before = sample.fetches
    time.sleep(1.5)
    assert sample.fetches == before, "a paused page was refreshed"
    stand.click("#refresh-now")
    stand.wait_for(lambda: shown(stand) == before + 1, what="one refresh by hand")
    settled(sample, stand)
    # The switch is kept for the next page.
    stand.open("/")
    before = sample.fetches
    assert stand.find("#refresh-pause").get_attribute("aria-pressed") == "true"
    time.sleep(1.5)
    assert sample.fetches == before
    stand.click("#refresh-pause")
    refreshes(sample, stand, 2)


def hidden(sample, stand):
    refreshes(sample, stand, 1)
    page = stand.driver.current_window_handle
    stand.driver.switch_to.new_window("tab")
    stand.wait_for(lambda: stand.run("return document.visibilityState") == "visible" and sample.at_once == 0, what="the other tab")
    time.sleep(1)
    stand.wait_for(lambda: sample.at_once == 0, what="the end of the running refresh")
    before = sample.fetches
    time.sleep(2)
    assert sample.fetches == before, "a hidden page was refreshed"
    stand.driver.close()
    stand.driver.switch_to.window(page)
    refreshes(sample, stand, 2)

    # One that is shown again does not wait for its next turn.
    sample.refresh = 1000
    stand.open("/")
    stand.driver.switch_to.new_window("tab")
    before = sample.fetches
    stand.driver.close()
    stand.driver.switch_to.window(page)
    stand.wait_for(lambda: sample.fetches > before, what="a refresh of the page that is shown again")


def signed_out(sample, stand):
    refreshes(sample, stand, 1)
    sample.signed_out = True
    stand.wait_for(lambda: stand.find("#stale").is_displayed(), what="the end of the session")
    assert stand.text("#stale") == "You are signed out. Sign in"
    before = sample.fetches
    time.sleep(1.5)
    assert sample.fetches == before, "a page without a session was refreshed"
    stand.click("#stale a")
    stand.wait_for(lambda: stand.path == "/sign-in", what="the page to sign in")
    sample.signed_out = False
    stand.open("/")
    sample.status = 401
    stand.wait_for(lambda: "signed out" in stand.text("#stale"), what="the end of the session by 401")
    sample.status = 200


if __name__ == "__main__":
    run([
        only_changes, rows_come_and_go, typing_survives, use_survives, scroll_survives, stale_and_back, one_at_a_time, paused, hidden, signed_out,
    ], errors=["net::ERR_", "status of 503", "status of 401"])
