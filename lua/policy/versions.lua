-- policy/versions.lua: the revision, which numbers the changes of settings.
--
-- If the revision is lower than a sidecar has seen, older data was restored, and its next numbers have been used
-- before. The revision then continues above them, at the number of microseconds since 2026.

local call, format, max, tonumber = redis.call, string.format, math.max, tonumber

local SINCE = 1767225600 -- 2026-01-01, Unix seconds

local versions = {}

-- Raises the revision above all numbers that may have been used, and at least to the given ones. Returns it.
function versions.raise(revision, ...)
    local time = call('TIME')
    local raised = max((time[1] - SINCE) * 1000000 + time[2], ...)
    call('SET', revision, format('%d', raised))
    return raised
end

-- The number of the next change. known: the highest revision that the sidecar has seen. Fails if the revision is not a
-- number.
function versions.next(revision, known)
    local stored = tonumber(call('GET', revision) or 0)
    if stored and stored < known then versions.raise(revision, known) end
    return call('INCR', revision)
end

return versions
