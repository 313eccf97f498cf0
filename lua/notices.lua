-- notices.lua: what a batch tells besides answers: refusals, and what happened to alerts. Comes behind alerts.lua, whose period_of it
-- uses, and batch.lua; apply.lua calls it at the end.
--
-- A refusal that was told leaves 'period time' in requests/1m.e: of those by one limit the first of a period is told, and then one
-- every EVENT_EVERY at most.
--
-- Nothing here fails a batch: a refusal that cannot be noted is not told.

local EVENT_EVERY = 60000 -- ms

-- Whether a limit has not told of a refusal in this period, or not for long enough.
local function is_to_be_told(state, j)
    local stored = pcall('HGET', state.key, state.set.name[j] .. '.e')
    local period, at = match(type(stored) == 'string' and stored or '', '^(%S+) (%d+)$')
    at = tonumber(at)
    return not at or period ~= period_of(state, j) or at > now or now - at >= EVENT_EVERY
end

-- Returns whether the refusal is told by this batch.
local function write_refusal(state, j)
    local existed = call('EXISTS', state.key) == 1
    local text = format('%s %d', period_of(state, j), now)
    local reply = pcall('HSET', state.key, state.set.name[j] .. '.e', text)
    if type(reply) == 'table' and reply.err then return false end
    if not existed then pcall('PEXPIREAT', state.key, format('%d', now + EVENT_EVERY)) end
    return true
end

-- What the reply tells besides answers: refusals, and alerts that have not been published.
local function put_notices()
    for _, refusal in ipairs(refusals) do
        local place, j, used, kept, places = unpack(refusal)
        if is_to_be_told(scopes[place], j) and write_refusal(scopes[place], j) then
            put(1)
            put(place)
            put(j)
            put(used)
            put(kept)
            put(#places)
            for i = 1, #places do put(places[i]) end
        end
    end
    for i = 1, #scopes do
        local pending = scopes[i].pending
        if pending and pending ~= '' then
            put(2)
            put(i)
            put(pending)
        end
    end
end
