-- alerts/settle.lua: takes items that have been published out of a scope's field alerts (see alerts.lua).
-- An item stays as long as an earlier one does: where that could not be published, a later one, which may resolve what it opens,
-- has been published to no effect, and is to be published again after it.
--
-- KEYS[1]  the scope's hash
-- ARGV     the items, as they stood there
-- Reply    how many were taken out
-- O(bytes of the field)
-- @function

local call, pcall, gmatch, find, concat = redis.call, redis.pcall, string.gmatch, string.find, table.concat

return function(KEYS, ARGV)
    local text = pcall('HGET', KEYS[1], 'alerts')
    if type(text) ~= 'string' then return 0 end
    local is_published = {}
    for i = 1, #ARGV do is_published[ARGV[i]] = true end
    local kept, count, waits = {}, 0, false
    for line in gmatch(text, '[^;]+') do
        if is_published[line] and not waits then
            count = count + 1
        else
            kept[#kept + 1] = line
            waits = waits or find(line, '^[+-]') ~= nil
        end
    end
    if count == 0 then return 0 end
    if #kept > 0 then
        call('HSET', KEYS[1], 'alerts', concat(kept, ';'))
    else
        call('HDEL', KEYS[1], 'alerts')
    end
    return count
end
