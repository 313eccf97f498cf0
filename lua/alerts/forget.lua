-- alerts/forget.lua: takes an alert out of what a scope's field alerts remembers of a limit (see alerts.lua), because the limit is
-- not there any more; with the last one that is open, all that is remembered of that limit.
--
-- KEYS[1]  the scope's hash
-- ARGV[1]  the limit, requests/1m     ARGV[2]  percent     ARGV[3]  when it was opened, Unix ms
-- Reply    how many were there
-- O(bytes of the field)
-- @function

local call, pcall, gmatch, match, sub, concat = redis.call, redis.pcall, string.gmatch, string.match, string.sub, table.concat

return function(KEYS, ARGV)
    local text = pcall('HGET', KEYS[1], 'alerts')
    if type(text) ~= 'string' then return 0 end
    local limit, wanted, opened = unpack(ARGV, 1, 3)
    local lines, count = {}, 0

    -- The line without the alert; nil where nothing of it is open then.
    local function without(line, name, period, items)
        local kept, is_open, found = {}, false, 0
        for item in gmatch(items, '%S+') do
            local percent, at = match(item, '^(%d+):%d+:(%-?%d+)')
            if percent == wanted and at == opened then
                found = found + 1
            else
                kept[#kept + 1] = item
                is_open = is_open or (at ~= nil and sub(at, 1, 1) ~= '-')
            end
        end
        if found == 0 then return line end
        count = count + found
        if is_open then return name .. ' ' .. period .. ' ' .. concat(kept, ' ') end
    end

    for line in gmatch(text, '[^;]+') do
        local name, period, items = match(line, '^(%S+) (%S+) (.*)$')
        if name == limit then line = without(line, name, period, items) end
        lines[#lines + 1] = line
    end
    if count == 0 then return 0 end
    if #lines > 0 then
        call('HSET', KEYS[1], 'alerts', concat(lines, ';'))
    else
        call('HDEL', KEYS[1], 'alerts')
    end
    return count
end
