-- delivery/skip_missed.lua: detects whether newer entries have displaced unread ones from the stream of deliveries. If
-- so, it adds an entry about them to the dead-letter stream, and moves the group behind the gap. Only the sidecar with
-- the lease may do so.
--
-- KEYS[1]  lease     KEYS[2]  stream of deliveries     KEYS[3]  dead-letter stream
-- ARGV[1]  sidecar     ARGV[2]  consumer group
-- Reply    number of missed entries: 0 for none, and if another sidecar has the lease; -1 if Redis does not know the number
-- O(number of groups)
-- @function

local MAX_DEAD_LETTERS = 1000
local DEAD_LETTER_RETENTION = 90 * 86400 -- seconds

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

-- The last id before an id. A group at this id reads the entry with the given id next.
local function id_before(id)
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
    -- Redis before 7 does not count the added entries.
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
            call('XADD', dead_letters, 'MAXLEN', '~', MAX_DEAD_LETTERS, '*', 'delivery', state['last-delivered-id'],
                'alert', '', 'event', '', 'attempts', '0', 'first_at', '0',
                'reason', count .. ' events were dropped from the stream before they could be delivered')
            call('EXPIRE', dead_letters, DEAD_LETTER_RETENTION)
            call('XGROUP', 'SETID', stream, group, id_before(first), 'ENTRIESREAD', string.format('%.0f', gone))
            return missed
        end
    end
    return 0
end
