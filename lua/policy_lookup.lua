-- policy_lookup.lua: what administrators have set for some scopes, and that these were asked about.
--
-- KEYS[1…n]     the hashes of what is set for each scope
-- KEYS[n+1…2n]  for each scope the sorted set of the scopes of its kind by the time they were last seen
-- ARGV[1…n]     the scope's text as a member of that set; empty for one that is not to be listed
-- Reply         { now in ms, { field, value, … }, … }: Redis's time, and by scope what HGETALL replies, an error too
-- O(n log m), where m is the most scopes that are listed of a kind

local MOST_LISTED = 10000
local KEPT = 35 * 86400

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = { now }
local count = #ARGV
for i = 1, count do
    reply[i + 1] = redis.pcall('HGETALL', KEYS[i])
    -- A Redis that is full or takes no writes is asked all the same: listing can wait.
    if ARGV[i] ~= '' then
        local seen = KEYS[count + i]
        if redis.pcall('ZADD', seen, now, ARGV[i]) == 1 then
            redis.pcall('ZREMRANGEBYRANK', seen, 0, -MOST_LISTED - 1)
        end
        redis.pcall('EXPIRE', seen, KEPT)
    end
end
return reply
