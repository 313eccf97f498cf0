-- refusals.lua: reports refusals, including those that shadow limits would have made, after the answers of a batch, for the sidecar to
-- publish.
--
-- A reported refusal stores 'period time' in requests/1m.e. Of each limit, the first refusal of a period is reported, and then at most one
-- per EVENT_INTERVAL. Nothing here fails a batch: a refusal that cannot be stored is not reported.
-- @include batch/alerts
-- @include batch/answers
-- @include batch/current

local refusals = {}
local EVENT_INTERVAL = 60000 -- ms
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local match, format = string.match, string.format

-- The first refusal of each limit in this call: { scope, limit, used, held, the scopes of the request }, all by index.
local noted = {}

function refusals.begin() noted = {} end

function refusals.note(state, index, j)
    local refused = state.refused or {}
    state.refused = refused
    if refused[j] then return end
    refused[j] = true
    local used, held = answers.used_and_held(state, j)
    noted[#noted + 1] = { index, j, used, held, { unpack(current.named, 1, current.count) } }
end

-- Returns whether a limit has not reported a refusal in this period, or not within EVENT_INTERVAL.
local function is_due(state, j)
    local stored = pcall('HGET', state.key, state.set.name[j] .. '.e')
    local period, at = match(type(stored) == 'string' and stored or '', '^(%S+) (%d+)$')
    at = tonumber(at)
    return not at or period ~= alerts.period_of(state, j) or at > current.now or current.now - at >= EVENT_INTERVAL
end

-- Stores that the refusal is reported. Returns whether that succeeded.
local function write(state, j)
    local existed = call('EXISTS', state.key) == 1
    local text = format('%s %d', alerts.period_of(state, j), current.now)
    local reply = pcall('HSET', state.key, state.set.name[j] .. '.e', text)
    if type(reply) == 'table' and reply.err then return false end
    if not existed then pcall('PEXPIREAT', state.key, format('%d', current.now + EVENT_INTERVAL)) end
    return true
end

-- Adds the refusals that are due to the reply.
function refusals.put()
    local put = answers.put
    for _, refusal in ipairs(noted) do
        local index, j, used, held, scope_indices = unpack(refusal)
        local state = current.scopes[index]
        if is_due(state, j) and write(state, j) then
            put(1)
            put(index)
            put(j)
            put(used)
            put(held)
            put(#scope_indices)
            for i = 1, #scope_indices do put(scope_indices[i]) end
        end
    end
end

return refusals
