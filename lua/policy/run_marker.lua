-- policy/run_marker.lua: tells a sidecar whether the data in Redis are older than what it has seen, and whether Redis takes what is
-- written. Each call counts one more look at the data. That count, the number of the generation and the revision
-- (policy/versions.lua) only ever rise; where one of them is lower than a sidecar remembers, the data have been lost, or an older state of them is back.
-- A new generation begins then, by which all other sidecars know it.
--
-- KEYS[1]  marker: hash of generation, id, count, run, and of layout and partitions: how the keys of the namespace are named
-- KEYS[2]  revision     KEYS[3]  scratch: a hash for a moment
-- ARGV[1]  what the sidecar remembers: generation, 0 for nothing     ARGV[2]  id     ARGV[3]  count     ARGV[4]  revision
-- ARGV[5]  another id, of a generation that begins now
-- ARGV[6]  the layout and ARGV[7] the number of partitions of the sidecar; noted where nothing is
-- Reply    { status, generation, id, count, revision; -1 where it is no number, 1 where layout and partitions are these, or 0 }
--            new: the first look at all                  seen: nothing is missing
--            gone: the marker is not there any more      older: it is that of an earlier state
--            noticed: another sidecar has found one of these before
-- O(1)
-- @function
-- @include policy/versions

local MARKER_KEPT = 430 * 86400 -- seconds; longer than any history

local call, pcall, match, format, max = redis.call, redis.pcall, string.match, string.format, math.max

return function(KEYS, ARGV)
    local marker, revision, scratch = unpack(KEYS)
    local known_id, next_id = ARGV[2], ARGV[5]
    local known, known_count, known_revision = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])

    -- Each kind of write that batch.lua makes, so that none of them is refused there and not here. The first is one that needs memory.
    call('HSET', scratch, 'a', '1')
    call('HINCRBY', scratch, 'a', 1)
    call('PEXPIREAT', scratch, '4102444800000')
    call('PERSIST', scratch)
    call('HDEL', scratch, 'a')
    call('SET', scratch, '1', 'PX', '1000')
    call('DEL', scratch)
    call('ZADD', scratch, '1', 'a')
    call('ZREM', scratch, 'a')
    call('ZREMRANGEBYRANK', scratch, '0', '0')

    local info = pcall('INFO', 'server')
    local stored = call('HMGET', marker, 'generation', 'id', 'count', 'run')
    local run = type(info) == 'string' and match(info, 'run_id:(%x+)') or stored[4] or ''
    local generation, count = tonumber(stored[1]), tonumber(stored[3]) or 0
    local stored_revision = pcall('GET', revision)
    local last = type(stored_revision) == 'table' and -1 or tonumber(stored_revision or 0) or -1

    local function raise_revision()
        if last >= 0 then last = versions.raise(revision, last, known_revision) end
    end

    local status, id
    if not generation then
        status = known > 0 and 'gone' or 'new'
    elseif known == 0 then
        status = 'seen'
        -- Redis was started again, and nobody who remembers what there was before has looked since.
        if stored[4] and stored[4] ~= run then raise_revision() end
    elseif generation > known then
        status = 'noticed'
    elseif generation < known or stored[2] ~= known_id or count < known_count or last >= 0 and last < known_revision then
        status = 'older'
    else
        status = 'seen'
    end

    if status == 'seen' or status == 'noticed' then
        id = stored[2]
    else
        generation, id = max(known, generation or 0) + 1, next_id
        if status ~= 'new' then raise_revision() end
    end
    count = max(count, known_count) + 1
    call('HSET', marker, 'generation', format('%d', generation), 'id', id, 'count', format('%d', count), 'run', run)
    call('HSETNX', marker, 'layout', ARGV[6])
    call('HSETNX', marker, 'partitions', ARGV[7])
    call('EXPIRE', marker, MARKER_KEPT)
    local layout = call('HMGET', marker, 'layout', 'partitions')
    return { status, generation, id, count, last, layout[1] == ARGV[6] and layout[2] == ARGV[7] and 1 or 0 }
end
