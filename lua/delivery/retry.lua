-- delivery/retry.lua: puts the deliveries to a receiver forward. Failed deliveries are due now, and the outage of the
-- receiver ends. Dead-lettered deliveries whose events are still in the stream become pending again, and are retried
-- from now on. The sidecar with the lease notices the new number in KEYS[4] (delivery/lease.lua), and reads all pending
-- entries again.
--
-- One call handles a part of the dead-letter stream, so that a long one does not delay requests. The sidecar calls again
-- with the ids of the reply until nothing remains. Each call is atomic, and handles each dead letter once.
--
-- KEYS[1]  stream of deliveries     KEYS[2]  hash of attempts     KEYS[3]  dead-letter stream     KEYS[4]  number of retries
-- ARGV[1]  consumer group     ARGV[2]  consumer
-- ARGV[3]  id of the dead letter to continue after; empty in the first call
-- ARGV[4]  id of the last dead letter to handle; empty in the first call
-- Reply    { status, id to continue after, id of the last dead letter to handle, number of failed deliveries that are
--            due now, number of dead letters that are pending again, number of dead letters without an event }
--            done: the first id is empty if nothing remains
--            no_group: there is no such consumer group; nothing was changed
--            other_type: the first id is the index in KEYS of a key of another type; nothing was changed
-- O(number of groups + number of failed deliveries), and 100 dead letters
-- @function

local PART = 100
local ATTEMPTS_RETENTION = 3 * 86400 -- seconds; as in delivery/fail.lua
local RETRIES_RETENTION = 90 * 86400 -- seconds
local OUTAGE = 'receiver' -- the field of the outage

local call = redis.call
local TYPES = { 'stream', 'hash', 'stream', 'string' }

local function has_group(stream, group)
    for _, item in ipairs(call('XINFO', 'GROUPS', stream)) do
        for i = 1, #item, 2 do
            if item[i] == 'name' and item[i + 1] == group then return true end
        end
    end
    return false
end

local function fields(list)
    local map = {}
    for i = 1, #list, 2 do map[list[i]] = list[i + 1] end
    return map
end

-- Makes all failed deliveries due. Returns their number.
local function make_due(attempts, now)
    local count, stored = 0, call('HGETALL', attempts)
    for i = 1, #stored, 2 do
        if stored[i] ~= OUTAGE then
            -- A quote in a text of the JSON has a backslash, so only the key matches.
            local json = string.gsub(stored[i + 1], '"next_at":%-?%d+', string.format('"next_at":%.0f', now), 1)
            call('HSET', attempts, stored[i], json)
            count = count + 1
        end
    end
    call('HDEL', attempts, OUTAGE)
    return count
end

-- The failure of a dead letter whose retries start anew, as JSON.
local function failure_of(letter, now)
    return cjson.encode({
        alert = letter.alert, event = letter.event, attempts = tonumber(letter.attempts) or 0, last_error = letter.reason,
        first_at = 0, next_at = 0,
    }):gsub('"(%a+_at)":0', string.format('"%%1":%.0f', now))
end

return function(KEYS, ARGV)
    local stream, attempts, dead_letters, retries = unpack(KEYS)
    local group, consumer, after, last = unpack(ARGV)

    for i = 1, #KEYS do
        local found = call('TYPE', KEYS[i]).ok
        if found ~= 'none' and found ~= TYPES[i] then return { 'other_type', tostring(i), '', 0, 0, 0 } end
    end
    if call('EXISTS', stream) == 0 or not has_group(stream, group) then return { 'no_group', '', '', 0, 0, 0 } end
    local time = call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local is_first = after == ''
    if is_first then
        local newest = call('XREVRANGE', dead_letters, '+', '-', 'COUNT', 1)[1]
        last = newest and newest[1] or ''
    end
    local letters = last == '' and {} or call('XRANGE', dead_letters, is_first and '-' or '(' .. after, last, 'COUNT', PART)

    local due = is_first and make_due(attempts, now) or 0
    local requeued, gone = 0, 0
    for _, entry in ipairs(letters) do
        local letter = fields(entry[2])
        local id = letter.delivery or ''
        -- A dead letter without an alert stands for events that could not be read.
        local is_there = (letter.alert or '') ~= '' and letter.event and letter.reason and id:find('^%d+%-%d+$')
            and call('XRANGE', stream, id, id)[1]
        if is_there then
            call('XCLAIM', stream, group, consumer, 0, id, 'FORCE', 'JUSTID')
            call('HSET', attempts, id, (failure_of(letter, now)))
            call('XDEL', dead_letters, entry[1])
            requeued = requeued + 1
        else
            gone = gone + 1
        end
    end
    if requeued > 0 then call('EXPIRE', attempts, ATTEMPTS_RETENTION) end
    call('INCR', retries)
    call('EXPIRE', retries, RETRIES_RETENTION)
    local next = #letters == PART and letters[PART][1] or ''
    return { 'done', next == last and '' or next, last, due, requeued, gone }
end
