-- policy_lookup.lua: what administrators have set for some scopes. Stands alone. Reads only.
--
-- KEYS   the hashes of what is set for each scope
-- Reply  { now in ms, { field, value, … }, … }: Redis's time, and by scope what HGETALL replies, an error too
-- O(n)

local time = redis.call('TIME')
local reply = { time[1] * 1000 + math.floor(time[2] / 1000) }
for i = 1, #KEYS do reply[i + 1] = redis.pcall('HGETALL', KEYS[i]) end
return reply
