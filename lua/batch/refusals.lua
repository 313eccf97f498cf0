-- refusals.lua: refusals that are reported to whoever publishes them, behind the answers of a batch.
--
-- One that was reported leaves 'period time' in requests/1m.e: of those by one limit the first of a period is reported, and then one
-- every EVENT_EVERY at most. Nothing here fails a batch: a refusal that cannot be noted is not reported.
-- @include batch/alerts
-- @include batch/answers
-- @include batch/current

local refusals = {}
local EVENT_EVERY = 60000 -- ms
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local match, format = string.match, string.format

-- The first refusal of this call by each limit: { place, limit, used, held, the places of the scopes asked about }.
local noted = {}

function refusals.begin() noted = {} end

function refusals.note(state, place, j)
    local refused = state.refused or {}
    state.refused = refused
    if refused[j] then return end
    refused[j] = true
    local used, held = answers.used_and_held(state, j)
    noted[#noted + 1] = { place, j, used, held, { unpack(current.named, 1, current.count) } }
end

-- Whether a limit has not reported a refusal in this period, or not for long enough.
local function is_due(state, j)
    local stored = pcall('HGET', state.key, state.set.name[j] .. '.e')
    local period, at = match(type(stored) == 'string' and stored or '', '^(%S+) (%d+)$')
    at = tonumber(at)
    return not at or period ~= alerts.period_of(state, j) or at > current.now or current.now - at >= EVENT_EVERY
end

-- Returns whether the refusal is reported by this batch.
local function write(state, j)
    local existed = call('EXISTS', state.key) == 1
    local text = format('%s %d', alerts.period_of(state, j), current.now)
    local reply = pcall('HSET', state.key, state.set.name[j] .. '.e', text)
    if type(reply) == 'table' and reply.err then return false end
    if not existed then pcall('PEXPIREAT', state.key, format('%d', current.now + EVENT_EVERY)) end
    return true
end

-- Adds the refusals that are due to the reply.
function refusals.put()
    local put = answers.put
    for _, refusal in ipairs(noted) do
        local place, j, used, held, places = unpack(refusal)
        local state = current.scopes[place]
        if is_due(state, j) and write(state, j) then
            put(1)
            put(place)
            put(j)
            put(used)
            put(held)
            put(#places)
            for i = 1, #places do put(places[i]) end
        end
    end
end

return refusals
