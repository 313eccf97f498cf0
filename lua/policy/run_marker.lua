-- policy/run_marker.lua: checks whether the data in Redis is older than what a sidecar has seen, and whether Redis
-- accepts writes. Each call increments the number of checks. This number, the number of the generation and the revision
-- (policy/versions.lua) never decrease. If one of them is lower than a sidecar remembers, data was lost or older data
-- was restored. A new generation then starts, by which all other sidecars notice it.
--
-- KEYS[1]  marker: hash of generation, id, count, run, and of the layout and partitions of the namespace's keys
-- KEYS[2]  revision     KEYS[3]  scratch key, deleted at the end
-- ARGV[1]  generation that the sidecar remembers, 0 for none     ARGV[2]  its id     ARGV[3]  count     ARGV[4]  revision
-- ARGV[5]  id of a generation that starts now
-- ARGV[6]  layout and unit of money of the sidecar     ARGV[7]  its number of partitions; both are stored if none are
-- Reply    { status, generation, id, count, revision or -1 if it is not a number, 1 if layout and partitions match or 0 }
--            new: the first check                        seen: no data is missing
--            gone: the marker does not exist             older: the marker is older than the sidecar remembers
--            noticed: another sidecar has detected a loss
-- O(1)
-- @function
-- @include policy/versions

local RETENTION = 430 * 86400 -- seconds; longer than any history

local call, pcall, match, format, max = redis.call, redis.pcall, string.match, string.format, math.max

return function(KEYS, ARGV)
    local marker, revision, scratch = unpack(KEYS)
    local known_id, next_id = ARGV[2], ARGV[5]
    local known, known_count, known_revision = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])

    -- Tries each kind of write that batch.lua makes, so that Redis refuses here whatever it would refuse there. The
    -- first needs memory.
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
        -- Redis has restarted, and no sidecar that remembers the data before has checked since.
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
    call('EXPIRE', marker, RETENTION)
    local layout = call('HMGET', marker, 'layout', 'partitions')
    return { status, generation, id, count, last, layout[1] == ARGV[6] and layout[2] == ARGV[7] and 1 or 0 }
end
