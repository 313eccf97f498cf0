-- charges.lua: converts the holds of expired reservations to usage, where their RESERVE or the limits say so (on_expiry: charge).
--
-- The RESERVE decides what is charged to each scope, and the score of the hold states it (hold_score.lua). A scope that has no limit on tokens,
-- or on cost, follows the others of the request in its history: a provider's report has what its users are charged.
--
-- The usage counts in the buckets, periods and days in which the reservations were made, as that of a late COMMIT does in periods and days.
-- A charged hold moves from the set of open holds to the sorted set tollgate:user:alice:charged, so that it is charged once. Its score there
-- is 4 × its end (Unix ms), plus 1 if its tokens were charged, plus 2 if its cost was. A COMMIT or CANCEL that comes later gives back what
-- was charged. The set keeps a hold for as long as a journal may still replay a COMMIT of it.
--
-- A hold does not say which day it was made on. So the field `charge_days` of the scope's hash lists the days of holds that may be charged,
-- each from the time of its first hold on: '1795219200123 2026-11-20 1795219200000 2026-11 1796083200000;…'.
--
-- The limits of a user may depend on the tier that a request leads to (sets.lua: varies). What is charged then counts against the limits of
-- the tier of the RESERVE: requests of other tiers leave the hold to the sweeper, which uses the limits of each tier. `charge_tiers` lists
-- the tiers, each followed by a tab. A hold that is not swept GRACE ms after its end, as when its tier is gone, is charged by any request.
--
-- The sorted set tollgate:charge-queue has the scopes with holds to charge by when the sweeper must look at them next (Unix ms). A RESERVE adds
-- its scopes; a sweep moves or removes them. So holds are charged where no request reads the scope any more.
--
-- In the state of a scope:
--   charged     the holds that this call charges: hold, end (Unix ms), what is charged (TOKENS_PART + COST_PART), …; nil if there are none
--   uncharged   the command that forgets the holds that this call gives back
--   adds_charge the first end of the holds to charge that are added; nil for none
--   is_blocked  whether ended holds must stay, because their charge cannot be written
--   is_swept    whether to set the scope's time in the queue
--   tiers       the list of tiers, where it has been read; adds_tier: whether it has a new one
-- @include batch/counters
-- @include batch/current
-- @include batch/days
-- @include batch/history_record
-- @include batch/hold_score
-- @include batch/labels
-- @include batch/resets
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
-- How long after its end a hold is left to the sweeper, in ms.
local GRACE = 60000
-- When the sweeper looks again at a scope with holds that it could not charge, in ms: because they are of another tier, or cannot be written.
local SWEEP_AGAIN, SWEEP_BLOCKED = 1000, 60000
-- The number of holds among which the next one to charge is searched.
local LOOK_AHEAD = 100
-- The number of ended holds that are read where those to charge must stay.
local MAX_BLOCKED = 100
local call, pcall, tonumber, type, unpack = redis.call, redis.pcall, tonumber, type, unpack
local match, gmatch, gsub, find, format = string.match, string.gmatch, string.gsub, string.find, string.format
local sub, min, max, floor = string.sub, math.min, math.max, math.floor

local function key_of(state) return state.key .. ':charged' end

-- Returns the word of a RESERVE in its hold: '+charge', '+release', or '' where the limits decide.
local function word_of(hold) return match(hold, '^%S+ %d+(%S*) ') end

-- Returns which parts of a hold are charged when it expires, and the number of its tier. score: as Redis returns it.
local function terms_of(state, hold, score)
    local parts, tier = hold_score.terms(score)
    if parts then return parts, tier end
    local word, set = word_of(hold), state.set
    if word == '+charge' then return TOKENS_PART + COST_PART, 0 end
    if word == '+release' then return 0, 0 end
    return (set.charges_tokens and TOKENS_PART or 0) + (set.charges_cost and COST_PART or 0), 0
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

-- Deciding --------------------------------------------------------------------------------------------------------------------------------

local decided = {} -- reused

-- Decides what the current RESERVE is charged if it expires: the parts, by the positions of its scopes.
function charges.decide(hold)
    local asked, word = current.asked, word_of(hold)
    local tokens, cost = word == '+charge', word == '+charge'
    for i = 1, word == '' and current.count or 0 do
        local set = current.scopes[current.named[i]].set
        tokens, cost = tokens or set.charges_tokens, cost or set.charges_cost
    end
    tokens = tokens and max(asked[TOKENS] or 0, asked[TOKENS + 1] or 0, asked[TOKENS + 2] or 0) > 0
    cost = cost and (asked[COST] or 0) > 0
    for i = 1, current.count do
        local state, parts = current.scopes[current.named[i]], 0
        local set = state.set
        local follows_all = word == '+charge' and (set.holds or state.history)
        if tokens and (set.charges_tokens or follows_all or state.history and not set.limits_tokens) then parts = TOKENS_PART end
        if cost and (set.charges_cost or follows_all or state.history and not set.limits_cost) then parts = parts + COST_PART end
        decided[i] = parts
    end
    return decided
end

-- Returns the tiers of the holds of a scope.
local function tiers_of(state)
    if not state.tiers then
        local text = pcall('HGET', state.key, 'charge_tiers')
        state.tiers = {}
        for tier in gmatch(type(text) == 'string' and text or '', '([^\t]*)\t') do table.insert(state.tiers, tier) end
    end
    return state.tiers
end

-- Returns the number of the set's tier for a hold to charge; 0 where the limits do not depend on it.
function charges.tier_number(state)
    local set = state.set
    if not set.varies then return 0 end
    local tiers = tiers_of(state)
    for i = 1, #tiers do
        if tiers[i] == set.tier then return i end
    end
    if #tiers >= hold_score.MAX_TIER then return 0 end
    tiers[#tiers + 1], state.adds_tier = set.tier, true
    return #tiers
end

-- Expiry ----------------------------------------------------------------------------------------------------------------------------------

-- Returns whether this user may run the commands that remember a charge.
function charges.may_remember(state)
    return redis.acl_check_cmd('ZADD', key_of(state), '1', 'a')
end

-- Returns whether it can be remembered that a hold was charged: not if the key has another type. It would be charged without a way back.
local function can_charge(state)
    if state.can_charge == nil then state.can_charge = type(pcall('ZCARD', key_of(state))) == 'number' end
    return state.can_charge
end

-- Returns the number of ended holds to read.
function charges.max_expired(state, maximum) return can_charge(state) and maximum or MAX_BLOCKED end

-- Returns whether a hold must be charged with other limits than the set's.
local function is_of_other_limits(state, tier, ends)
    local set = state.set
    -- A set that only resolves alerts has no history.
    if set.only_resolves then return true end
    return tier > 0 and set.varies and tiers_of(state)[tier] ~= set.tier and current.now < ends + GRACE
end

-- Charges a hold that has ended to the counters of a scope, if it is one to charge. Its history follows with charges.add_to_history. Returns
-- false where the hold must stay.
function charges.expire(state, hold, score)
    local parts, tier = terms_of(state, hold, score)
    if parts == 0 then return true end
    local ends = hold_score.ends(score)
    if is_of_other_limits(state, tier, ends) then return false end
    if not can_charge(state) then
        state.is_blocked = true
        return false
    end
    local charged = state.charged or {}
    state.charged = charged
    charged[#charged + 1], charged[#charged + 2], charged[#charged + 3] = hold, ends, parts
    local made = made_at(hold, ends)
    counters.consume(state, amounts_of(hold, parts), made, made, resets.since(state, ends))
    return true
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
    -- Nothing has been written yet. A charge that stayed remembered would be given back twice.
    if not uncharged and not redis.acl_check_cmd('ZREM', key_of(state), hold) then
        error(redis.error_reply('NOPERM this user has no permissions to run ZREM, which releases reservations'))
    end
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
    counters.give_back_to_time(state, amounts, made, resets.since(state, ends))
    return amounts, made
end

-- Writing ---------------------------------------------------------------------------------------------------------------------------------

-- Returns until when the holds of a scope must be kept if one that is charged at its end is added now, so that it still is after a long time
-- without requests.
function charges.needed_until(state, ends)
    local set, history = state.set, state.history
    state.adds_charge, state.charged = min(state.adds_charge or ends, ends), state.charged or {}
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

local function queue_key() return sub(current.keys[1], 1, current.prefix) .. 'charge-queue' end

-- Lets the sweeper look at a scope again when its next hold to charge ends. Where most holds are not charged, that may be too early.
local function reschedule(state)
    local stored, text, now, due = pcall('ZRANGE', state.key .. ':holds', 0, LOOK_AHEAD - 1, 'WITHSCORES'), scope.text(state), current.now, nil
    for i = 1, #stored, 2 do
        if terms_of(state, stored[i], stored[i + 1]) ~= 0 or i == 2 * LOOK_AHEAD - 1 then
            due = hold_score.ends(stored[i + 1])
            break
        end
    end
    if not due then return pcall('ZREM', queue_key(), text) end
    if due <= now and not charges.is_full(state) then due = now + (state.is_blocked and SWEEP_BLOCKED or SWEEP_AGAIN) end
    pcall('ZADD', queue_key(), format('%d', due), text)
end

-- Writes the charged holds, and those that are no longer. Must be called after the scope's hash and its holds have been written.
function charges.write(state)
    if state.adds_charge and state.history then write_days(state) end
    if state.adds_tier then call('HSET', state.key, 'charge_tiers', table.concat(state.tiers, '\t') .. '\t') end
    local key, add, last = key_of(state), { 'ZADD', key_of(state) }, 0
    for i = 1, state.charged and #state.charged or 0, 3 do
        local hold, ends, parts = unpack(state.charged, i, i + 2)
        if hold then
            add[#add + 1], add[#add + 2] = format('%d', PARTS * ends + parts), hold
            last = max(last, ends)
        end
    end
    if state.uncharged then pcall(unpack(state.uncharged)) end
    if #add > 2 then
        pcall(unpack(add))
        pcall('ZREMRANGEBYSCORE', key, '-inf', format('%d', PARTS * (current.now - RETENTION)))
        local expires = format('%d', max(last, current.now) + RETENTION)
        pcall('PEXPIREAT', key, expires, 'NX')
        pcall('PEXPIREAT', key, expires, 'GT')
    end
    -- The queue only makes holds be charged sooner. Whatever happens to it, no error follows.
    if state.is_swept then
        reschedule(state)
    elseif state.adds_charge then
        pcall('ZADD', queue_key(), 'LT', format('%d', state.adds_charge), scope.text(state))
    end
end

return charges
