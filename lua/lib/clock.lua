-- clock.lua: the time, and the calendar period of a time. Times are Unix milliseconds.
--
-- A calendar is { starts, id, ends, next id, next ends }: the period that is current by the sidecar's clock, and the next one. With both,
-- Redis's clock decides a call that crosses the boundary.

local clock = {}
local call, floor = redis.call, math.floor

-- Returns Redis's time. fixed: 0, or the time to use instead in a test.
function clock.now(fixed)
    if fixed > 0 then return fixed end
    local time = call('TIME')
    return time[1] * 1000 + floor(time[2] / 1000)
end

-- Returns the id, end and start of the period of a time; nil where the calendar does not cover the time.
function clock.period(calendar, now)
    if now < calendar[1] or now >= calendar[5] then return nil end
    if now < calendar[3] then return calendar[2], calendar[3], calendar[1] end
    return calendar[4], calendar[5], calendar[3]
end

return clock
