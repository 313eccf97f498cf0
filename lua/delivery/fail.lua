-- delivery/fail.lua: notes that a delivery has failed, or gives it up. Only for the sidecar that has the lease: what another
-- has delivered meanwhile must not come back.
--
-- KEYS[1]  lease     KEYS[2]  stream of deliveries     KEYS[3]  hash of attempts     KEYS[4]  stream of what was given up
-- ARGV[1]  the sidecar     ARGV[2]  group     ARGV[3]  id of the delivery; for 'again' also `receiver`, the receiver as a whole
-- ARGV[4]  'again' or 'dead-letter'
-- ARGV[5…] again: the attempts so far, in JSON; dead-letter: fields and values of the entry of what was given up
-- Reply    'done'; 'other' where the lease is not the sidecar's; 'settled' where the delivery waits no more; 'other_type' where
--          KEYS[4] is no stream
-- O(1)
-- @function

local MAX_DEAD_LETTERS = 1000
local DEAD_LETTERS_KEPT = 90 * 86400
-- Longer than anything is tried.
local ATTEMPTS_FOR = 3 * 86400

local call = redis.call

return function(KEYS, ARGV)
    local lease, stream, attempts, dead_letters = unpack(KEYS)
    local sidecar, group, id, what = unpack(ARGV, 1, 4)

    if call('GET', lease) ~= sidecar then return 'other' end
    if what == 'again' then
        call('HSET', attempts, id, ARGV[5])
        call('EXPIRE', attempts, ATTEMPTS_FOR)
        return 'done'
    end

    local found = call('TYPE', dead_letters).ok
    if found ~= 'none' and found ~= 'stream' then return 'other_type' end
    call('HDEL', attempts, id)
    if call('XACK', stream, group, id) == 0 then return 'settled' end
    call('XADD', dead_letters, 'MAXLEN', '~', MAX_DEAD_LETTERS, '*', unpack(ARGV, 5))
    call('EXPIRE', dead_letters, DEAD_LETTERS_KEPT)
    return 'done'
end
