-- policy/reset.lua: deletes counters from the hash of a scope (batch/scope.lua). Open reservations and the history
-- remain. Reservations that had ended before the reset no longer count in these counters, and are not given back to them
-- (batch/resets.lua). The next operation resolves the alerts of these limits (batch/alerts.lua). policy/audit.lua adds the reset to
-- the audit log.
--
-- KEYS[1]  hash of the scope
-- ARGV     names of limits, such as requests/1m; none for all
-- Reply    { deleted counters as a JSON object, {"requests/1m":5}, then the names of the limits that had one, in order };
--          empty if there were none
-- O(fields of the hash); writes no counter if there are none
-- @function
-- @include alerts/book
-- @include lib/json

local call, quoted, floor, tonumber = redis.call, json.quoted, math.floor, tonumber
local find, format, gmatch, match = string.find, string.format, string.gmatch, string.match

-- Returns whether a field belongs to our own counter of a limit: only the names of limits and of the history's fields have a slash.
local function is_of_limit(field)
    return find(field, '/', 1, true) and not find(field, '^history/') and not find(field, '%.provider$')
end

-- The name of the limit that a field belongs to, and whether the field is its counter.
local function limit_of(field)
    local name, part = match(field, '^(.*)%.([nbrpe])$')
    return name or field, not name or part == 'n'
end

-- How long the time of a reset is remembered, in ms: as long as a charged reservation.
local RETENTION = 32 * 86400000

-- Notes the time of the reset of the named limits, or of all, if reservations have ended before it. Must come before the
-- counters are deleted: a new hash would have no time to live.
local function note_time(key, named, is_named)
    local ends = tonumber(match(call('HGET', key, 'held') or '', '^%d+'))
    local time = call('TIME')
    local now = time[1] * 1000 + floor(time[2] / 1000)
    if not (ends and ends <= now) and call('EXISTS', key .. ':charged') == 0 then return end
    local resets = {}
    if #named == 0 then
        resets[1] = format('* %d', now)
    else
        for name, at in gmatch(call('HGET', key, 'resets') or '', '([^ ;]+) (%d+)') do
            if not is_named[name] and now - at < RETENTION then resets[#resets + 1] = name .. ' ' .. at end
        end
        for i = 1, #named do resets[#resets + 1] = format('%s %d', named[i], now) end
    end
    call('HSET', key, 'resets', table.concat(resets, ';'))
end

return function(KEYS, ARGV)
    local counters = KEYS[1]
    local is_named = {}
    for i = 1, #ARGV do is_named[ARGV[i]] = true end

    local names, fields, counts = {}, {}, {}
    local stored = call('HGETALL', counters)
    for i = 1, #stored, 2 do
        local field = stored[i]
        local name, is_counter = limit_of(field)
        if is_of_limit(field) and (#ARGV == 0 or is_named[name]) then
            fields[#fields + 1] = field
            if is_counter then
                names[#names + 1] = name
                counts[name] = stored[i + 1]
            end
        end
    end
    if #stored > 0 then note_time(counters, ARGV, is_named) end
    if #fields == 0 then return {} end

    -- Marks the period of these limits' alerts as reset, so that the next operation resolves them.
    local function mark_alerts()
        local parsed = book.parse(call('HGET', counters, book.FIELD))
        local is_marked = false
        for i = 1, #names do
            local entry = parsed.limits[names[i]]
            if entry then entry.period, is_marked = 'reset', true end
        end
        if is_marked then call('HSET', counters, book.FIELD, book.text(parsed)) end
    end

    table.sort(names)
    local before = {}
    for i = 1, #names do
        local count = counts[names[i]]
        before[i] = quoted(names[i]) .. ':' .. (match(count, '^%d+$') or quoted(count))
    end

    for i = 1, #fields do call('HDEL', counters, fields[i]) end
    mark_alerts()
    return { '{' .. table.concat(before, ',') .. '}', unpack(names) }
end
