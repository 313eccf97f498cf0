-- alerts/publish.lua: opens an alert or changes its state. Writes its hash, the indexes, and an entry of the stream of
-- deliveries. An alert goes from open to acknowledged to resolved, or from open to resolved, and never back. The
-- expected state therefore identifies the stored alert, and a change that is sent twice is made once.
--
-- KEYS[1]  hash of the alert
-- Indexes, sorted sets of ids by opening time:
-- KEYS[2]  all alerts     KEYS[3]  alerts of the scope
-- KEYS[4]  alerts in the expected state; KEYS[5] again for an alert that is opened
-- KEYS[5]  alerts in the state after the change
-- KEYS[6]  sorted set of the ids of unresolved alerts by the time of their next review
-- KEYS[7]  stream of deliveries
-- ARGV[1]  expected state; empty for no alert
-- ARGV[2]  opened, acknowledged or resolved     ARGV[3]  id     ARGV[4]  opening time, Unix ms
-- ARGV[5]  time of the first review, Unix ms; used for an opened alert only
-- ARGV[6]  time of the change, Unix ms     ARGV[7]  alert after the change, as JSON     ARGV[8]  channel
-- ARGV[9…] field, value, field, value …: the hash after the change
-- Reply    { status, text }
--            done: id of the entry                  other_state: the stored state, empty for no alert
--            corrupt: the hash has no state         other_type: index in KEYS of a key of another type
-- O(log n) in the number of alerts
-- @function

local RETENTION = 90 * 86400000 -- ms after the last change
local MAX_IDS = 100000 -- in an index
local MAX_DELIVERIES = 10000
local MAX_REMOVED = 100 -- old ids that a call removes, so that a long pause does not make one slow

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

    -- Removes old ids from an index, but not those of unresolved alerts. It starts at a position among the old ones
    -- that varies with the time. Otherwise many old unresolved alerts at the start would keep all others from being
    -- removed.
    local function remove_old(index)
        local edge = '(' .. string.format('%d', at - RETENTION)
        local count = call('ZCOUNT', index, '-inf', edge)
        if count == 0 then return end
        local first = count > MAX_REMOVED and at % (count - MAX_REMOVED + 1) or 0
        for _, other in ipairs(call('ZRANGEBYSCORE', index, '-inf', edge, 'LIMIT', first, MAX_REMOVED)) do
            if not call('ZSCORE', ending, other) then call('ZREM', index, other) end
        end
    end

    local function trim(index, is_history)
        if is_history then remove_old(index) end
        call('ZREMRANGEBYRANK', index, 0, -MAX_IDS - 1)
        call('PEXPIRE', index, RETENTION)
    end

    call('HSET', alert, unpack(ARGV, 9))
    call('PEXPIRE', alert, RETENTION)
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
    -- Keeps the alerts that are due first, because they leave the set by themselves.
    call('ZREMRANGEBYRANK', ending, MAX_IDS, -1)
    call('PEXPIRE', ending, RETENTION)
    local entry = call('XADD', deliveries, 'MAXLEN', '~', MAX_DELIVERIES, '*', 'event', event, 'alert', json)
    call('PEXPIRE', deliveries, RETENTION)
    call('PUBLISH', channel, entry)
    return { 'done', entry }
end
