-- policy/audit.lua: adds a change of a scope's own keys to the audit log, and publishes it to all sidecars.
--
-- KEYS[1]  revision     KEYS[2]  stream of the audit log
-- ARGV[1]  channel     ARGV[2]  author     ARGV[3]  address of the author     ARGV[4]  action     ARGV[5]  scope
-- ARGV[6]  value before the change, as JSON     ARGV[7]  highest revision that the sidecar has seen
-- Reply    number of the change; or { -1, index in KEYS } for a key of another type
-- O(1)
-- @function
-- @include policy/versions

local MAX_ENTRIES = 10000

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
    call('XADD', audit, 'MAXLEN', '~', MAX_ENTRIES, '*', 'who', who, 'from', from, 'action', action, 'target', scope,
        'before', before, 'after', 'null', 'version', version)
    call('PUBLISH', channel, version .. ' scope ' .. scope)
    return tonumber(version)
end
