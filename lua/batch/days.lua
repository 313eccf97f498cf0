-- days.lua: the days and months of scopes that have hashes of their own: 'tollgate:user:alice:day:2026-11-20' and ':month:2026-11', by
-- the scope's own calendar. Each is a record (history_record.lua); its field 'values/tool' is the number of its tools.
--
-- A call that adds to a day's record adds the same to its month's. So the total of a month is its record plus, if it is in that month, the
-- running day in the scope's hash (today.lua).
-- @include lib/exact
-- @include batch/current
-- @include batch/history_record
-- @include batch/labels
-- @include batch/rankings
-- @include batch/today

local days = {}
local call, pcall, unpack, tonumber, type = redis.call, redis.pcall, unpack, tonumber, type
local min, format, find, match, sub = math.min, string.format, string.find, string.match, string.sub
local TODAY = labels.TODAY

local MAX_AT_ONCE = 1000 -- fields in a command

-- Adds the additions of a day's record to its month's, under the homes that the labels have in the day.
local function add_to_month(day, month)
    history_record.read(month, day.names)
    for _, field in ipairs(day.names) do
        local label, meter = labels.of_field(field)
        for p = 1, day.pieces[field] and #day.pieces[field] or 0 do history_record.add(month, label, meter, day.pieces[field][p]) end
        history_record.add(month, label, meter, day.sums[field])
    end
end

-- Writes a record. A new one gets its time to live, and that of a day the month that it belongs to.
local function write(record, expires, month)
    if #record.names == 0 then return end
    local existed = call('EXISTS', record.key) == 1
    history_record.write(record)
    if existed then return end
    if month then call('HSET', record.key, 'month', month) end
    call('PEXPIREAT', record.key, format('%d', expires))
end

-- Writes the record of a day and adds it to that of its month. day: see today.lua.
local function write_both(state, day_record, day)
    local history = state.history
    local month = history_record.new(state.key .. ':month:' .. day.month, false, nil)
    add_to_month(day_record, month)
    write(month, day.month_ends + history.month_retention)
    write(day_record, day.ends + history.day_retention, format('%s %d', day.month, day.month_ends))
end

-- Moving ---------------------------------------------------------------------------------------------------------------------------------

-- The number of fields after which a call moves no further day, at about 5 µs each, so that a call in which many scopes start a day does
-- not block Redis. The record of a scope is moved whole, with at most 4 832 fields. DAY_COST: the fixed cost of moving a day, in fields.
local MAX_MOVED, DAY_COST = 500, 10
local movable_fields = 0

function days.begin() movable_fields = MAX_MOVED end

-- Moves a finished day from a scope's hash to its own record, and adds it to its month. Returns false once this call has moved enough and
-- must leave the remaining days, and its operations, to the next call.
function days.move(state, day)
    local stored = call('HGETALL', state.key)
    movable_fields = movable_fields - #stored / 2 - DAY_COST
    local day_record, moved, names = history_record.new(state.key .. ':day:' .. day.id, false, nil), { 'history' }, {}
    for i = 1, #stored, 2 do
        if find(stored[i], TODAY, 1, true) == 1 then names[#names + 1] = sub(stored[i], #TODAY + 1) end
    end
    history_record.read(day_record, names)
    for i = 1, #stored, 2 do
        local field, text = stored[i], stored[i + 1]
        if find(field, TODAY, 1, true) == 1 then
            moved[#moved + 1] = field
            local label, meter = labels.of_field(sub(field, #TODAY + 1))
            if label and find(text, '^%d+$') then
                if #text <= 15 then
                    history_record.add(day_record, label, meter, tonumber(text))
                else -- in two parts, as a double may not represent it
                    local sum = { 0, 0 }
                    exact.add_text(sum, text)
                    history_record.add(day_record, label, meter, sum[1] * 1000000000)
                    history_record.add(day_record, label, meter, sum[2])
                end
            end
        end
    end
    write_both(state, day_record, day)
    for first = 1, #moved, MAX_AT_ONCE do
        call('HDEL', state.key, unpack(moved, first, min(first + MAX_AT_ONCE - 1, #moved)))
    end
    return movable_fields > 0
end

-- Late usage ------------------------------------------------------------------------------------------------------------------------------

-- Returns a day's own record. A stored record states the month that it belongs to.
function days.record_of(state, day)
    state.earlier = state.earlier or {}
    local earlier = state.earlier[day.id]
    if not earlier then
        local key = state.key .. ':day:' .. day.id
        local text = pcall('HGET', key, 'month')
        local month, month_ends = match(type(text) == 'string' and text or '', '^(%S+) (%d+)$')
        if month then day = { id = day.id, ends = day.ends, month = month, month_ends = tonumber(month_ends) } end
        earlier = { record = history_record.new(key, false, nil), day = day }
        state.earlier[day.id] = earlier
    end
    return earlier.record
end

-- Returns the record of an earlier day, for late usage; nil where the text names no day, or the running day. past_day: the day and its
-- month, from an operation.
function days.earlier(state, past_day, running)
    local id, ends, month, month_ends = match(past_day, '^(%S+) (%d+) (%S+) (%d+)$')
    if not id or id == running then return nil end
    return days.record_of(state, { id = id, ends = tonumber(ends), month = month, month_ends = tonumber(month_ends) })
end

-- Reports the totals of an earlier day to the rankings.
local function note_totals(state, earlier)
    local day_record = earlier.record
    history_record.read(day_record, day_record.names)
    for _, field in ipairs(day_record.names) do
        local stored = tonumber(day_record.texts[field] or 0)
        if stored then
            rankings.note(state, state.history, earlier.day, field, stored + day_record.sums[field], day_record.sums[field])
        end
    end
end

-- Reports the totals of a running day with two records, in the scope's hash and in its own, to the rankings.
local function note_both_totals(state)
    local day = today.day(state)
    local first, second = today.record(state), days.record_of(state, day)
    for meter, name in pairs(rankings.METERS) do
        local total, delta = history_record.in_all(first, meter)
        local other_total, other_delta = history_record.in_all(second, meter)
        if delta ~= 0 or other_delta ~= 0 then
            rankings.note(state, state.history, day, name, total + other_total, delta + other_delta)
        end
    end
end

-- Writes late usage, and amounts taken back from the running day's own record. Must also be called for scopes whose running day changed.
function days.write_earlier(state)
    local running
    if state.today and today.day(state).has_record then
        running = today.id(state)
        note_both_totals(state)
    end
    for id, earlier in pairs(state.earlier or {}) do
        if #earlier.record.names > 0 then
            if id ~= running then note_totals(state, earlier) end
            write_both(state, earlier.record, earlier.day)
        end
    end
end

return days
