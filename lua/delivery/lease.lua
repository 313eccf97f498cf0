-- delivery/lease.lua: acquires, renews or releases the lease of a receiver, by which one sidecar at a time delivers to
-- it.
--
-- KEYS[1]  lease: the id of the sidecar that has it     KEYS[2]  number of retries by administrators (delivery/retry.lua)
-- ARGV[1]  sidecar     ARGV[2]  duration in ms; 0 releases the lease
-- Reply    { status, Redis's time in Unix ms, number of retries }
--            acquired: no sidecar had it     renewed: the sidecar had it     other: another sidecar has it
-- O(1)
-- @function

local call, pcall, floor = redis.call, redis.pcall, math.floor

return function(KEYS, ARGV)
    local lease, sidecar, duration = KEYS[1], ARGV[1], tonumber(ARGV[2])

    local time = call('TIME')
    local now = time[1] * 1000 + floor(time[2] / 1000)
    local number = pcall('GET', KEYS[2])
    local retries = type(number) == 'string' and number or '0'
    local holder = call('GET', lease)
    if holder and holder ~= sidecar then return { 'other', now, retries } end
    if duration > 0 then
        call('SET', lease, sidecar, 'PX', duration)
    elseif holder then
        call('DEL', lease)
    end
    return { holder and 'renewed' or 'acquired', now, retries }
end
