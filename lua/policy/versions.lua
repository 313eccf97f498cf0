-- policy/versions.lua: the numbers of changes.
--
-- Where the revision is lower than a sidecar has seen, an older state of the data is back, whose next numbers have been given
-- out before. It goes on above them, with the microseconds since 2026.

local call, format, max, tonumber = redis.call, string.format, math.max, tonumber

local SINCE = 1767225600 -- 2026-01-01, Unix seconds

local versions = {}

-- Raises the revision above all numbers that there may have been, but never below those given. Returns it.
function versions.raise(revision, ...)
    local time = call('TIME')
    local raised = max((time[1] - SINCE) * 1000000 + time[2], ...)
    call('SET', revision, format('%d', raised))
    return raised
end

-- The number of the next change. known: the highest revision that the sidecar has seen. Fails where the revision is no number.
function versions.next(revision, known)
    local stored = tonumber(call('GET', revision) or 0)
    if stored and stored < known then versions.raise(revision, known) end
    return call('INCR', revision)
end

return versions
