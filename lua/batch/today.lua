-- today.lua: the running day of a scope's history. It stands in the scope's own hash, so that it is read and written together with the
-- counters.
--
--   history   the day, its end, its month and that one's end, how many providers, tools and models stand here, and + where a part of
--             the day has been moved to its own page before: '2026-11-29 1795996800000 2026-11 1796083200000 4 20 0'
--   history/requests, history/cost/tool=search, …   its page (page.lua)
--
-- The first operation of another day moves it to the day's own key (days.lua): behind its end, and where calendars alternate or the clock
-- goes back. So a day is what stands here, where that is it, and its own page, together.
--
-- Plain CHECKs, of which there are most by far, are counted before the scopes are read, so that one HMGET reads the fields that they
-- will need: state.requests, and of the labelled scopes in state.order as many of each as state.tally says, or where there is none as
-- many as requests. Where one does not pass, it is taken out again. Once an operation takes something back the CHECKs behind it are counted when they pass: it must not take from those.
-- @include lib/exact
-- @include batch/current
-- @include batch/labels
-- @include batch/page
-- @include batch/rankings

local today = {}
local LARGEST, IN_ALL, DIMENSIONS = exact.LARGEST, labels.IN_ALL, #labels.DIMENSIONS
local REQUESTS, IN_ALL_REQUESTS = 1, labels.IN_ALL.today[1]
local MUCH = LARGEST - 1000000 -- no number of plain CHECKs in a batch passes what a double holds from there
local pcall, tonumber, type, unpack = redis.pcall, tonumber, type, unpack
local match, format = string.match, string.format
local text_of, small_texts = exact.text, exact.small_texts

-- Running days by their text, kept between calls. None is ever changed.
local MAX_KEPT = 4096
local kept, kept_count = {}, 0

-- { id, ends, month, month_ends, values, head, has_page }; nil where the text is none.
local function parse(text)
    local day = kept[text]
    if day then return day end
    local head, id, ends, month, month_ends, provider, tool, model, has_page =
        match(text, '^((%d+%-%d+%-%d+) (%d+) (%d+%-%d+) (%d+)) (%d+) (%d+) (%d+)( ?%+?)$')
    if not head then return nil end
    day = {
        id = id, ends = tonumber(ends), month = month, month_ends = tonumber(month_ends), head = head,
        values = { tonumber(provider), tonumber(tool), tonumber(model) }, has_page = has_page ~= '',
    }
    if kept_count >= MAX_KEPT then kept, kept_count = {}, 0 end
    kept[text], kept_count = day, kept_count + 1
    return day
end

-- Before the scopes are read -----------------------------------------------------------------------------------------------------------

-- The labelled scopes that operations name together: a list of their places, which the scopes without a label that they name share;
-- fields: those of their requests; hits: plain CHECKs. By the first two of these places; of more each operation has one of its own.
local shared, lists = {}, {}
local is_labelled = {} -- by place; written before it is read in a call

function today.begin()
    shared, lists = {}, {}
end

function today.begin_scope(place, state) is_labelled[place] = state.label ~= false end

local function list_of(places)
    local list = { fields = {}, hits = 0 }
    for i = 1, #places do
        list[i] = places[i]
        list.fields[i] = current.scopes[places[i]].label.requests_today
    end
    return list
end

local function new_list(places)
    local list = list_of(places)
    lists[#lists + 1] = list
    return list
end

-- From now on a scope's labels are counted one by one, not all as often as its requests.
local function split(state)
    local order, requests, tally = state.order, state.requests, {}
    state.order, state.tally = order and list_of(order) or { fields = {} }, tally
    for i = 1, order and #order or 0 do tally[order[i]] = requests end
end

local function add_label(state, place, hits)
    local before = state.tally[place]
    if before then
        state.tally[place] = before + hits
    else
        local order = state.order
        order[#order + 1], state.tally[place] = place, hits
        order.fields[#order] = current.scopes[place].label.requests_today
    end
end

local unlabelled = {} -- reused

-- Counts one plain CHECK of the scopes that stand at these places of the operations, or with 0 only prepares for it.
function today.expect_check(operations, from, to, hits)
    local one, other, others, count = 0, 0, nil, 0
    for i = from, to do
        local place = operations[i]
        if not is_labelled[place] then
            count = count + 1
            unlabelled[count] = place
        elseif one == 0 then
            one = place
        elseif other == 0 then
            other = place
        else
            others = others or { one, other }
            others[#others + 1] = place
        end
    end
    local id = one * 65536 + other
    local list = not others and shared[id]
    if not list then
        list = new_list(others or other > 0 and { one, other } or one > 0 and { one } or {})
        if not others then shared[id] = list end
    end
    list.hits = list.hits + hits
    local scopes = current.scopes
    for i = 1, count do
        local state = scopes[unlabelled[i]]
        if state.history then
            if not state.order then
                state.order = list
            elseif state.order ~= list then
                if not state.tally then split(state) end
                for l = 1, #list do add_label(state, list[l], hits) end
            end
            state.requests = state.requests + hits
        end
    end
end

-- Counts for the labelled scopes what all plain CHECKs came to.
function today.expect_together()
    local scopes = current.scopes
    for i = 1, #lists do
        local list = lists[i]
        for l = 1, #list do
            local state = scopes[list[l]]
            if state.history then
                if not state.tally then split(state) end
                for o = 1, #list do
                    if o ~= l then add_label(state, list[o], list.hits) end
                end
                state.requests = state.requests + list.hits
            end
        end
    end
end

-- Takes out a plain CHECK that was counted and does not pass (-1), or counts one that was only prepared for (1).
function today.correct_check(hits)
    local scopes, named = current.scopes, current.named
    for i = 1, current.count do
        local state = scopes[named[i]]
        if state.history then
            local tally = state.tally
            state.requests = state.requests + hits
            for l = 1, tally and current.count or 0 do
                local label = named[l]
                if label ~= named[i] and tally[label] then tally[label] = tally[label] + hits end
            end
        end
    end
end

local function want(wanted, name)
    if not wanted[name] then
        wanted[#wanted + 1] = name
        wanted[name] = true
    end
end

-- Lets the HMGET read what an operation other than a plain CHECK will add to. Most of a batch add to the same meters: so of each label
-- it is known for which ones it has been done last, by the sum of their powers of 2.
function today.expect(meters)
    local scopes, named, count, sum = current.scopes, current.named, current.count, 0
    for m = 1, #meters do sum = sum + 2 ^ meters[m] end
    for i = 1, count do
        local state = scopes[named[i]]
        if state.history then
            local wanted = state.wanted
            if not wanted then
                wanted = {}
                state.wanted = wanted
            end
            for l = 0, count do
                local label = l == 0 and IN_ALL or l ~= i and scopes[named[l]].label
                if label and wanted[label] ~= sum then
                    local names = label.today
                    if l > 0 then want(wanted, names[REQUESTS]) end
                    for m = 1, #meters do want(wanted, names[meters[m]]) end
                    wanted[label] = sum
                end
            end
        end
    end
end

-- Adds these fields to a scope's HMGET. Returns its length.
function today.list_fields(state, read, length)
    local order, wanted = state.order, state.wanted
    if order then
        local fields = order.fields
        for i = 1, #fields do
            length = length + 1
            read[length] = fields[i]
        end
    end
    for i = 1, wanted and #wanted or 0 do read[length + i] = wanted[i] end
    return length + (wanted and #wanted or 0)
end

-- Finds out which day the hash has. Returns it where it is another one than the set's, and has to be moved before anything is counted.
function today.open(state)
    local text = state.found[state.set.history_at]
    local day, present = text and parse(text), state.history.day
    if day and day.id == present.id then
        state.day = day
        return nil
    end
    return day or nil
end

-- The day that the hash had has been moved away: nothing stands there now.
function today.forget(state)
    local found, set = state.found, state.set
    local last = set.read_size - 2 + (state.order and #state.order or 0) + (state.wanted and #state.wanted or 0)
    for i = set.history_at, last do found[i] = false end
end

-- During the call -----------------------------------------------------------------------------------------------------------------------

-- The id of the day that what is used now counts in.
function today.id(state)
    return (state.day or state.history.day).id
end

-- The day that a call counts in. One that begins, and a part of which has been moved to its own page before, belongs to the month that
-- this says: a day is of one month, whatever calendars do.
function today.day(state)
    if state.day or state.new_day then return state.day or state.new_day end
    local day = state.history.day
    local text = pcall('HGET', state.key .. ':day:' .. day.id, 'month')
    local month, month_ends = match(type(text) == 'string' and text or '', '^(%S+) (%d+)$')
    if month then
        day = {
            id = day.id, ends = day.ends, month = month, month_ends = tonumber(month_ends), values = day.values,
            head = format('%s %d %s %s', day.id, day.ends, month, month_ends), has_page = true,
        }
    end
    state.new_day = day
    return day
end

-- The day's page, for what other operations than plain CHECKs do.
function today.page(state)
    local today_page = state.today
    if today_page then return today_page end
    local values = state.day and state.day.values
    today_page = page.new(state.key, true, values and { unpack(values) } or { 0, 0, 0 })
    state.today = today_page
    local texts, found, at = today_page.texts, state.found, state.set.history_at + 1
    texts[IN_ALL.today[REQUESTS]] = found[at]
    local order, wanted = state.order, state.wanted
    for i = 1, order and #order or 0 do
        at = at + 1
        texts[current.scopes[order[i]].label.today[REQUESTS]] = found[at] or false
    end
    for i = 1, wanted and #wanted or 0 do texts[wanted[i]] = found[at + i] or false end
    return today_page
end

-- Puts what plain CHECKs have added onto the page.
function today.settle_checks(state)
    local today_page, order, tally = today.page(state), state.order, state.tally
    if state.requests > 0 then page.add(today_page, IN_ALL, REQUESTS, state.requests) end
    for i = 1, order and #order or 0 do
        local place = order[i]
        local hits = tally and tally[place] or not tally and state.requests or 0
        if hits > 0 then page.add(today_page, current.scopes[place].label, REQUESTS, hits) end
        if tally then tally[place] = 0 end
    end
    state.requests = 0
    return today_page
end

-- Writing --------------------------------------------------------------------------------------------------------------------------------

-- Adds to an HSET what plain CHECKs have added, where nothing else did: state.requests is not 0. Returns its length, or nil where it
-- has to go by the page; the new numbers of labels, where they changed.
function today.list_checks(state, day, write, length)
    if day.has_page then return nil end
    local found, at, requests = state.found, state.set.history_at + 1, state.requests
    local text = found[at]
    local stored = text and tonumber(text) or 0
    if text and not tonumber(text) or stored > MUCH then return nil end
    local total = stored + requests
    write[length + 1], write[length + 2] = IN_ALL_REQUESTS, small_texts[total] or text_of(total)
    length = length + 2
    local order, tally, values = state.order, state.tally, nil
    if order then
        local fields = order.fields
        for i = 1, #fields do
            local hits = tally and tally[order[i]] or requests
            if hits > 0 then
                local its_text = found[at + i]
                local its_stored = its_text and tonumber(its_text)
                if not its_stored or its_stored > MUCH then
                    if its_text then return nil end
                    local dimension = current.scopes[order[i]].label.dimension
                    values = values or { unpack(day.values) }
                    if values[dimension] >= labels.MAX then return nil end
                    values[dimension] = values[dimension] + 1
                    its_stored = 0
                end
                its_stored = its_stored + hits
                write[length + 1], write[length + 2] = fields[i], small_texts[its_stored] or text_of(its_stored)
                length = length + 2
            end
        end
    end
    if not rankings.is_below(state.history, day, total) then
        rankings.note(state, state.history, day, 'requests', total, requests)
    end
    return length, values
end

-- Adds to an HSET which day it is, and how many labels it has.
function today.list_values(day, values, write, length)
    local text = format('%s %d %d %d', day.head, unpack(values, 1, DIMENSIONS))
    write[length + 1], write[length + 2] = 'history', day.has_page and text .. ' +' or text
    return length + 2
end

-- Adds to an HSET what is counted of the running day. Returns its length; until when the key has to live for a day that begins, else
-- 0; and what is to be done after the writing.
function today.list(state, write, length)
    local today_page = state.today
    if state.requests == 0 and not today_page then return length, 0 end
    local history = state.history
    local day = today.day(state)
    local start, values, large, note = length, nil, nil, nil
    local is_parted = day.has_page
    if not today_page and not is_parted then length, values = today.list_checks(state, day, write, length) end
    if not length or is_parted then today_page = today.page(state) end
    if today_page then
        -- Of a day in two parts days.lua takes note.
        if not is_parted then
            note = function(field, total, delta) rankings.note(state, history, day, field, total, delta) end
        end
        today.settle_checks(state)
        length, large = page.list(today_page, write, start, note)
        values = today_page.has_new_values and today_page.values
    end
    if length == start and not large then return length, 0 end
    local expires = 0
    if not state.day then
        values = values or day.values
        expires = math.max(day.month_ends + history.month_kept, day.ends + history.day_kept)
    end
    if values then length = today.list_values(day, values, write, length) end
    return length, expires, large and function() page.increase(today_page, large, note) end
end

return today
