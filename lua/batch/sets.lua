-- sets.lua: limit sets. A set is the list of limits of a scope, and how its history is stored; many scopes share one. A set is prepared
-- once and cached between calls by its id, which is a hash of its content. The part that depends on the time is computed once per call.
--
-- Limit set, as sent:  { history, { limit, … }, only resolves, tier, varies, other tiers, is usual }
--   history  0, or { day, month, day retention, month retention, kind }: two calendars (lib/clock.lua), the retention of each after its
--            end in ms, and the kind of the scopes, 'user'
--   limit    { name, meter, kind, max, shadow, thresholds, arg, source, charges, counts }
--              name    'requests/1m'; the prefix of the limit's fields
--              meter   1 requests, 2 tokens, 3 input_tokens, 4 output_tokens, 5 cost (units of money), 6 concurrent
--              kind    1 one request, 2 sliding window, 3 calendar period, 4 without a period, 5 open reservations (no field)
--              max     -1 for unlimited
--              shadow  1: counts and reports, but never denies
--              thresholds  { percent, amount, … }, ascending: replies warn from the first on, and each opens an alert (alerts.lua);
--                      0 for none
--              arg     kind 2: the length of the window in ms; kind 3: a calendar; otherwise 0
--              source  the origin of the limit, in one word: 'tier:basic'
--              charges 1: what reservations hold of the meter becomes usage when they expire (charges.lua); otherwise 0 or nil
--              counts  of a calendar limit of an account: 1 if its provider's figure counts where it is larger than our own amount, 2 if it
--                      counts instead; otherwise nil. Our own counts where there is no figure of the current period
--   only resolves  1: the set resolves alerts, but opens none; otherwise 0
--   tier     the id of the user's tier with this set; '' for none
--   varies   the names of the limits that differ, or are missing, for requests with another tier of the user; nil for none
--   other tiers    the tiers of such requests that have any limits; only in a set that decides for all tiers but these
--   is usual 1: the tier of the set is the user's tier for requests without traits; otherwise 0
-- @include alerts/book
-- @include alerts/outbox
-- @include lib/clock

local sets = {
    RING = 30,
    REQUEST = 1, SLIDING = 2, CALENDAR = 3, TOTAL = 4, OPEN = 5, -- kinds
    REQUESTS = 1, TOKENS = 2, COST = 5, CONCURRENT = 6, -- meters
    LARGER = 1, PROVIDER = 2, -- what counts
}
local RING, SLIDING, CALENDAR, TOTAL, OPEN = sets.RING, sets.SLIDING, sets.CALENDAR, sets.TOTAL, sets.OPEN
local REQUEST, REQUESTS, TOKENS, COST = sets.REQUEST, sets.REQUESTS, sets.TOKENS, sets.COST
local floor, ceil, max, format = math.floor, math.ceil, math.max, string.format
local period = clock.period

-- The cache of sets by id. It is cleared when it is full; sets in use are then sent again.
local MAX_CACHED = 4096
local cached, cached_count = {}, 0

local function as_keys(list)
    local is_in = {}
    for i = 1, #list do is_in[list[i]] = true end
    return is_in
end

-- Creates the HMGET that reads a scope, with all fields of a set except those of labels, and stores their offsets in the reply.
local function list_fields(set)
    local read, size = { 'HMGET', '' }, 2
    for j = 1, set.size do
        set.at[j] = size - 1
        if set.counter[j] then
            size = size + 1
            read[size] = set.counter[j]
        end
        if set.marker[j] then
            size = size + 1
            read[size] = set.marker[j]
        end
        if set.counts[j] then
            size = size + 1
            read[size] = set.name[j] .. '.provider'
        end
    end
    if size > 2 or set.holds then
        set.holds, set.held_at = true, size - 1
        read[size + 1], read[size + 2], read[size + 3] = 'held', book.FIELD, outbox.FIELD
        size = size + 3
    end
    if set.history then
        set.history_at = size - 1
        read[size + 1], read[size + 2] = 'history', 'history/requests'
        size = size + 2
    end
    set.read, set.read_size = read, size
end

-- Prepares a set: an array for each property of its limits, by the limits' indices.
--   at[j]        the offset of the limit's counter in the reply to `read`; its marker, if it has one, follows, and then the figure
--   counts[j]    LARGER, PROVIDER or false; has_figures: whether one is not false
--   counted      the limits that count requests
--   charges_tokens, charges_cost   whether expired reservations are charged (charges.lua)
--   limits_tokens, limits_cost     whether it has a limit that could say so
--   is_simple    whether every limit counts requests, is enforced, and has a marker and no figure
--   index_of     the index of a limit with a counter, by name
--   stamp        the time for which the following have been computed (refresh)
--   current[j]   of a sliding limit: the number of its newest bucket; stored[j]: the marker of that bucket, or of the period
--   ends[j]      when current usage stops counting; starts[j]: of a calendar limit, the start of its period
--   expires      until when a key written now must live
local function prepare(sent)
    local limits = sent[2]
    local set = {
        size = #limits, name = {}, meter = {}, kind = {}, max = {}, shadow = {}, warn = {}, warns = false,
        thresholds = {}, source = {}, only_resolves = sent[3] == 1, tier = sent[4], width = {}, calendar = {},
        counter = {}, marker = {}, ring = {}, at = {}, counted = {}, for_ever = false, holds = false,
        held_at = false, history = false, history_at = false, read = false, read_size = 0,
        stamp = false, current = {}, stored = {}, ends = {}, starts = {}, expires = 0,
        varies = sent[5] and as_keys(sent[5]), other_tiers = sent[6] and as_keys(sent[6]),
        is_usual = sent[7] == 1, index_of = {}, is_simple = false, charges_tokens = false, charges_cost = false,
        limits_tokens = false, limits_cost = false, counts = {}, has_figures = false,
    }
    for j = 1, #limits do
        local limit = limits[j]
        local name, kind, arg = limit[1], limit[3], limit[7]
        local thresholds = limit[6] ~= 0 and limit[6]
        set.name[j], set.meter[j], set.kind[j], set.max[j], set.shadow[j], set.thresholds[j], set.warn[j] =
            name, limit[2], kind, limit[4], limit[5] == 1, thresholds, thresholds and thresholds[2] or -1
        set.source[j], set.counts[j] = limit[8], limit[10] or false
        if limit[10] then set.has_figures = true end
        set.calendar[j], set.width[j], set.ring[j], set.marker[j], set.counter[j] = false, false, false, false, false
        if thresholds then set.warns = true end
        local is_cost = limit[2] == COST
        if limit[9] == 1 then
            if is_cost then set.charges_cost = true else set.charges_tokens = true end
        end
        if kind ~= REQUEST and (is_cost or limit[2] >= TOKENS and limit[2] < COST) then
            if is_cost then set.limits_cost = true else set.limits_tokens = true end
        end
        if kind == SLIDING then
            set.width[j], set.counter[j], set.marker[j], set.ring[j] =
                ceil(arg / RING), name .. '.n', name .. '.b', name .. '.r'
        elseif kind == CALENDAR then
            set.calendar[j], set.counter[j], set.marker[j] = arg, name, name .. '.p'
        elseif kind == TOTAL then
            set.counter[j], set.for_ever = name, true
        elseif kind == OPEN then
            set.holds = true
        end
        if set.counter[j] then
            set.index_of[name] = j
            if limit[2] == REQUESTS and kind ~= REQUEST then set.counted[#set.counted + 1] = j end
        end
        set.current[j], set.stored[j], set.ends[j], set.starts[j] = false, false, false, false
    end
    if sent[1] ~= 0 then
        set.history = {
            day_calendar = sent[1][1], month_calendar = sent[1][2], day_retention = sent[1][3], month_retention = sent[1][4],
            kind = sent[1][5], day = false, starts = 0, ranking = false,
        }
    end
    set.is_simple = set.size > 0 and #set.counted == set.size and not set.has_figures
    for j = 1, set.size do
        set.is_simple = set.is_simple and set.max[j] > 0 and not set.shadow[j] and set.marker[j] ~= false
    end
    list_fields(set)
    return set
end

-- Computes the current day of history: history.day, in the form of today.lua, and its start. Returns false where a calendar does not cover
-- the time.
local function refresh_history(history, now)
    local id, ends, starts = period(history.day_calendar, now)
    local month, month_ends = period(history.month_calendar, now)
    if not id or not month then return false end
    local day = history.day
    if not day or day.id ~= id or day.ends ~= ends or day.month ~= month or day.month_ends ~= month_ends then
        history.day = {
            id = id, ends = ends, month = month, month_ends = month_ends, values = { 0, 0, 0 },
            head = format('%s %d %s %d', id, ends, month, month_ends),
        }
    end
    history.starts = starts
    return true
end

-- Computes the properties that depend on the time. Returns false where a calendar does not cover it.
local function refresh(set, now)
    local kind, width, current, stored, ends, expires = set.kind, set.width, set.current, set.stored, set.ends, 0
    set.stamp = false -- invalid in case this returns early
    for j = 1, set.size do
        if kind[j] == SLIDING then
            local bucket = floor(now / width[j])
            if bucket ~= current[j] then
                current[j], stored[j], ends[j] = bucket, format('%d', bucket), (bucket + RING + 2) * width[j]
            end
            expires = max(expires, now + (RING + 2) * width[j])
        elseif kind[j] == CALENDAR then
            local id, period_end, starts = period(set.calendar[j], now)
            if not id then return false end
            if period_end ~= ends[j] or starts ~= set.starts[j] then
                stored[j], ends[j], set.starts[j] = format('%s %d', id, period_end), period_end, starts
            end
            expires = max(expires, period_end)
        end
    end
    set.expires = expires
    if set.history and not refresh_history(set.history, now) then return false end
    set.stamp = now
    return true
end

-- Returns the sets with the given ids, refreshed for a time. sent: the contents of sets at the same indices, where the caller includes them.
-- On failure returns nil and a status: 0 where a calendar does not cover the time, 4 where a set is unknown.
function sets.all(ids, sent, now)
    local found = {}
    for i = 1, #ids do
        local id = ids[i]
        local set = cached[id]
        if not set then
            if not sent[i] then return nil, 4 end
            set = prepare(sent[i])
            if cached_count >= MAX_CACHED then cached, cached_count = {}, 0 end
            cached[id], cached_count = set, cached_count + 1
        end
        if set.stamp ~= now and not refresh(set, now) then return nil, 0 end
        found[i] = set
    end
    return found
end

-- Prepares a set for a single use, without the cache.
function sets.one(sent, now)
    local set = prepare(sent)
    return refresh(set, now) and set or nil
end

return sets
