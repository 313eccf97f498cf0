-- alert_settle.lua: takes items that have been published out of a scope's field alerts (see alerts.lua). Stands alone.
--
-- KEYS[1]  the scope's hash
-- ARGV     the items, as they stood there
-- Reply    how many were there
-- O(bytes of the field)

local text = redis.pcall('HGET', KEYS[1], 'alerts')
if type(text) ~= 'string' then return 0 end
local is_published = {}
for i = 1, #ARGV do is_published[ARGV[i]] = true end
local kept, count = {}, 0
for line in string.gmatch(text, '[^;]+') do
    if is_published[line] then count = count + 1 else kept[#kept + 1] = line end
end
if count == 0 then return 0 end
if #kept > 0 then
    redis.call('HSET', KEYS[1], 'alerts', table.concat(kept, ';'))
else
    redis.call('HDEL', KEYS[1], 'alerts')
end
return count
