-- policy/audit.lua: notes a change of a scope that was made to its own keys, and tells all sidecars of it.
--
-- KEYS[1]  revision     KEYS[2]  audit
-- ARGV[1]  channel     ARGV[2]  who     ARGV[3]  from where     ARGV[4]  the action     ARGV[5]  the scope
-- ARGV[6]  what was there before, as JSON     ARGV[7]  the highest revision that the sidecar has seen
-- Reply    the number of the change; or { -1, place in KEYS } of what is of another kind
-- O(1)
-- @function
-- @include policy/versions

local AUDITED = 10000

local call, format = redis.call, string.format
local TYPES = { 'string', 'stream' }

return function(KEYS, ARGV)
    local revision, audit = unpack(KEYS)
    local channel, who, from, action, scope, before = unpack(ARGV, 1, 6)

    for i = 1, #KEYS do
        local found = call('TYPE', KEYS[i]).ok
        if found ~= 'none' and found ~= TYPES[i] then return { -1, i } end
    end
    local version = format('%d', versions.next(revision, tonumber(ARGV[7])))
    call('XADD', audit, 'MAXLEN', '~', AUDITED, '*', 'who', who, 'from', from, 'action', action, 'target', scope,
        'before', before, 'after', 'null', 'version', version)
    call('PUBLISH', channel, version .. ' scope ' .. scope)
    return tonumber(version)
end
