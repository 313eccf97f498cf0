-- One decision over six sliding limits, as a script for them is mostly written first: a loop over the limits, and a field for each
-- number. check.lua decides the same in less time.
--
--   EVALSHA sha 3 USER TOOL PROVIDER    ->  ALLOW  |  DENY user/requests/1m 12.4
--
-- A scope is one hash. Of each limit it has `1:n`, what is counted; `1:b`, the number of the newest bucket; and `1:29591`, the count of
-- that bucket, for each of the newest one and the 30 before it.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- By scope: name, maximum, width of a bucket in ms.
local limits = {
    { { 'user/requests/1m', 1000000, 2000 }, { 'user/requests/1h', 10000000, 120000 }, { 'user/requests/24h', 100000000, 2880000 } },
    { { 'tool/requests/1m', 100000000, 2000 }, { 'tool/requests/1h', 1000000000, 120000 } },
    { { 'provider/requests/1m', 1000000000, 2000 } },
}

local function buckets(j, from, to)
    local fields = {}
    for bucket = from, to do fields[#fields + 1] = j .. ':' .. bucket end
    return fields
end

-- How long until a full limit has room again, in seconds.
local function wait(key, j, count, maximum, newest, width)
    local counts = call('HMGET', key, unpack(buckets(j, newest - 30, newest)))
    for i = 1, 31 do
        count = count - (tonumber(counts[i]) or 0)
        if count < maximum then return ((newest - 31 + i + 31) * width - now) / 1000 end
    end
    return 31 * width / 1000
end

local states, refusing, longest = {}, nil, -1
for i = 1, 3 do
    local key, fields = KEYS[i], {}
    for j = 1, #limits[i] do
        local bucket = math.floor(now / limits[i][j][3])
        fields[3 * j - 2], fields[3 * j - 1], fields[3 * j] = j .. ':n', j .. ':b', j .. ':' .. bucket
    end
    local found = call('HMGET', key, unpack(fields))
    states[i] = {}
    for j = 1, #limits[i] do
        local name, maximum, width = unpack(limits[i][j])
        local state = {
            count = tonumber(found[3 * j - 2]) or 0, bucket = math.floor(now / width),
            in_bucket = tonumber(found[3 * j]) or 0, leaving = {},
        }
        local newest = tonumber(found[3 * j - 1])
        if newest and newest < state.bucket then
            state.leaving = buckets(j, newest - 30, math.min(newest, state.bucket - 31))
            if #state.leaving > 0 then
                local counts = call('HMGET', key, unpack(state.leaving))
                for k = 1, #counts do state.count = state.count - (tonumber(counts[k]) or 0) end
            end
        end
        if state.count >= maximum then
            local seconds = wait(key, j, state.count, maximum, state.bucket, width)
            if seconds > longest then refusing, longest = name, seconds end
        end
        states[i][j] = state
    end
end
if refusing then return { ok = string.format('DENY %s %.1f', refusing, longest) } end

for i = 1, 3 do
    local key, written, leaving, has_moved = KEYS[i], {}, {}, false
    for j = 1, #limits[i] do
        local state = states[i][j]
        written[#written + 1], written[#written + 2] = j .. ':n', state.count + 1
        written[#written + 1], written[#written + 2] = j .. ':b', state.bucket
        written[#written + 1], written[#written + 2] = j .. ':' .. state.bucket, state.in_bucket + 1
        if state.in_bucket == 0 then has_moved = true end
        for k = 1, #state.leaving do leaving[#leaving + 1] = state.leaving[k] end
    end
    call('HSET', key, unpack(written))
    if #leaving > 0 then call('HDEL', key, unpack(leaving)) end
    local longest_limit = limits[i][#limits[i]]
    if has_moved then call('PEXPIRE', key, 32 * longest_limit[3]) end
end
return { ok = 'ALLOW' }
