-- policy/edit.lua: makes one change of the settings of administrators, and adds it to the audit log.
--
-- policy/items.lua describes how an item is stored.
--
-- KEYS[1]  hash with the item: tiers, assignments, accounts, or the settings of a scope
-- KEYS[2]  revision       KEYS[3]  stream of the audit log        KEYS[4]  hash of the number of assignments per tier
-- KEYS[5]  index of assignments     KEYS[6]  tiers
-- KEYS[7]  kinds with settings      KEYS[8]  index of scopes with limits
-- KEYS[9]  index of overrides; 7 to 9 only if the settings of a scope change
-- ARGV[1]  tier.set, tier.delete, assignment.set, assignment.delete, limits.set, limits.delete, override.set,
--          override.clear, account.set, account.delete
-- ARGV[2]  field of the item
-- ARGV[3]  item as JSON; empty deletes it
-- ARGV[4]  precondition: 'absent', 'any', or a version; 0 is the version of no item
-- ARGV[5]  target in the audit log
-- ARGV[6]  1 if the policy file contains the tier that is deleted or assigned
-- ARGV[7]  maximum number of items in the hash; 0 for no bound, negative for no more items
-- ARGV[8]  scope whose settings change; empty for settings that all sidecars cache
-- ARGV[9]  channel       ARGV[10]  author       ARGV[11]  address of the author       ARGV[12]  kind of the scope
-- ARGV[13] highest revision that the sidecar has seen
-- Reply    { status, number }
--            done: number of the change            exists, conflict: version of the stored item, -1 for none
--            missing: no item to delete            in_use: number of assignments
--            unknown_tier                          too_many: maximum number of items
--            corrupt: the stored item is malformed   other_type: index in KEYS of a key of another type
-- O(log n) in the number of assignments, or of scopes with settings
-- @function
-- @include policy/items
-- @include policy/scope_index
-- @include policy/versions

local MAX_ENTRIES = 10000
local OVERRIDE_RETENTION = 3600000 -- ms after its end: by then it has ended by every sidecar's clock

local call, match, floor, format = redis.call, string.match, math.floor, string.format
local TYPES = { 'hash', 'string', 'stream', 'hash', 'zset', 'hash', 'set', 'zset', 'zset' }

local function clock_now()
    local time = call('TIME')
    return time[1] * 1000 + floor(time[2] / 1000)
end

return function(KEYS, ARGV)
    local settings, revision, audit, assigned, index, tiers, kinds, limits_index, overrides_index = unpack(KEYS)
    local action, field, item, wanted, target = unpack(ARGV, 1, 5)
    local is_in_file, max_items, scope, channel, who, from = ARGV[6] == '1', tonumber(ARGV[7]), unpack(ARGV, 8, 11)
    local noun, deletes = match(action, '^%l+'), item == ''

    -- The stored item; nil for an override that has ended.
    local function stored_item()
        local old = items.parse(call('HGET', settings, field))
        if not old or noun ~= 'override' then return old end
        local ends = items.milliseconds(old.value.expires_at)
        if not ends then return false end
        if ends <= clock_now() then return nil end
        return old
    end

    -- The status and the number of a refusal, or nil.
    local function refusal(old)
        if old and wanted == 'absent' then return 'exists', old.version end
        local version = tonumber(wanted)
        if version and version ~= (old and old.version or 0) then return 'conflict', old and old.version or -1 end
        if not old and deletes then return 'missing', 0 end
        if not old and wanted == 'any' then return 'conflict', -1 end
        if action == 'tier.delete' and not is_in_file then
            local uses = tonumber(call('HGET', assigned, field)) or 0
            if uses > 0 then return 'in_use', uses end
        elseif action == 'assignment.set' and not is_in_file then
            if call('HEXISTS', tiers, cjson.decode(item).tier) == 0 then return 'unknown_tier', 0 end
        end
        if not deletes and not old and max_items ~= 0 and call('HLEN', settings) >= max_items then
            return 'too_many', max_items
        end
    end

    -- HINCRBY could fail in the middle of the change.
    local function count_assigned(tier, more)
        local count = (tonumber(call('HGET', assigned, tier)) or 0) + more
        if count > 0 then call('HSET', assigned, tier, format('%d', count)) else call('HDEL', assigned, tier) end
    end

    local function update_index(old)
        if old then count_assigned(tostring(old.value.tier), -1) end
        if deletes then
            call('ZREM', index, target)
        else
            count_assigned(cjson.decode(item).tier, 1)
            call('ZADD', index, 0, target)
        end
    end

    -- Settings that consist of an override only expire some time after its end.
    local function expire_settings()
        local stored = call('HMGET', settings, 'assignment', 'limits', 'override')
        local override = items.parse(stored[3])
        local ends = override and items.milliseconds(override.value.expires_at)
        if stored[1] or stored[2] or not ends then
            call('PERSIST', settings)
        else
            call('PEXPIREAT', settings, ends + OVERRIDE_RETENTION)
        end
    end

    for i = 1, #KEYS do
        local found = call('TYPE', KEYS[i]).ok
        if found ~= 'none' and found ~= TYPES[i] then return { 'other_type', i } end
    end
    local old = stored_item()
    if old == false then return { 'corrupt', 0 } end
    local status, number = refusal(old)
    if status then return { status, number } end

    -- Comes before all writes, because it fails if the revision is not a number.
    local version = versions.next(revision, tonumber(ARGV[13]))
    if deletes then
        call('HDEL', settings, field)
    else
        local order = old and old.order or version
        call('HSET', settings, field, format('{"item":%s,"order":%d,"version":%d}', item, order, version))
    end
    if noun == 'assignment' then update_index(old) end
    if kinds then
        expire_settings()
        call('SADD', kinds, ARGV[12])
        if noun ~= 'assignment' then scope_index.update(settings, scope, limits_index, overrides_index, clock_now()) end
    end
    call('XADD', audit, 'MAXLEN', '~', MAX_ENTRIES, '*', 'who', who, 'from', from, 'action', action, 'target', target,
        'before', old and old.text or 'null', 'after', deletes and 'null' or item, 'version', format('%d', version))
    call('PUBLISH', channel, format('%d ', version) .. (kinds and 'scope ' .. scope or 'shared'))
    return { 'done', version }
end
