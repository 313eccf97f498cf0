-- policy/lookup.lua: reads the settings of scopes.
--
-- KEYS   hashes of the settings of the scopes
-- ARGV   none
-- Reply  { Redis's time in Unix ms, reply to HGETALL or its error, … }, a reply per scope
-- O(n) in the number of scopes
-- @function no-writes

local call, pcall, floor = redis.call, redis.pcall, math.floor

return function(KEYS)
    local time = call('TIME')
    local reply = { time[1] * 1000 + floor(time[2] / 1000) }
    for i = 1, #KEYS do reply[i + 1] = pcall('HGETALL', KEYS[i]) end
    return reply
end
