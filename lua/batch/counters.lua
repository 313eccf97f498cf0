-- counters.lua: changes the counters of a scope, first in its state and then in Redis.
--
-- change(state, j, amount) makes every change of a counter, except plain CHECKs, which plain.lua counts until the counters are read. It
-- sets in the state:
--   changed[j]  true
--   delta[j]    of a limit that is not a sliding window: the change by this batch; pieces[j]: parts of it that exact.add has moved out
--   before[j]   of the same limits: the amount before the batch
-- @include lib/exact
-- @include batch/sets
-- @include batch/scope
-- @include batch/window

local counters = {}
local LARGEST = exact.LARGEST
local RING, SLIDING, TOTAL, REQUESTS = sets.RING, sets.SLIDING, sets.TOTAL, sets.REQUESTS
local call, floor, min, max = redis.call, math.floor, math.min, math.max
local end_of = scope.end_of
local text_of, small_texts = exact.text, exact.small_texts

local function change(state, j, amount)
    local used, changed = state.used, state.changed
    if not changed then
        changed = {}
        state.changed = changed
    end
    if state.set.kind[j] ~= SLIDING then
        if not state.delta then state.delta, state.pieces, state.before = {}, {}, {} end
        if not changed[j] then state.before[j] = used[j] end
        exact.add(state.delta, state.pieces, j, amount)
        if used[j] + amount > LARGEST then state.pieces[j] = state.pieces[j] or {} end
    end
    changed[j] = true
    used[j] = used[j] + amount
end

-- Returns the age of the bucket of a time (Unix ms): the number of buckets since it was the newest of its sliding window.
local function bucket_age(state, j, time)
    return state.set.current[j] + (state.ahead and state.ahead[j] or 0) - floor(time / state.set.width[j])
end

-- Returns whether usage counted at a time (Unix ms) belongs to the period that a calendar limit counts now. If that is not the set's period,
-- its start is unknown, and the result is true only if it is certain: a period is at least nine tenths of another day, week or month.
local function is_in_period(state, j, time)
    local set = state.set
    local ends = state.ends and state.ends[j]
    if not ends then return time >= set.starts[j] end
    return 10 * (ends - time) <= 9 * (set.ends[j] - set.starts[j])
end

-- Returns whether usage added as of a time (Unix ms) belongs to an earlier period than the one that a calendar limit counts now. If that is
-- not the set's period, the result is true only if it is certain: a period is at most six fifths of another.
local function is_before_period(state, j, time)
    local set = state.set
    local ends = state.ends and state.ends[j]
    if not ends then return time < set.starts[j] end
    return 5 * (ends - time) > 6 * (set.ends[j] - set.starts[j])
end

-- Adds to the bucket of a time (Unix ms). Has no effect where that has left the window.
local function add_to_bucket(state, j, amount, time)
    local age = bucket_age(state, j, time)
    if age > RING then return end
    if age > 0 then scope.set_ring(state, j, window.add(scope.ring(state, j), amount, age)) end
    change(state, j, amount)
end

-- Adds amounts, by meter, to every limit that counts them. time: of the usage, for sliding windows. period_time: a calendar limit counts the
-- amounts unless this is before its period. Both are Unix ms, or nil for now. skips: the limits, by their indexes, that do not count them;
-- nil for none.
function counters.consume(state, amounts, time, period_time, skips)
    local set = state.set
    local meters, kinds, counter = set.meter, set.kind, set.counter
    for j = 1, set.size do
        local amount, kind = amounts[meters[j]], kinds[j]
        if amount and amount > 0 and counter[j] and not (skips and skips[j]) then
            if kind == SLIDING then
                amount = min(amount, LARGEST - state.used[j])
                if amount <= 0 then
                    -- The counter stays at its maximum.
                elseif time then
                    add_to_bucket(state, j, amount, time)
                else
                    change(state, j, amount)
                end
            elseif not period_time or kind == TOTAL or not is_before_period(state, j, period_time) then
                change(state, j, amount)
            end
        end
    end
end

-- Notes a refund, so that an alert states it as the reason for resolving.
local function note_refund(state, j)
    state.refunded = state.refunded or {}
    state.refunded[j] = true
end

-- Takes back from a sliding window, oldest bucket first. So the window never counts too little, whichever bucket the amount was in.
local function give_back_sliding(state, j, amount)
    local text = window.take_oldest(scope.ring(state, j), amount)
    if text then scope.set_ring(state, j, text) end
    change(state, j, -amount)
end

-- Returns whether usage counted at a time (Unix ms) still counts against a limit.
local function still_counts(state, j, time)
    local kind = state.set.kind[j]
    if kind == SLIDING then return bucket_age(state, j, time) <= RING end
    return kind == TOTAL or is_in_period(state, j, time)
end

-- Takes amounts, by meter, from every limit that still counts them; none goes below zero. time: of the usage taken back (Unix ms; nil is
-- now).
function counters.give_back(state, amounts, time)
    local set = state.set
    for j = 1, set.size do
        local amount, kind = amounts[set.meter[j]], set.kind[j]
        if amount and set.counter[j] and (not time or still_counts(state, j, time)) then
            local taken = min(amount, state.used[j])
            if taken > 0 then
                note_refund(state, j)
                if kind == SLIDING then give_back_sliding(state, j, taken) else change(state, j, -taken) end
            end
        end
    end
end

-- Takes from the bucket of a time (Unix ms) in a sliding window, at most its count.
local function give_back_to_bucket(state, j, amount, time)
    local age = bucket_age(state, j, time)
    if age < 0 or age > RING then return end
    local ring = scope.ring(state, j)
    if age == 0 then return change(state, j, -min(amount, max(state.used[j] - window.parse(ring), 0))) end
    local text, taken = window.take(ring, min(amount, state.used[j]), age)
    if taken == 0 then return end
    note_refund(state, j)
    scope.set_ring(state, j, text)
    change(state, j, -taken)
end

-- Gives back amounts, by meter, that were consumed at a time (Unix ms), to the buckets and periods that counted them.
-- skips: the limits, by their indexes, that count them no longer; nil for none.
function counters.give_back_to_time(state, amounts, time, skips)
    local set = state.set
    for j = 1, set.size do
        local amount = amounts[set.meter[j]]
        if amount and amount > 0 and set.counter[j] and not (skips and skips[j]) then
            if set.kind[j] == SLIDING then
                give_back_to_bucket(state, j, amount, time)
            elseif set.kind[j] == TOTAL or is_in_period(state, j, time) then
                note_refund(state, j)
                change(state, j, -min(amount, state.used[j]))
            end
        end
    end
end

local ASKED = {} -- reused

-- Gives back requests that were consumed at a time (Unix ms).
function counters.give_back_requests(state, requests, time)
    ASKED[REQUESTS] = requests
    counters.give_back_to_time(state, ASKED, time)
end

-- Adds requests as of now.
function counters.consume_requests(state, requests)
    ASKED[REQUESTS] = requests
    counters.consume(state, ASKED)
end

-- Returns whether the key's time to live already covers the new buckets and periods. Every write of a marker has extended it to the end of
-- that bucket or period, so one that continues covers all that end earlier. The same applies to a day of history.
local function lives_long_enough(state)
    local set, moved, changed = state.set, state.moved, state.changed
    local lives, needs = state.day and state.day.ends or 0, 0
    for j = 1, set.size do
        local ends = end_of(state, j)
        if ends and not moved[j] then
            lives = max(lives, ends)
        elseif ends and (changed and changed[j] or not changed and set.meter[j] == REQUESTS) then
            needs = max(needs, ends)
        end
    end
    return needs <= lives
end

-- Sets the time to live of a new key, and extends that of an existing one: it is never shortened, as other limit sets may use the scope. A
-- limit without a period makes the key persistent, even after its removal from the policy. history_expires: until when a new day of
-- history needs the key; 0 for none.
function counters.set_expiry(state, existed, history_expires)
    local set = state.set
    if set.for_ever then
        if existed then call('PERSIST', state.key) end
    elseif not existed then
        call('PEXPIREAT', state.key, max(set.expires, history_expires))
    elseif history_expires > 0 or not lives_long_enough(state) then
        call('PEXPIREAT', state.key, max(set.expires, history_expires), 'GT')
    end
end

-- Returns whether a counter exceeds exact numbers, so that HINCRBY must write its change.
local function is_large(state, j)
    return state.used[j] > LARGEST or state.before[j] > LARGEST or state.pieces[j] ~= nil
end

local function list_marker(state, j, write, length)
    local set, rings = state.set, state.rings
    if set.marker[j] then
        write[length + 1], write[length + 2] = set.marker[j], set.stored[j]
        length = length + 2
    end
    if rings and rings[j] then
        write[length + 1], write[length + 2] = set.ring[j], rings[j]
        length = length + 2
    end
    return length
end

-- Adds the changes to an HSET. Returns its length, whether a bucket or period has advanced (so that the key may have to live longer), and
-- the limits to increase afterwards.
function counters.list_changes(state, write, length)
    local set, changed, moved, rings = state.set, state.changed, state.moved, state.rings
    local used, delta, counter = state.used, state.delta, set.counter
    local has_moved, large = false, nil
    for j = 1, set.size do
        if changed[j] then
            local is_moved = moved and moved[j]
            if delta and delta[j] and is_large(state, j) then
                large = large or {}
                large[#large + 1] = j
                if is_moved then
                    write[length + 1], write[length + 2] = counter[j], 0
                    length = length + 2
                end
            else
                write[length + 1], write[length + 2] = counter[j], text_of(used[j])
                length = length + 2
            end
            if is_moved then
                has_moved = true
                length = list_marker(state, j, write, length)
            elseif rings and rings[j] then
                write[length + 1], write[length + 2] = set.ring[j], rings[j]
                length = length + 2
            end
        end
    end
    return length, has_moved, large
end

-- Adds the changes of a scope that only plain CHECKs change to an HSET. No CHECK may take a limit past what a double represents exactly.
function counters.list_requests(state, requests, write, length)
    local set, moved, used = state.set, state.moved, state.used
    local counted, counter, has_moved = set.counted, set.counter, false
    for i = 1, #counted do
        local j = counted[i]
        local total = used[j] + requests
        used[j] = total
        write[length + 1], write[length + 2] = counter[j], small_texts[total] or text_of(total)
        length = length + 2
        if moved and moved[j] then
            has_moved = true
            length = list_marker(state, j, write, length)
        end
    end
    return length, has_moved, nil
end

function counters.increase(state, large)
    for i = 1, #large do
        local j = large[i]
        local pieces = state.pieces[j]
        for p = 1, pieces and #pieces or 0 do exact.increase(state.key, state.set.counter[j], pieces[p]) end
        exact.increase(state.key, state.set.counter[j], state.delta[j])
    end
end

return counters
