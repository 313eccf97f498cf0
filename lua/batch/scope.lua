-- scope.lua: the state of one scope during a call.
--
-- A scope is one hash. Besides the fields of sliding limits (window.lua) it has:
--   cost/day, cost/day.p    a calendar limit, and the id and end (Unix ms) of the period that it counts, '2026-11-20 1795219200000', by the
--                           calendar of the set that started it. The period runs to that end, even if sets with another calendar read
--                           the scope in the meantime. The next usage then starts a period of its own set
--   cost/total              a limit without a period
--   held                    the sums of open reservations (holds.lua); charge_days, charge_tiers: the days and tiers of those
--                           that may be charged; resets: when limits were reset (resets.lua)
--   alerts, outbox          the thresholds reached, and the alert changes to publish (alerts.lua)
--   requests/1m.e           the last reported refusal (refusals.lua)
--   tokens/month.provider   of an account: the figure of its provider, and the id and end of its period, '412000 2026-11 1796083200000'
--                           (accounts/figures.lua). It is beside our own amount, and no operation changes it
--   history, history/…      the usage of the running day (today.lua)
--
-- The state, until the hash has been read (scope.read):
--   key, set, history   history: of the set
--   label               under which the history of other scopes is split, 'provider=openai', or false
--   requests, label_list, label_requests, wanted   what the operations add to its history (today.lua)
-- and from then on:
--   found      the reply to the HMGET: the fields of set.read, then of label_list, then of wanted
--   used[j]    our own amount in the current period or window of limit j
--   created    whether the hash has no counter of the set
--   broken     Redis's error where the key cannot be read, for example because it is not a hash; the other fields are invalid then
--   held, alerts, outbox   the texts of these fields, or false; holds.lua parses the first into a table
-- Set only where needed, otherwise nil:
--   moved[j]   the stored bucket or period is an older one, so its marker must be written with the counter
--   rings[j]   a sliding limit's earlier buckets where they differ from the stored text
--   texts[j]   the stored text of used[j] where a double does not represent it exactly
--   ends[j]    the end of the period that a calendar limit counts where it is not the set's; markers[j]: its id and end
--   ahead[j]   the number of buckets that a sliding limit's newest bucket is in the future, because the clock went back
--   figures[j] the provider's figure of the period that a limit of an account counts
--   changed, delta, pieces, before, refunded   see counters.lua
--   waiting[meter]         usage that is journaled but not counted yet
--   day, today, earlier    the running day, its record, and earlier days (today.lua, days.lua)
--   charged, uncharged, adds_charge, can_charge, is_blocked, is_swept, tiers, adds_tier   see charges.lua; resets: see resets.lua
--   pending, refused       the outbox's items (alerts.lua); the limits with a noted refusal (refusals.lua)
-- @include lib/exact
-- @include batch/current
-- @include batch/sets
-- @include batch/window

local scope = {}
local LARGEST = exact.LARGEST
local RING, SLIDING, CALENDAR, TOTAL, LARGER = sets.RING, sets.SLIDING, sets.CALENDAR, sets.TOTAL, sets.LARGER
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local ceil, max, min = math.ceil, math.max, math.min
local find, match, format = string.find, string.match, string.format

function scope.new(key, set, label)
    return {
        key = key, set = set, label = label, history = set.history, requests = 0, label_list = false, label_requests = false,
        found = false, used = false, created = true, broken = false, held = false, alerts = false,
        outbox = false, moved = nil, changed = nil,
    }
end

-- Reads a calendar limit that counts another period than the set's. Returns its count while that period continues, otherwise 0.
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

-- Reads a sliding limit whose newest bucket is not the current one. late: collects the limits whose earlier buckets must be read.
local function read_window(state, j, marker, count, late)
    local steps = state.set.current[j] - (tonumber(marker) or 0)
    if steps == 0 then return count end -- the marker was written in another format
    -- The clock went back. A newest bucket within one window ahead still counts until the time catches up. One further ahead is taken for
    -- the current bucket, and written as such even if nothing else changes: otherwise a full limit would never free up.
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

-- Returns the used amount of a limit in all cases that scope.parse does not handle: another period or bucket, or an unusual text.
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

-- Reads the provider's figures of the set's current periods, also where our own counter still counts another one.
local function read_figures(state, found)
    local set = state.set
    for j = 1, set.size do
        local figure, period = match(set.counts[j] and found[set.at[j] + 2] or '', '^(%d+) (.*)$')
        if figure and period == set.stored[j] then
            state.figures = state.figures or {}
            state.figures[j] = min(tonumber(figure), LARGEST)
        end
    end
end

-- Computes the used amounts from the fields read.
function scope.parse(state, found)
    local set, used = state.set, {}
    local size, at, counter, stored = set.size, set.at, set.counter, set.stored
    state.found, state.used = found, used
    local late
    for j = 1, size do
        if counter[j] then
            local offset = at[j]
            local text, marker = found[offset], found[offset + 1]
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
    if set.has_figures then read_figures(state, found) end
    local held_at = set.held_at
    if held_at then state.held, state.alerts, state.outbox = found[held_at], found[held_at + 1], found[held_at + 2] end
end

-- Reads a single scope without its history, for read-only functions.
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

-- Returns the amount that counts against a limit, without what is held: our own, or the provider's figure.
local function counted(state, j)
    local used, figure = state.used[j], state.figures and state.figures[j]
    if not figure or figure < used and state.set.counts[j] == LARGER then return used end
    return figure
end
scope.counted = counted

-- Returns the amount that counts against a limit: a number, or past 2^53 its text.
function scope.used(state, j)
    if state.figures and counted(state, j) ~= state.used[j] then return counted(state, j) end
    local used, text = state.used[j], state.texts and state.texts[j]
    local pieces = state.pieces and state.pieces[j]
    if not text and not pieces then return used end
    local sum, changed = { 0, 0 }, state.delta and state.delta[j]
    exact.add_text(sum, text or format('%d', changed and state.before[j] or used))
    for i = 1, pieces and #pieces or 0 do exact.add_number(sum, pieces[i]) end
    if changed then exact.add_number(sum, changed) end
    return exact.total(sum)
end

-- Returns the amount that counts against a limit as text.
function scope.used_text(state, j)
    local used = scope.used(state, j)
    return type(used) == 'string' and used or format('%d', used)
end

-- Returns the text of a sliding limit's earlier buckets, which is read on demand.
function scope.ring(state, j)
    return state.rings and state.rings[j] or call('HGET', state.key, state.set.ring[j])
end

function scope.set_ring(state, j, text)
    state.rings = state.rings or {}
    state.rings[j] = text
end

-- Returns the milliseconds until a bucket leaves the window. age: the number of buckets since it was the newest.
function scope.leaves_in(set, j, age)
    return (set.current[j] - age + RING + 1) * set.width[j] - current.now
end

-- Returns when current usage stops counting against a limit: at the end of a calendar limit's period, or when the newest bucket leaves a
-- sliding window; false for other limits.
function scope.end_of(state, j)
    return state.ends and state.ends[j] or state.set.ends[j]
end

-- Returns the milliseconds until none of the current usage counts any more; 0 where there is none. Earlier buckets need not be read for it:
-- the stored newest bucket is never empty, and where the window has advanced since, they have been read.
function scope.resets_in(state, j)
    local set = state.set
    if set.kind[j] == CALENDAR then return scope.end_of(state, j) - current.now end
    if set.kind[j] ~= SLIDING or state.used[j] == 0 then return 0 end
    local ring = state.moved and state.moved[j] and state.rings and state.rings[j]
    if not ring or (state.changed and state.changed[j]) then return scope.leaves_in(set, j, 0) end
    local _, width, columns = window.parse(ring)
    local position = find(columns, '[1-9]')
    return position and scope.leaves_in(set, j, ceil(position / width)) or 0
end

-- Returns the scope's text: user:alice.
function scope.text(state)
    local text = string.sub(state.key, current.prefix + 1)
    return find(text, '::', 1, true) and (string.gsub(text, '::', ':')) or text
end

return scope
