-- rankings.lua: who used most of a day, by kind: sorted sets, 'tollgate:top-scopes:user:cost:2026-11-20', whose members are scopes and
-- whose scores are the totals of their days.
--
-- A set has MAX members, and up to SLACK more until it is cut. Of several totals only those go in that are more than the least there,
-- so that most scopes of very many cost nothing but a comparison. A total that a REFUND has made less is corrected where the scope is a
-- member. A key that holds something else is no ranking, and stays as it is.
-- @include lib/exact
-- @include batch/current
-- @include batch/scope

local rankings = {}
local MAX, SLACK = 1000, 100
-- The fields that are ranked, on a page and of the running day.
local RANKED = {}
rankings.METERS = { [1] = 'requests', [2] = 'tokens', [5] = 'cost', [6] = 'denied' } -- as in labels.METERS
for _, name in pairs(rankings.METERS) do
    RANKED[name], RANKED['history/' .. name] = name, name
end
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local sub = string.sub
local text_of = exact.text

-- Those of this call: a list, and by day, kind and meter.
local list, by_day, call_number = {}, {}, 0

function rankings.begin()
    list, by_day, call_number = {}, {}, call_number + 1
end

-- members: scores and scopes that may come in; lowered: those that only may be in. least: of a full set, once more than one total is
-- to be compared.
local function new(history, meter, day)
    local key = sub(current.keys[1], 1, current.prefix) .. 'top-scopes:' .. history.kind .. ':' .. meter .. ':' .. day.id
    -- Somewhere the day ends up to a day later than for whoever is first.
    local expires = day.ends + 86400000 + history.day_kept
    local ranking = {
        key = key, day = day.id, call = call_number, least = false, expires = expires, members = { 'ZADD', key },
        lowered = { 'ZADD', key, 'XX' },
    }
    list[#list + 1] = ranking
    return ranking
end

local function least_of(key)
    local size = pcall('ZCARD', key)
    local is_full = type(size) == 'number' and size >= MAX
    return is_full and tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) or 0
end

-- Whether a total of requests that has grown is too small for the ranking of its day, as far as this call knows.
function rankings.is_below(history, day, total)
    local ranking = history.ranking
    return ranking and ranking.call == call_number and ranking.day == day.id and ranking.least and total <= ranking.least
end

-- Takes note of the new total of a scope's day, which delta has led to. history: that of the scope's set; day: { id, ends }.
function rankings.note(state, history, day, field, total, delta)
    local meter = RANKED[field]
    if not meter or history.kind == 'global' then return end -- there is but one global scope
    local of_kinds = by_day[day.id]
    if not of_kinds then
        of_kinds = {}
        by_day[day.id] = of_kinds
    end
    local by_meter = of_kinds[history.kind]
    if not by_meter then
        by_meter = {}
        of_kinds[history.kind] = by_meter
    end
    local ranking = by_meter[meter]
    local least = ranking and ranking.least
    if not ranking then
        ranking = new(history, meter, day)
        by_meter[meter] = ranking
        if meter == 'requests' then history.ranking = ranking end
    elseif not least then
        least = least_of(ranking.key)
        ranking.least = least
    end
    if least and total <= least and delta >= 0 then return end
    local members = (delta < 0 or total == 0) and ranking.lowered or ranking.members
    members[#members + 1] = text_of(total)
    members[#members + 1] = scope.text(state)
end

-- Comes behind the first write of a call.
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
