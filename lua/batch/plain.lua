-- plain.lua: decides many CHECKs of one request at a time.
--
-- Nearly every operation is a CHECK of one request that passes, and a scope named by many of a batch would go through the same limits
-- each time. So a scope works out once for how many more of them nothing can happen but counting: for its next `quiet` ones no limit
-- refuses or warns, and the tightest limit stays the tightest. For these, state.hits counts, and they are put into the counters
-- together before anything else looks at those.
--
-- How many plain CHECKs of a batch name a scope is counted first. So most often all of them are quiet at once: where the same limit is
-- the tightest one after the first and after the last of them, it is so all the time, as what is left of a limit falls in a straight line.
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
local tonumber, floor, min = tonumber, math.floor, math.min
local against = holds.against
local ALLOW, HELD = answers.ALLOW, 20

-- By place of a scope: how many plain CHECKs name it; of these, how many have passed and are not in the counters yet; how many in all
-- are quiet. Then the tightest limit (0 for none), its max, what is left of it without the hits, whether hits count against it (1 or 0),
-- what is held of it, and when it resets; these are written before they are read in a call.
local expected, hits, quiet = {}, {}, {}
local tight, most_of, left, slope, held_of, reset = {}, {}, {}, {}, {}, {}
plain.expected, plain.hits = expected, hits

function plain.begin(count)
    for place = 1, count do expected[place], hits[place], quiet[place] = 0, 0, 0 end
end

-- Reads a scope of a simple set (sets.lua) of which nothing is held, if all hits that are expected are quiet. Returns whether they are;
-- where not, nothing is changed.
function plain.read(place, state, found)
    local set, used, need = state.set, {}, expected[place]
    local stored, maxima, warn, at = set.stored, set.max, set.warn, 1
    local first, last, least, least_at_last = 1, 1, 2, 2
    for j = 1, set.size do
        local text = found[at]
        local count = text and found[at + 1] == stored[j] and tonumber(text)
        if not count or not (count >= 0) then return false end
        local most = maxima[j]
        local room = most - count
        if room < need or warn[j] >= 0 and count + need >= warn[j] then return false end
        used[j] = count
        local share = (room - 1) / most
        if share < least then first, least = j, share end
        if need > 1 then
            share = (room - need) / most
            if share < least_at_last then last, least_at_last = j, share end
        end
        at = at + 2
    end
    if need > 1 and first ~= last then return false end
    state.found, state.used, state.created = found, used, false
    local most = maxima[first]
    quiet[place], tight[place], most_of[place], left[place] = need, first, most, most - used[first]
    slope[place], held_of[place] = 1, 0
    if set.kind[first] == SLIDING then
        reset[place] = (set.current[first] + RING + 1) * set.width[first] - current.now
    else
        reset[place] = scope.resets_in(state, first)
    end
    return true
end

-- How many hits later a limit that loses its share faster may become the tightest. Shares are doubles: so a little less, and from there
-- on each hit is looked at by itself.
local function overtakes_after(slower, faster, lead)
    return floor(lead / (faster - slower) * 0.99) - 2
end

local shares = {} -- reused; only what was written for the set at hand is read

-- Works out all of these for a scope.
local function look_ahead(place, state)
    local set, used = state.set, state.used
    local kinds, meters, maxima, shadow = set.kind, set.meter, set.max, set.shadow
    local has_held = state.held or state.waiting
    local calm, limit, least = 1000000, 0, 2
    for j = 1, set.size do
        local most, kind, count = maxima[j], kinds[j], used[j]
        local is_hit = meters[j] == REQUESTS and kind ~= REQUEST
        if most >= 0 and kind ~= OPEN then
            local room = most - count
            if has_held then room = room - against(state, j) end
            if is_hit then
                if room < calm then calm = room end
            elseif room < 1 then
                calm = 0
            end
            if kind ~= REQUEST and not shadow[j] then
                local share = most == 0 and 0 or room / most
                shares[j] = share
                if share < least then limit, least = j, share end
            end
        end
        if set.warns and set.warn[j] >= 0 then
            local room = set.warn[j] - count
            if is_hit then calm = min(calm, room - 1) elseif room <= 0 then calm = 0 end
        end
        if count > LARGEST - calm then calm = 0 end
    end
    if limit > 0 then
        local slopes = meters[limit] == REQUESTS and 1 or 0
        local most = maxima[limit]
        local pace = slopes / most
        for j = 1, set.size do
            local its_most = maxima[j]
            if its_most > 0 and j ~= limit and 1 / its_most > pace and meters[j] == REQUESTS and kinds[j] ~= REQUEST
                and not shadow[j]
            then
                local overtakes = overtakes_after(pace, 1 / its_most, shares[j] - least)
                if overtakes < calm then calm = overtakes end
            end
        end
        local held = has_held and against(state, limit) or 0
        most_of[place], left[place], slope[place], held_of[place] = most, most - used[limit] - held, slopes, held
        if slopes == 1 and kinds[limit] == SLIDING then
            reset[place] = scope.leaves_in(set, limit, 0)
        else
            reset[place] = scope.resets_in(state, limit)
        end
    end
    quiet[place], tight[place] = calm, limit
end

-- Puts plain CHECKs into the counters. To be called for every scope of an operation that looks at these.
function plain.settle(place)
    quiet[place] = 0
    local count = hits[place]
    if count > 0 then
        hits[place], expected[place] = 0, expected[place] - count
        counters.consume_hits(current.scopes[place], count)
    end
end

-- Whether a scope can take one more hit.
local function is_quiet(place)
    local state = current.scopes[place]
    if state.broken then return false end
    plain.settle(place)
    look_ahead(place, state)
    return quiet[place] > 0
end

-- Answers a plain CHECK of the scopes that stand at these places of the operations, if all of them are quiet. Returns whether they are.
function plain.pass(operations, from, to)
    local hits, tightest, least = hits, 0, 2
    for i = from, to do
        local place = operations[i]
        local count = hits[place] + 1
        if count > quiet[place] then
            if not is_quiet(place) then
                for earlier = from, i - 1 do hits[operations[earlier]] = hits[operations[earlier]] - 1 end
                return false
            end
            count = 1
        end
        hits[place] = count
        if tight[place] > 0 then
            local share = (left[place] - slope[place] * count) / most_of[place]
            if share < least then tightest, least = place, share end
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
    reply[at + 4] = most_of[tightest] - left[tightest] - held + slope[tightest] * hits[tightest]
    reply[at + 5] = reset[tightest]
    answers.size = at + 5
    return true
end

return plain
