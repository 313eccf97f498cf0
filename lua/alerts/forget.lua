-- alerts/forget.lua: takes an alert out of what a scope's hash has of a limit (alerts/book.lua), because the limit is not there any
-- more; with the last one that is open, all that is there of that limit.
--
-- KEYS[1]  the scope's hash
-- ARGV[1]  the limit, requests/1m     ARGV[2]  percent     ARGV[3]  when it was opened, Unix ms
-- Reply    how many were there
-- O(bytes of the field)
-- @function
-- @include alerts/book

local call, pcall, tonumber = redis.call, redis.pcall, tonumber

return function(KEYS, ARGV)
    local text = pcall('HGET', KEYS[1], book.FIELD)
    if type(text) ~= 'string' then return 0 end
    local limit, percent, opened = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
    local parsed = book.parse(text)
    local entry = parsed.limits[limit]
    local kept, is_open = {}, false
    for _, item in ipairs(entry and entry.items or {}) do
        if item.percent ~= percent or item.at ~= opened then
            kept[#kept + 1] = item
            is_open = is_open or item.at > 0
        end
    end
    local count = entry and #entry.items - #kept or 0
    if count == 0 then return 0 end
    entry.items = is_open and kept or {}
    text = book.text(parsed)
    if text ~= '' then
        call('HSET', KEYS[1], book.FIELD, text)
    else
        call('HDEL', KEYS[1], book.FIELD)
    end
    return count
end
