-- policy/seen.lua: a page of the scopes seen, newest first; of those seen in the same millisecond, the last by their bytes
-- first. Reads only. The ids of alerts are paged by it too.
--
-- KEYS[1]  sorted set of scopes by time
-- ARGV[1]  how many
-- ARGV[2]  time, and ARGV[3] scope, of the last one of the page before; empty for the first page
-- Reply    scope, time, scope, time …
-- O(log² n + page)
-- @function no-writes

local call, floor, byte, min = redis.call, math.floor, string.byte, math.min

-- Not Lua's own <, which goes by the server's locale.
local function precedes(one, other)
    for i = 1, min(#one, #other) do
        local left, right = byte(one, i), byte(other, i)
        if left ~= right then return left < right end
    end
    return #one < #other
end

return function(KEYS, ARGV)
    local key, count, time, scope = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
    local first = 0
    if time ~= '' then
        -- The first of those of the same time that comes behind the scope, which may have been seen again since.
        first = call('ZCOUNT', key, '(' .. time, '+inf')
        local last = first + call('ZCOUNT', key, time, time)
        while first < last do
            local middle = floor((first + last) / 2)
            if precedes(call('ZRANGE', key, middle, middle, 'REV')[1], scope) then last = middle else first = middle + 1 end
        end
    end
    return call('ZRANGE', key, first, first + count - 1, 'REV', 'WITHSCORES')
end
