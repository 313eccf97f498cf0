-- batch.lua: applies a batch of CHECK, PEEK, RECORD and REFUND operations in order, all of it or nothing.
--
-- KEYS     the distinct scopes' hashes; an operation names a scope by its place here
-- ARGV[1]  cmsgpack: clock, limit sets, scopes, operations
--            clock       0 is Redis's own; tests pass Unix ms
--            limit sets  see window.lua
--            scopes      per key: place of its limit set, and 'provider=openai', the label under which other scopes'
--                        history counts its cost, or 0
--            operations  flat; each: verb, count, (meter, amount) × count, count, scope × count (each scope once)
--                        verb 1 CHECK, 2 PEEK, 3 RECORD, 4 REFUND; 0 is a CHECK of one request that names no other
--                        amount, and has neither the first count nor amounts
-- Reply    cmsgpack { status, now, answer, answer, … }, flat
--            status  1: applied; 0: a calendar does not hold now, nothing was applied, send again for that time
--            answer  1, scope, limit, used, resets in ms    ALLOW; the tightest limit, or all 0 where none applies
--                    2, scope, limit, used, retry in ms     DENY; the limit that refuses longest; -1: waiting won't help
--                    3                                      OK
--                    4, scope                               that scope's key is not a hash; nothing of this was applied
--                    1 to 3 come with 10 added where extras follow: count, (scope, limit) × count: shadow limits that
--                    would have denied; count, (scope, limit, used) × count: limits past their warn amount
-- O(scopes × limits + operations × their limits). Each scope is read once, and written once if anything changed.
--
-- Every decision is made on Lua tables; writing starts when all are made. The first write meets the refusal of a Redis that
-- has no memory left or may not write, and ends the call. So a batch that fails has changed nothing.

local PLAIN_CHECK, CHECK, PEEK, RECORD, REFUND = 0, 1, 2, 3, 4
local ALLOW, DENY, OK, BROKEN, EXTRAS = 1, 2, 3, 4, 10
local REQUESTS, TOKENS, COST = 1, 2, 5
local NEVER = -1

local clock, sent_sets, sent_scopes, operations = cmsgpack.unpack(ARGV[1])
local now = clock_now(clock)

local sets = {}
for i = 1, #sent_sets do
    sets[i] = prepare_set(sent_sets[i], now)
    if not sets[i] then return cmsgpack.pack({ 0, now }) end
end
local scopes = {}
for i = 1, #KEYS do
    local state = load_scope(KEYS[i], sets[sent_scopes[2 * i - 1]])
    local label = sent_scopes[2 * i]
    if label ~= 0 then state.cost_field = 'cost/' .. label end
    scopes[i] = state
end

local reply = { 1, now }
local size = 2
local asked = {}             -- asked[meter] of the operation at hand
local named, named_count = {}, 0 -- places of its scopes
local shadows, warnings = {}, {}

-- Counts what was really used, by the scope itself and by the tool and the provider it was used for.
local function tally_amounts(state, add)
    local hits, tokens, cost = asked[REQUESTS], asked[TOKENS], asked[COST]
    if hits then add(state, 'requests', hits) end
    if tokens then add(state, 'tokens', tokens) end
    if not cost or cost == 0 then return end
    add(state, 'cost', cost)
    for i = 1, named_count do
        local field = scopes[named[i]].cost_field
        if field then add(state, field, cost) end
    end
end

-- Decisions ----------------------------------------------------------------------------------------------------------

-- Milliseconds until a limit that refuses now would let the same request pass if nobody else asked; NEVER if none.
local function retry_in(state, j, want)
    local set = state.set
    local kind, most = set.kind[j], set.max[j]
    if want > most or kind == REQUEST or kind == TOTAL then return NEVER end
    if kind == CALENDAR then return set.ends[j] - now end
    local excess = state.used[j] + want - most
    local _, width, columns = parse_ring(ring_of(state, j))
    for i = #columns / width, 1, -1 do
        excess = excess - column(columns, width, i)
        if excess <= 0 then return leaves_in(set, j, i, now) end
    end
    return leaves_in(set, j, 0, now)
end

-- Decides CHECK and PEEK over every limit of every scope named. An amount that is not named, or is 0, is tested as the
-- smallest there is: there has to be something left. Fills shadows; returns the refusing scope, limit and wait, or nil.
local function refusal(counts_denial)
    local scope, limit, wait
    for i = 1, named_count do
        local place = named[i]
        local state = scopes[place]
        local set, used, refuses = state.set, state.used, false
        for j = 1, set.size do
            local most, want = set.max[j], asked[set.meter[j]]
            if not want or want == 0 then want = 1 end
            if most >= 0 and used[j] + want > most then
                if set.shadow[j] then
                    shadows[#shadows + 1] = place
                    shadows[#shadows + 1] = j
                else
                    refuses = true
                    local its_wait = retry_in(state, j, want)
                    if not wait or (wait ~= NEVER and (its_wait == NEVER or its_wait > wait)) then
                        scope, limit, wait = place, j, its_wait
                    end
                end
            end
        end
        if refuses and counts_denial then tally(state, 'denied', max(asked[REQUESTS] or 1, 1)) end
    end
    return scope, limit, wait
end

-- The enforced limit of a scope with the least left as a share of its max, and that share, 2 where it has none; of
-- equals the first.
local function tightest_of(state)
    local set, used = state.set, state.used
    local limit, least = 0, 2
    for j = 1, set.size do
        local most = set.max[j]
        if most >= 0 and not set.shadow[j] and set.kind[j] ~= REQUEST then
            local share = most == 0 and 0 or (most - used[j]) / most
            if share < least then limit, least = j, share end
        end
    end
    return limit, least
end

local function tightest()
    local scope, limit, least = 0, 0, 2
    for i = 1, named_count do
        local its_limit, share = tightest_of(scopes[named[i]])
        if share < least then scope, limit, least = named[i], its_limit, share end
    end
    return scope, limit
end

local function find_warnings()
    for i = 1, named_count do
        local place = named[i]
        local state = scopes[place]
        local set, used = state.set, state.used
        for j = 1, set.warns and set.size or 0 do
            if set.warn[j] >= 0 and used[j] >= set.warn[j] then
                warnings[#warnings + 1] = place
                warnings[#warnings + 1] = j
                warnings[#warnings + 1] = used[j]
            end
        end
    end
end

-- Answers ------------------------------------------------------------------------------------------------------------

local function put(value)
    size = size + 1
    reply[size] = value
end

local function answer(status, a, b, c, d)
    local extras = #shadows > 0 or #warnings > 0
    put(extras and status + EXTRAS or status)
    if a then
        put(a)
        put(b)
        put(c)
        put(d)
    end
    if not extras then return end
    put(#shadows / 2)
    for i = 1, #shadows do put(shadows[i]) end
    put(#warnings / 3)
    for i = 1, #warnings do put(warnings[i]) end
    shadows, warnings = {}, {}
end

local function decide(verb)
    local hits = asked[REQUESTS] or 0
    local scope, limit, wait = refusal(verb == CHECK)
    if scope then return answer(DENY, scope, limit, scopes[scope].used[limit], wait) end
    if verb == CHECK and hits > 0 then
        for i = 1, named_count do
            consume(scopes[named[i]], { [REQUESTS] = hits })
            tally(scopes[named[i]], 'requests', hits)
        end
    end
    find_warnings()
    scope, limit = tightest()
    if scope == 0 then return answer(ALLOW, 0, 0, 0, 0) end
    local state = scopes[scope]
    return answer(ALLOW, scope, limit, state.used[limit], resets_in(state, limit, now))
end

local function settle(verb)
    for i = 1, named_count do
        local state = scopes[named[i]]
        if verb == RECORD then
            consume(state, asked)
            tally_amounts(state, tally)
        else
            give_back(state, asked)
            tally_amounts(state, untally)
        end
    end
    if verb == RECORD then find_warnings() end
    return answer(OK)
end

-- Plain CHECKs -------------------------------------------------------------------------------------------------------
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
    tally_hits(state, hits)
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
        if most >= 0 then
            local room = most - count
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
        state.most, state.left, state.slope = most, most - used[limit], slope
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
    local at = size
    size = at + 5
    reply[at + 1], reply[at + 2] = ALLOW, scope
    if tight then
        reply[at + 3] = tight.limit
        reply[at + 4] = tight.most - tight.left + tight.slope * tight.hits
        reply[at + 5] = tight.reset
    else
        reply[at + 3], reply[at + 4], reply[at + 5] = 0, 0, 0
    end
    return true
end

-- The batch ----------------------------------------------------------------------------------------------------------

local at, last = 1, #operations
while at <= last do
    local verb = operations[at]
    local is_plain = verb == PLAIN_CHECK
    for meter = REQUESTS, COST do asked[meter] = nil end
    if is_plain then
        at = at + 1
    else
        local count = operations[at + 1]
        at = at + 2
        for _ = 1, count do
            asked[operations[at]] = operations[at + 1]
            at = at + 2
        end
    end
    named_count = operations[at]
    local broken
    for i = 1, named_count do
        local place = operations[at + i]
        named[i] = place
        if scopes[place].broken then broken = place end
    end
    at = at + named_count + 1
    if broken then
        put(BROKEN)
        put(broken)
    elseif not (is_plain and pass_quietly()) then
        for i = 1, named_count do count_hits(scopes[named[i]]) end
        if is_plain then
            asked[REQUESTS] = 1
            decide(CHECK)
        elseif verb <= PEEK then
            decide(verb)
        else
            settle(verb)
        end
    end
end

-- Writing ------------------------------------------------------------------------------------------------------------

for i = 1, #scopes do
    local state = scopes[i]
    if not state.broken then count_hits(state) end
    if state.changed then write_counters(state) end
end
for i = 1, #scopes do write_history(scopes[i]) end
return cmsgpack.pack(reply)
