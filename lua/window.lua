-- window.lua: what batch.lua and usage.lua share. It is put in front of each of them before they are loaded; in front of
-- batch.lua, counters.lua and history.lua come between.
--
-- A scope is one hash. A limit set is the list of limits that hold for a scope; many scopes share one, so its field names,
-- bucket numbers and period ids are worked out once a call.
--
-- Limit set, as sent:  { history, { limit, … } }
--   history  0, or { day, month }, each a calendar
--   limit    { name, meter, kind, max, shadow, warn, arg }
--              name    'requests/1m'; prefix of the limit's fields
--              meter   1 requests, 2 tokens, 3 input_tokens, 4 output_tokens, 5 cost (nano-units)
--              kind    1 one request, 2 sliding window, 3 calendar period, 4 for ever
--              max     -1 is unlimited
--              shadow  1: counts and reports, never denies
--              warn    amount from which replies warn, -1 for never
--              arg     kind 2: length of the window in ms; kind 3: a calendar; otherwise 0
--   calendar { starts, id, ends, next id, next ends }, times in Unix ms: the period that the sidecar believes to be the
--            current one, and the next, so that a call which crosses the boundary is still decided by Redis's clock
--
-- Fields of a sliding limit:
--   requests/1m.n   total over the buckets that touch the window
--   requests/1m.b   number of the newest bucket (time / width) that holds anything
--   requests/1m.r   the RING buckets before it, newest first, trailing zeros left out: '3 0 1'
-- Fields of a calendar limit: cost/day, and cost/day.p, the id of the period it counts. For ever: cost/total alone.
--
-- The window is cut into RING buckets. The total covers the newest bucket and the RING before it, so the oldest one,
-- of which the window covers only a part, counts in full: every stretch of one window's length that ends now lies within
-- what is counted, and so never holds more than the limit. Capacity comes back at most one bucket late.

-- Before 7.0 PEXPIREAT knows no GT; better no answer than half of a batch.
if not redis.REDIS_VERSION_NUM then return redis.error_reply('ERR Tollgate needs Redis 7.0 or later') end

local RING = 30
local REQUEST, SLIDING, CALENDAR, TOTAL = 1, 2, 3, 4
local LARGEST_EXACT = 9007199254740991

local function clock_now(clock)
    if clock > 0 then return clock end
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The id and the end of the calendar period that holds now; nil when the sidecar's idea of the time is too far off.
local function period_at(calendar, now)
    if now < calendar[1] or now >= calendar[5] then return nil end
    if now < calendar[3] then return calendar[2], calendar[3] end
    return calendar[4], calendar[5]
end

-- Turns a limit set as sent into one array per property, all indexed by the limit's place in the set, and the HMGET that
-- reads everything a decision needs. Returns nil when a calendar does not hold now.
local function prepare_set(sent, now)
    local limits = sent[2]
    local set = {
        size = #limits, meter = {}, kind = {}, max = {}, shadow = {}, warn = {}, width = {}, current = {}, ends = {},
        counter = {}, marker = {}, ring = {}, at = {}, read = { 'HMGET', '' }, expires = 0, for_ever = false,
    }
    local read = set.read
    for j = 1, #limits do
        local limit = limits[j]
        local name, kind, arg = limit[1], limit[3], limit[7]
        set.meter[j], set.kind[j], set.max[j], set.shadow[j], set.warn[j] =
            limit[2], kind, limit[4], limit[5] == 1, limit[6]
        set.at[j] = #read - 1
        if kind == SLIDING then
            local width = math.ceil(arg / RING)
            set.width[j] = width
            set.current[j] = math.floor(now / width)
            set.counter[j], set.marker[j], set.ring[j] = name .. '.n', name .. '.b', name .. '.r'
            set.expires = math.max(set.expires, now + (RING + 2) * width)
        elseif kind == CALENDAR then
            local id, ends = period_at(arg, now)
            if not id then return nil end
            set.current[j], set.ends[j] = id, ends
            set.counter[j], set.marker[j] = name, name .. '.p'
            set.expires = math.max(set.expires, ends)
        elseif kind == TOTAL then
            set.counter[j] = name
            set.for_ever = true
        end
        if set.counter[j] then read[#read + 1] = set.counter[j] end
        if set.marker[j] then read[#read + 1] = set.marker[j] end
    end
    if sent[1] ~= 0 then
        local day, day_ends = period_at(sent[1][1], now)
        local month, month_ends = period_at(sent[1][2], now)
        if not day or not month then return nil end
        set.day, set.day_ends, set.month, set.month_ends = ':day:' .. day, day_ends, ':month:' .. month, month_ends
    end
    return set
end

-- Reads a ring's text into a list. Counts stay text (Lua would print large numbers with 14 digits); returns their sum too.
local function parse_ring(text)
    local ring, sum, size = {}, 0, 0
    for count in string.gmatch(text or '', '%d+') do
        size = size + 1
        ring[size] = count
        sum = sum + tonumber(count)
    end
    return ring, sum
end

-- Moves a window on by so many buckets: what was its newest bucket becomes one of the ring, what is older than RING
-- buckets falls out. Returns the ring as seen from the new newest bucket, and the new total.
local function advance(text, total, steps)
    local old, closed = parse_ring(text)
    local ring, sum = {}, 0
    for i = 1, steps - 1 do ring[i] = '0' end
    ring[steps] = string.format('%.0f', math.max(total - closed, 0))
    for i = 1, math.min(#old, RING - steps) do ring[steps + i] = old[i] end
    for i = 1, #ring do sum = sum + tonumber(ring[i]) end
    return ring, sum
end

-- Reads one scope. In the state that it returns:
--   used[j]   what counts against limit j now
--   moved[j]  the stored bucket or period is an older one, so its marker has to be written with the counter
--   rings[j]  a sliding limit's ring, where it had to be read; redo[j]: it differs from the stored one
--   broken    Redis's error where the key cannot be read (not a hash, say); the other fields are missing then
local function load_scope(key, set)
    local state = { key = key, set = set, used = {}, moved = {}, rings = {}, redo = {}, created = true }
    local found
    if #set.read > 2 then
        set.read[2] = key
        found = redis.pcall(unpack(set.read))
        if found.err then return { key = key, set = set, broken = found.err } end
    end
    local late, late_fields
    for j = 1, set.size do
        local kind, at = set.kind[j], set.at[j]
        local used = 0
        if kind ~= REQUEST and found[at] then
            state.created = false
            used = tonumber(found[at]) or 0
            if kind == SLIDING then
                local steps = set.current[j] - (tonumber(found[at + 1]) or 0)
                -- A clock that went back: for as long as the newest bucket lies within a window it is still counted in, and
                -- waits for the time to catch up; from further back it is taken to be the present one.
                if steps > 0 or steps < -RING then state.moved[j] = true end
                if steps > RING then
                    used, state.rings[j], state.redo[j] = 0, {}, true
                elseif steps > 0 then
                    late, late_fields = late or {}, late_fields or { 'HMGET', key }
                    late[#late + 1] = j
                    late_fields[#late_fields + 1] = set.ring[j]
                    state.rings[j] = steps
                end
            elseif kind == CALENDAR and (found[at + 1] or '') < set.current[j] then
                used, state.moved[j] = 0, true
            end
        elseif kind ~= REQUEST then
            state.moved[j] = true
            if kind == SLIDING then state.rings[j] = {} end
        end
        state.used[j] = used
    end
    if late then
        local rings = redis.call(unpack(late_fields))
        for i = 1, #late do
            local j = late[i]
            state.rings[j], state.used[j] = advance(rings[i], state.used[j], state.rings[j])
            state.redo[j] = true
        end
    end
    return state
end

-- The ring of a sliding limit, read now if that was not needed before.
local function ring_of(state, j)
    if not state.rings[j] then state.rings[j] = parse_ring(redis.call('HGET', state.key, state.set.ring[j])) end
    return state.rings[j]
end

-- Milliseconds until the bucket so many places before the newest has left the window.
local function leaves_in(set, j, place, now)
    return (set.current[j] - place + RING + 1) * set.width[j] - now
end

-- Milliseconds until nothing of what is counted now counts any more; 0 when nothing is. Needs no ring of its own: the
-- stored newest bucket always holds something, and where time has moved on since, the ring was read.
local function resets_in(state, j, now)
    local set = state.set
    if set.kind[j] == CALENDAR then return set.ends[j] - now end
    if set.kind[j] ~= SLIDING or state.used[j] == 0 then return 0 end
    local ring = state.rings[j]
    if not state.moved[j] or not ring or (state.delta and state.delta[j]) then return leaves_in(set, j, 0, now) end
    for i = 1, #ring do
        if ring[i] ~= '0' then return leaves_in(set, j, i, now) end
    end
    return 0
end
