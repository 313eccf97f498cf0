-- policy/seen.lua: reads a page of ids by time, newest first. Ids of the same millisecond are in descending byte order.
-- It pages the scopes seen and the alerts.
--
-- KEYS[1]  sorted set of ids by time
-- ARGV[1]  number of ids
-- ARGV[2]  time of the last id of the page before     ARGV[3]  that id; both empty for the first page
-- Reply    { id, time, id, time … }
-- O(log² n + page)
-- @function no-writes

local call, floor, byte, min = redis.call, math.floor, string.byte, math.min

-- Compares bytes. Lua's operator < depends on the server's locale.
local function precedes(one, other)
    for i = 1, min(#one, #other) do
        local left, right = byte(one, i), byte(other, i)
        if left ~= right then return left < right end
    end
    return #one < #other
end

return function(KEYS, ARGV)
    local key, count, time, last_id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
    local first = 0
    if time ~= '' then
        -- A binary search for the first id of the same time behind the last one, which may have moved since.
        first = call('ZCOUNT', key, '(' .. time, '+inf')
        local last = first + call('ZCOUNT', key, time, time)
        while first < last do
            local middle = floor((first + last) / 2)
            if precedes(call('ZRANGE', key, middle, middle, 'REV')[1], last_id) then last = middle else first = middle + 1 end
        end
    end
    return call('ZRANGE', key, first, first + count - 1, 'REV', 'WITHSCORES')
end
