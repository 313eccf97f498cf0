-- alerts.lua: which thresholds of a scope's limits have been reached. Looked at when all operations of a batch have been applied.
--
-- The scope's hash has a field alerts, items of two kinds, with a semicolon between them:
--   cost/day 2026-11-20/1795219200000 80:20000000000:1795190000000@basic 95:20000000000:-1795200000000r1795203000000@basic
--       what has been opened for a limit in a period (id/end; - where the limit has no calendar; reset once its counter was
--       taken out): percent, max, and since when (Unix ms), below zero where it does not hold any more; r and since when, where
--       that is because the limit has another max; @ and the tier that the user had, where it had one. The highest percent of a
--       max stands for lower ones too: they are not opened after it in this period. A limit with another max opens anew, also
--       when it is back: REARMED after it had another at the earliest
--   +cost/day 2026-11-20/1795219200000 80 20000000000 16100000000 1795190000000 0 tier:basic
--   -cost/day 95 1795200000000 refunded 1795203000000
--       what has not been published yet: an alert opened (limit, period, percent, max, used, when, 1 in shadow, source), or
--       resolved (limit, percent, when it was opened, why, when). Every batch that meets such items names them in its
--       reply; whoever has published them takes them out (alerts/settle.lua)
--
-- A user whose tier depends on what requests say of it is met with one set after the other. Of the limits that are not the same
-- in all of them (sets.lua: varies) what was opened for another tier is held against its own max, and left alone where this set
-- does not have it: otherwise each request would open and resolve.
--
-- Nothing here fails a batch: what cannot be written is looked at again the next time.
-- @include batch/current
-- @include batch/scope
-- @include batch/sets

local alerts = {}
local RING, SLIDING, CALENDAR = sets.RING, sets.SLIDING, sets.CALENDAR
local pcall, tonumber, floor = redis.pcall, tonumber, math.floor
local match, find, format, gsub, gmatch = string.match, string.find, string.format, string.gsub, string.gmatch

local REARMED = 60000
-- The scope's hash outlives its counters by this while something of it has not been published.
local PENDING_KEPT = 7 * 86400000
-- Of one limit, and of what waits to be published; where there is no room nothing is opened or resolved for now.
local MOST_ITEMS, MOST_PENDING = 32, 100

-- The period that a limit's counter belongs to, in one word.
function alerts.period_of(state, j)
    local set = state.set
    if set.kind[j] ~= CALENDAR then return '-' end
    return (gsub(state.markers and state.markers[j] or set.stored[j], ' ', '/'))
end

-- Reading and writing the field -----------------------------------------------------------------------------------

local function parse_items(text)
    local items = {}
    for percent, most, at, raised, tier in gmatch(text, '(%d+):(%d+):(%-?%d+)r?(%d*)@?(%S*)') do
        items[#items + 1] = {
            percent = tonumber(percent), max = tonumber(most), at = tonumber(at), raised_at = tonumber(raised),
            tier = tier,
        }
    end
    return items
end

-- { limits, by name: { period, items }; names, in order; pending, lines; is_changed }
local function parse_alerts(text)
    local book = { limits = {}, names = {}, pending = {}, is_changed = false }
    for line in gmatch(text or '', '[^;]+') do
        if find(line, '^[+-]') then
            table.insert(book.pending, line)
        else
            local name, period, items = match(line, '^(%S+) (%S+) (.*)$')
            if name and not book.limits[name] then
                table.insert(book.names, name)
                book.limits[name] = { period = period, items = parse_items(items) }
            end
        end
    end
    return book
end

local function item_text(item)
    local raised = item.raised_at and format('r%d', item.raised_at) or ''
    local tier = item.tier ~= '' and '@' .. item.tier or ''
    return format('%d:%d:%d%s%s', item.percent, item.max, item.at, raised, tier)
end

local function alerts_text(book)
    local lines = {}
    for _, name in ipairs(book.names) do
        local entry, items = book.limits[name], {}
        for i, item in ipairs(entry and entry.items or {}) do items[i] = item_text(item) end
        if #items > 0 then lines[#lines + 1] = name .. ' ' .. entry.period .. ' ' .. table.concat(items, ' ') end
    end
    for _, line in ipairs(book.pending) do lines[#lines + 1] = line end
    return table.concat(lines, ';')
end

-- Returns whether there was room.
local function add_pending(book, line)
    if #book.pending >= MOST_PENDING then return false end
    table.insert(book.pending, line)
    book.is_changed, book.is_new = true, true
    return true
end

-- Resolving ---------------------------------------------------------------------------------------------------------

local function resolve(book, name, item, reason)
    if item.at < 0 then return end
    if add_pending(book, format('-%s %d %d %s %d', name, item.percent, item.at, reason, current.now)) then
        item.at = -item.at
        if reason == 'limit_raised' then item.raised_at = current.now end
    end
end

-- Says of an item that does not hold any more since when the limit has another max.
local function note_raised(book, item)
    if item.at > 0 or item.raised_at then return end
    item.raised_at, book.is_changed = current.now, true
end

-- Keeps the items that a function returns true for.
local function keep(book, entry, is_kept)
    local kept = {}
    for _, item in ipairs(entry.items) do
        if is_kept(item) then kept[#kept + 1] = item end
    end
    if #kept < #entry.items then book.is_changed = true end
    entry.items = kept
end

-- Nothing of the limit holds any more, and all of it may be opened again.
local function end_limit(book, name, reason)
    for _, item in ipairs(book.limits[name].items) do resolve(book, name, item, reason) end
    keep(book, book.limits[name], function(item) return item.at > 0 end)
end

-- How much a percentage of a max is: as it was sent, or where the policy does not have it any more about that.
local function amount_at(thresholds, percent, most)
    for i = 1, thresholds and #thresholds or 0, 2 do
        if thresholds[i] == percent then return thresholds[i + 1] end
    end
    return floor((most * percent + 99) / 100)
end

-- An item of a limit whose max is another now, wherever the item is about.
local function follow_max(state, j, book, name, item)
    local most, thresholds = state.set.max[j], state.set.thresholds[j]
    if item.at < 0 then
        note_raised(book, item)
    elseif state.used[j] < amount_at(thresholds, item.percent, most) then
        resolve(book, name, item, 'limit_raised')
    else
        item.max, book.is_changed = most, true
    end
end

-- Whether an item is of a tier that the user cannot have any more, by a set that knows all tiers that it can.
local function is_of_no_tier(set, item)
    return set.other_tiers and item.tier ~= set.tier and not set.other_tiers[item.tier]
end

-- Whether the set says what has become of the limit that an item is about.
local function speaks_for(set, name, item)
    return not (set.varies and set.varies[name]) or item.tier == set.tier or is_of_no_tier(set, item)
end

local function lift(book, name, item)
    resolve(book, name, item, 'limit_raised')
    note_raised(book, item)
end

local function review_item(state, j, book, name, item)
    local set = state.set
    if set.speaks_for_usual then
        -- Where two tiers have the same limit, raising that of one does not end what is so by the other.
        if item.max == set.max[j] and item.tier ~= set.tier then
            item.tier, book.is_changed = set.tier, true
        end
    elseif is_of_no_tier(set, item) and set.varies[name] then
        -- By the user's usual tier nothing counts.
        return lift(book, name, item)
    end
    if item.max ~= set.max[j] and speaks_for(set, name, item) then return follow_max(state, j, book, name, item) end
    local thresholds = item.max == set.max[j] and set.thresholds[j]
    if item.at > 0 and state.used[j] < amount_at(thresholds, item.percent, item.max) then
        local has_slid = set.kind[j] == SLIDING and not (state.refunded and state.refunded[j])
        resolve(book, name, item, has_slid and 'period_ended' or 'refunded')
    end
end

-- Of a limit that the set does not have, or which has no thresholds in it.
local function review_lifted(book, name, set)
    for _, item in ipairs(book.limits[name].items) do
        if speaks_for(set, name, item) then lift(book, name, item) end
    end
    keep(book, book.limits[name], function(item)
        return item.at > 0 or not item.raised_at or current.now - item.raised_at < REARMED
    end)
end

-- Whether an item that does not hold any more keeps its threshold from being opened again. A sliding limit has no periods
-- of its own: at most one alert a window and threshold.
local function is_told(set, j, item)
    if item.at > 0 then return true end
    local since = current.now + item.at
    if item.raised_at then return current.now - item.raised_at < REARMED end
    return set.kind[j] ~= SLIDING or since < set.width[j] * RING
end

-- Why nothing of a limit that was told in a period can hold any more; nil where it can.
local function end_reason(state, j, period)
    local set = state.set
    if period == 'reset' then return 'reset' end
    local ends = tonumber(match(period, '/(%d+)$'))
    if ends and ends <= current.now or j and period ~= alerts.period_of(state, j) then return 'period_ended' end
    if j and state.rings and state.rings[j] == '' then return 'period_ended' end
end

local function review_limit(state, book, name)
    local set, entry = state.set, book.limits[name]
    local j = set.places[name]
    local reason = end_reason(state, j, entry.period)
    if reason then return end_limit(book, name, reason) end
    -- A limit of nothing has no thresholds either, and is not more than there was.
    if not j or not set.thresholds[j] and set.max[j] ~= 0 then return review_lifted(book, name, set) end
    for _, item in ipairs(entry.items) do review_item(state, j, book, name, item) end
    keep(book, entry, function(item) return is_told(set, j, item) end)
end

-- Opening -----------------------------------------------------------------------------------------------------------

-- The highest percentage that a limit has reached; nil where it has reached none.
local function highest_reached(state, j)
    local thresholds, used = state.set.thresholds[j], state.used[j]
    for i = #thresholds - 1, 1, -2 do
        if used >= thresholds[i + 1] then return thresholds[i] end
    end
end

local function entry_of(book, name, period)
    local entry = book.limits[name]
    if not entry then
        table.insert(book.names, name)
    elseif #entry.items > 0 then
        return entry
    end
    entry = { period = period, items = {} }
    book.limits[name] = entry
    return entry
end

-- When an alert that is opened now is said to be opened. An alert is known by its limit, its percentage and that time: two of
-- a limit never have the same.
local function unused_time(book, entry)
    local used = {}
    for _, item in ipairs(entry.items) do used[math.abs(item.at)] = true end
    for _, line in ipairs(book.pending) do
        for number in gmatch(line, ' (%d+)') do used[tonumber(number)] = true end
    end
    local at = current.now
    while used[at] do at = at + 1 end
    return at
end

local function open_if_reached(state, j, book)
    local set = state.set
    local reached = highest_reached(state, j)
    if not reached then return end
    local name, most, period = set.name[j], set.max[j], alerts.period_of(state, j)
    local entry = entry_of(book, name, period)
    -- What could not be resolved for want of room is of another period.
    if #entry.items >= MOST_ITEMS or entry.period ~= period then return end
    for _, item in ipairs(entry.items) do
        if item.max == most and item.percent >= reached then return end
    end
    local at = unused_time(book, entry)
    local line = format('+%s %s %d %d %s %d %d %s', name, period, reached, most, scope.used_text(state, j), at,
        set.shadow[j] and 1 or 0, set.source[j])
    if add_pending(book, line) then
        table.insert(entry.items, { percent = reached, max = most, at = at, tier = set.tier })
    end
end

-- Whether any limit of a scope for which nothing is open has reached a threshold.
local function has_reached_any(state)
    local warn, used = state.set.warn, state.used
    for j = 1, state.set.size do
        if warn[j] >= 0 and used[j] >= warn[j] then return true end
    end
    return false
end

-- Returns whether it was written.
local function write_alerts(state, book)
    local text = alerts_text(book)
    local reply
    if text == '' then
        reply = pcall('HDEL', state.key, 'alerts')
    else
        reply = pcall('HSET', state.key, 'alerts', text)
    end
    if type(reply) == 'table' and reply.err then return false end
    if book.is_new then pcall('PEXPIREAT', state.key, format('%d', current.now + PENDING_KEPT), 'GT') end
    return true
end

-- Leaves in state.pending the lines that have not been published.
function alerts.review(state)
    local set = state.set
    if not state.alerts and not (set.warns and has_reached_any(state)) then return end
    local book = parse_alerts(state.alerts)
    for _, name in ipairs(book.names) do review_limit(state, book, name) end
    if not set.only_resolves then
        for j = 1, set.size do
            if set.thresholds[j] and set.counter[j] then open_if_reached(state, j, book) end
        end
    end
    if book.is_changed and not write_alerts(state, book) then return end
    state.pending = table.concat(book.pending, ';')
end

return alerts
