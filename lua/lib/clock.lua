-- clock.lua: the time, and the calendar period that a time lies in. Times are Unix milliseconds.
--
-- A calendar is { starts, id, ends, next id, next ends }: the period that the sidecar takes for the present one, and the one after
-- it, so that a call that crosses the boundary is still decided by Redis's clock.

local clock = {}
local call, floor = redis.call, math.floor

-- Redis's time. fixed: 0, or the time that a test wants it to be.
function clock.now(fixed)
    if fixed > 0 then return fixed end
    local time = call('TIME')
    return time[1] * 1000 + floor(time[2] / 1000)
end

-- The id, end and start of the period that a time lies in; nil where the calendar does not cover it.
function clock.period(calendar, now)
    if now < calendar[1] or now >= calendar[5] then return nil end
    if now < calendar[3] then return calendar[2], calendar[3], calendar[1] end
    return calendar[4], calendar[5], calendar[3]
end

return clock
