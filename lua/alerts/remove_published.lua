-- alerts/remove_published.lua: removes published items from the outbox of a scope (alerts/outbox.lua). An item remains
-- as long as an earlier one does. If the earlier one was not published, a later one that resolves it had no effect, and
-- must be published again after it.
--
-- KEYS[1]  hash of the scope
-- ARGV     items
-- Reply    number of removed items
-- O(bytes of the field)
-- @function
-- @include alerts/outbox

local call, pcall = redis.call, redis.pcall

return function(KEYS, ARGV)
    local text = pcall('HGET', KEYS[1], outbox.FIELD)
    if type(text) ~= 'string' then return 0 end
    local is_published = {}
    for i = 1, #ARGV do is_published[ARGV[i]] = true end
    local items = outbox.parse(text)
    local count = 0
    while items[count + 1] and is_published[items[count + 1]] do count = count + 1 end
    if count == 0 then return 0 end
    if count < #items then
        call('HSET', KEYS[1], outbox.FIELD, outbox.text(items, count + 1))
    else
        call('HDEL', KEYS[1], outbox.FIELD)
    end
    return count
end
