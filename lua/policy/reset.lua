-- policy/reset.lua: takes counters out of a scope's hash (batch/scope.lua), as if nothing had been used yet. What open
-- reservations hold stays, and so does the history; alerts of these limits are resolved by the next operation (alerts.lua).
-- policy/audit.lua notes it.
--
-- KEYS[1]  the scope's hash
-- ARGV     names of limits, 'requests/1m'; none takes out all
-- Reply    what was taken out as a JSON object, '{"requests/1m":5}', then the names of the limits that had a counter, in order;
--          nothing where nothing is taken out
-- O(fields of the scope's hash); nothing is written where nothing is taken out
-- @function
-- @include alerts/book
-- @include alerts/outbox
-- @include lib/json

local call, match, quoted = redis.call, string.match, json.quoted
-- Fields that are not of a counter, by what stands before their first slash.
local STAYS = { held = true, [book.FIELD] = true, [outbox.FIELD] = true, history = true }

-- The name of the limit that a field belongs to, and whether the field is its counter and not what stands beside it.
local function limit_of(field)
    local name, part = match(field, '^(.*)%.([nbrpe])$')
    return name or field, not name or part == 'n'
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
        if not STAYS[match(field, '^[^/]*')] and (#ARGV == 0 or is_named[name]) then
            fields[#fields + 1] = field
            if is_counter then
                names[#names + 1] = name
                counts[name] = stored[i + 1]
            end
        end
    end
    if #fields == 0 then return {} end

    -- What was opened for these limits belongs to a period that is none any more: the next operation resolves it.
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
