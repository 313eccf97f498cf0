-- policy/seen.lua: reads a page of ids by time, newest first, or oldest first. Ids of the same millisecond are in
-- descending byte order, or in ascending order. It pages the scopes seen, the alerts and the overrides.
--
-- KEYS[1]  sorted set of ids by time
-- ARGV[1]  number of ids
-- ARGV[2]  time of the last id of the page before     ARGV[3]  that id; both empty for the first page
-- ARGV[4]  'oldest' to begin with the oldest
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
    local key, count, time, last_id, is_oldest_first = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4] == 'oldest'

    local function range(from, to, ...)
        if is_oldest_first then return call('ZRANGE', key, from, to, ...) end
        return call('ZRANGE', key, from, to, 'REV', ...)
    end

    local first = 0
    if time ~= '' then
        -- A binary search for the first id of the same time behind the last one, which may have moved since.
        first = is_oldest_first and call('ZCOUNT', key, '-inf', '(' .. time) or call('ZCOUNT', key, '(' .. time, '+inf')
        local last = first + call('ZCOUNT', key, time, time)
        while first < last do
            local middle = floor((first + last) / 2)
            local id = range(middle, middle)[1]
            local is_behind
            if is_oldest_first then is_behind = precedes(last_id, id) else is_behind = precedes(id, last_id) end
            if is_behind then last = middle else first = middle + 1 end
        end
    end
    return range(first, first + count - 1, 'WITHSCORES')
end
