-- delivery/fail.lua: stores a failed delivery for a retry, or moves it to the dead-letter stream. Only the sidecar with
-- the lease may do so: a delivery that another sidecar has made meanwhile must not be retried.
--
-- KEYS[1]  lease     KEYS[2]  stream of deliveries     KEYS[3]  hash of attempts     KEYS[4]  dead-letter stream
-- ARGV[1]  sidecar     ARGV[2]  consumer group
-- ARGV[3]  id of the delivery; with retry also `receiver`, for the outage of the receiver as a whole
-- ARGV[4]  retry or dead-letter
-- ARGV[5…] retry: the failure as JSON; dead-letter: field, value, field, value … of the dead-letter entry
-- Reply    done                                          other: another sidecar has the lease
--          not_pending: the delivery is no longer pending     other_type: KEYS[4] is not a stream
-- O(1)
-- @function

local MAX_DEAD_LETTERS = 1000
local DEAD_LETTER_RETENTION = 90 * 86400 -- seconds
local ATTEMPTS_RETENTION = 3 * 86400 -- seconds; longer than a delivery is retried

local call = redis.call

return function(KEYS, ARGV)
    local lease, stream, attempts, dead_letters = unpack(KEYS)
    local sidecar, group, id, action = unpack(ARGV, 1, 4)

    if call('GET', lease) ~= sidecar then return 'other' end
    if action == 'retry' then
        call('HSET', attempts, id, ARGV[5])
        call('EXPIRE', attempts, ATTEMPTS_RETENTION)
        return 'done'
    end

    local found = call('TYPE', dead_letters).ok
    if found ~= 'none' and found ~= 'stream' then return 'other_type' end
    call('HDEL', attempts, id)
    if call('XACK', stream, group, id) == 0 then return 'not_pending' end
    call('XADD', dead_letters, 'MAXLEN', '~', MAX_DEAD_LETTERS, '*', unpack(ARGV, 5))
    call('EXPIRE', dead_letters, DEAD_LETTER_RETENTION)
    return 'done'
end
