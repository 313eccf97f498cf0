-- check.lua, and beside it a hold on the user's budget of a day. Written by hand for these limits, like that.
--
--   EVALSHA sha 5 USER TOOL PROVIDER USER-DAY USER-HOLDS COST TTL-MS    ->  ALLOW token  |  DENY user/cost/day 3600.0
--
-- What is held stands in the user's hash: `held`, in nano-units, and `soonest`, a time (Unix ms) before which no hold
-- expires. The sorted set USER-HOLDS has the holds, 'nano-units:time in µs', by the time at which they expire. They are
-- looked for only when `soonest` is reached.
local call, pack, unpack = redis.call, cmsgpack.pack, cmsgpack.unpack
local clock = call('TIME')
local s = clock[1]
local m, h, d = (s - s % 2) / 2, (s - s % 120) / 120, (s - s % 2880) / 2880

-- Moves a window on by `age` buckets: its total and its earlier buckets. After a clock was set back too much is counted,
-- never too little.
local function move(age, n, c, r)
    if age > 30 or n == 0 then return 0, '' end
    if age < 0 then return n, r end
    local keep, count = (30 - age) * 4, struct.unpack
    for i = keep + 1, #r, 4 do n = n - count('>I4', r, i) end
    if n == 0 then return 0, '' end
    return n, string.rep('\0', 4 * age - 4) .. struct.pack('>I4', c) .. string.sub(r, 1, keep)
end

local user, tool, provider = KEYS[1], KEYS[2], KEYS[3]
local u = call('HMGET', user, 's', '1', '2', '3', 'held', 'soonest')
local t = call('HMGET', tool, 's', '1', '2')
local p = call('HMGET', provider, 's', '1')
local us, ts, ps = u[1], t[1], p[1]

local b1, n1, c1, b2, n2, c2, b3, n3, c3, r1, r2, r3 = m, 0, 0, h, 0, 0, d, 0, 0, '', '', ''
if us then
    b1, n1, c1, b2, n2, c2, b3, n3, c3 = unpack(us)
    r1, r2, r3 = u[2], u[3], u[4]
    if b1 ~= m then n1, r1 = move(m - b1, n1, c1, r1) c1 = 0 end
    if b2 ~= h then n2, r2 = move(h - b2, n2, c2, r2) c2 = 0 end
    if b3 ~= d then n3, r3 = move(d - b3, n3, c3, r3) c3 = 0 end
end
local b4, n4, c4, b5, n5, c5, r4, r5 = m, 0, 0, h, 0, 0, '', ''
if ts then
    b4, n4, c4, b5, n5, c5 = unpack(ts)
    r4, r5 = t[2], t[3]
    if b4 ~= m then n4, r4 = move(m - b4, n4, c4, r4) c4 = 0 end
    if b5 ~= h then n5, r5 = move(h - b5, n5, c5, r5) c5 = 0 end
end
local b6, n6, c6, r6 = m, 0, 0, ''
if ps then
    b6, n6, c6 = unpack(ps)
    r6 = p[2]
    if b6 ~= m then n6, r6 = move(m - b6, n6, c6, r6) c6 = 0 end
end

local cost, time = tonumber(ARGV[1]), s * 1000 + (clock[2] - clock[2] % 1000) / 1000
local expires = time + ARGV[2]
local spent, held, soonest = tonumber(call('HGET', KEYS[4], 'cost') or 0), 0, 1e15
if u[5] then held, soonest = tonumber(u[5]), tonumber(u[6]) end
if soonest <= time then
    -- Those that have expired hold nothing any more.
    local holds = call('ZRANGEBYSCORE', KEYS[5], '-inf', time)
    for i = 1, #holds do held = held - string.match(holds[i], '^%d+') end
    call('ZREMRANGEBYSCORE', KEYS[5], '-inf', time)
    local first = call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')[2]
    soonest = first and tonumber(first) or 1e15
    call('HSET', user, 'held', held, 'soonest', soonest)
end

local is_over = spent + held + cost > 1000000000000000
if is_over
    or n1 >= 1000000 or n2 >= 10000000 or n3 >= 100000000
    or n4 >= 100000000 or n5 >= 1000000000 or n6 >= 1000000000
then
    -- The limit that refuses for the longest, and for how long: until enough of the oldest buckets have left.
    local name, longest = '', -1
    time = s + clock[2] / 1000000
    local function refuse(limit, max, width, b, n, c, r)
        if n < max then return end
        local last = 0
        for age = #r / 4, 1, -1 do
            n = n - struct.unpack('>I4', r, age * 4 - 3)
            if n < max then last = age break end
        end
        local retry = (b - last + 31) * width - time
        if retry > longest then name, longest = limit, retry end
    end
    refuse('user/requests/1m', 1000000, 2, m, n1, c1, r1)
    refuse('user/requests/1h', 10000000, 120, h, n2, c2, r2)
    refuse('user/requests/24h', 100000000, 2880, d, n3, c3, r3)
    refuse('tool/requests/1m', 100000000, 2, m, n4, c4, r4)
    refuse('tool/requests/1h', 1000000000, 120, h, n5, c5, r5)
    refuse('provider/requests/1m', 1000000000, 2, m, n6, c6, r6)
    if is_over then
        -- Until the day is over, or the first hold expires where only holds stand in the way.
        local ends = spent + cost > 1000000000000000 and s - s % 86400 + 86400 or soonest / 1000
        if ends - time > longest then name, longest = 'user/cost/day', ends - time end
    end
    return { ok = string.format('DENY %s %.1f', name, longest) }
end

if expires < soonest then soonest = expires end
held = held + cost
us = pack(m, n1 + 1, c1 + 1, h, n2 + 1, c2 + 1, d, n3 + 1, c3 + 1)
if not u[1] or b3 ~= d then
    call('HSET', user, 's', us, 'held', held, 'soonest', soonest, '1', r1, '2', r2, '3', r3)
    call('EXPIRE', user, 93600)
elseif b2 ~= h then
    call('HSET', user, 's', us, 'held', held, 'soonest', soonest, '1', r1, '2', r2)
elseif b1 ~= m then
    call('HSET', user, 's', us, 'held', held, 'soonest', soonest, '1', r1)
else
    call('HSET', user, 's', us, 'held', held, 'soonest', soonest)
end
ts = pack(m, n4 + 1, c4 + 1, h, n5 + 1, c5 + 1)
if not t[1] or b5 ~= h then
    call('HSET', tool, 's', ts, '1', r4, '2', r5)
    call('EXPIRE', tool, 4200)
elseif b4 ~= m then
    call('HSET', tool, 's', ts, '1', r4)
else
    call('HSET', tool, 's', ts)
end
ps = pack(m, n6 + 1, c6 + 1)
if not p[1] or b6 ~= m then
    call('HSET', provider, 's', ps, '1', r6)
    call('EXPIRE', provider, 90)
else
    call('HSET', provider, 's', ps)
end
local token = ARGV[1] .. ':' .. s .. string.format('%06d', clock[2])
call('ZADD', KEYS[5], expires, token)
if held == cost or b3 ~= d then call('EXPIRE', KEYS[5], 172800) end
return { ok = 'ALLOW ' .. token }
