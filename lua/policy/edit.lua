-- policy/edit.lua: one change of what administrators set, with its entry in the audit log.
--
-- An item is stored as {"item":{…},"order":7,"version":7}: what was set, the number of the change that first made it, and of
-- the one that wrote it.
--
-- KEYS[1]  hash that the item is a field of: tiers, assignments, or the settings of a scope
-- KEYS[2]  revision       KEYS[3]  audit        KEYS[4]  assigned
-- KEYS[5]  index of assignments     KEYS[6]  tiers
-- KEYS[7]  scopes seen of the kind      KEYS[8]  kinds with settings; both only where a scope's settings change
-- ARGV[1]  tier.set, tier.delete, assignment.set, assignment.delete, limits.set, limits.delete, override.set, override.clear
-- ARGV[2]  the item's field
-- ARGV[3]  the item as JSON; empty deletes it
-- ARGV[4]  what has to be there: 'absent', 'any', or a version; 0 is that of nothing
-- ARGV[5]  what the audit log calls it
-- ARGV[6]  1: the policy file has the tier that is deleted or assigned
-- ARGV[7]  the most items that the hash may have; 0 for no bound
-- ARGV[8]  the scope whose settings change; empty for what all sidecars keep
-- ARGV[9]  channel       ARGV[10]  who       ARGV[11]  from where       ARGV[12]  the kind of the scope
-- ARGV[13] the highest revision that the sidecar has seen
-- Reply    { status, number }
--            done, the number of the change        exists, conflict: the version that is there, -1 for nothing
--            missing: nothing to delete            in_use, by how many assignments
--            unknown_tier                          too_many, the most there may be
--            corrupt: what is there cannot be read   other_type, the place in KEYS of a key of another type
-- O(log n) in the number of assignments
-- @function
-- @include policy/versions

local AUDITED, SEEN = 10000, 10000
local SEEN_FOR = 35 * 86400 -- seconds
local KEPT = 3600000 -- an override after its end, ms: by then nobody's clock takes it for one that holds

local call, match, floor, format = redis.call, string.match, math.floor, string.format
local TYPES = { 'hash', 'string', 'stream', 'hash', 'zset', 'hash', 'zset', 'set' }

local function clock_now()
    local time = call('TIME')
    return time[1] * 1000 + floor(time[2] / 1000)
end

-- Unix ms of a time such as 2026-11-22T10:00:00Z; nil for other text. Years are counted from March, so that a leap day is the
-- last of one; 719163 is the day 1970-01-01 counted from the year 1.
local function milliseconds(text)
    local year, month, day, hour, minute, second =
        match(tostring(text), '^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)Z$')
    if not year then return nil end
    year, month = tonumber(year), tonumber(month)
    if month < 3 then year, month = year - 1, month + 12 end
    local days = 365 * year + floor(year / 4) - floor(year / 100) + floor(year / 400) + floor((153 * month - 457) / 5)
        + day - 306 - 719163
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
end

-- What a field holds: nil for nothing, false where it cannot be read.
local function parse(stored)
    if not stored then return nil end
    local text, order, version = match(stored, '^{"item":({.*}),"order":(%d+),"version":(%d+)}$')
    if not text or #order > 15 or #version > 15 then return false end
    local is_read, value = pcall(cjson.decode, text)
    if not is_read then return false end
    return { text = text, value = value, order = tonumber(order), version = tonumber(version) }
end

return function(KEYS, ARGV)
    local items, revision, audit, assigned, index, tiers, seen, kinds = unpack(KEYS)
    local action, field, item, wanted, target = unpack(ARGV, 1, 5)
    local is_in_file, most, scope, channel, who, from = ARGV[6] == '1', tonumber(ARGV[7]), unpack(ARGV, 8, 11)
    local noun, deletes = match(action, '^%l+'), item == ''

    -- What is there already; an override that has ended is not.
    local function present()
        local old = parse(call('HGET', items, field))
        if not old or noun ~= 'override' then return old end
        local ends = milliseconds(old.value.expires_at)
        if not ends then return false end
        if ends <= clock_now() then return nil end
        return old
    end

    -- The status and the number of a refusal, or nothing.
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
        if not deletes and not old and most > 0 and call('HLEN', items) >= most then return 'too_many', most end
    end

    -- Not HINCRBY, which could refuse in the middle of the change.
    local function count_assigned(tier, more)
        local count = (tonumber(call('HGET', assigned, tier)) or 0) + more
        if count > 0 then call('HSET', assigned, tier, format('%d', count)) else call('HDEL', assigned, tier) end
    end

    local function keep_index(old)
        if old then count_assigned(tostring(old.value.tier), -1) end
        if deletes then
            call('ZREM', index, target)
        else
            count_assigned(cjson.decode(item).tier, 1)
            call('ZADD', index, 0, target)
        end
    end

    -- Settings that are nothing but an override go some time after it.
    local function expire_settings()
        local kept = call('HMGET', items, 'assignment', 'limits', 'override')
        local override = parse(kept[3])
        local ends = override and milliseconds(override.value.expires_at)
        if kept[1] or kept[2] or not ends then call('PERSIST', items) else call('PEXPIREAT', items, ends + KEPT) end
    end

    local function mark_seen()
        call('ZADD', seen, clock_now(), scope)
        call('ZREMRANGEBYRANK', seen, 0, -SEEN - 1)
        call('EXPIRE', seen, SEEN_FOR)
    end

    for i = 1, #KEYS do
        local found = call('TYPE', KEYS[i]).ok
        if found ~= 'none' and found ~= TYPES[i] then return { 'other_type', i } end
    end
    local old = present()
    if old == false then return { 'corrupt', 0 } end
    local status, number = refusal(old)
    if status then return { status, number } end

    -- First, as it refuses what is no number.
    local version = versions.next(revision, tonumber(ARGV[13]))
    if deletes then
        call('HDEL', items, field)
    else
        local order = old and old.order or version
        call('HSET', items, field, format('{"item":%s,"order":%d,"version":%d}', item, order, version))
    end
    if noun == 'assignment' then keep_index(old) end
    if seen then
        expire_settings()
        mark_seen()
        call('SADD', kinds, ARGV[12])
    end
    call('XADD', audit, 'MAXLEN', '~', AUDITED, '*', 'who', who, 'from', from, 'action', action, 'target', target,
        'before', old and old.text or 'null', 'after', deletes and 'null' or item, 'version', format('%d', version))
    call('PUBLISH', channel, format('%d ', version) .. (seen and 'scope ' .. scope or 'shared'))
    return { 'done', version }
end
