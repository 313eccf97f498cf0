-- rankings.lua: who used most of a day, by kind: sorted sets, 'tollgate:top-scopes:user:cost:2026-11-20', whose members are
-- scopes and whose scores are the totals of their days.
--
-- A set has MOST members, and up to SLACK more until it is cut. Of several totals only those go in that are more than
-- the least there, so that most scopes of very many cost nothing but a comparison. A total that a REFUND has made less is put
-- right where the scope is a member. A key that holds something else is no ranking, and stays as it is.
-- Needs window.lua. Reads while history is written, and writes when rankings.write is called: never the first write.

local RANKED = { requests = true, denied = true, tokens = true, cost = true }

-- list: all of this call; by_day: the same by day, then by kind, then by meter. prefix: that of the batch.
local rankings = { MOST = 1000, SLACK = 100, list = {}, by_day = {}, prefix = 0 }

-- The scope of a hash: in keys a colon within an id is written twice.
function rankings.scope_of(key)
    local name = sub(key, rankings.prefix + 1)
    return find(name, '::', 1, true) and (gsub(name, '::', ':')) or name
end

-- members: scores and scopes that may come in; lowered: those that only may be in. least: of a full set, once more than one
-- total is to be compared.
function rankings.new(state, kind, field)
    local prefix, day = sub(state.key, 1, rankings.prefix), sub(state.set.day, #':day' + 1)
    local key = prefix .. 'top-scopes:' .. kind .. ':' .. field .. day
    -- Somewhere the day ends up to a day later than for whoever is first.
    local expires = state.set.day_ends + 86400000 + state.set.day_kept
    local ranking =
        { key = key, least = false, expires = expires, members = { 'ZADD', key }, lowered = { 'ZADD', key, 'XX' } }
    table.insert(rankings.list, ranking)
    return ranking
end

function rankings.least_of(key)
    local size = pcall('ZCARD', key)
    local is_full = type(size) == 'number' and size >= rankings.MOST
    return is_full and tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) or 0
end

-- Takes note of the new total of a scope's day, which delta has led to.
function rankings.note(state, field, total, delta)
    local key, scope_start = state.key, rankings.prefix + 1
    local colon = find(key, ':', scope_start, true)
    if not colon then return end -- there is but one global scope
    local kind = sub(key, scope_start, colon - 1)
    local of_kinds = rankings.by_day[state.set.day]
    if not of_kinds then
        of_kinds = {}
        rankings.by_day[state.set.day] = of_kinds
    end
    local by_meter = of_kinds[kind]
    if not by_meter then
        by_meter = {}
        of_kinds[kind] = by_meter
    end
    local ranking = by_meter[field]
    local least = ranking and ranking.least
    if not ranking then
        ranking = rankings.new(state, kind, field)
        by_meter[field] = ranking
    elseif not least then
        least = rankings.least_of(ranking.key)
        ranking.least = least
    end
    if least and total <= least and delta >= 0 then return end
    local members = (delta < 0 or total == 0) and ranking.lowered or ranking.members
    members[#members + 1] = text_of(total)
    members[#members + 1] = rankings.scope_of(key)
end

function rankings.write()
    for _, ranking in ipairs(rankings.list) do
        local key, members, lowered = ranking.key, ranking.members, ranking.lowered
        local added = #members > 2 and pcall(unpack(members))
        if #lowered > 3 then pcall(unpack(lowered)) end
        if type(added) == 'number' and added > 0 then
            local size = call('ZCARD', key)
            if size > rankings.MOST + rankings.SLACK then call('ZREMRANGEBYRANK', key, 0, size - rankings.MOST - 1) end
            if size == added then call('PEXPIREAT', key, ranking.expires) end
        end
    end
end
