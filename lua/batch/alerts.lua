-- alerts.lua: which thresholds of a scope's limits have been reached. Looked at when all operations of a batch have been applied.
--
-- What has been opened stands in the scope's hash (alerts/book.lua). The highest percent of a max stands for lower ones too: they are
-- not opened after it in this period. A limit with another max opens anew, also when it is back: REARMED after it had another at
-- the earliest. Each change goes to the scope's outbox (alerts/outbox.lua). Every batch that meets items there names them in its
-- reply; whoever has published them takes them out.
--
-- A user whose tier depends on what requests say of it is met with one set after the other. Of the limits that are not the same
-- in all of them (sets.lua: varies) what was opened for another tier is held against its own max, and left alone where this set
-- does not have it: otherwise each request would open and resolve.
--
-- Nothing here fails a batch: what cannot be written is looked at again the next time.
-- @include alerts/book
-- @include alerts/outbox
-- @include batch/current
-- @include batch/scope
-- @include batch/sets

local alerts = {}
local RING, SLIDING, CALENDAR = sets.RING, sets.SLIDING, sets.CALENDAR
local pcall, tonumber, floor = redis.pcall, tonumber, math.floor
local match, format, gsub, gmatch = string.match, string.format, string.gsub, string.gmatch

local REARMED = 60000
-- The scope's hash outlives its counters by this while something of it has not been published.
local PENDING_KEPT = 7 * 86400000
-- Of one limit; where there is no room, or none in the outbox, nothing is opened or resolved for now.
local MOST_ITEMS = 32

-- The period that a limit's counter belongs to, in one word.
function alerts.period_of(state, j)
    local set = state.set
    if set.kind[j] ~= CALENDAR then return '-' end
    return (gsub(state.markers and state.markers[j] or set.stored[j], ' ', '/'))
end

-- In what follows `record` is the parsed book with: outbox, its items; is_changed, whether the book is; is_new, whether the outbox is.

-- Returns whether there was room.
local function add_item(record, item)
    if #record.outbox >= outbox.MAX then return false end
    table.insert(record.outbox, item)
    record.is_changed, record.is_new = true, true
    return true
end

-- Resolving ---------------------------------------------------------------------------------------------------------

local function resolve(record, name, item, reason)
    if item.at < 0 then return end
    if add_item(record, outbox.resolved(name, item.percent, item.at, reason, current.now)) then
        item.at = -item.at
        if reason == 'limit_raised' then item.raised_at = current.now end
    end
end

-- Says of an item that does not hold any more since when the limit has another max.
local function note_raised(record, item)
    if item.at > 0 or item.raised_at then return end
    item.raised_at, record.is_changed = current.now, true
end

-- Keeps the items that a function returns true for.
local function keep(record, entry, is_kept)
    local kept = {}
    for _, item in ipairs(entry.items) do
        if is_kept(item) then kept[#kept + 1] = item end
    end
    if #kept < #entry.items then record.is_changed = true end
    entry.items = kept
end

-- Nothing of the limit holds any more, and all of it may be opened again.
local function end_limit(record, name, reason)
    for _, item in ipairs(record.limits[name].items) do resolve(record, name, item, reason) end
    keep(record, record.limits[name], function(item) return item.at > 0 end)
end

-- How much a percentage of a max is: as it was sent, or where the policy does not have it any more about that.
local function amount_at(thresholds, percent, most)
    for i = 1, thresholds and #thresholds or 0, 2 do
        if thresholds[i] == percent then return thresholds[i + 1] end
    end
    return floor((most * percent + 99) / 100)
end

-- An item of a limit whose max is another now, wherever the item is about.
local function follow_max(state, j, record, name, item)
    local most, thresholds = state.set.max[j], state.set.thresholds[j]
    if item.at < 0 then
        note_raised(record, item)
    elseif state.used[j] < amount_at(thresholds, item.percent, most) then
        resolve(record, name, item, 'limit_raised')
    else
        item.max, record.is_changed = most, true
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

local function lift(record, name, item)
    resolve(record, name, item, 'limit_raised')
    note_raised(record, item)
end

local function review_item(state, j, record, name, item)
    local set = state.set
    if set.speaks_for_usual then
        -- Where two tiers have the same limit, raising that of one does not end what is so by the other.
        if item.max == set.max[j] and item.tier ~= set.tier then
            item.tier, record.is_changed = set.tier, true
        end
    elseif is_of_no_tier(set, item) and set.varies[name] then
        -- By the user's usual tier nothing counts.
        return lift(record, name, item)
    end
    if item.max ~= set.max[j] and speaks_for(set, name, item) then return follow_max(state, j, record, name, item) end
    local thresholds = item.max == set.max[j] and set.thresholds[j]
    if item.at > 0 and state.used[j] < amount_at(thresholds, item.percent, item.max) then
        local has_slid = set.kind[j] == SLIDING and not (state.refunded and state.refunded[j])
        resolve(record, name, item, has_slid and 'period_ended' or 'refunded')
    end
end

-- Of a limit that the set does not have, or which has no thresholds in it.
local function review_lifted(record, name, set)
    for _, item in ipairs(record.limits[name].items) do
        if speaks_for(set, name, item) then lift(record, name, item) end
    end
    keep(record, record.limits[name], function(item)
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

local function review_limit(state, record, name)
    local set, entry = state.set, record.limits[name]
    local j = set.places[name]
    local reason = end_reason(state, j, entry.period)
    if reason then return end_limit(record, name, reason) end
    -- A limit of nothing has no thresholds either, and is not more than there was.
    if not j or not set.thresholds[j] and set.max[j] ~= 0 then return review_lifted(record, name, set) end
    for _, item in ipairs(entry.items) do review_item(state, j, record, name, item) end
    keep(record, entry, function(item) return is_told(set, j, item) end)
end

-- Opening -----------------------------------------------------------------------------------------------------------

-- The highest percentage that a limit has reached; nil where it has reached none.
local function highest_reached(state, j)
    local thresholds, used = state.set.thresholds[j], state.used[j]
    for i = #thresholds - 1, 1, -2 do
        if used >= thresholds[i + 1] then return thresholds[i] end
    end
end

local function entry_of(record, name, period)
    local entry = record.limits[name]
    if not entry then
        table.insert(record.names, name)
    elseif #entry.items > 0 then
        return entry
    end
    entry = { period = period, items = {} }
    record.limits[name] = entry
    return entry
end

-- When an alert that is opened now is said to be opened. An alert is known by its limit, its percentage and that time: two of
-- a limit never have the same.
local function unused_time(record, entry)
    local used = {}
    for _, item in ipairs(entry.items) do used[math.abs(item.at)] = true end
    for _, one in ipairs(record.outbox) do
        for number in gmatch(one, '%d+') do used[tonumber(number)] = true end
    end
    local at = current.now
    while used[at] do at = at + 1 end
    return at
end

local function open_if_reached(state, j, record)
    local set = state.set
    local reached = highest_reached(state, j)
    if not reached then return end
    local name, most, period = set.name[j], set.max[j], alerts.period_of(state, j)
    local entry = entry_of(record, name, period)
    -- What could not be resolved for want of room is of another period.
    if #entry.items >= MOST_ITEMS or entry.period ~= period then return end
    for _, item in ipairs(entry.items) do
        if item.max == most and item.percent >= reached then return end
    end
    local at = unused_time(record, entry)
    local item = outbox.opened(name, period, reached, format('%d', most), scope.used_text(state, j), at, set.shadow[j],
        set.source[j])
    if add_item(record, item) then
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

-- Writes both fields at once. Returns whether that was possible.
local function write_record(state, record)
    local text, write, emptied = book.text(record), { 'HSET', state.key }, nil
    if text ~= '' then
        write[3], write[4] = book.FIELD, text
    elseif state.alerts then
        emptied = book.FIELD
    end
    if record.is_new then
        write[#write + 1], write[#write + 2] = outbox.FIELD, outbox.text(record.outbox)
    end
    if write[3] then
        local reply = pcall(unpack(write))
        if type(reply) == 'table' and reply.err then return false end
    end
    if emptied then pcall('HDEL', state.key, emptied) end
    if record.is_new then pcall('PEXPIREAT', state.key, format('%d', current.now + PENDING_KEPT), 'GT') end
    return true
end

-- Leaves in state.pending the items that have not been published, where there are any.
function alerts.review(state)
    local set = state.set
    if not (state.alerts or state.outbox or set.warns and has_reached_any(state)) then return end
    local record = book.parse(state.alerts)
    record.outbox = outbox.parse(state.outbox)
    for _, name in ipairs(record.names) do review_limit(state, record, name) end
    if not set.only_resolves then
        for j = 1, set.size do
            if set.thresholds[j] and set.counter[j] then open_if_reached(state, j, record) end
        end
    end
    if record.is_changed and not write_record(state, record) then return end
    if record.outbox[1] then state.pending = record.outbox end
end

return alerts
