-- charges.lua: converts the holds of expired reservations to usage, where their RESERVE or the limits say so (on_expiry: charge).
--
-- The usage counts in the buckets, periods and days in which the reservations were made, as that of a late COMMIT does in periods and days.
-- A charged hold moves from the set of open holds to the sorted set tollgate:user:alice:charged, so that it is charged once. Its score there
-- is 4 × its end (Unix ms), plus 1 if its tokens were charged, plus 2 if its cost was. A COMMIT or CANCEL that comes later gives back what
-- was charged. The set keeps a hold for as long as a journal may still replay a COMMIT of it.
--
-- A hold does not say which day it was made on. So the field `charge_days` of the scope's hash lists the days of holds that may be charged,
-- each from the time of its first hold on: '1795219200123 2026-11-20 1795219200000 2026-11 1796083200000;…'.
--
-- In the state of a scope:
--   charged     the holds that this call charges: hold, end (Unix ms), what is charged (TOKENS_PART + COST_PART), …; nil where
--               charges.write has nothing to do
--   uncharged   the command that forgets the holds that this call gives back
--   adds_charge whether a hold that may be charged is added
-- @include batch/counters
-- @include batch/current
-- @include batch/days
-- @include batch/history_record
-- @include batch/labels
-- @include batch/scope
-- @include batch/sets
-- @include batch/today

local charges = { MAX = 400 } -- per call and scope; about 20 ms
local TOKENS, COST = sets.TOKENS, sets.COST
local TOKENS_PART, COST_PART, PARTS = 1, 2, 4
local DAY = 86400000
-- How long a charged hold is remembered after its end, in ms: longer than the number of a journal's last batch, 31 days.
local RETENTION = 32 * DAY
-- How long the holds of a scope with a limit without a period are kept, in ms.
local TEN_YEARS = 3650 * DAY
local MAX_DAYS = 8
local call, pcall, tonumber, type, unpack = redis.call, redis.pcall, tonumber, type, unpack
local match, gmatch, gsub, find, format = string.match, string.gmatch, string.gsub, string.find, string.format
local max, floor = math.max, math.floor

local function key_of(state) return state.key .. ':charged' end

-- Returns the word of a RESERVE in its hold: '+charge', '+release', or '' where the limits decide.
local function word_of(hold) return match(hold, '^%S+ %d+(%S*) ') end

-- Returns which parts of a hold are charged when it expires; 0 for none.
local function parts_of(state, hold)
    local word, set = word_of(hold), state.set
    if word == '+charge' then return TOKENS_PART + COST_PART end
    if word == '+release' then return 0 end
    return (set.charges_tokens and TOKENS_PART or 0) + (set.charges_cost and COST_PART or 0)
end

-- Returns the amounts of the given parts of a hold, by meter.
local function amounts_of(hold, parts)
    local amounts, tokens, input, output, cost = {}, match(hold, ' (%d+) (%d+) (%d+) (%d+)$')
    if parts % 2 == TOKENS_PART then
        amounts[TOKENS], amounts[TOKENS + 1], amounts[TOKENS + 2] = tonumber(tokens), tonumber(input), tonumber(output)
    end
    if parts >= COST_PART then amounts[COST] = tonumber(cost) end
    return amounts
end

local function made_at(hold, ends) return ends - (tonumber(match(hold, '^%S+ (%d+)')) or 0) end

-- Expiry ----------------------------------------------------------------------------------------------------------------------------------

-- Charges a hold that has ended to the counters of a scope, if it is one to charge. Its history follows with charges.add_to_history.
function charges.expire(state, hold, ends)
    local parts = parts_of(state, hold)
    if parts == 0 then return end
    local charged = state.charged or {}
    state.charged = charged
    charged[#charged + 1], charged[#charged + 2], charged[#charged + 3] = hold, ends, parts
    local made = made_at(hold, ends)
    counters.consume(state, amounts_of(hold, parts), made, made)
end

-- Returns whether a call has charged as many holds of a scope as it may.
function charges.is_full(state) return state.charged and #state.charged >= 3 * charges.MAX end

-- Returns the labels of the other scopes of a hold.
local function labels_of(state, hold)
    local own, found = scope.text(state), {}
    for name in gmatch(match(hold, '^%S+ %S+ (.*) %d+ %d+ %d+ %d+$') or '', '[^\t]+') do
        local single = gsub(name, '%+%+', '\0')
        if name ~= own and not find(single, '+', 1, true) then
            found[#found + 1] = labels.named((gsub(gsub(single, ':', '=', 1), '%z', '+')))
        end
    end
    return found
end

-- Returns the days of the holds that may be charged, in the order of their times.
local function read_days(state)
    local text, found = pcall('HGET', state.key, 'charge_days'), {}
    for since, id, ends, month, month_ends in gmatch(type(text) == 'string' and text or '', '(%d+) (%S+) (%d+) (%S+) (%d+)') do
        found[#found + 1] = {
            since = tonumber(since), id = id, ends = tonumber(ends), month = month, month_ends = tonumber(month_ends),
        }
    end
    return found
end

-- Returns the record of the day on which a hold was made. listed: the days from read_days, or nil to read them where needed.
function charges.record_of(state, made, listed)
    local day
    listed = listed or made < state.history.starts and read_days(state)
    for i = 1, made < state.history.starts and #listed or 0 do
        if listed[i].since <= made then day = listed[i] end
    end
    if not day or day.id == today.id(state) then return today.record(state) end
    return days.record_of(state, day)
end

local meters = {} -- reused

-- Adds what this call has charged to the history of a scope. Its finished day must have been moved.
function charges.add_to_history(state)
    local charged = state.charged
    if not charged or not state.history then return end
    local listed = read_days(state)
    for i = 1, #charged, 3 do
        local hold, amounts, count = charged[i], amounts_of(charged[i], charged[i + 2]), 0
        for meter = TOKENS, COST do
            if (amounts[meter] or 0) > 0 then
                count = count + 1
                meters[count] = meter
            end
        end
        if count > 0 then
            local record = charges.record_of(state, made_at(hold, charged[i + 1]), listed)
            history_record.add_amounts(record, labels.IN_ALL, amounts, meters, count)
            for _, label in ipairs(labels_of(state, hold)) do history_record.add_amounts(record, label, amounts, meters, count) end
        end
    end
end

-- A later COMMIT or CANCEL ------------------------------------------------------------------------------------------------------------------

local function score_of(state, hold)
    local score = pcall('ZSCORE', key_of(state), hold)
    return type(score) == 'string' and tonumber(score)
end

-- Returns the end of a hold that an earlier call has charged; nil where none has.
function charges.end_of(state, hold)
    local score = score_of(state, hold)
    return score and floor(score / PARTS) or nil
end

-- Returns the end of a charged hold and its charged parts, and forgets that it was charged; nil where it was not.
local function take(state, hold)
    local charged = state.charged
    for i = 1, charged and #charged or 0, 3 do
        if charged[i] == hold then
            charged[i] = false
            return charged[i + 1], charged[i + 2]
        end
    end
    local score, uncharged = score_of(state, hold), state.uncharged
    if not score or uncharged and uncharged[hold] then return nil end
    uncharged = uncharged or { 'ZREM', key_of(state) }
    uncharged[#uncharged + 1], uncharged[hold] = hold, true
    state.uncharged, state.charged, state.changed = uncharged, charged or {}, state.changed or {}
    return floor(score / PARTS), score % PARTS
end

-- Gives back what a hold was charged. Returns the amounts by meter, and when the reservation was made; nil where it was not charged.
function charges.give_back(state, hold)
    local ends, parts = take(state, hold)
    if not ends then return nil end
    local amounts, made = amounts_of(hold, parts), made_at(hold, ends)
    counters.give_back_to_time(state, amounts, made)
    return amounts, made
end

-- Writing ---------------------------------------------------------------------------------------------------------------------------------

-- Returns until when the holds of a scope must be kept if one that is added now may be charged, so that it still is after a long time without
-- requests; 0 where it is released.
function charges.needed_until(state, hold)
    if parts_of(state, hold) == 0 then return 0 end
    local set, history = state.set, state.history
    state.adds_charge, state.charged = true, state.charged or {}
    if set.for_ever then return current.now + TEN_YEARS end
    return max(set.expires, history and history.day.month_ends + history.month_retention or 0)
end

-- Adds the running day to the list of days, of which the last ones are kept.
local function write_days(state)
    local day, listed = today.day(state), read_days(state)
    local last = listed[#listed]
    if last and last.id == day.id and last.ends == day.ends and last.month == day.month then return end
    listed[#listed + 1] = { since = current.now, id = day.id, ends = day.ends, month = day.month, month_ends = day.month_ends }
    local texts = {}
    for i = max(#listed - MAX_DAYS + 1, 1), #listed do
        local one = listed[i]
        texts[#texts + 1] = format('%d %s %d %s %d', one.since, one.id, one.ends, one.month, one.month_ends)
    end
    call('HSET', state.key, 'charge_days', table.concat(texts, ';'))
end

-- Writes the charged holds, and those that are no longer. Must be called after the scope's hash and its holds have been written.
function charges.write(state)
    if state.adds_charge and state.history then write_days(state) end
    local key, add, last = key_of(state), { 'ZADD', key_of(state) }, 0
    for i = 1, state.charged and #state.charged or 0, 3 do
        local hold, ends, parts = unpack(state.charged, i, i + 2)
        if hold then
            add[#add + 1], add[#add + 2] = format('%d', PARTS * ends + parts), hold
            last = max(last, ends)
        end
    end
    if state.uncharged then pcall(unpack(state.uncharged)) end
    if #add == 2 then return end
    pcall(unpack(add))
    pcall('ZREMRANGEBYSCORE', key, '-inf', format('%d', PARTS * (current.now - RETENTION)))
    local expires = format('%d', max(last, current.now) + RETENTION)
    pcall('PEXPIREAT', key, expires, 'NX')
    pcall('PEXPIREAT', key, expires, 'GT')
end

return charges
