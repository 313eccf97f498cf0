-- rankings.lua: the top scopes of a day by kind and meter: sorted sets, 'tollgate:top-scopes:user:cost:2026-11-20', whose members are
-- scopes and whose scores are the totals of the day.
--
-- A set has MAX members, and up to SLACK more before it is trimmed. A call that has several totals for a set adds only those above the
-- lowest score, so that most of many scopes cost only a comparison. A total that a REFUND has reduced is corrected where the scope is a
-- member. A key of another type is left as it is.
-- @include lib/exact
-- @include batch/current
-- @include batch/scope

local rankings = {}
local MAX, SLACK = 1000, 100
-- The ranked fields: of a record with its own hash, and of the running day.
local RANKED = {}
rankings.METERS = { -- as in labels.METERS
    [1] = 'requests', [2] = 'tokens', [5] = 'cost', [6] = 'denied', [7] = 'calls', [8] = 'would_deny',
}
for _, name in pairs(rankings.METERS) do
    RANKED[name], RANKED['history/' .. name] = name, name
end
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local sub = string.sub
local text_of = exact.text

-- The rankings of this call: as a list, and by day, kind and meter.
local list, by_day, call_number = {}, {}, 0

function rankings.begin()
    list, by_day, call_number = {}, {}, call_number + 1
end

-- Creates a ranking. members: the scores and scopes to add. lowered: the scores and scopes to update where they are members. lowest: the
-- lowest score of a full set, read once there is a second total to compare.
local function new(history, meter, day)
    local key = sub(current.keys[1], 1, current.prefix) .. 'top-scopes:' .. history.kind .. ':' .. meter .. ':' .. day.id
    -- In another calendar, the same day may end up to a day later.
    local expires = day.ends + 86400000 + history.day_retention
    local ranking = {
        key = key, day = day.id, call = call_number, lowest = false, expires = expires, members = { 'ZADD', key },
        lowered = { 'ZADD', key, 'XX' },
    }
    list[#list + 1] = ranking
    return ranking
end

local function lowest_of(key)
    local size = pcall('ZCARD', key)
    local is_full = type(size) == 'number' and size >= MAX
    return is_full and tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) or 0
end

-- Returns whether an increased total of requests is known to be too low for the ranking of its day.
function rankings.is_below(history, day, total)
    local ranking = history.ranking
    return ranking and ranking.call == call_number and ranking.day == day.id and ranking.lowest and total <= ranking.lowest
end

-- Reports the new total of a scope's day to its ranking. delta: the change. history: of the scope's set. day: { id, ends }.
function rankings.note(state, history, day, field, total, delta)
    local meter = RANKED[field]
    if not meter or history.kind == 'global' then return end -- there is only one global scope
    local by_kind = by_day[day.id]
    if not by_kind then
        by_kind = {}
        by_day[day.id] = by_kind
    end
    local by_meter = by_kind[history.kind]
    if not by_meter then
        by_meter = {}
        by_kind[history.kind] = by_meter
    end
    local ranking = by_meter[meter]
    local lowest = ranking and ranking.lowest
    if not ranking then
        ranking = new(history, meter, day)
        by_meter[meter] = ranking
        if meter == 'requests' then history.ranking = ranking end
    elseif not lowest then
        lowest = lowest_of(ranking.key)
        ranking.lowest = lowest
    end
    if lowest and total <= lowest and delta >= 0 then return end
    local members = (delta < 0 or total == 0) and ranking.lowered or ranking.members
    members[#members + 1] = text_of(total)
    members[#members + 1] = scope.text(state)
end

-- Writes the rankings. Must not be the first write of a call, because it ignores errors.
function rankings.write()
    for _, ranking in ipairs(list) do
        local key, members, lowered = ranking.key, ranking.members, ranking.lowered
        local added = #members > 2 and pcall(unpack(members))
        if #lowered > 3 then pcall(unpack(lowered)) end
        if type(added) == 'number' and added > 0 then
            local size = call('ZCARD', key)
            if size > MAX + SLACK then call('ZREMRANGEBYRANK', key, 0, size - MAX - 1) end
            if size == added then call('PEXPIREAT', key, ranking.expires) end
        end
    end
end

return rankings
