// The dashboard's one script. Pages work without it; it refreshes them in place, checks fields while they are filled in,
// looks up new scopes, selects rows and shows the values of charts. Text of the server goes into the page only as nodes
// that DOMParser made or as text, never as markup.
(() => {
    "use strict";

    const root = document.documentElement;
    const byId = (id) => document.getElementById(id);
    const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));

    // MARK: - Fields

    const digits = /^[0-9]+$/;

    // Whether decimal text, of which the parts are given, is at most another one, exactly.
    const isAtMost = (whole, fraction, max) => {
        const [maxWhole, maxFraction = ""] = max.split(".");
        const length = Math.max(fraction.length, maxFraction.length);
        const scaled = (left, right) => BigInt(left + right.padEnd(length, "0"));
        // Longer than the maximum without leading zeros: larger, and not worth converting.
        const trimmed = whole.replace(/^0+(?=.)/, "");
        return trimmed.length <= maxWhole.length && scaled(trimmed, fraction) <= scaled(maxWhole, maxFraction);
    };

    // The rules of fields by their names in data-rule. The server has the same ones; rules.json of the tests runs through both.
    const rules = {
        whole: (text, { max }) => /^[1-9][0-9]*$/.test(text) && (max === undefined || isAtMost(text, "", max)),
        money: (text, { decimals = "9", max }) => {
            const [whole, fraction = "0", ...rest] = text.split(".");
            return rest.length === 0 && digits.test(whole) && digits.test(fraction) && /[1-9]/.test(text)
                && (!text.includes(".") || fraction.length <= Number(decimals))
                && (max === undefined || isAtMost(whole, fraction, max));
        },
    };

    const isValid = (field) => {
        const rule = rules[field.dataset.rule];
        return !rule || field.matches(":disabled") || rule(field.value, field.dataset);
    };

    const errorOf = (field) => (field.getAttribute("aria-describedby") ?? "").split(/\s+/)
        .map(byId).find((element) => element?.classList.contains("field-error"));

    // Shows the field's sentence or takes it away, and returns whether the field is valid.
    const check = (field) => {
        const valid = isValid(field);
        if (valid) field.removeAttribute("aria-invalid");
        else field.setAttribute("aria-invalid", "true");
        const error = errorOf(field);
        if (error) error.textContent = valid ? "" : field.dataset.message ?? "";
        return valid;
    };

    // A field is judged when it is left, and from then on with every key until it is right.
    document.addEventListener("input", ({ target }) => {
        if (target.matches?.("[data-rule][aria-invalid]")) check(target);
    });
    document.addEventListener("change", ({ target }) => {
        if (target.matches?.("[data-rule]")) check(target);
        if (target.matches?.("select[data-rules-of]")) {
            const field = setRule(target);
            if (field.value !== "") check(field);
        }
        if (target.matches?.("[data-select-all]")) selectAll(target);
        else if (target.matches?.("input[type=checkbox]")) showSelection();
    });

    // Gives a field the rule of the chosen option, such as that of money for the meter cost.
    const setRule = (select, within = document) => {
        const field = within.getElementById(select.dataset.rulesOf);
        Object.assign(field.dataset, select.selectedOptions[0].dataset);
        return field;
    };

    // The time of each form's last submission: a second click would meet the version that the first one has changed.
    const submissions = new WeakMap();

    document.addEventListener("submit", (event) => {
        const form = event.target;
        const wrong = Array.from(form.elements).filter((field) => field.dataset.rule && !check(field));
        if (wrong.length > 0) {
            event.preventDefault();
            wrong[0].focus();
        } else if (form.noValidate && !event.submitter?.formNoValidate && !form.reportValidity()) {
            event.preventDefault();
        } else if (form.method === "post") {
            if (event.timeStamp - submissions.get(form) < 1000) event.preventDefault();
            else submissions.set(form, event.timeStamp);
        }
    });

    // MARK: - Selection of rows

    const choices = (box) => Array.from(box.form?.elements ?? []).filter((field) => field.type === "checkbox" && field.name === "id");

    const selectAll = (box) => {
        for (const choice of choices(box)) choice.checked = box.checked && !choice.disabled;
        showSelection();
    };

    const showSelection = () => {
        for (const box of all("[data-select-all]")) {
            const states = choices(box);
            const count = states.filter((choice) => choice.checked).length;
            box.checked = count > 0 && count === states.length;
            box.indeterminate = count > 0 && count < states.length;
        }
    };

    // MARK: - Look-up of a new scope

    const lookUp = (form) => {
        const field = form.elements.namedItem("id");
        const kind = form.elements.namedItem("kind");
        const details = all("[data-when=new]", form);
        let answer = form.querySelector("[data-lookup-answer]");
        if (!answer) {
            answer = document.createElement("p");
            answer.className = "lookup";
            answer.dataset.lookupAnswer = "";
            answer.setAttribute("role", "status");
            (field.closest("label") ?? field).after(answer);
        }
        let timer, running;

        // Fields that are not shown do not take part in the form.
        const show = ({ state = "", message = "", href = "" }) => {
            for (const element of details) element.hidden = element.disabled = state !== "new";
            answer.classList.toggle("invalid", state === "invalid");
            if (state === "invalid") field.setAttribute("aria-invalid", "true");
            else field.removeAttribute("aria-invalid");
            answer.textContent = message;
            if (!href) return;
            const link = document.createElement("a");
            link.href = href;
            link.textContent = "Open";
            answer.append(" ", link);
        };

        const ask = async () => {
            running = new AbortController();
            const own = running;
            const late = setTimeout(() => own.abort(), 10000);
            let result;
            try {
                const query = new URLSearchParams({ kind: kind?.value ?? "", id: field.value });
                const response = await fetch(`${form.dataset.lookup}?${query}`, {
                    signal: own.signal, cache: "no-store", headers: { "X-Tollgate-Refresh": "1" },
                });
                if (response.redirected || response.status === 401 || response.status === 403) {
                    result = { message: "You are signed out.", href: location.href };
                } else if (response.ok) {
                    result = await response.json();
                } else {
                    throw new Error(`status ${response.status}`);
                }
            } catch {
                result = { message: "The look-up failed. You can submit the form all the same." };
            }
            clearTimeout(late);
            // Only the answer for the text that is in the field now counts.
            if (own === running) show(result);
        };

        const changed = () => {
            clearTimeout(timer);
            running?.abort();
            running = undefined;
            if (field.value === "") show({});
            else timer = setTimeout(ask, 300);
        };
        field.addEventListener("input", changed);
        kind?.addEventListener("change", changed);
        if (field.value === "") show({});
        else ask();
    };

    // MARK: - Values of charts

    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "status");
    tip.hidden = true;
    let current;

    // Beside the mark in the window, so that a tip leaves the window together with its mark.
    const placeTip = () => {
        if (!current) return;
        const box = current.getBoundingClientRect();
        const size = tip.getBoundingClientRect();
        const left = Math.min(box.left + box.width / 2 - size.width / 2, root.clientWidth - size.width - 4);
        const above = box.top - size.height - 6;
        tip.style.left = `${Math.max(4, left)}px`;
        tip.style.top = `${above < 4 ? box.bottom + 6 : above}px`;
    };

    const showTip = (mark) => {
        if (mark === current && mark?.isConnected) return;
        current?.classList.remove("current");
        current = mark;
        tip.hidden = !mark;
        if (!mark) return;
        mark.classList.add("current");
        // The browser would show the title as a second tip.
        mark.querySelector("title")?.remove();
        mark.setAttribute("aria-label", mark.dataset.tip);
        tip.textContent = mark.dataset.tip;
        if (!tip.isConnected) document.body.append(tip);
        placeTip();
    };

    document.addEventListener("pointerover", ({ target }) => showTip(target.closest?.("[data-tip]")));
    document.addEventListener("focusin", ({ target }) => {
        if (target.matches?.(".chart:focus-visible")) showTip(target.querySelector("[data-tip]"));
    });
    document.addEventListener("focusout", () => showTip());
    // A chart that gets the focus scrolls into the window after its tip is shown.
    addEventListener("scroll", placeTip, { passive: true });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") return showTip();
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step || !event.target.matches?.(".chart")) return;
        const marks = all("[data-tip]", event.target);
        const next = marks[marks.indexOf(current) + step];
        if (next) showTip(next);
        event.preventDefault();
    });

    // MARK: - What a refresh leaves alone

    const isChanged = (control) => {
        if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
        if (!control.options) return control.value !== control.defaultValue;
        const options = Array.from(control.options);
        // Without a default the browser selects the first option of a list.
        const fallback = control.multiple || options.some((option) => option.defaultSelected) ? -1 : 0;
        return options.some((option, index) => option.selected !== (option.defaultSelected || index === fallback));
    };

    const controls = "input, select, textarea, button";
    const hasFocus = (element) => element.contains(document.activeElement);

    const isSelected = (element) => {
        const selection = getSelection();
        return !selection.isCollapsed && selection.containsNode(element, true);
    };

    const isInUse = (element) =>
        (hasFocus(element) && document.activeElement.matches(controls))
        || isSelected(element)
        || all("input:not([type=hidden]), select, textarea", element).some(isChanged);

    // A row also stays where it is while a link in it has the focus, which moving would take away.
    const isPinned = (row) => hasFocus(row) || isInUse(row);

    // MARK: - Replacing what has changed

    // The server's text of each live element, as the element in the page may have been changed by hand since.
    const received = new WeakMap();
    const note = (within) => {
        for (const element of all("[data-live], [data-row] > *", within)) received.set(element, element.outerHTML);
    };

    // Returns whether the server's text of an element has changed, and it may be replaced.
    const isOutdated = (old, element) => received.get(old) !== element.outerHTML && !isInUse(old);

    // Makes elements that came with the page or a refresh ready for use.
    const enhance = (within) => {
        for (const box of all("[data-select-all]", within)) box.hidden = false;
        for (const chart of all(".chart", within)) {
            if (chart.querySelector("[data-tip]")) chart.setAttribute("tabindex", "0");
        }
        // Removed, not hidden: a form's first button is also that of the Enter key.
        for (const element of all("[data-without-script]", within)) element.remove();
        // The script's sentences instead of the browser's.
        for (const field of all("[data-rule]", within)) if (field.form) field.form.noValidate = true;
        for (const select of all("select[data-rules-of]", within)) setRule(select, within);
    };

    const imported = (element) => {
        const copy = document.importNode(element, true);
        const holder = document.createDocumentFragment();
        holder.append(copy);
        received.set(copy, copy.outerHTML);
        note(holder);
        enhance(holder);
        return copy;
    };

    // Replaces an element. Opened details stay open, and a link keeps the focus.
    const replace = (old, element) => {
        const copy = imported(element);
        const details = all("details", copy);
        all("details", old).forEach((each, index) => { if (details[index]) details[index].open = each.open; });
        const links = "a[href], summary, [tabindex]";
        const family = (each) => (each.matches(links) ? [each] : []).concat(all(links, each));
        const focused = family(old).indexOf(document.activeElement);
        old.replaceWith(copy);
        if (focused >= 0) family(copy)[focused]?.focus({ preventScroll: true });
    };

    const updateLive = (page) => {
        const next = new Map(all("[data-live]", page).map((element) => [element.dataset.live, element]));
        for (const old of all("[data-live]")) {
            const element = next.get(old.dataset.live);
            // One inside another that has just been replaced is gone from the page.
            if (element && old.isConnected && isOutdated(old, element)) replace(old, element);
        }
    };

    const copyAttributes = (from, to) => {
        for (const { name } of Array.from(to.attributes)) if (!from.hasAttribute(name)) to.removeAttribute(name);
        for (const { name, value } of from.attributes) if (to.getAttribute(name) !== value) to.setAttribute(name, value);
    };

    // Replaces the changed cells of a row. A row with another number of cells has none in common.
    const updateCells = (row, next) => {
        const cells = Array.from(next.children);
        if (row.children.length !== cells.length) return;
        Array.from(row.children).forEach((old, index) => { if (isOutdated(old, cells[index])) replace(old, cells[index]); });
    };

    const rowsOf = (body) => Array.from(body.children).filter((row) => row.dataset.row !== undefined);

    const updateRows = (page) => {
        const bodies = new Map(all("[data-rows]", page).map((body) => [body.dataset.rows, body]));
        for (const body of all("[data-rows]")) {
            const next = bodies.get(body.dataset.rows);
            if (!next) continue;
            const old = new Map(rowsOf(body).map((row) => [row.dataset.row, row]));
            const wanted = rowsOf(next).map((row) => {
                const present = old.get(row.dataset.row);
                if (!present) return imported(row);
                copyAttributes(row, present);
                updateCells(present, row);
                return present;
            });
            const kept = new Set(wanted);
            for (const row of old.values()) if (!kept.has(row) && !isPinned(row)) row.remove();
            const wantedAfter = (row) => {
                let after = row.nextElementSibling;
                while (after && !kept.has(after)) after = after.nextElementSibling;
                return after;
            };
            // From the end, so that the others are put around a row that stays in its place.
            let after = null;
            for (const row of wanted.reverse()) {
                const isInPlace = row.parentNode === body && wantedAfter(row) === after;
                if (!isInPlace && !(row.isConnected && isPinned(row))) body.insertBefore(row, after);
                after = row;
            }
        }
    };

    // Returns a function that puts the page back to where it was in the window, however much was inserted above. What
    // most of the visible elements have moved by is corrected, as a few of them may have moved for a better place.
    const holdPosition = () => {
        const tops = new Map();
        const noteTop = (element) => {
            const { top, bottom } = element.getBoundingClientRect();
            if (bottom > 0 && top < innerHeight) tops.set(element, top);
        };
        if (document.activeElement?.matches(controls)) noteTop(document.activeElement);
        if (tops.size === 0 && scrollY > 0) all("[data-row], h2, [data-live]:not([data-row] *)").forEach(noteTop);
        return () => {
            const shifts = [];
            for (const [element, top] of tops) {
                if (element.isConnected) shifts.push(element.getBoundingClientRect().top - top);
            }
            const shift = shifts.sort((one, other) => one - other)[Math.floor(shifts.length / 2)] ?? 0;
            if (Math.abs(shift) >= 1) scrollBy({ top: shift, behavior: "instant" });
        };
    };

    const apply = (page) => {
        const putBack = holdPosition();
        updateRows(page);
        updateLive(page);
        if (page.title && page.title !== document.title) document.title = page.title;
        showSelection();
        if (current && !current.isConnected) showTip();
        putBack();
    };

    // MARK: - Refresh

    const base = Number(root.dataset.refresh ?? 0) * 1000;
    const patience = 10000;
    const maxDelay = Math.max(60000, base);
    const pauseKey = "tollgate-paused";
    const stale = byId("stale");
    const pauseButton = byId("refresh-pause");
    const nowButton = byId("refresh-now");
    let timer, running, failures = 0, paused = false, ended = false, leaving = false;

    const asOf = () => byId("as-of")?.querySelector("time")?.textContent ?? new Date().toTimeString().slice(0, 8);
    let lastSuccess = asOf();

    const say = (text, link) => {
        if (!stale || stale.dataset.said === text) return;
        stale.dataset.said = text;
        stale.hidden = text === "";
        stale.textContent = text;
        if (!link) return;
        const anchor = document.createElement("a");
        anchor.href = location.href;
        anchor.textContent = link;
        stale.append(" ", anchor);
    };

    const schedule = () => {
        clearTimeout(timer);
        if (paused || ended || document.hidden) return;
        timer = setTimeout(refresh, Math.min(base * 2 ** failures, maxDelay));
    };

    // A redirect leads to the sign-in page, whose path is another one.
    const isSignedOut = (response) => response.status === 401 || response.status === 403
        || (response.redirected && new URL(response.url).pathname !== location.pathname);

    // Returns the page as it is now; undefined once the session has ended. The cause of an error is what the server did.
    const receive = async (url, signal) => {
        const response = await fetch(url, {
            signal, cache: "no-store", headers: { "Accept": "text/html", "X-Tollgate-Refresh": "1" },
        });
        if (isSignedOut(response)) return undefined;
        if (!response.ok) throw new Error("no page", { cause: `the server answers with status ${response.status}` });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        if (page.documentElement.dataset.page === root.dataset.page) return page;
        throw new Error("no page", { cause: "the server answers with another page" });
    };

    // Shows what a request for the page has led to.
    const conclude = (page, failure) => {
        failures = failure ? failures + 1 : 0;
        if (failure) {
            say(`Stale since ${lastSuccess}: ${failure.cause ?? "the server does not answer"}. Trying again.`);
        } else if (page) {
            apply(page);
            lastSuccess = asOf();
            say("");
        } else {
            ended = true;
            say("You are signed out.", "Sign in");
        }
    };

    const refresh = async () => {
        if (running || ended || leaving) return;
        clearTimeout(timer);
        running = new AbortController();
        const late = setTimeout(() => running?.abort(), patience);
        const url = location.href;
        let page, failure;
        try {
            page = await receive(url, running.signal);
        } catch (error) {
            failure = error;
        }
        clearTimeout(late);
        running = undefined;
        if (leaving) return;
        try {
            // A form that was opened meanwhile is not in the page.
            if (url === location.href) conclude(page, failure);
        } finally {
            schedule();
        }
    };

    // MARK: - Forms in rows

    // Selects the text of the field that a form was opened for, so that what is typed replaces it.
    const selectField = (within) => {
        const field = within.querySelector("[data-focus]");
        field?.focus();
        field?.select();
    };

    // Opens or closes the form of a row as a refresh does, so that nothing else moves. Without an answer the browser follows
    // the link.
    let opened;
    const openForm = async (link) => {
        opened = link;
        let page;
        try {
            page = await receive(link.href, AbortSignal.timeout(patience));
        } catch { /* see above */ }
        // Only the form that was asked for last is opened.
        if (link !== opened || !link.isConnected) return;
        if (!page) {
            location.assign(link.href);
            return;
        }
        // The row stays the same element while its cells are replaced.
        const row = link.closest("[data-row]") ?? document;
        link.closest("form")?.reset();
        history.replaceState(null, "", link.href);
        conclude(page);
        selectField(row);
    };

    document.addEventListener("click", (event) => {
        const link = event.target.closest?.("a[data-edit]");
        if (!link || base === 0 || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        openForm(link);
    });

    const setPaused = (value) => {
        paused = value;
        pauseButton?.setAttribute("aria-pressed", String(paused));
        // Storage may be forbidden: the switch then lasts as long as the page.
        try { sessionStorage.setItem(pauseKey, paused ? "1" : ""); } catch { /* see above */ }
    };

    const startRefreshing = () => {
        try { paused = sessionStorage.getItem(pauseKey) === "1"; } catch { paused = false; }
        setPaused(paused);
        for (const button of [pauseButton, nowButton]) if (button) button.hidden = false;
        nowButton?.addEventListener("click", refresh);
        pauseButton?.addEventListener("click", () => {
            setPaused(!paused);
            if (paused) clearTimeout(timer);
            else refresh();
        });
        const resume = () => {
            leaving = false;
            if (document.hidden) clearTimeout(timer);
            else if (!paused) refresh();
        };
        document.addEventListener("visibilitychange", resume);
        addEventListener("online", resume);
        addEventListener("pageshow", (event) => { if (event.persisted) resume(); });
        addEventListener("pagehide", () => {
            leaving = true;
            clearTimeout(timer);
            running?.abort();
        });
        schedule();
    };

    note(document);
    enhance(document);
    for (const element of all("[data-without-script]")) element.hidden = true;
    showSelection();
    for (const form of all("form[data-lookup]")) lookUp(form);
    if (base > 0) startRefreshing();
    // A form that was not accepted may be far down.
    const wrong = document.querySelector("form [aria-invalid=true]");
    if (wrong?.checkVisibility()) wrong.focus();
    else if (!document.querySelector(":target")) selectField(document);
})();
