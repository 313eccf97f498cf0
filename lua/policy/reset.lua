-- policy/reset.lua: takes counters out of a scope's hash (see window.lua), as if nothing had been used yet. What open
-- reservations hold stays, and so does the history; alerts of these limits are resolved by the next operation (alerts.lua).
--
-- KEYS[1]  the scope's hash     KEYS[2]  revision     KEYS[3]  audit
-- ARGV[1]  the scope     ARGV[2]  channel     ARGV[3]  who     ARGV[4]  from where
-- ARGV[5]  the highest revision that the sidecar has seen
-- ARGV[6…] names of limits, 'requests/1m'; none takes out all
-- Reply    the names of the limits that had a counter, in order; or { -1, place in KEYS } of what is of another kind
-- O(fields of the scope's hash); nothing is written where nothing is taken out
-- @function
-- @include policy/versions

local AUDITED = 10000

local call, match, gsub, format = redis.call, string.match, string.gsub, string.format
local TYPES = { 'hash', 'string', 'stream' }

-- The name of the limit that a field belongs to, and whether the field is its counter and not what stands beside it.
local function limit_of(field)
    local name, part = match(field, '^(.*)%.([nbrpe])$')
    return name or field, not name or part == 'n'
end

-- cjson puts a backslash before every slash.
local function json(text) return (gsub(cjson.encode(text), '\\/', '/')) end

return function(KEYS, ARGV)
    local counters, revision, audit = unpack(KEYS)
    local scope, channel, who, from = unpack(ARGV, 1, 4)

    local is_named = {}
    for i = 6, #ARGV do is_named[ARGV[i]] = true end

    for i = 1, #KEYS do
        local found = call('TYPE', KEYS[i]).ok
        if found ~= 'none' and found ~= TYPES[i] then return { -1, i } end
    end

    local names, fields, counts = {}, {}, {}
    local stored = call('HGETALL', counters)
    for i = 1, #stored, 2 do
        local field = stored[i]
        local name, is_counter = limit_of(field)
        if field ~= 'held' and field ~= 'alerts' and (#ARGV == 5 or is_named[name]) then
            fields[#fields + 1] = field
            if is_counter then
                names[#names + 1] = name
                counts[name] = stored[i + 1]
            end
        end
    end
    if #fields == 0 then return names end

    -- What was opened for these limits belongs to a period that is none any more: the next operation resolves it.
    local function mark_alerts()
        local text = call('HGET', counters, 'alerts')
        if not text then return end
        local is_reset = {}
        for i = 1, #names do is_reset[names[i]] = true end
        local lines = {}
        for line in string.gmatch(text, '[^;]+') do
            local name, items = match(line, '^([^+-]%S*) %S+ (.*)$')
            lines[#lines + 1] = name and is_reset[name] and name .. ' reset ' .. items or line
        end
        call('HSET', counters, 'alerts', table.concat(lines, ';'))
    end

    table.sort(names)
    local before = {}
    for i = 1, #names do
        local count = counts[names[i]]
        before[i] = json(names[i]) .. ':' .. (match(count, '^%d+$') or json(count))
    end

    -- First, as it refuses what is no number.
    local version = format('%d', versions.next(revision, tonumber(ARGV[5])))
    for i = 1, #fields do call('HDEL', counters, fields[i]) end
    mark_alerts()
    call('XADD', audit, 'MAXLEN', '~', AUDITED, '*', 'who', who, 'from', from, 'action', 'scope.reset', 'target', scope,
        'before', '{' .. table.concat(before, ',') .. '}', 'after', 'null', 'version', version)
    call('PUBLISH', channel, version .. ' scope ' .. scope)
    return names
end
