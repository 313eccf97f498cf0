-- alerts/publish.lua: opens an alert, or moves one on to another state: its hash, the indexes, and the entry that is to be delivered.
-- An alert goes from open to acknowledged to resolved, or from open to resolved, and never back: so whoever names the
-- state that has to be there knows the whole of what is there, and a change that is sent twice is made once.
--
-- KEYS[1]  the alert's hash
-- Of the ids, by when they were opened:
-- KEYS[2]  all     KEYS[3]  of the scope     KEYS[4]  in the state that has to be there; for an alert that is opened, KEYS[5] again
-- KEYS[5]  in the state after it
-- KEYS[6]  of the ids of all that are not resolved, by when they end, or are to be looked at again
-- KEYS[7]  stream of what is to be delivered
-- ARGV[1]  the state that has to be there; empty for no alert
-- ARGV[2]  opened, acknowledged or resolved     ARGV[3]  id     ARGV[4]  when it was opened, Unix ms
-- ARGV[5]  for KEYS[6], Unix ms; of weight only where it is opened
-- ARGV[6]  the time of the change, Unix ms     ARGV[7]  the alert in JSON after it     ARGV[8]  channel
-- ARGV[9…] field, value, field, value …: what the hash says after it
-- Reply    { status, text }
--            done, the id of the entry              other_state: the one that is there, empty for no alert
--            corrupt: the hash has no state         other_type: the place in KEYS of a key of another type
-- O(log n) in the number of alerts
-- @function

local KEPT = 90 * 86400000 -- ms after the last change
local MOST = 100000 -- ids in an index
local DELIVERIES = 10000
local AT_ONCE = 100 -- so that no call has to clear away what a long pause has left

local call = redis.call
local TYPES = { 'hash', 'zset', 'zset', 'zset', 'zset', 'zset', 'stream' }

return function(KEYS, ARGV)
    local alert, all, scope, before, after, ending, deliveries = unpack(KEYS)
    local wanted, event, id, opened, ends, at, json, channel = unpack(ARGV, 1, 8)

    for i = 1, #KEYS do
        local found = call('TYPE', KEYS[i]).ok
        if found ~= 'none' and found ~= TYPES[i] then return { 'other_type', tostring(i) } end
    end
    local state = call('HGET', alert, 'state')
    if not state and call('EXISTS', alert) == 1 then return { 'corrupt', '' } end
    state = state or ''
    if state ~= wanted then return { 'other_state', state } end

    -- What still holds is listed however old it is, as long as there is room. So that many of those do not keep all others from being
    -- cleared away, it begins somewhere among the old ones, where the time says.
    local function clear_old(index)
        local edge = '(' .. string.format('%d', at - KEPT)
        local count = call('ZCOUNT', index, '-inf', edge)
        if count == 0 then return end
        local first = count > AT_ONCE and at % (count - AT_ONCE + 1) or 0
        for _, other in ipairs(call('ZRANGEBYSCORE', index, '-inf', edge, 'LIMIT', first, AT_ONCE)) do
            if not call('ZSCORE', ending, other) then call('ZREM', index, other) end
        end
    end

    local function trim(index, is_history)
        if is_history then clear_old(index) end
        call('ZREMRANGEBYRANK', index, 0, -MOST - 1)
        call('PEXPIRE', index, KEPT)
    end

    call('HSET', alert, unpack(ARGV, 9))
    call('PEXPIRE', alert, KEPT)
    if wanted == '' then
        call('ZADD', all, opened, id)
        call('ZADD', scope, opened, id)
        call('ZADD', ending, ends, id)
    else
        call('ZREM', before, id)
        if event == 'resolved' then call('ZREM', ending, id) end
    end
    call('ZADD', after, opened, id)
    trim(all, true)
    trim(scope, true)
    trim(after, event == 'resolved')
    -- What is due first makes room by itself.
    call('ZREMRANGEBYRANK', ending, MOST, -1)
    call('PEXPIRE', ending, KEPT)
    local entry = call('XADD', deliveries, 'MAXLEN', '~', DELIVERIES, '*', 'event', event, 'alert', json)
    call('PEXPIRE', deliveries, KEPT)
    call('PUBLISH', channel, entry)
    return { 'done', entry }
end
