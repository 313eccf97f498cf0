-- policy/index.lua: adds scopes to the indexes of policy/scope_index.lua, for settings that an earlier version made
-- without them.
--
-- KEYS[1]  index of scopes with limits     KEYS[2]  index of overrides     KEYS[3] …  hashes of the settings of scopes
-- ARGV     the scopes, in the order of their hashes
-- Reply    number of scopes; or { -1, index in KEYS } for a key of another type
-- O(n log m) for n scopes and m entries
-- @function
-- @include policy/scope_index

local call, floor = redis.call, math.floor

return function(KEYS, ARGV)
    for i = 1, #KEYS do
        local found, expected = call('TYPE', KEYS[i]).ok, i < 3 and 'zset' or 'hash'
        if found ~= 'none' and found ~= expected then return { -1, i } end
    end
    local time = call('TIME')
    local now = time[1] * 1000 + floor(time[2] / 1000)
    for i = 1, #ARGV do scope_index.update(KEYS[i + 2], ARGV[i], KEYS[1], KEYS[2], now) end
    return #ARGV
end
