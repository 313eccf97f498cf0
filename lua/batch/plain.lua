-- plain.lua: a fast path for plain CHECKs, which are CHECKs of one request.
--
-- Nearly every operation is a plain CHECK that passes, and a scope that many of a batch name would evaluate the same limits each time. So a
-- scope computes once how many of the next ones are `quiet`: no limit refuses or warns, and the tightest limit stays the tightest. Quiet
-- ones are only counted, and added to the counters together before anything else reads those.
--
-- The plain CHECKs that name a scope are counted first, and usually all of them are quiet. If the same limit is the tightest after the first
-- and after the last of them, it is the tightest throughout, because the remaining share of each limit decreases linearly.
-- @include lib/exact
-- @include batch/answers
-- @include batch/counters
-- @include batch/current
-- @include batch/holds
-- @include batch/scope
-- @include batch/sets

local plain = {}
local LARGEST = exact.LARGEST
local RING, REQUEST, SLIDING, OPEN, REQUESTS = sets.RING, sets.REQUEST, sets.SLIDING, sets.OPEN, sets.REQUESTS
local LARGER = sets.LARGER
local tonumber, floor, min = tonumber, math.floor, math.min
local against = holds.against
local ALLOW, HELD = answers.ALLOW, 20

-- By index of a scope:
--   expected, passed   the plain CHECKs that name it; those that have passed and are not in the counters yet
--   quiet              the number of the next ones that are quiet
--   tight, max_of      the tightest limit (0 for none), and its max
--   left               the rest of that limit before `passed`; slope: whether requests count against it (1 or 0)
--   held_of, reset     the held amount of that limit; the milliseconds until it resets
-- From `tight` on they are written before they are read in a call.
local expected, passed, quiet = {}, {}, {}
local tight, max_of, left, slope, held_of, reset = {}, {}, {}, {}, {}, {}
plain.expected, plain.passed = expected, passed

function plain.begin(count)
    for index = 1, count do expected[index], passed[index], quiet[index] = 0, 0, 0 end
end

-- Reads a scope with a simple set (sets.lua) and no holds, if all expected CHECKs are quiet. Returns whether they are; if not, it changes
-- nothing.
function plain.read(index, state, found)
    local set, used, need = state.set, {}, expected[index]
    local stored, maxima, warn, at = set.stored, set.max, set.warn, 1
    local first, last, least, least_at_last = 1, 1, 2, 2
    for j = 1, set.size do
        local text = found[at]
        local count = text and found[at + 1] == stored[j] and tonumber(text)
        if not count or not (count >= 0) then return false end
        local maximum = maxima[j]
        local room = maximum - count
        if room < need or warn[j] >= 0 and count + need >= warn[j] then return false end
        used[j] = count
        local share = (room - 1) / maximum
        if share < least then first, least = j, share end
        if need > 1 then
            share = (room - need) / maximum
            if share < least_at_last then last, least_at_last = j, share end
        end
        at = at + 2
    end
    if need > 1 and first ~= last then return false end
    state.found, state.used, state.created = found, used, false
    local maximum = maxima[first]
    quiet[index], tight[index], max_of[index], left[index] = need, first, maximum, maximum - used[first]
    slope[index], held_of[index] = 1, 0
    if set.kind[first] == SLIDING then
        reset[index] = (set.current[first] + RING + 1) * set.width[first] - current.now
    else
        reset[index] = scope.resets_in(state, first)
    end
    return true
end

-- Returns the number of requests before a limit whose share decreases faster can become the tightest. The result is slightly too low,
-- because shares are doubles; from there on each CHECK is evaluated by itself.
local function overtakes_after(slower, faster, lead)
    return floor(lead / (faster - slower) * 0.99) - 2
end

-- Reused; only the entries written for the current set are read. grows: whether requests count against the limit.
local shares, counts, grows = {}, {}, {}

-- Computes these fields for a scope.
local function look_ahead(index, state)
    local set, used = state.set, state.used
    local kinds, meters, maxima, shadow = set.kind, set.meter, set.max, set.shadow
    local has_held, figures = state.held or state.waiting, state.figures
    local quiet_count, limit, least = 1000000, 0, 2
    for j = 1, set.size do
        local maximum, kind, count = maxima[j], kinds[j], used[j]
        local counts_requests = meters[j] == REQUESTS and kind ~= REQUEST
        if count > LARGEST - quiet_count then quiet_count = 0 end
        if figures and figures[j] then
            local figure = scope.counted(state, j)
            -- Requests do not count before our own amount is as large as the figure.
            if counts_requests and set.counts[j] == LARGER and figure > count then quiet_count = min(quiet_count, figure - count) end
            counts_requests = counts_requests and set.counts[j] == LARGER and figure == count
            count = figure
        end
        counts[j], grows[j] = count, counts_requests
        if maximum >= 0 and kind ~= OPEN then
            local room = maximum - count
            if has_held then room = room - against(state, j) end
            if counts_requests then
                if room < quiet_count then quiet_count = room end
            elseif room < 1 then
                quiet_count = 0
            end
            if kind ~= REQUEST and not shadow[j] then
                local share = maximum == 0 and 0 or room / maximum
                shares[j] = share
                if share < least then limit, least = j, share end
            end
        end
        if set.warns and set.warn[j] >= 0 then
            local room = set.warn[j] - count
            if counts_requests then quiet_count = min(quiet_count, room - 1) elseif room <= 0 then quiet_count = 0 end
        end
    end
    if limit > 0 then
        local slopes = grows[limit] and 1 or 0
        local maximum = maxima[limit]
        local own_slope = slopes / maximum
        for j = 1, set.size do
            local other_max = maxima[j]
            if other_max > 0 and j ~= limit and 1 / other_max > own_slope and grows[j] and not shadow[j] then
                local overtakes = overtakes_after(own_slope, 1 / other_max, shares[j] - least)
                if overtakes < quiet_count then quiet_count = overtakes end
            end
        end
        local held = has_held and against(state, limit) or 0
        max_of[index], left[index], slope[index], held_of[index] = maximum, maximum - counts[limit] - held, slopes, held
        if slopes == 1 and kinds[limit] == SLIDING then
            reset[index] = scope.leaves_in(set, limit, 0)
        else
            reset[index] = scope.resets_in(state, limit)
        end
    end
    quiet[index], tight[index] = quiet_count, limit
end

-- Adds the passed plain CHECKs of a scope to its counters. Must be called for every scope of an operation that reads the counters.
function plain.flush(index)
    quiet[index] = 0
    local count = passed[index]
    if count > 0 then
        passed[index], expected[index] = 0, expected[index] - count
        counters.consume_requests(current.scopes[index], count)
    end
end

-- Returns whether the next plain CHECK of a scope is quiet, after recomputing its fields.
local function is_quiet(index)
    local state = current.scopes[index]
    if state.broken then return false end
    plain.flush(index)
    look_ahead(index, state)
    return quiet[index] > 0
end

-- Answers a plain CHECK of the scopes at the given range of the operations, if it is quiet for all of them. Returns whether it is.
function plain.pass(operations, from, to)
    local passed, tightest, least = passed, 0, 2
    for i = from, to do
        local index = operations[i]
        local count = passed[index] + 1
        if count > quiet[index] then
            if not is_quiet(index) then
                for earlier = from, i - 1 do passed[operations[earlier]] = passed[operations[earlier]] - 1 end
                return false
            end
            count = 1
        end
        passed[index] = count
        if tight[index] > 0 then
            local share = (left[index] - slope[index] * count) / max_of[index]
            if share < least then tightest, least = index, share end
        end
    end
    local reply, at = answers.reply, answers.size
    if tightest == 0 then
        reply[at + 1], reply[at + 2], reply[at + 3], reply[at + 4], reply[at + 5] = ALLOW, 0, 0, 0, 0
        answers.size = at + 5
        return true
    end
    local held = held_of[tightest]
    if held > 0 then
        reply[at + 1], reply[at + 2] = ALLOW + HELD, held
        at = at + 1
    else
        reply[at + 1] = ALLOW
    end
    reply[at + 2], reply[at + 3] = tightest, tight[tightest]
    reply[at + 4] = max_of[tightest] - left[tightest] - held + slope[tightest] * passed[tightest]
    reply[at + 5] = reset[tightest]
    answers.size = at + 5
    return true
end

return plain
