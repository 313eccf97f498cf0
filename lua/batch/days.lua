-- days.lua: the days and months of scopes that have hashes of their own: 'tollgate:user:alice:day:2026-11-20' and ':month:2026-11', by
-- the scope's own calendar. Each is a page (page.lua); 'values/tool' says how many tools it has.
--
-- Whatever is added to a day's page is added to its month's by the same call. So a month is its page and, where it lies in that month,
-- the running day in the scope's hash (today.lua).
-- @include lib/exact
-- @include batch/current
-- @include batch/labels
-- @include batch/page
-- @include batch/rankings
-- @include batch/today

local days = {}
local call, pcall, unpack, tonumber, type = redis.call, redis.pcall, unpack, tonumber, type
local min, format, find, match, sub = math.min, string.format, string.find, string.match, string.sub
local TODAY = labels.TODAY

local MAX_AT_ONCE = 1000 -- fields in a command

-- Adds what was added to a day's page to its month's: to the homes that the labels have in the day.
local function add_to_month(day, month)
    page.read(month, day.names)
    for _, field in ipairs(day.names) do
        local label, meter = labels.of_field(field)
        for p = 1, day.pieces[field] and #day.pieces[field] or 0 do page.add(month, label, meter, day.pieces[field][p]) end
        page.add(month, label, meter, day.sums[field])
    end
end

-- Writes a page. One that is new gets its time to live, and a day's says which month it belongs to.
local function write(of_page, expires, month)
    if #of_page.names == 0 then return end
    local existed = call('EXISTS', of_page.key) == 1
    page.write(of_page)
    if existed then return end
    if month then call('HSET', of_page.key, 'month', month) end
    call('PEXPIREAT', of_page.key, format('%d', expires))
end

-- day: as today.lua has one.
local function write_both(state, day_page, day)
    local history = state.history
    local month = page.new(state.key .. ':month:' .. day.month, false, nil)
    add_to_month(day_page, month)
    write(month, day.month_ends + history.month_kept)
    write(day_page, day.ends + history.day_kept, format('%s %d', day.month, day.month_ends))
end

-- Moving ---------------------------------------------------------------------------------------------------------------------------------

-- How many fields one call may move, lest one in which very many scopes begin a day holds up Redis: some 5 µs each. The page of one
-- scope is moved whole, of at most 3 606. COSTS: what moving a day costs, in fields, however few it has.
local MAX_MOVED, COSTS = 500, 10
local may_move = 0

function days.begin() may_move = MAX_MOVED end

-- Moves the day that is over from a scope's hash to its own page, and adds it to its month. False where this call has moved enough, and
-- is to leave the rest, and its operations, to the next one.
function days.move(state, day)
    local stored = call('HGETALL', state.key)
    may_move = may_move - #stored / 2 - COSTS
    local day_page, moved, names = page.new(state.key .. ':day:' .. day.id, false, nil), { 'history' }, {}
    for i = 1, #stored, 2 do
        if find(stored[i], TODAY, 1, true) == 1 then names[#names + 1] = sub(stored[i], #TODAY + 1) end
    end
    page.read(day_page, names)
    for i = 1, #stored, 2 do
        local field, text = stored[i], stored[i + 1]
        if find(field, TODAY, 1, true) == 1 then
            moved[#moved + 1] = field
            local label, meter = labels.of_field(sub(field, #TODAY + 1))
            if label and find(text, '^%d+$') then
                if #text <= 15 then
                    page.add(day_page, label, meter, tonumber(text))
                else -- in two parts, as a double may not hold it
                    local sum = { 0, 0 }
                    exact.add_text(sum, text)
                    page.add(day_page, label, meter, sum[1] * 1000000000)
                    page.add(day_page, label, meter, sum[2])
                end
            end
        end
    end
    write_both(state, day_page, day)
    for first = 1, #moved, MAX_AT_ONCE do
        call('HDEL', state.key, unpack(moved, first, min(first + MAX_AT_ONCE - 1, #moved)))
    end
    return may_move > 0
end

-- Late usage ------------------------------------------------------------------------------------------------------------------------------

-- The own page of a day. It belongs to the month that it says.
function days.page_of(state, day)
    state.earlier = state.earlier or {}
    local earlier = state.earlier[day.id]
    if not earlier then
        local key = state.key .. ':day:' .. day.id
        local text = pcall('HGET', key, 'month')
        local month, month_ends = match(type(text) == 'string' and text or '', '^(%S+) (%d+)$')
        if month then day = { id = day.id, ends = day.ends, month = month, month_ends = tonumber(month_ends) } end
        earlier = { page = page.new(key, false, nil), day = day }
        state.earlier[day.id] = earlier
    end
    return earlier.page
end

-- The page of an earlier day, for what is counted late. pages: the day and its month, as an operation has them; nil where that names
-- none, or the running day.
function days.earlier(state, pages, running)
    local id, ends, month, month_ends = match(pages, '^(%S+) (%d+) (%S+) (%d+)$')
    if not id or id == running then return nil end
    return days.page_of(state, { id = id, ends = tonumber(ends), month = month, month_ends = tonumber(month_ends) })
end

local function note_totals(state, earlier)
    local day_page = earlier.page
    page.read(day_page, day_page.names)
    for _, field in ipairs(day_page.names) do
        local stored = tonumber(day_page.texts[field] or 0)
        if stored then
            rankings.note(state, state.history, earlier.day, field, stored + day_page.sums[field], day_page.sums[field])
        end
    end
end

-- Takes note of the totals of a running day that stands in two parts: in the hash, and on a page of its own.
local function note_parts(state)
    local day = today.day(state)
    local first, second = today.page(state), days.page_of(state, day)
    for meter, name in pairs(rankings.METERS) do
        local total, delta = page.in_all(first, meter)
        local other_total, other_delta = page.in_all(second, meter)
        if delta ~= 0 or other_delta ~= 0 then
            rankings.note(state, state.history, day, name, total + other_total, delta + other_delta)
        end
    end
end

-- Writes what was counted late, or taken back from a part of the running day that has been moved. To be called for scopes whose running
-- day changed, too.
function days.write_earlier(state)
    local running
    if state.today and today.day(state).has_page then
        running = today.id(state)
        note_parts(state)
    end
    for id, earlier in pairs(state.earlier or {}) do
        if #earlier.page.names > 0 then
            if id ~= running then note_totals(state, earlier) end
            write_both(state, earlier.page, earlier.day)
        end
    end
end

return days
