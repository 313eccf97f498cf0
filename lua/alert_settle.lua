-- alert_settle.lua: takes items that have been published out of a scope's field alerts (see alerts.lua). Stands alone.
-- An item stays as long as an earlier one does: where that could not be published, a later one, which may resolve what it opens,
-- has been published to no effect, and is to be published again after it.
--
-- KEYS[1]  the scope's hash
-- ARGV     the items, as they stood there
-- Reply    how many were taken out
-- O(bytes of the field)

local text = redis.pcall('HGET', KEYS[1], 'alerts')
if type(text) ~= 'string' then return 0 end
local is_published = {}
for i = 1, #ARGV do is_published[ARGV[i]] = true end
local kept, count, waits = {}, 0, false
for line in string.gmatch(text, '[^;]+') do
    if is_published[line] and not waits then
        count = count + 1
    else
        kept[#kept + 1] = line
        waits = waits or string.find(line, '^[+-]') ~= nil
    end
end
if count == 0 then return 0 end
if #kept > 0 then
    redis.call('HSET', KEYS[1], 'alerts', table.concat(kept, ';'))
else
    redis.call('HDEL', KEYS[1], 'alerts')
end
return count
