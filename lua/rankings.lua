-- rankings.lua: who used most of a day, by kind: sorted sets, 'tollgate:{top}:user:cost:2026-11-20', whose members are scopes
-- and whose scores are the totals of their days.
--
-- A set has MOST_RANKED members, and up to SLACK more until it is cut. Only a total that is more than the least there goes in,
-- so that most scopes of very many cost nothing but a comparison. A total that a REFUND has made less is put right where the
-- scope is a member. A key that holds something else is no ranking, and stays as it is.
-- Needs window.lua. Reads while batch.lua writes history, and writes when write_rankings is called: never the first write.

local MOST_RANKED, SLACK = 1000, 100
local RANKED = { requests = true, denied = true, tokens = true, cost = true }
local DAY = 86400000

local scope_start = (find(KEYS[1] or '', '{', 1, true) or 0) + 1
local namespace = sub(KEYS[1] or '', 1, scope_start - 2)
local rankings, rankings_of = {}, {} -- all of this call; by day and kind, then by meter

-- members: scores and scopes that may come in; lowered: those that only may be in.
local function load_ranking(state, kind, field)
    local key = namespace .. '{top}:' .. kind .. ':' .. field .. sub(state.set.day, #':day' + 1)
    local size = pcall('ZCARD', key)
    if type(size) ~= 'number' then return false end
    local least = size >= MOST_RANKED and tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) or 0
    -- Somewhere the day ends up to a day later than for whoever is first.
    local expires = state.set.day_ends + DAY + state.set.day_kept
    local ranking =
        { key = key, size = size, least = least, expires = expires, members = { 'ZADD', key }, lowered = false }
    rankings[#rankings + 1] = ranking
    return ranking
end

-- Takes note of the new total of a scope's day, which delta has led to.
local function rank(state, field, total, delta)
    local key = state.key
    local colon = find(key, ':', scope_start, true)
    if not colon then return end -- there is but one global scope
    local kind = sub(key, scope_start, colon - 1)
    local of_kinds = rankings_of[state.set.day]
    if not of_kinds then
        of_kinds = {}
        rankings_of[state.set.day] = of_kinds
    end
    local by_meter = of_kinds[kind]
    if not by_meter then
        by_meter = {}
        of_kinds[kind] = by_meter
    end
    local ranking = by_meter[field]
    if ranking == nil then
        ranking = load_ranking(state, kind, field)
        by_meter[field] = ranking
    end
    if not ranking then return end
    local members = ranking.members
    if total <= ranking.least then
        if delta >= 0 then return end
        ranking.lowered = ranking.lowered or { 'ZADD', ranking.key, 'XX' }
        members = ranking.lowered
    end
    members[#members + 1] = text_of(total)
    members[#members + 1] = sub(key, scope_start, -2)
end

local function write_rankings()
    for i = 1, #rankings do
        local ranking = rankings[i]
        local size = ranking.size
        if #ranking.members > 2 then size = size + call(unpack(ranking.members)) end
        if ranking.lowered then call(unpack(ranking.lowered)) end
        if size > MOST_RANKED + SLACK then call('ZREMRANGEBYRANK', ranking.key, 0, size - MOST_RANKED - 1) end
        if ranking.size == 0 and size > 0 then call('PEXPIREAT', ranking.key, ranking.expires) end
    end
end
