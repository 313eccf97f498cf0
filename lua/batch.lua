-- batch.lua: applies a batch of CHECK, PEEK, RECORD and REFUND operations in order, all of it or nothing.
--
-- KEYS     the distinct scopes' hashes; an operation names a scope by its place here
-- ARGV[1]  cmsgpack: clock, limit sets, scopes, operations
--            clock       0 is Redis's own; tests pass Unix ms
--            limit sets  see window.lua
--            scopes      per key: place of its limit set, and 'provider=openai', the label under which other scopes'
--                        history counts its cost, or 0
--            operations  flat; each: verb, count, (meter, amount) × count, count, scope × count
--                        verb 1 CHECK, 2 PEEK, 3 RECORD, 4 REFUND
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
-- Every decision is made on Lua tables; writing starts when all are made, with a command that Redis refuses as a whole
-- when it has no memory left. So a batch that fails has changed nothing.

local CHECK, PEEK, RECORD, REFUND = 1, 2, 3, 4
local ALLOW, DENY, OK, BROKEN, EXTRAS = 1, 2, 3, 4, 10
local REQUESTS, TOKENS, COST = 1, 2, 5
local NEVER = -1
local DAY_KEPT, MONTH_KEPT = 35 * 86400000, 14 * 31 * 86400000
-- Fields that one history hash may have before new labels are counted together.
local HISTORY_FIELDS = 400

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
    state.label = sent_scopes[2 * i]
    scopes[i] = state
end

local reply = { 1, now }
local size = 2
local asked = {}             -- asked[meter] of the operation at hand
local named, named_count = {}, 0 -- places of its scopes
local shadows, warnings = {}, {}

-- History ------------------------------------------------------------------------------------------------------------

-- Adds to a sum of this batch. Sums are doubles, exact below 2^53: one that would pass it is put aside in pieces.
local function add_exactly(sums, pieces, name, amount)
    local sum = (sums[name] or 0) + amount
    if sum > LARGEST_EXACT or sum < -LARGEST_EXACT then
        pieces[name] = pieces[name] or {}
        table.insert(pieces[name], sums[name])
        sum = amount
    end
    sums[name] = sum
end

-- The pages, day and month, of a scope's history. What is added to them is kept here until the writing.
local function history_of(state)
    if not state.history then
        state.history = {
            { key = state.key .. state.set.day, delta = {}, pieces = {} },
            { key = state.key .. state.set.month, delta = {}, pieces = {} },
        }
    end
    return state.history
end

local function tally(state, field, amount)
    if amount == 0 or not state.set.day then return end
    local history = history_of(state)
    add_exactly(history[1].delta, history[1].pieces, field, amount)
    add_exactly(history[2].delta, history[2].pieces, field, amount)
end

-- Where the amounts of labels too many go: 'cost/tool/other', which no tool's own field can be.
local function other_label(field)
    return string.match(field, '^[^=]*') .. '/other'
end

-- Takes back from a scope's history, down to zero and no further; of a label too many from where those went.
local function untally(state, field, amount)
    if amount == 0 or not state.set.day then return end
    local history = history_of(state)
    for i = 1, 2 do
        local page, name = history[i], field
        local stored = redis.pcall('HGET', page.key, name)
        if not stored and not page.delta[name] and string.find(name, '=', 1, true) then
            name = other_label(name)
            stored = redis.pcall('HGET', page.key, name)
        end
        local before = (type(stored) == 'string' and tonumber(stored) or 0) + (page.delta[name] or 0)
        if page.pieces[name] then before = LARGEST_EXACT end
        local taken = math.min(amount, before)
        if taken > 0 then add_exactly(page.delta, page.pieces, name, -taken) end
    end
end

-- Counts what was really used, by the scope itself and by the tool and the provider it was used for.
local function tally_amounts(state, add)
    add(state, 'requests', asked[REQUESTS] or 0)
    add(state, 'tokens', asked[TOKENS] or 0)
    local cost = asked[COST] or 0
    if cost == 0 then return end
    add(state, 'cost', cost)
    for i = 1, named_count do
        local label = scopes[named[i]].label
        if label ~= 0 then add(state, 'cost/' .. label, cost) end
    end
end

-- Counters -----------------------------------------------------------------------------------------------------------

local function change(state, j, amount)
    if not state.delta then state.delta, state.pieces, state.stored = {}, {}, {} end
    if not state.delta[j] then state.stored[j] = state.used[j] end
    state.used[j] = state.used[j] + amount
    add_exactly(state.delta, state.pieces, j, amount)
end

-- Adds to every limit of a meter.
local function consume(state, meter, amount)
    local set = state.set
    for j = 1, set.size do
        if set.meter[j] == meter then
            local kind = set.kind[j]
            if kind == SLIDING then
                local room = math.min(amount, LARGEST_EXACT - state.used[j])
                if room > 0 then change(state, j, room) end
            elseif kind ~= REQUEST then
                change(state, j, amount)
            end
        end
    end
end

-- Takes back from a sliding window, oldest bucket first: whichever bucket the amount was counted in, the window then
-- never holds less than the truth.
local function give_back_sliding(state, j, amount)
    local ring = ring_of(state, j)
    local left = amount
    for i = #ring, 1, -1 do
        if left == 0 then break end
        local count = tonumber(ring[i])
        local taken = math.min(count, left)
        if taken > 0 then
            ring[i] = string.format('%.0f', count - taken)
            state.redo[j] = true
            left = left - taken
        end
    end
    change(state, j, -amount)
end

local function give_back(state, meter, amount)
    local set = state.set
    for j = 1, set.size do
        if set.meter[j] == meter and set.kind[j] ~= REQUEST then
            local taken = math.min(amount, state.used[j])
            if taken > 0 then
                if set.kind[j] == SLIDING then
                    give_back_sliding(state, j, taken)
                else
                    change(state, j, -taken)
                end
            end
        end
    end
end

-- Decisions ----------------------------------------------------------------------------------------------------------

-- Milliseconds until a limit that refuses now would let the same request pass if nobody else asked; NEVER if none.
local function retry_in(state, j, want)
    local set = state.set
    local kind, max = set.kind[j], set.max[j]
    if want > max or kind == REQUEST or kind == TOTAL then return NEVER end
    if kind == CALENDAR then return set.ends[j] - now end
    local excess = state.used[j] + want - max
    local ring = ring_of(state, j)
    for i = #ring, 1, -1 do
        excess = excess - tonumber(ring[i])
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
            local max, want = set.max[j], asked[set.meter[j]]
            if not want or want == 0 then want = 1 end
            if max >= 0 and used[j] + want > max then
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
        if refuses and counts_denial then tally(state, 'denied', math.max(asked[REQUESTS] or 1, 1)) end
    end
    return scope, limit, wait
end

-- The enforced limit with the least left as a share of its max, as the scopes stand now; of equals the first.
local function tightest()
    local scope, limit, least = 0, 0, 2
    for i = 1, named_count do
        local state = scopes[named[i]]
        local set, used = state.set, state.used
        for j = 1, set.size do
            local max = set.max[j]
            if max >= 0 and not set.shadow[j] and set.kind[j] ~= REQUEST then
                local share = max == 0 and 0 or (max - used[j]) / max
                if share < least then scope, limit, least = named[i], j, share end
            end
        end
    end
    return scope, limit
end

local function find_warnings()
    for i = 1, named_count do
        local place = named[i]
        local state = scopes[place]
        local set, used = state.set, state.used
        for j = 1, set.size do
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
            consume(scopes[named[i]], REQUESTS, hits)
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
        for meter = REQUESTS, COST do
            local amount = asked[meter] or 0
            if amount > 0 then
                if verb == RECORD then consume(state, meter, amount) else give_back(state, meter, amount) end
            end
        end
        tally_amounts(state, verb == RECORD and tally or untally)
    end
    if verb == RECORD then find_warnings() end
    return answer(OK)
end

local at, last = 1, #operations
while at <= last do
    local verb = operations[at]
    for meter = REQUESTS, COST do asked[meter] = nil end
    local count = operations[at + 1]
    at = at + 2
    for _ = 1, count do
        asked[operations[at]] = operations[at + 1]
        at = at + 2
    end
    named_count = operations[at]
    local broken
    for i = 1, named_count do
        named[i] = operations[at + i]
        if scopes[named[i]].broken then broken = named[i] end
    end
    at = at + named_count + 1
    if broken then
        put(BROKEN)
        put(broken)
    elseif verb <= PEEK then
        decide(verb)
    else
        settle(verb)
    end
end

-- Writing ------------------------------------------------------------------------------------------------------------

local function ring_text(ring)
    local length = #ring
    while length > 0 and ring[length] == '0' do length = length - 1 end
    return table.concat(ring, ' ', 1, length)
end

-- A new key gets a time to live, any other only a longer one: scopes may be read with different limit sets. A limit for
-- ever keeps its key for ever, also after it has been taken out of the policy.
local function set_expiry(state, existed)
    local set = state.set
    if set.for_ever then
        if existed then redis.call('PERSIST', state.key) end
    elseif existed then
        redis.call('PEXPIREAT', state.key, set.expires, 'GT')
    else
        redis.call('PEXPIREAT', state.key, set.expires)
    end
end

-- Redis prints a Lua number with 17 digits: enough below 2^53.
local function increase(key, field, delta, pieces)
    for i = 1, pieces and #pieces or 0 do redis.pcall('HINCRBY', key, field, pieces[i]) end
    return redis.pcall('HINCRBY', key, field, delta)
end

-- A counter is written as a number, or where that is not exact any more by what it changes.
local function is_large(state, j)
    return state.set.kind[j] ~= SLIDING
        and (state.used[j] > LARGEST_EXACT or state.stored[j] > LARGEST_EXACT or state.pieces[j] ~= nil)
end

local function write_counters(state)
    local set, delta = state.set, state.delta
    local existed = not state.created or redis.call('EXISTS', state.key) == 1
    local write, length, moved, large = { 'HSET', state.key }, 2, false, {}
    for j = 1, set.size do
        if delta[j] then
            if not is_large(state, j) then
                write[length + 1], write[length + 2] = set.counter[j], state.used[j]
                length = length + 2
            else
                large[#large + 1] = j
                if state.moved[j] then
                    write[length + 1], write[length + 2] = set.counter[j], 0
                    length = length + 2
                end
            end
            if state.moved[j] then
                moved = true
                if set.marker[j] then
                    write[length + 1], write[length + 2] = set.marker[j], set.current[j]
                    length = length + 2
                end
            end
            if state.redo[j] then
                write[length + 1], write[length + 2] = set.ring[j], ring_text(state.rings[j])
                length = length + 2
            end
        end
    end
    if length > 2 then redis.call(unpack(write, 1, length)) end
    for i = 1, #large do
        local j = large[i]
        increase(state.key, set.counter[j], delta[j], state.pieces[j])
    end
    if moved then set_expiry(state, existed) end
end

-- Whether a field that came into being just now is a label too many for its hash.
local function is_one_too_many(page, field, total, delta)
    return total == delta and string.find(field, '=', 1, true) and redis.call('HLEN', page.key) > HISTORY_FIELDS
end

local function write_history(page, expires)
    local is_new = false
    for field, delta in pairs(page.delta) do
        if delta ~= 0 then
            local total = increase(page.key, field, delta, page.pieces[field])
            if total == delta then is_new = true end
            if is_one_too_many(page, field, total, delta) then
                redis.call('HDEL', page.key, field)
                redis.pcall('HINCRBY', page.key, other_label(field), delta)
            end
        end
    end
    if is_new then redis.call('PEXPIREAT', page.key, expires) end
end

for i = 1, #scopes do
    local state = scopes[i]
    if state.delta then write_counters(state) end
end
for i = 1, #scopes do
    local state = scopes[i]
    if state.history then
        write_history(state.history[1], state.set.day_ends + DAY_KEPT)
        write_history(state.history[2], state.set.month_ends + MONTH_KEPT)
    end
end
return cmsgpack.pack(reply)
