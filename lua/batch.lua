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
