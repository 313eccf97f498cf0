-- scope.lua: the state of one scope during a call.
--
-- A scope is one hash. Besides the fields of sliding limits (window.lua) it has:
--   cost/day, cost/day.p    a calendar limit, and the id and the end (Unix ms) of the period it counts, by the calendar of the set
--                           that began it: '2026-11-20 1795219200000'. That period runs to its own end, whatever sets with another
--                           calendar the scope is read with in the meantime; what is counted next begins the period of its set
--   cost/total              a limit for ever
--   held                    what open reservations hold (holds.lua)
--   alerts, outbox          thresholds that were reached, and what has not been published of them (alerts.lua)
--   requests/1m.e           a refusal that was reported (refusals.lua)
--   history, history/…      usage of the running day (today.lua)
--
-- The state, until the hash has been read (scope.read):
--   key, set, history, label   history: that of the set; label: 'provider=openai', under which other scopes' history counts what this one had a part in, or false
--   requests, order, tally, wanted     what operations will add to its history (today.lua)
-- and from then on:
--   found      the reply of the HMGET, in the order of set.read, then labels by `order`, then `wanted`
--   used[j]    what counts against limit j now
--   created    the hash holds nothing that the set counts
--   broken     Redis's error where the key cannot be read (not a hash, say); the rest means nothing then
--   held, alerts, outbox   the texts of these fields, or false; holds.lua makes a table of the first
-- Where they are needed, otherwise nil:
--   moved[j]   the stored bucket or period is an older one, so its marker has to be written with the counter
--   rings[j]   a sliding limit's earlier buckets where they differ from what is stored
--   texts[j]   used[j] as it is stored, where a double does not hold it exactly
--   ends[j]    when the period that a calendar limit counts ends, where that is not the set's; markers[j]: its id and its end
--   ahead[j]   a sliding limit's newest bucket is so many after the present one: the clock went back
--   changed, delta, pieces, before, refunded (counters.lua); waiting[meter]: used, but not counted yet
--   day, today, earlier: the running day, its page, and earlier days (today.lua, days.lua)
--   pending: the outbox's items (alerts.lua); refused (refusals.lua)
-- @include lib/exact
-- @include batch/current
-- @include batch/sets
-- @include batch/window

local scope = {}
local LARGEST = exact.LARGEST
local RING, SLIDING, CALENDAR, TOTAL = sets.RING, sets.SLIDING, sets.CALENDAR, sets.TOTAL
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local ceil, max, find, match, format = math.ceil, math.max, string.find, string.match, string.format

function scope.new(key, set, label)
    return {
        key = key, set = set, label = label, history = set.history, requests = 0, order = false, tally = false,
        found = false, used = false, created = true, broken = false, held = false, alerts = false,
        outbox = false, moved = nil, changed = nil,
    }
end

-- A calendar limit that counts another period than the set's: that one where it goes on, else nothing is counted yet.
local function read_period(state, j, marker, count)
    local ends = tonumber(match(marker or '', ' (%d+)$'))
    if ends and ends > current.now and ends <= LARGEST then
        state.ends, state.markers = state.ends or {}, state.markers or {}
        state.ends[j], state.markers[j] = ends, marker
        return count
    end
    state.moved = state.moved or {}
    state.moved[j] = true
    return 0
end

-- A sliding limit whose newest bucket is not the present one. late: those whose earlier buckets have to be read.
local function read_window(state, j, marker, count, late)
    local steps = state.set.current[j] - (tonumber(marker) or 0)
    if steps == 0 then return count end -- the marker was written in another form
    -- A clock that went back: for as long as the newest bucket lies within a window it is still counted in, and waits for the time
    -- to catch up; from further back it is taken to be the present one, and written down as that even if nothing else changes: a
    -- full limit would never become free.
    if steps < 0 and steps >= -RING then
        state.ahead = state.ahead or {}
        state.ahead[j] = -steps
        return count
    end
    state.moved = state.moved or {}
    state.moved[j] = true
    if steps < -RING then
        state.changed = state.changed or {}
        state.changed[j] = true
        return count
    end
    state.rings = state.rings or {}
    if steps > RING then
        state.rings[j] = ''
        return 0
    end
    state.rings[j] = steps
    late[#late + 1] = j
    return count
end

local function read_late(state, late)
    local set, fields = state.set, { 'HMGET', state.key }
    for i = 1, #late do fields[i + 2] = set.ring[late[i]] end
    local texts = call(unpack(fields))
    for i = 1, #late do
        local j = late[i]
        state.rings[j], state.used[j] = window.advance(texts[i], state.used[j], state.rings[j])
    end
end

-- What a limit counts where that is not simply the number of its counter, of the period or bucket that holds now.
local function read_limit(state, j, text, marker, late)
    local set = state.set
    if not text then
        state.moved = state.moved or {}
        state.moved[j] = true
        return 0
    end
    state.created = false
    local count = tonumber(text) or 0
    if not (count >= 0) then count = 0 end -- below zero, or nan
    if count > LARGEST and find(text, '^%d+$') then
        state.texts = state.texts or {}
        state.texts[j] = text
    end
    if set.kind[j] == TOTAL or marker == set.stored[j] then return count end
    if set.kind[j] == CALENDAR then return read_period(state, j, marker, count) end
    return read_window(state, j, marker, count, late)
end

-- Works out what counts now from the fields that were found.
function scope.parse(state, found)
    local set, used = state.set, {}
    local size, at, counter, stored = set.size, set.at, set.counter, set.stored
    state.found, state.used = found, used
    local late
    for j = 1, size do
        if counter[j] then
            local place = at[j]
            local text, marker = found[place], found[place + 1]
            local count = marker and marker == stored[j] and tonumber(text)
            if count and count >= 0 and count <= LARGEST then
                used[j], state.created = count, false
            else
                late = late or {}
                used[j] = read_limit(state, j, text, marker, late)
            end
        else
            used[j] = 0
        end
    end
    if late and late[1] then read_late(state, late) end
    local held_at = set.held_at
    if held_at then state.held, state.alerts, state.outbox = found[held_at], found[held_at + 1], found[held_at + 2] end
end

-- A scope of a set by itself, without its history; for reading alone.
function scope.load(key, set)
    local state = scope.new(key, set, false)
    if not set.held_at then
        scope.parse(state, {})
        return state
    end
    set.read[2] = key
    local found = pcall(unpack(set.read, 1, set.held_at + 3))
    if found.err then state.broken = found.err else scope.parse(state, found) end
    return state
end

-- What counts against a limit: a number, or past 2^53 its text.
function scope.used(state, j)
    local used, text = state.used[j], state.texts and state.texts[j]
    local pieces = state.pieces and state.pieces[j]
    if not text and not pieces then return used end
    local sum, changed = { 0, 0 }, state.delta and state.delta[j]
    exact.add_text(sum, text or format('%d', changed and state.before[j] or used))
    for i = 1, pieces and #pieces or 0 do exact.add_number(sum, pieces[i]) end
    if changed then exact.add_number(sum, changed) end
    return exact.total(sum)
end

-- The same as text.
function scope.used_text(state, j)
    local used = scope.used(state, j)
    return type(used) == 'string' and used or format('%d', used)
end

-- The earlier buckets of a sliding limit as text, read now if that was not needed before.
function scope.ring(state, j)
    return state.rings and state.rings[j] or call('HGET', state.key, state.set.ring[j])
end

function scope.set_ring(state, j, text)
    state.rings = state.rings or {}
    state.rings[j] = text
end

-- Milliseconds until the bucket so many places before the newest has left the window.
function scope.leaves_in(set, j, place)
    return (set.current[j] - place + RING + 1) * set.width[j] - current.now
end

-- When what counts against a limit now stops to: of a calendar limit the end of its period, of a sliding one that of its newest
-- bucket's time in the window; false for others.
function scope.end_of(state, j)
    return state.ends and state.ends[j] or state.set.ends[j]
end

-- Milliseconds until nothing of what is counted now counts any more; 0 when nothing is. Needs no earlier buckets of its own: the
-- stored newest bucket always holds something, and where time has moved on since, the earlier ones were read.
function scope.resets_in(state, j)
    local set = state.set
    if set.kind[j] == CALENDAR then return scope.end_of(state, j) - current.now end
    if set.kind[j] ~= SLIDING or state.used[j] == 0 then return 0 end
    local ring = state.moved and state.moved[j] and state.rings and state.rings[j]
    if not ring or (state.changed and state.changed[j]) then return scope.leaves_in(set, j, 0) end
    local _, width, columns = window.parse(ring)
    local place = find(columns, '[1-9]')
    return place and scope.leaves_in(set, j, ceil(place / width)) or 0
end

-- The scope's text: user:alice.
function scope.text(state)
    local text = string.sub(state.key, current.prefix + 1)
    return find(text, '::', 1, true) and (string.gsub(text, '::', ':')) or text
end

return scope
