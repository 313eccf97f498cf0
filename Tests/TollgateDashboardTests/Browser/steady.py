"""A table of 100 rows while it is refreshed, and a Redis that ends and comes back."""

import os
import signal
import subprocess
import time

from journey import API, refresh
from stand import Stand, settings


def main():
    given = settings()
    api = API(given)
    for index in range(100):
        api.record(index, f"t{index:03}")
    with Stand(given["address"]) as stand:
        stand.sign_in_by_token(given["token"])
        unmoved(stand, api)
        two_forms(stand)
        outage(stand, given)
        stand.no_other_host()


def unmoved(stand, api):
    path = "/usage?kind=tenant&meter=tokens&sort=scope&order=ascending"
    stand.wait_for(lambda: stand.open(path) or len(stand.find_all("[data-rows=usage] tr")) == 100, what="100 rows")
    stand.run(
        """for (const row of document.querySelectorAll("[data-row]")) row.mine = true;
        document.querySelector("[data-row='tenant:t050']").scrollIntoView({ block: "center" });""")
    where = "return document.querySelector(\"[data-row='tenant:t050']\").getBoundingClientRect().top"
    top = stand.run(where)
    for round in range(3):
        for index in range(0, 100, 7):
            api.record(500, f"t{index:03}")
        api.record(1, "t051")
        refresh(stand)
        assert abs(stand.run(where) - top) < 1, "the page has moved"
    rows = stand.run("return [...document.querySelectorAll('[data-row]')].map((row) => row.mine === true)")
    assert len(rows) == 100 and all(rows), "rows were replaced"
    assert stand.cells("usage")["tenant:t051"][4] == "54", stand.cells("usage")["tenant:t051"]
    stand.no_console_errors()


def two_forms(stand):
    """A half-typed form stays when another one is opened, and what is typed then goes into the other one."""
    def row(number):
        return f"tr[data-row='tenant:t{number:03}']"

    def open_form(number):
        field = f"{row(number)} input[name=max]"
        stand.run("arguments[0].click()", stand.find(f"{row(number)} a[data-edit]"))
        stand.wait_for(
            lambda: stand.run("return document.activeElement.matches(arguments[0])", field), what=f"the focus in {field}")
        return stand.find(field)

    first = open_form(52)
    first.send_keys("7")
    second = open_form(48)
    second.send_keys("50")
    assert first.get_attribute("value") == "7" and second.get_attribute("value") == "50"
    assert first.get_attribute("id") != second.get_attribute("id")
    # Two clicks in a row open the form of the second.
    stand.run("document.querySelectorAll('a[data-edit]')[60].click(); document.querySelectorAll('a[data-edit]')[70].click();")
    stand.wait_for(lambda: stand.run("return document.activeElement.closest('tr')?.dataset.row") not in
                   (None, "tenant:t048", "tenant:t052"), what="the focus in another row")
    stand.wait_for(lambda: len(stand.find_all("tr input[name=max]")) == 3, what="three forms")
    # Closed again, so that nothing is in use.
    for field in stand.find_all("tr input[name=max]"):
        stand.run("arguments[0].form.reset()", field)
    stand.run("document.activeElement.blur()")


def outage(stand, given):
    stand.run("window.loadedOnce = true;")
    os.kill(int(given["redis_pid"]), signal.SIGKILL)
    # The page is paused, and goes on by this.
    stand.click("#refresh-pause")
    stand.wait_for(lambda: stand.find("#stale").is_displayed(), 30, "the sentence that the page is stale")
    assert stand.text("#stale").startswith("Stale since "), stand.text("#stale")
    os.unlink(given["redis_socket"])
    redis = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", given["redis_socket"], "--save", "", "--appendonly", "no",
         "--dir", os.path.dirname(given["redis_socket"])],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        stand.wait_for(lambda: not stand.find("#stale").is_displayed(), 90, "the page without a press of a key")
        assert stand.run("return window.loadedOnce"), "the page was loaded anew"
    finally:
        redis.kill()
        redis.wait()
    stand.no_console_errors(but=["status of 503", "status of 504"])


if __name__ == "__main__":
    main()
