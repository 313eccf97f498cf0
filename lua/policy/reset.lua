-- policy/reset.lua: deletes counters from the hash of a scope (batch/scope.lua). Open reservations and the history
-- remain. The next operation resolves the alerts of these limits (batch/alerts.lua). policy/audit.lua adds the reset to
-- the audit log.
--
-- KEYS[1]  hash of the scope
-- ARGV     names of limits, such as requests/1m; none for all
-- Reply    { deleted counters as a JSON object, {"requests/1m":5}, then the names of the limits that had one, in order };
--          empty if there were none
-- O(fields of the hash); writes nothing if there are no counters
-- @function
-- @include alerts/book
-- @include lib/json

local call, find, match, quoted = redis.call, string.find, string.match, json.quoted

-- Returns whether a field belongs to a limit: only the names of limits and of the history's fields have a slash.
local function is_of_limit(field) return find(field, '/', 1, true) and not find(field, '^history/') end

-- The name of the limit that a field belongs to, and whether the field is its counter.
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
        if is_of_limit(field) and (#ARGV == 0 or is_named[name]) then
            fields[#fields + 1] = field
            if is_counter then
                names[#names + 1] = name
                counts[name] = stored[i + 1]
            end
        end
    end
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
