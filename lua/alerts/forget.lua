-- alerts/forget.lua: removes an alert from the hash of its scope (alerts/book.lua), because its limit no longer exists.
-- With the last open alert of the limit, the limit's whole entry is removed.
--
-- KEYS[1]  hash of the scope
-- ARGV[1]  limit, such as requests/1m     ARGV[2]  threshold in percent     ARGV[3]  opening time, Unix ms
-- Reply    number of removed alerts
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
    local remaining, is_open = {}, false
    for _, item in ipairs(entry and entry.items or {}) do
        if item.percent ~= percent or item.at ~= opened then
            remaining[#remaining + 1] = item
            is_open = is_open or item.at > 0
        end
    end
    local count = entry and #entry.items - #remaining or 0
    if count == 0 then return 0 end
    entry.items = is_open and remaining or {}
    text = book.text(parsed)
    if text ~= '' then
        call('HSET', KEYS[1], book.FIELD, text)
    else
        call('HDEL', KEYS[1], book.FIELD)
    end
    return count
end
