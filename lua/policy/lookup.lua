-- policy/lookup.lua: what administrators have set for some scopes. Reads only.
--
-- KEYS   the hashes of what is set for each scope
-- Reply  { now in ms, { field, value, … }, … }: Redis's time, and by scope what HGETALL replies, an error too
-- O(n)
-- @function no-writes

local call, pcall, floor = redis.call, redis.pcall, math.floor

return function(KEYS)
    local time = call('TIME')
    local reply = { time[1] * 1000 + floor(time[2] / 1000) }
    for i = 1, #KEYS do reply[i + 1] = pcall('HGETALL', KEYS[i]) end
    return reply
end
