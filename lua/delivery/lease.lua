-- delivery/lease.lua: which sidecar delivers for a handler at present.
--
-- KEYS[1]  the lease: the sidecar that has it
-- ARGV[1]  the sidecar that asks     ARGV[2]  for how many ms it wants it; 0 gives it back
-- Reply    { 'taken' (it was nobody's), 'kept' or 'other', Redis's time in Unix ms }
-- O(1)
-- @function

local call, floor = redis.call, math.floor

return function(KEYS, ARGV)
    local lease, sidecar, lasting = KEYS[1], ARGV[1], tonumber(ARGV[2])

    local time = call('TIME')
    local now = time[1] * 1000 + floor(time[2] / 1000)
    local holder = call('GET', lease)
    if holder and holder ~= sidecar then return { 'other', now } end
    if lasting > 0 then
        call('SET', lease, sidecar, 'PX', lasting)
    elseif holder then
        call('DEL', lease)
    end
    return { holder and 'kept' or 'taken', now }
end
