-- holds.lua: the holds of open reservations on a scope.
--
-- The field `held` of the scope's hash is 'ends count tokens input_tokens output_tokens cost': a time (Unix ms) before which no hold ends,
-- the number of open holds, and their sums. The sorted set tollgate:user:alice:holds has each hold by its end (hold_score.lua). A hold is the
-- text 'id ttl scopes tokens input_tokens output_tokens cost', which states all that it holds. Its scopes are as the request named them,
-- separated by tabs. The time to live, '60000', is followed by '+charge' or '+release' if the request says what happens at its end
-- (charges.lua).
--
-- So a decision reads one more field, whatever the number of holds. Ended holds are removed only when the time in `held` is reached, and each
-- is removed once: O(log n) per hold. A scope without limits has holds only of reservations that are charged in its history.
--
-- A hold that is charged moves between two sorted sets, and its amounts to the counters. No step of that may be refused half way. So holds
-- stay as they are, and held, where this call may not remove them, or cannot remember that they were charged.
--
-- holds.read replaces state.held by a table:
--   the sums by meter; ends; changed: whether it must be written
--   added, removed    the commands to write; released: the holds that `removed` names
--   expired           the number of ended holds that are still in the set, before all others
--   last              the latest end of the added holds, or until when they are needed if they may be charged
--   ended             the ended holds that this call has subtracted
-- @include batch/charges
-- @include batch/current
-- @include batch/hold_score
-- @include batch/sets

local holds = {}
local REQUEST, TOKENS, COST, CONCURRENT = sets.REQUEST, sets.TOKENS, sets.COST, sets.CONCURRENT
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local min, max, huge = math.min, math.max, math.huge
local match, format = string.match, string.format

local MAX_EXPIRED = 10000 -- per call; about 20 ms
local MAX_AT_ONCE = 1000 -- fields in a command
-- How long ended holds are left alone that a call could not expire, in ms.
local RETRY_AFTER = 1000
local may = redis.acl_check_cmd

local function key_of(state) return state.key .. ':holds' end

local function empty_holds()
    return {
        0, 0, 0, 0, 0, 0, ends = huge, changed = false, added = false, removed = false, released = {}, expired = 0,
        last = false, ended = {},
    }
end

-- Returns the four amounts at the end of a hold, or of the field.
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

-- Returns whether this user may run the commands that remove ended holds.
local function may_expire(state)
    local key = key_of(state)
    return may('ZREM', key, 'a') and may('ZREMRANGEBYRANK', key, '0', '0') and charges.may_remember(state)
end

-- Subtracts ended holds, and charges those to charge, up to a maximum at a time so that Redis is not blocked; until the rest follows, the sums
-- are too high. Where no hold is left, the sums are reset to zero.
local function expire(state, held)
    local key, now, limit = key_of(state), current.now, charges.max_expired(state, MAX_EXPIRED)
    local from, to = hold_score.ended(now)
    local stored = pcall('ZRANGEBYSCORE', key, from, to, 'WITHSCORES', 'LIMIT', 0, limit)
    if stored.err then return empty_holds() end
    local count, left, ended, gone = 0, 0, held.ended, {}
    local is_permitted = #stored == 0 or may_expire(state)
    if not is_permitted then
        state.is_blocked, stored, left = true, {}, 1
    end
    for i = 1, #stored, 2 do
        if charges.is_full(state) then break end
        if charges.expire(state, stored[i], stored[i + 1]) then
            subtract(held, stored[i])
            ended[stored[i]] = true
            count = count + 1
            gone[count] = stored[i]
        else
            left = left + 1
        end
    end
    held.changed = true
    if left == 0 then
        held.expired = count
    else
        for i = 1, count do
            held.removed = held.removed or { 'ZREM', key }
            held.removed[i + 2], held.released[gone[i]] = gone[i], true
        end
    end
    if left == 0 and (count == limit or 2 * count < #stored) then return held end
    from, to = hold_score.open(now)
    local next_hold = call('ZRANGEBYSCORE', key, from, to, 'WITHSCORES', 'LIMIT', 0, 1)
    local next_ends = next_hold[2] and hold_score.ends(next_hold[2])
    if left > 0 then
        held.ends = min(next_ends or huge, now + RETRY_AFTER)
        return held
    end
    if next_ends then
        held.ends = next_ends
        return held
    end
    local empty = empty_holds()
    empty.changed, empty.expired, empty.ended = true, held.expired, ended
    return empty
end

-- Parses the stored text into the table.
function holds.read(state)
    local held = empty_holds()
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

-- Returns the held amount of a meter.
function holds.of_meter(state, meter)
    local held = state.held
    return held and held[meter] or 0
end

-- Returns the amount of a limit that is held, or journaled and not counted yet; 0 for a limit of a single request.
function holds.against(state, j)
    local held, waiting, set = state.held, state.waiting, state.set
    if not (held or waiting) or set.kind[j] == REQUEST then return 0 end
    local meter = set.meter[j]
    return (held and held[meter] or 0) + (waiting and waiting[meter] or 0)
end

-- Returns the milliseconds until the first open hold ends, including the changes of this batch.
function holds.first_ends_in(state)
    local held = state.held
    local removed, added = held.removed, held.added
    local first, last = held.expired, held.expired + (removed and #removed or 0)
    local stored = pcall('ZRANGE', key_of(state), first, last, 'WITHSCORES')
    local ends = huge
    for i = 1, #stored, 2 do
        local stored_ends = hold_score.ends(stored[i + 1])
        if not held.released[stored[i]] and stored_ends > current.now then
            ends = stored_ends
            break
        end
    end
    for i = 3, added and #added or 0, 2 do ends = min(ends, hold_score.ends(added[i])) end
    return max((ends < huge and ends or held.ends) - current.now, 0)
end

-- Adds a hold. parts: what of it is charged at its end (charges.decide).
function holds.add(state, hold, amounts, ends, parts)
    if not state.set.holds and parts == 0 then return end
    local held = state.held or empty_holds()
    state.held = held
    for meter = TOKENS, COST do held[meter] = held[meter] + (amounts[meter] or 0) end
    held[CONCURRENT] = held[CONCURRENT] + 1
    held.ends = min(held.ends, ends)
    held.last = max(held.last or 0, ends)
    local tier = 0
    if parts > 0 then
        held.last = max(held.last, charges.needed_until(state, ends))
        tier = charges.tier_number(state)
    end
    held.added = held.added or { 'ZADD', key_of(state) }
    table.insert(held.added, hold_score.text(ends, parts, tier))
    table.insert(held.added, hold)
    held.changed = true
end

-- Returns the end of a hold (Unix ms), which may be past; nil where the hold does not exist.
function holds.end_of(state, hold)
    local ends = pcall('ZSCORE', key_of(state), hold)
    return type(ends) == 'string' and hold_score.ends(ends) or nil
end

-- Reads the holds of a scope, even if no limit of the set needs them: where they are charged in its history only, and where the user's limits
-- depend on traits that this request does not have.
function holds.load(state)
    if not state.held and not state.set.holds then
        local text = pcall('HGET', state.key, 'held')
        if type(text) == 'string' then
            state.held, state.created = text, false
            holds.read(state)
            charges.add_to_history(state)
        end
    end
    return state.held
end

-- Expires the holds of a scope even if an earlier call has left some of them to another tier, for a second.
function holds.sweep(state)
    local held = holds.load(state)
    if not held or held.changed then return end
    state.held = expire(state, held)
    charges.add_to_history(state)
end

-- Returns whether a hold that is charged at its end can be added.
function holds.can_add(state)
    return may('ZADD', key_of(state), '1', 'a') and type(pcall('ZCARD', key_of(state))) == 'number'
end

-- Releases a hold. Has no effect where it has been subtracted at its end, or does not exist. If the whole set is gone, for example because the
-- clock was briefly ahead, the sums are reset to zero.
function holds.release(state, hold)
    local held = holds.load(state)
    if not held or held.released[hold] then return end
    local ends = holds.end_of(state, hold)
    if not ends and not held.added and call('EXISTS', key_of(state)) == 0 then
        state.held = empty_holds()
        state.held.changed = true
    end
    if not ends or held.ended[hold] then return end
    -- Nothing has been written yet. A hold that stayed in the set would be charged in addition to its COMMIT.
    if not held.removed and not may('ZREM', key_of(state), hold) then
        error(redis.error_reply('NOPERM this user has no permissions to run ZREM, which releases reservations'))
    end
    subtract(held, hold)
    held.removed = held.removed or { 'ZREM', key_of(state) }
    table.insert(held.removed, hold)
    held.released[hold] = true
end

-- Writes the changed holds. has_expiry: whether the scope's key existed before, or has its time to live already; otherwise it gets one.
-- A key that is not a sorted set cannot be written to: no hold was read from it, and none that is charged was added (holds.can_add). The sums
-- are then reset when the first hold would have ended.
function holds.write(state, has_expiry)
    local held, key = state.held, key_of(state)
    if held.expired > 0 then pcall('ZREMRANGEBYRANK', key, 0, held.expired - 1) end
    local removed = held.removed
    for first = 3, removed and #removed or 0, MAX_AT_ONCE do
        pcall('ZREM', key, unpack(removed, first, min(first + MAX_AT_ONCE - 1, #removed)))
    end
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
    if has_expiry then
        call('PEXPIREAT', state.key, last, 'GT')
    elseif not state.set.for_ever then
        call('PEXPIREAT', state.key, last)
    end
end

return holds
