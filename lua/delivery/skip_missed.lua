-- delivery/skip_missed.lua: finds out whether newer entries have driven unread ones out of the stream of deliveries, puts that on record, and
-- lets the group go on behind the gap. Only for the sidecar that has the lease.
--
-- KEYS[1]  lease     KEYS[2]  stream of deliveries     KEYS[3]  stream of what was given up
-- ARGV[1]  the sidecar     ARGV[2]  group
-- Reply    how many were missed: 0 for none, and where the lease is not the sidecar's; -1 for some, where Redis does not know how many
-- O(number of groups)
-- @function

local MAX_DEAD_LETTERS = 1000
local DEAD_LETTERS_KEPT = 90 * 86400

local call = redis.call

local function fields(list)
    local map = {}
    for i = 1, #list, 2 do map[list[i]] = list[i + 1] end
    return map
end

local function parts(id)
    local ms, number = id:match('^(%d+)-(%d+)$')
    return tonumber(ms), tonumber(number)
end

local function is_before(one, other)
    local ms, number = parts(one)
    local other_ms, other_number = parts(other)
    return ms < other_ms or (ms == other_ms and number < other_number)
end

-- So that the entry of that id is the next one to be read.
local function place_before(id)
    local ms, number = parts(id)
    if number > 0 then return string.format('%.0f-%.0f', ms, number - 1) end
    return string.format('%.0f', ms - 1) .. '-18446744073709551615'
end

return function(KEYS, ARGV)
    local lease, stream, dead_letters = unpack(KEYS)
    local sidecar, group = unpack(ARGV)

    if call('GET', lease) ~= sidecar or call('TYPE', stream).ok ~= 'stream' then return 0 end
    local info = fields(call('XINFO', 'STREAM', stream))
    local first = info['first-entry'] and info['first-entry'][1]
    -- Redis before 7 does not count.
    local added = info['entries-added']
    if not first or not added then return 0 end
    local gone = added - info['length']

    for _, item in ipairs(call('XINFO', 'GROUPS', stream)) do
        local state = fields(item)
        if state['name'] == group and gone > 0 and is_before(state['last-delivered-id'], first) then
            local read = state['entries-read']
            local missed = read and gone - read or -1
            if read and missed <= 0 then return 0 end
            local count = missed > 0 and tostring(missed) or 'some'
            call('XADD', dead_letters, 'MAXLEN', '~', MAX_DEAD_LETTERS, '*', 'delivery', state['last-delivered-id'], 'alert', '', 'event', '',
                'attempts', '0', 'first_at', '0',
                'reason', count .. ' events were dropped from the stream before they could be delivered')
            call('EXPIRE', dead_letters, DEAD_LETTERS_KEPT)
            call('XGROUP', 'SETID', stream, group, place_before(first), 'ENTRIESREAD', string.format('%.0f', gone))
            return missed
        end
    end
    return 0
end
