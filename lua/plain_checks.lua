-- plain_checks.lua: decides many CHECKs of one request at a time, for batch.lua, whose locals it uses.
--
-- Nearly every operation is a CHECK of one request that passes, and a scope named by many of a batch would go through the
-- same limits each time. So a scope works out once for how many more of them nothing can happen but counting: for its
-- next `quiet` ones no limit refuses or warns, and the tightest limit stays the tightest. For these, `hits` counts, and
-- they are written into the counters together before anything else looks at those.

local HITS = { [REQUESTS] = 0 } -- reused

local function count_hits(state)
    local hits = state.hits
    state.quiet = 0
    if hits == 0 then return end
    state.hits = 0
    HITS[REQUESTS] = hits
    consume(state, HITS)
end

-- How many hits later a limit that loses its share faster may become the tightest. Shares are doubles: so a little less,
-- and from there on each hit is looked at by itself.
local function overtakes_after(slower, faster, lead)
    return floor(lead / (faster - slower) * 0.99) - 2
end

local shares = {} -- reused; only what was written for the set at hand is read

-- Works out `quiet`, and of the tightest limit what an answer names: its place, `left` without the hits, `slope` 1 if hits
-- count against it, and the time of its reset.
local function look_ahead(state)
    local set, used = state.set, state.used
    local kinds, meters, maxima, shadow = set.kind, set.meter, set.max, set.shadow
    local quiet, limit, least = 1000000, 0, 2
    for j = 1, set.size do
        local most, kind, count = maxima[j], kinds[j], used[j]
        local is_hit = meters[j] == REQUESTS and kind ~= REQUEST
        if most >= 0 and kind ~= OPEN then
            local room = most - count - held_against(state, j)
            if is_hit then
                if room < quiet then quiet = room end
            elseif room < 1 then
                quiet = 0
            end
            if kind ~= REQUEST and not shadow[j] then
                local share = most == 0 and 0 or room / most
                shares[j] = share
                if share < least then limit, least = j, share end
            end
        end
        if set.warns and set.warn[j] >= 0 then
            local room = set.warn[j] - count
            if is_hit then quiet = min(quiet, room - 1) elseif room <= 0 then quiet = 0 end
        end
        if count > LARGEST_EXACT - quiet then quiet = 0 end
    end
    if limit > 0 then
        local slope = meters[limit] == REQUESTS and 1 or 0
        local most = maxima[limit]
        local pace = slope / most
        for j = 1, set.size do
            local its_most = maxima[j]
            if its_most > 0 and 1 / its_most > pace and j ~= limit and meters[j] == REQUESTS and kinds[j] ~= REQUEST
                and not shadow[j]
            then
                local overtakes = overtakes_after(pace, 1 / its_most, shares[j] - least)
                if overtakes < quiet then quiet = overtakes end
            end
        end
        local kept = held_against(state, limit)
        state.most, state.left, state.slope, state.kept = most, most - used[limit] - kept, slope, kept
        if slope == 1 and kinds[limit] == SLIDING then
            state.reset = leaves_in(set, limit, 0, now)
        else
            state.reset = resets_in(state, limit, now)
        end
    end
    state.quiet, state.limit = quiet, limit
end

-- Answers a plain CHECK of the scopes named if all of them are quiet. Returns whether they are.
local function pass_quietly()
    for i = 1, named_count do
        local state = scopes[named[i]]
        if state.hits >= state.quiet then
            count_hits(state)
            look_ahead(state)
            if state.quiet < 1 then return false end
        end
    end
    local scope, least, tight = 0, 2, nil
    for i = 1, named_count do
        local place = named[i]
        local state = scopes[place]
        local hits = state.hits + 1
        state.hits = hits
        if state.limit > 0 then
            local share = (state.left - state.slope * hits) / state.most
            if share < least then scope, least, tight = place, share, state end
        end
    end
    tally_requests(in_history, named, named_count, 1)
    local at = size
    reply[at + 1] = ALLOW
    if tight and tight.kept > 0 then
        reply[at + 1], reply[at + 2] = ALLOW + HELD, tight.kept
        at = at + 1
    end
    size = at + 5
    reply[at + 2] = scope
    if tight then
        reply[at + 3] = tight.limit
        reply[at + 4] = tight.most - tight.left - tight.kept + tight.slope * tight.hits
        reply[at + 5] = tight.reset
    else
        reply[at + 3], reply[at + 4], reply[at + 5] = 0, 0, 0
    end
    return true
end
