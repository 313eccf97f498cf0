-- today.lua: the running day of a scope's history. It is part of the scope's own hash, so that it is read and written together with the
-- counters.
--
--   history   the day and its end, the month and its end, the numbers of providers, tools and models, and + if part of the day has been
--             moved to its own record before: '2026-11-29 1795996800000 2026-11 1796083200000 4 20 0'
--   history/requests, history/cost/tool=search, …   its record (history_record.lua)
--
-- The first operation of another day moves the day to its own key (days.lua). That is after its end, or where calendars alternate or the
-- clock goes back. So the total of a day is the sum of its part here and its own record.
--
-- Plain CHECKs, by far the most frequent operation, are counted before the scopes are read, so that one HMGET reads the fields they need.
-- state.requests is their number. state.label_list is the list of the labelled scopes; state.label_requests is the number of CHECKs of each, or
-- false where each has as many as state.requests. A CHECK that does not pass is subtracted again. CHECKs after an operation that takes
-- something back are counted when they pass, so that it does not take from them.
-- @include lib/exact
-- @include batch/current
-- @include batch/history_record
-- @include batch/labels
-- @include batch/rankings

local today = {}
local LARGEST, IN_ALL, DIMENSIONS = exact.LARGEST, labels.IN_ALL, #labels.DIMENSIONS
local REQUESTS, IN_ALL_REQUESTS = 1, labels.IN_ALL.today[1]
local SAFE_MAX = LARGEST - 1000000 -- from here, no number of plain CHECKs in a batch exceeds what a double represents exactly
local pcall, tonumber, type, unpack = redis.pcall, tonumber, type, unpack
local match, format = string.match, string.format
local text_of, small_texts = exact.text, exact.small_texts

-- Running days by their text, cached between calls. They are immutable.
local MAX_CACHED = 4096
local cached, cached_count = {}, 0

-- Parses a running day: { id, ends, month, month_ends, values, head, has_record }. Returns nil for any other text.
local function parse(text)
    local day = cached[text]
    if day then return day end
    local head, id, ends, month, month_ends, provider, tool, model, has_record =
        match(text, '^((%d+%-%d+%-%d+) (%d+) (%d+%-%d+) (%d+)) (%d+) (%d+) (%d+)( ?%+?)$')
    if not head then return nil end
    day = {
        id = id, ends = tonumber(ends), month = month, month_ends = tonumber(month_ends), head = head,
        values = { tonumber(provider), tonumber(tool), tonumber(model) }, has_record = has_record ~= '',
    }
    if cached_count >= MAX_CACHED then cached, cached_count = {}, 0 end
    cached[text], cached_count = day, cached_count + 1
    return day
end

-- Determines which day the hash contains. Returns that day where it is not the set's, and must be moved before anything is counted.
function today.find_day(state)
    local text = state.found[state.set.history_at]
    local day, present = text and parse(text), state.history.day
    if day and day.id == present.id then
        state.day = day
        return nil
    end
    return day or nil
end

-- Clears the fields of a day that has been moved out of the hash.
function today.clear(state)
    local found, set = state.found, state.set
    local last = set.read_size - 2 + (state.label_list and #state.label_list or 0) + (state.wanted and #state.wanted or 0)
    for i = set.history_at, last do found[i] = false end
end

-- During the call -----------------------------------------------------------------------------------------------------------------------

-- Returns the id of the day in which current usage counts.
function today.id(state)
    return (state.day or state.history.day).id
end

-- Returns the day in which a call counts. A day that starts here, but has a record of its own already, belongs to the month that the record
-- states: a day belongs to one month, even if calendars change.
function today.day(state)
    if state.day or state.new_day then return state.day or state.new_day end
    local day = state.history.day
    local text = pcall('HGET', state.key .. ':day:' .. day.id, 'month')
    local month, month_ends = match(type(text) == 'string' and text or '', '^(%S+) (%d+)$')
    if month then
        day = {
            id = day.id, ends = day.ends, month = month, month_ends = tonumber(month_ends), values = day.values,
            head = format('%s %d %s %s', day.id, day.ends, month, month_ends), has_record = true,
        }
    end
    state.new_day = day
    return day
end

-- Returns the day's record, for operations other than plain CHECKs.
function today.record(state)
    local today_record = state.today
    if today_record then return today_record end
    local values = state.day and state.day.values
    today_record = history_record.new(state.key, true, values and { unpack(values) } or { 0, 0, 0 })
    state.today = today_record
    local texts, found, at = today_record.texts, state.found, state.set.history_at + 1
    texts[IN_ALL.today[REQUESTS]] = found[at]
    local label_list, wanted = state.label_list, state.wanted
    for i = 1, label_list and #label_list or 0 do
        at = at + 1
        texts[current.scopes[label_list[i]].label.today[REQUESTS]] = found[at] or false
    end
    for i = 1, wanted and #wanted or 0 do texts[wanted[i]] = found[at + i] or false end
    return today_record
end

-- Adds the counted plain CHECKs to the record.
function today.flush_checks(state)
    local today_record, label_list, label_requests = today.record(state), state.label_list, state.label_requests
    if state.requests > 0 then history_record.add(today_record, IN_ALL, REQUESTS, state.requests) end
    for i = 1, label_list and #label_list or 0 do
        local index = label_list[i]
        local count = label_requests and label_requests[index] or not label_requests and state.requests or 0
        if count > 0 then history_record.add(today_record, current.scopes[index].label, REQUESTS, count) end
        if label_requests then label_requests[index] = 0 end
    end
    state.requests = 0
    return today_record
end

-- Writing --------------------------------------------------------------------------------------------------------------------------------

-- Adds the plain CHECKs to an HSET, where they are the only change and state.requests is not 0. Returns its length, or nil where that needs
-- the record; and the new numbers of labels, where they changed.
function today.list_checks(state, day, write, length)
    if day.has_record then return nil end
    local found, at, requests = state.found, state.set.history_at + 1, state.requests
    local text = found[at]
    local stored = text and tonumber(text) or 0
    if text and not tonumber(text) or stored > SAFE_MAX then return nil end
    local total = stored + requests
    write[length + 1], write[length + 2] = IN_ALL_REQUESTS, small_texts[total] or text_of(total)
    length = length + 2
    local label_list, label_requests, values = state.label_list, state.label_requests, nil
    if label_list then
        local fields = label_list.fields
        for i = 1, #fields do
            local count = label_requests and label_requests[label_list[i]] or requests
            if count > 0 then
                local label_text = found[at + i]
                local label_total = label_text and tonumber(label_text)
                if not label_total or label_total > SAFE_MAX then
                    if label_text then return nil end
                    local dimension = current.scopes[label_list[i]].label.dimension
                    values = values or { unpack(day.values) }
                    if values[dimension] >= labels.MAX then return nil end
                    values[dimension] = values[dimension] + 1
                    label_total = 0
                end
                label_total = label_total + count
                write[length + 1], write[length + 2] = fields[i], small_texts[label_total] or text_of(label_total)
                length = length + 2
            end
        end
    end
    if not rankings.is_below(state.history, day, total) then
        rankings.note(state, state.history, day, 'requests', total, requests)
    end
    return length, values
end

-- Adds the day and its numbers of labels to an HSET.
function today.list_values(day, values, write, length)
    local text = format('%s %d %d %d', day.head, unpack(values, 1, DIMENSIONS))
    write[length + 1], write[length + 2] = 'history', day.has_record and text .. ' +' or text
    return length + 2
end

-- Adds the changes of the running day to an HSET. Returns its length; the time until which a day that starts needs the key, otherwise 0; and
-- a function to call after the write, or nil.
function today.list(state, write, length)
    local today_record = state.today
    if state.requests == 0 and not today_record then return length, 0 end
    local history = state.history
    local day = today.day(state)
    local start, values, large, note = length, nil, nil, nil
    local has_record = day.has_record
    if not today_record and not has_record then length, values = today.list_checks(state, day, write, length) end
    if not length or has_record then today_record = today.record(state) end
    if today_record then
        -- For a day with two records, days.lua reports the totals.
        if not has_record then
            note = function(field, total, delta) rankings.note(state, history, day, field, total, delta) end
        end
        today.flush_checks(state)
        length, large = history_record.list(today_record, write, start, note)
        values = today_record.has_new_values and today_record.values
    end
    if length == start and not large then return length, 0 end
    local expires = 0
    if not state.day then
        values = values or day.values
        expires = math.max(day.month_ends + history.month_retention, day.ends + history.day_retention)
    end
    if values then length = today.list_values(day, values, write, length) end
    return length, expires, large and function() history_record.increase(today_record, large, note) end
end

return today
