-- window.lua: what batch.lua and usage.lua share, with holds.lua. It is put in front of each of them before they are
-- loaded; in front of batch.lua, counters.lua, rankings.lua and history*.lua come between; behind it plain_checks.lua and
-- apply.lua.
--
-- A scope is one hash. A limit set is the list of limits that hold for a scope; many scopes share one, so its field names,
-- bucket numbers and periods are worked out once a call.
--
-- Limit set, as sent:  { history, { limit, … }, only resolves, tier, varies, other tiers, is usual }
--   history  0, or { day, month, kept, kept }: two calendars, and for how many ms after its end each is kept
--   limit    { name, meter, kind, max, shadow, thresholds, arg, source }
--              name    'requests/1m'; prefix of the limit's fields
--              meter   1 requests, 2 tokens, 3 input_tokens, 4 output_tokens, 5 cost (nano-units), 6 concurrent
--              kind    1 one request, 2 sliding window, 3 calendar period, 4 for ever, 5 open reservations (no field)
--              max     -1 is unlimited
--              shadow  1: counts and reports, never denies
--              thresholds  { percent, amount, … }, ascending: from the first on replies warn, and each is told once
--                      (alerts.lua); 0 for none
--              arg     kind 2: length of the window in ms; kind 3: a calendar; otherwise 0
--              source  'tier:basic': where it comes from, in one word
--   only resolves  1: alerts are resolved by it, and none is opened; otherwise 0
--   tier     the id of the tier that the user has with this set; '' for none
--   varies   names of the limits that other requests may find otherwise, or not at all, by another tier; not there for none
--   other tiers    those that such requests may have, and in which anything counts; only in a set that speaks for all tiers but
--            them
--   is usual 1: the tier of that set is the one that the user has where nothing is said; otherwise 0
--   calendar { starts, id, ends, next id, next ends }, times in Unix ms: the period that the sidecar believes to be the
--            current one, and the next, so that a call which crosses the boundary is still decided by Redis's clock
--
-- Fields of a sliding limit:
--   requests/1m.n   total over the buckets that touch the window
--   requests/1m.b   number of the newest bucket (time / width) that holds anything
--   requests/1m.r   the ring: the RING buckets before it, which change when the window moves on or a REFUND takes from them:
--                   '5 1 301' is their sum, the digits that each takes, and the counts, newest first, trailing zeros left
--                   out. Where every count takes as many digits, moving on is a matter of cutting text; no list is made
-- Fields of a calendar limit: cost/day, and cost/day.p, the id and the end (Unix ms) of the period it counts, by the
-- calendar of the set that began it: '2026-11-20 1795219200000'. That period runs to its own end, whatever sets with another
-- calendar the scope is read with in the meantime; what is counted next begins the period that its set says then.
-- For ever: cost/total alone.
-- Field of what open reservations hold: held (see holds.lua); of thresholds that were reached: alerts, and of refusals that
-- were told: requests/1m.e (see notices.lua).
--
-- The window is cut into RING buckets. The total covers the newest bucket and the RING before it, so the oldest one,
-- of which the window covers only a part, counts in full: every stretch of one window's length that ends now lies within
-- what is counted, and so never holds more than the limit. Capacity comes back at most one bucket late.

-- Before 7.0 PEXPIREAT knows no GT; better no answer than half of a batch.
if not redis.REDIS_VERSION_NUM then return redis.error_reply('ERR Tollgate needs Redis 7.0 or later') end

local RING = 30
local REQUEST, SLIDING, CALENDAR, TOTAL, OPEN = 1, 2, 3, 4, 5
local REQUESTS, TOKENS, COST, CONCURRENT = 1, 2, 5, 6
local LARGEST_EXACT = 9007199254740991

local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max
local sub, match, find, format, rep = string.sub, string.match, string.find, string.format, string.rep
local gsub, gmatch = string.gsub, string.gmatch

-- Redis prints every Lua number that it is given with 17 digits, about 0.2 µs each: most counts are small, and their texts
-- are kept for the call.
local SMALL, small_texts = 1000, {}

local function text_of(number)
    if not (number >= 0 and number < SMALL) then return number end
    local text = small_texts[number]
    if not text then
        text = format('%d', number)
        small_texts[number] = text
    end
    return text
end

-- Numbers past 2^53, which doubles do not hold exactly: { billions, rest }.
local exact = { BILLION = 1000000000 }

function exact.add_number(sum, number)
    local high = floor(number / exact.BILLION)
    sum[1], sum[2] = sum[1] + high, sum[2] + (number - high * exact.BILLION)
end

function exact.add_text(sum, text)
    if not text or not find(text, '^%d+$') then return end
    sum[1], sum[2] = sum[1] + (tonumber(sub(text, 1, -10)) or 0), sum[2] + tonumber(sub(text, -9))
end

-- What counts against a limit: a number, or past 2^53 its text.
function exact.used(state, j)
    local used, text = state.used[j], state.texts and state.texts[j]
    local pieces = state.pieces and state.pieces[j]
    if not text and not pieces then return used end
    local sum, changed = { 0, 0 }, state.delta and state.delta[j]
    exact.add_text(sum, text or format('%d', changed and state.before[j] or used))
    for i = 1, pieces and #pieces or 0 do exact.add_number(sum, pieces[i]) end
    if changed then exact.add_number(sum, changed) end
    local carried = floor(sum[2] / exact.BILLION)
    local high, low = sum[1] + carried, sum[2] - carried * exact.BILLION
    local total = high * exact.BILLION + low
    if total <= LARGEST_EXACT then return max(total, 0) end
    return format('%d%09d', high, low)
end

-- The same as text.
function exact.used_text(state, j)
    local used = exact.used(state, j)
    return type(used) == 'string' and used or format('%d', used)
end

local function clock_now(clock)
    if clock > 0 then return clock end
    local time = call('TIME')
    return time[1] * 1000 + floor(time[2] / 1000)
end

-- The id, the end and the start of the calendar period that holds now; nil when the sidecar's idea of the time is too far
-- off.
local function period_at(calendar, now)
    if now < calendar[1] or now >= calendar[5] then return nil end
    if now < calendar[3] then return calendar[2], calendar[3], calendar[1] end
    return calendar[4], calendar[5], calendar[3]
end

local function names_in(list)
    local is_in = {}
    for i = 1, #list do is_in[list[i]] = true end
    return is_in
end

-- Turns a limit set as sent into one array per property, all indexed by the limit's place in the set, and the HMGET that
-- reads everything a decision needs. Returns nil when a calendar does not hold now.
local function prepare_set(sent, now)
    local limits = sent[2]
    local set = {
        size = #limits, name = {}, meter = {}, kind = {}, max = {}, shadow = {}, warn = {}, warns = false,
        thresholds = {}, source = {}, only_resolves = sent[3] == 1, tier = sent[4], width = {}, current = {},
        stored = {}, ends = {}, starts = false, counter = {}, marker = {}, ring = {}, at = {}, read = { 'HMGET', '' },
        expires = 0,
        for_ever = false,
        reads = false, holds = false,
    }
    local read, size = set.read, 2
    for j = 1, #limits do
        local limit = limits[j]
        local name, kind, arg = limit[1], limit[3], limit[7]
        local thresholds = limit[6] ~= 0 and limit[6]
        set.name[j], set.meter[j], set.kind[j], set.max[j], set.shadow[j], set.thresholds[j], set.warn[j] =
            name, limit[2], kind, limit[4], limit[5] == 1, thresholds, thresholds and thresholds[2] or -1
        set.source[j] = limit[8]
        if thresholds then set.warns = true end
        set.at[j] = size - 1
        if kind == SLIDING then
            local width = ceil(arg / RING)
            local current = floor(now / width)
            set.width[j], set.current[j], set.stored[j] = width, current, format('%d', current)
            set.ends[j] = (current + RING + 2) * width
            set.counter[j], set.marker[j], set.ring[j] = name .. '.n', name .. '.b', name .. '.r'
            set.expires = max(set.expires, now + (RING + 2) * width)
        elseif kind == CALENDAR then
            local id, ends, starts = period_at(arg, now)
            if not id then return nil end
            set.stored[j], set.ends[j] = format('%s %d', id, ends), ends
            set.starts = set.starts or {}
            set.starts[j] = starts
            set.counter[j], set.marker[j] = name, name .. '.p'
            set.expires = max(set.expires, ends)
        elseif kind == TOTAL then
            set.counter[j] = name
            set.for_ever = true
        elseif kind == OPEN then
            set.holds = true
        end
        if set.counter[j] then
            size = size + 1
            read[size] = set.counter[j]
        end
        if set.marker[j] then
            size = size + 1
            read[size] = set.marker[j]
        end
    end
    if size > 2 or set.holds then
        set.reads, set.holds, set.held_at = true, true, size - 1
        read[size + 1] = 'held'
        read[size + 2] = 'alerts'
    end
    set.varies, set.other_tiers = sent[5] and names_in(sent[5]), sent[6] and names_in(sent[6])
    set.speaks_for_usual = sent[7] == 1
    if sent[1] ~= 0 then
        local day, day_ends, day_starts = period_at(sent[1][1], now)
        local month, month_ends = period_at(sent[1][2], now)
        if not day or not month then return nil end
        set.day, set.day_ends, set.month, set.month_ends = ':day:' .. day, day_ends, ':month:' .. month, month_ends
        set.day_starts, set.day_kept, set.month_kept = day_starts, sent[1][3], sent[1][4]
    end
    return set
end

-- A ring's sum, width of a column, and columns. What is no ring is an empty one.
local function parse_ring(text)
    local sum, width, columns = match(text or '', '^(%d+) (%d+) (%d*)$')
    width = tonumber(width)
    if not width or width < 1 or #columns % width > 0 then return 0, 1, '' end
    return tonumber(sum), width, columns
end

local function column(columns, width, place)
    return tonumber(sub(columns, (place - 1) * width + 1, place * width)) or 0
end

-- Gives every column more digits.
local function widened(columns, width, to)
    local wide = {}
    for i = 1, #columns / width do wide[i] = rep('0', to - width) .. sub(columns, (i - 1) * width + 1, i * width) end
    return table.concat(wide)
end

local function ring_text(sum, width, columns)
    if sub(columns, -1) == '0' then
        columns = match(columns, '^.*[1-9]') or ''
        columns = columns .. rep('0', -#columns % width)
    end
    return format('%d %d %s', sum, width, columns)
end

-- Moves a window on by so many buckets, 1 to RING: what was its newest bucket becomes a column, what is older than RING
-- buckets falls out. Returns the ring as seen from the new newest bucket, and the new total.
local function advance(text, total, steps)
    local sum, width, columns = parse_ring(text)
    local closed = max(total - sum, 0)
    local kept = RING - steps
    for i = kept + 1, #columns / width do sum = sum - column(columns, width, i) end
    columns = sub(columns, 1, kept * width)
    local newest = format('%d', closed)
    if #newest > width then
        columns = widened(columns, width, #newest)
        width = #newest
    end
    sum = max(sum, 0) + closed
    return ring_text(sum, width, rep('0', steps * width - #newest) .. newest .. columns), sum
end

-- Reads one scope. In the state that it returns:
--   used[j]   what counts against limit j now
--   moved[j]  the stored bucket or period is an older one, so its marker has to be written with the counter
--   rings[j]  a sliding limit's ring where it differs from the stored one
--   texts[j]  used[j] as it is stored, where a double does not hold it exactly (false where empty)
--   ends[j]   when the period that a calendar limit counts ends, where that is not the one of the set
--   markers[j] the id and the end of that period
--             (moved, rings, ends and markers are false where they would be empty)
--   alerts    the text of that field, or false
--   held      what open reservations hold, as the text that is stored, or false
--   ahead[j]  a sliding limit's newest bucket is so many after the present one: the clock went back (false where empty)
--   created   the hash holds nothing that the set knows
--   broken    Redis's error where the key cannot be read (not a hash, say); the other fields mean nothing then
-- The rest is for batch.lua; it stands here so that the table is made at its full size and never grows.
local function load_scope(key, set, now)
    local used, moved, rings = { 0, 0, 0, 0 }, false, false
    local state = {
        key = key, set = set, created = true, broken = false, used = used, moved = false, rings = false,
        ends = false, markers = false, alerts = false, pending = false, refused = false, changed = false,
        refunded = false, delta = false, pieces = false, before = false, label = false, tallied = false, shared = false, homes = false,
        hits = 0, quiet = 0, limit = 0, most = 0, left = 0, slope = 0, reset = 0, kept = 0, held = false, ahead = false,
        waiting = false, earlier = false, texts = false,
    }
    local found
    if set.reads then
        set.read[2] = key
        found = pcall(unpack(set.read))
        if found.err then
            state.broken = found.err
            return state
        end
    end
    local late, late_fields
    local kinds, stored, at, counters = set.kind, set.stored, set.at, set.counter
    for j = 1, set.size do
        local kind = kinds[j]
        local count = counters[j] and found[at[j]]
        if count then
            state.created = false
            count = tonumber(count) or 0
            if not (count >= 0) then count = 0 end -- below zero, or nan
            local marker = found[at[j] + 1]
            if kind ~= TOTAL and marker ~= stored[j] then
                if kind == CALENDAR then
                    local ends = tonumber(match(marker or '', ' (%d+)$'))
                    if ends and ends > now and ends <= LARGEST_EXACT then
                        state.ends, state.markers = state.ends or {}, state.markers or {}
                        state.ends[j], state.markers[j] = ends, marker
                    else
                        count = 0
                        moved = moved or {}
                        moved[j] = true
                    end
                else
                    local steps = set.current[j] - (tonumber(marker) or 0)
                    -- A clock that went back: for as long as the newest bucket lies within a window it is still counted
                    -- in, and waits for the time to catch up; from further back it is taken to be the present one, and
                    -- written down as that even if nothing else changes: a full limit would never become free.
                    if steps > 0 or steps < -RING then
                        moved = moved or {}
                        moved[j] = true
                    end
                    if steps < 0 and steps >= -RING then
                        state.ahead = state.ahead or {}
                        state.ahead[j] = -steps
                    elseif steps < -RING then
                        state.changed = state.changed or {}
                        state.changed[j] = true
                    elseif steps > RING then
                        rings = rings or {}
                        count, rings[j] = 0, ''
                    elseif steps > 0 then
                        late, late_fields, rings = late or {}, late_fields or { 'HMGET', key }, rings or {}
                        late[#late + 1] = j
                        late_fields[#late_fields + 1] = set.ring[j]
                        rings[j] = steps
                    end
                end
            end
        elseif counters[j] then
            count = 0
            moved = moved or {}
            moved[j] = true
        end
        used[j] = count or 0
        if count and count > LARGEST_EXACT and find(found[at[j]], '^%d+$') then
            state.texts = state.texts or {}
            state.texts[j] = found[at[j]]
        end
    end
    if late then
        local texts = call(unpack(late_fields))
        for i = 1, #late do
            local j = late[i]
            rings[j], used[j] = advance(texts[i], used[j], rings[j])
        end
    end
    state.moved, state.rings = moved, rings
    state.held = set.holds and found[set.held_at]
    state.alerts = set.holds and found[set.held_at + 1]
    return state
end

-- The ring of a sliding limit as text, read now if that was not needed before.
local function ring_of(state, j)
    return state.rings and state.rings[j] or call('HGET', state.key, state.set.ring[j])
end

-- Milliseconds until the bucket so many places before the newest has left the window.
local function leaves_in(set, j, place, now)
    return (set.current[j] - place + RING + 1) * set.width[j] - now
end

-- When what counts against a limit now stops to: of a calendar limit the end of its period, of a sliding one that of its
-- newest bucket's time in the window; nil for others.
local function end_of(state, j)
    return state.ends and state.ends[j] or state.set.ends[j]
end

-- Milliseconds until nothing of what is counted now counts any more; 0 when nothing is. Needs no ring of its own: the
-- stored newest bucket always holds something, and where time has moved on since, the ring was read.
local function resets_in(state, j, now)
    local set = state.set
    if set.kind[j] == CALENDAR then return end_of(state, j) - now end
    if set.kind[j] ~= SLIDING or state.used[j] == 0 then return 0 end
    local ring = state.moved and state.moved[j] and state.rings and state.rings[j]
    if not ring or (state.changed and state.changed[j]) then return leaves_in(set, j, 0, now) end
    local _, width, columns = parse_ring(ring)
    local place = find(columns, '[1-9]')
    return place and leaves_in(set, j, ceil(place / width), now) or 0
end
