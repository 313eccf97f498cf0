-- holds.lua: what open reservations hold back of a scope.
--
-- The scope's hash has a field held, 'ends count tokens input_tokens output_tokens cost': the open holds and their sums, and a time
-- (Unix ms) before which none of them ends. Beside the hash stands a sorted set, tollgate:user:alice:holds, with each hold by its
-- end. A hold is the text 'id ttl scopes tokens input_tokens output_tokens cost', so that whoever finds one knows what it holds: the
-- scopes as the request named them, with tabs between. A decision thus reads one field more, whatever the number of holds; those
-- that have ended are looked for only when that time is reached, and each of them is met once: O(log n) for a hold over its life.
--
-- holds.read makes of state.held a table: the sums by meter, ends, and what is to be written: changed, added and removed (commands),
-- released (the holds that removed names), expired (how many that have ended still stand in the set), last (the latest end of what
-- was added).
-- @include batch/current
-- @include batch/sets

local holds = {}
local REQUEST, TOKENS, COST, CONCURRENT = sets.REQUEST, sets.TOKENS, sets.COST, sets.CONCURRENT
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local min, max, huge = math.min, math.max, math.huge
local match, format = string.match, string.format

local MAX_EXPIRED = 10000 -- in one call: some 20 ms

local function key_of(state) return state.key .. ':holds' end

local function none()
    return {
        0, 0, 0, 0, 0, 0, ends = huge, changed = false, added = false, removed = false, released = {}, expired = 0,
        last = false,
    }
end

-- The four amounts of a hold, or of the end of the field.
local function amounts_of(text)
    return match(text, ' (%d+) (%d+) (%d+) (%d+)$')
end

local function subtract(held, hold)
    local amounts = { amounts_of(hold) }
    for i = 1, 4 do
        local meter = TOKENS + i - 1
        held[meter] = max(held[meter] - (tonumber(amounts[i]) or 0), 0)
    end
    held[CONCURRENT] = max(held[CONCURRENT] - 1, 0)
    held.changed = true
end

-- Leaves out what has ended, so many at a time that Redis is not held up: meanwhile more seems to be held than is. Where no hold is
-- left nothing is held, whatever the sums say.
local function expire(state, held)
    local key, now = key_of(state), current.now
    local ended = pcall('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, MAX_EXPIRED)
    if ended.err then return none() end
    for i = 1, #ended do subtract(held, ended[i]) end
    held.changed, held.expired = true, #ended
    if #ended == MAX_EXPIRED then return held end
    local next_hold = call('ZRANGEBYSCORE', key, '(' .. format('%d', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if next_hold[2] then
        held.ends = tonumber(next_hold[2])
        return held
    end
    local empty = none()
    empty.changed, empty.expired = true, held.expired
    return empty
end

-- Turns the stored text into the table.
function holds.read(state)
    local held = none()
    local ends, count = match(state.held, '^(%d+) (%d+) ')
    local amounts = { amounts_of(state.held) }
    if not ends or not amounts[4] then
        state.held = held
        return
    end
    held.ends, held[CONCURRENT] = tonumber(ends), tonumber(count)
    for i = 1, 4 do held[TOKENS + i - 1] = tonumber(amounts[i]) end
    state.held = held.ends <= current.now and expire(state, held) or held
end

-- What is held of a meter.
function holds.of_meter(state, meter)
    local held = state.held
    return held and held[meter] or 0
end

-- What holds, and what waits to be counted, take of a limit: nothing where it is about one request alone.
function holds.against(state, j)
    local held, waiting, set = state.held, state.waiting, state.set
    if not (held or waiting) or set.kind[j] == REQUEST then return 0 end
    local meter = set.meter[j]
    return (held and held[meter] or 0) + (waiting and waiting[meter] or 0)
end

-- Milliseconds until the first of the open holds ends, in this batch's view: then something of what is held comes back.
function holds.first_ends_in(state)
    local held = state.held
    local removed, added = held.removed, held.added
    local first, last = held.expired, held.expired + (removed and #removed or 0)
    local stored = pcall('ZRANGE', key_of(state), first, last, 'WITHSCORES')
    local ends = huge
    for i = 1, #stored, 2 do
        if not held.released[stored[i]] then
            ends = tonumber(stored[i + 1])
            break
        end
    end
    for i = 3, added and #added or 0, 2 do ends = min(ends, tonumber(added[i])) end
    return max((ends < huge and ends or held.ends) - current.now, 0)
end

function holds.add(state, hold, amounts, ends)
    if not state.set.holds then return end
    local held = state.held or none()
    state.held = held
    for meter = TOKENS, COST do held[meter] = held[meter] + (amounts[meter] or 0) end
    held[CONCURRENT] = held[CONCURRENT] + 1
    held.ends = min(held.ends, ends)
    held.last = max(held.last or 0, ends)
    held.added = held.added or { 'ZADD', key_of(state) }
    table.insert(held.added, format('%d', ends))
    table.insert(held.added, hold)
    held.changed = true
end

-- When a hold ends or has ended (Unix ms); nil where there is none.
function holds.end_of(state, hold)
    local ends = pcall('ZSCORE', key_of(state), hold)
    return type(ends) == 'string' and tonumber(ends) or nil
end

-- What is held of a scope, also where none of its limits is about holds any more, as for a user whose limits come by a role that
-- this request does not name.
local function all_of(state)
    if not state.held and not state.set.holds then
        local text = pcall('HGET', state.key, 'held')
        if type(text) == 'string' then
            state.held, state.created = text, false
            holds.read(state)
        end
    end
    return state.held
end

-- Does nothing where the hold has ended, or never was. A set that is gone, as when the clock had been forward for a moment and is
-- back, holds nothing any more.
function holds.release(state, hold)
    local held = all_of(state)
    if not held or held.released[hold] then return end
    local ends = holds.end_of(state, hold)
    if not ends and not held.added and call('EXISTS', key_of(state)) == 0 then
        state.held = none()
        state.held.changed = true
    end
    if not ends or ends <= current.now then return end
    subtract(held, hold)
    held.removed = held.removed or { 'ZREM', key_of(state) }
    table.insert(held.removed, hold)
    held.released[hold] = true
end

-- is_kept: the scope's key was there before, or has its time to live already; otherwise it gets one.
-- A set that is none cannot be written to; then the sums are forgotten when the first hold would have ended.
function holds.write(state, is_kept)
    local held, key = state.held, key_of(state)
    if held.expired > 0 then pcall('ZREMRANGEBYRANK', key, 0, held.expired - 1) end
    if held.removed then pcall(unpack(held.removed)) end
    if held[CONCURRENT] == 0 then
        call('HDEL', state.key, 'held')
    else
        local text = format('%d %d %d %d %d %d', held.ends, held[CONCURRENT], unpack(held, TOKENS, COST))
        call('HSET', state.key, 'held', text)
    end
    if not held.added then return end
    pcall(unpack(held.added))
    local last = format('%d', held.last)
    pcall('PEXPIREAT', key, last, 'NX')
    pcall('PEXPIREAT', key, last, 'GT')
    if is_kept then
        call('PEXPIREAT', state.key, last, 'GT')
    elseif not state.set.for_ever then
        call('PEXPIREAT', state.key, last)
    end
end

return holds
