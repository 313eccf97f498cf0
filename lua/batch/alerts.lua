-- alerts.lua: opens and resolves the alerts of a scope's thresholds, after all operations of a batch have been applied.
--
-- The open alerts are in the scope's hash (alerts/book.lua). An alert for a percentage of a max also covers the lower percentages, which are
-- not opened after it in the same period. A limit with another max can open again. When the limit returns to the earlier max, it can open
-- again REARM_AFTER ms after the change. When a refund, or a provider's correction of its figure, takes usage below a threshold, and usage
-- reaches it again, it can open again REARM_AFTER ms after it last opened. Each change goes to the scope's outbox (alerts/outbox.lua). Every
-- batch that finds items there returns them in its reply, and the sidecar removes them once it has published them.
--
-- A user whose tier depends on the traits of requests is read with different sets in turn. For a limit that differs between them (sets.lua:
-- varies), an alert of another tier is compared with its own max, and left alone where this set does not have the limit. Otherwise
-- alternating requests would open and resolve it each time.
--
-- Nothing here fails a batch: a change that cannot be written is evaluated again by the next batch.
-- @include alerts/book
-- @include alerts/outbox
-- @include batch/current
-- @include batch/scope
-- @include batch/sets

local alerts = {}
local RING, SLIDING, CALENDAR = sets.RING, sets.SLIDING, sets.CALENDAR
local pcall, tonumber, floor = redis.pcall, tonumber, math.floor
local match, format, gsub, gmatch = string.match, string.format, string.gsub, string.gmatch
local counted = scope.counted

local REARM_AFTER = 60000 -- ms
-- How long the scope's hash outlives its counters while its outbox is not empty, in ms.
local PENDING_RETENTION = 7 * 86400000
-- The maximum number of items of a limit. While the limit or the outbox is full, nothing is opened or resolved.
local MAX_ITEMS = 32

-- Returns the period of a limit's counter, as one word.
function alerts.period_of(state, j)
    local set = state.set
    if set.kind[j] ~= CALENDAR then return '-' end
    return (gsub(state.markers and state.markers[j] or set.stored[j], ' ', '/'))
end

-- Below, `record` is the parsed book with three more fields: outbox, the outbox's items; is_changed, whether the book has changed; is_new,
-- whether the outbox has changed.

-- Adds an item to the outbox. Returns false where that is full.
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
        if reason == 'limit_raised' then item.rearm_from = current.now end
    end
end

-- Records in a resolved item when the limit got another max.
local function note_raised(record, item)
    if item.at > 0 or item.rearm_from then return end
    item.rearm_from, record.is_changed = current.now, true
end

-- Removes the items of a limit for which the predicate returns false.
local function retain(record, entry, predicate)
    local retained = {}
    for _, item in ipairs(entry.items) do
        if predicate(item) then retained[#retained + 1] = item end
    end
    if #retained < #entry.items then record.is_changed = true end
    entry.items = retained
end

-- Resolves all items of a limit and allows every threshold to open again.
local function end_limit(record, name, reason)
    for _, item in ipairs(record.limits[name].items) do resolve(record, name, item, reason) end
    retain(record, record.limits[name], function(item) return item.at > 0 end)
end

-- Returns the amount of a percentage of a max: the amount in the set, or an approximation if the policy no longer has the threshold.
local function amount_at(thresholds, percent, maximum)
    for i = 1, thresholds and #thresholds or 0, 2 do
        if thresholds[i] == percent then return thresholds[i + 1] end
    end
    return floor((maximum * percent + 99) / 100)
end

-- Returns the highest percentage that a limit has reached; nil for none.
local function highest_reached(state, j)
    local thresholds, used = state.set.thresholds[j], counted(state, j)
    for i = #thresholds - 1, 1, -2 do
        if used >= thresholds[i + 1] then return thresholds[i] end
    end
end

-- Keeps the lower thresholds covered that usage still reaches when an item no longer does so: they have not been crossed again. Adds a
-- resolved item for them, which never was an alert of its own.
local function cover_reached(state, j, record, entry, item)
    local set = state.set
    if item.max ~= set.max[j] or not set.thresholds[j] or #entry.items >= MAX_ITEMS then return end
    local reached = highest_reached(state, j)
    if not reached then return end
    for _, other in ipairs(entry.items) do
        local is_lasting = other.at > 0 or not (other.rearm_from or other.is_over)
        if is_lasting and other.max == item.max and other.percent >= reached then return end
    end
    table.insert(entry.items, { percent = reached, max = item.max, at = -math.abs(item.at), tier = item.tier })
    record.is_changed = true
end

-- Handles an item whose threshold usage no longer reaches, although its limit has neither another period nor another max.
local function fall_below(state, j, record, name, item)
    local is_sliding = state.set.kind[j] == SLIDING
    if item.at > 0 then
        local opened_at, is_refunded = item.at, state.refunded and state.refunded[j]
        local otherwise = is_sliding and 'period_ended' or state.set.counts[j] and 'corrected' or 'refunded'
        resolve(record, name, item, is_refunded and 'refunded' or otherwise)
        -- The item stays open if the outbox is full.
        if is_sliding or item.at > 0 then return end
        item.rearm_from = opened_at
    elseif is_sliding or item.rearm_from then
        return
    else
        item.is_over = true
    end
    cover_reached(state, j, record, record.limits[name], item)
end

-- Resolves an item of a limit whose max has changed, or moves it to the new max where that is still reached.
local function follow_max(state, j, record, name, item)
    local maximum, thresholds = state.set.max[j], state.set.thresholds[j]
    if item.at < 0 then
        note_raised(record, item)
    elseif counted(state, j) < amount_at(thresholds, item.percent, maximum) then
        resolve(record, name, item, 'limit_raised')
    else
        item.max, record.is_changed = maximum, true
    end
end

-- Returns whether the user can no longer have an item's tier, according to a set that lists all possible tiers.
local function is_of_no_tier(set, item)
    return set.other_tiers and item.tier ~= set.tier and not set.other_tiers[item.tier]
end

-- Returns whether the set decides over an item of a limit.
local function covers(set, name, item)
    return not (set.varies and set.varies[name]) or item.tier == set.tier or is_of_no_tier(set, item)
end

-- Resolves an item of a limit that no longer exists.
local function resolve_removed(record, name, item)
    resolve(record, name, item, 'limit_raised')
    note_raised(record, item)
end

local function review_item(state, j, record, name, item)
    local set = state.set
    if set.is_usual then
        -- If two tiers have the same limit, an item moves to the usual tier, so that raising the other tier's limit does not resolve it.
        if item.max == set.max[j] and item.tier ~= set.tier then
            item.tier, record.is_changed = set.tier, true
        end
    elseif is_of_no_tier(set, item) and set.varies[name] then
        -- The user's usual tier has no limits.
        return resolve_removed(record, name, item)
    end
    if item.max ~= set.max[j] and covers(set, name, item) then return follow_max(state, j, record, name, item) end
    local thresholds = item.max == set.max[j] and set.thresholds[j]
    if counted(state, j) < amount_at(thresholds, item.percent, item.max) then fall_below(state, j, record, name, item) end
end

-- Reviews a limit that is missing in the set, or has no thresholds there.
local function review_removed(record, name, set)
    for _, item in ipairs(record.limits[name].items) do
        if covers(set, name, item) then resolve_removed(record, name, item) end
    end
    retain(record, record.limits[name], function(item)
        return item.at > 0 or not item.rearm_from or current.now - item.rearm_from < REARM_AFTER
    end)
end

-- Returns whether an item prevents its threshold from opening again: if it is open, or was resolved recently. A sliding limit has no
-- periods: it has at most one alert per window and threshold.
local function blocks_opening(set, j, item)
    if item.at > 0 then return true end
    if item.is_over then return false end
    local since = current.now + item.at
    if item.rearm_from then return current.now - item.rearm_from < REARM_AFTER end
    return set.kind[j] ~= SLIDING or since < set.width[j] * RING
end

-- Returns the reason why all alerts of a limit's period have ended; nil where they may be open.
local function end_reason(state, j, period)
    local set = state.set
    if period == 'reset' then return 'reset' end
    local ends = tonumber(match(period, '/(%d+)$'))
    if ends and ends <= current.now or j and period ~= alerts.period_of(state, j) then return 'period_ended' end
    if j and state.rings and state.rings[j] == '' then return 'period_ended' end
end

local function review_limit(state, record, name)
    local set, entry = state.set, record.limits[name]
    local j = set.index_of[name]
    local reason = end_reason(state, j, entry.period)
    if reason then return end_limit(record, name, reason) end
    -- A limit with max 0 has no thresholds either, but it has not been raised.
    if not j or not set.thresholds[j] and set.max[j] ~= 0 then return review_removed(record, name, set) end
    for _, item in ipairs(entry.items) do review_item(state, j, record, name, item) end
    retain(record, entry, function(item) return blocks_opening(set, j, item) end)
end

-- Opening -----------------------------------------------------------------------------------------------------------

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

-- Returns the opening time of a new alert. The limit, the percentage and this time identify an alert, so no two alerts of a limit share it.
local function unused_time(record, entry)
    local used = {}
    for _, item in ipairs(entry.items) do used[math.abs(item.at)] = true end
    for _, item in ipairs(record.outbox) do
        for number in gmatch(item, '%d+') do used[tonumber(number)] = true end
    end
    local at = current.now
    while used[at] do at = at + 1 end
    return at
end

local function open_if_reached(state, j, record)
    local set = state.set
    local reached = highest_reached(state, j)
    if not reached then return end
    local name, maximum, period = set.name[j], set.max[j], alerts.period_of(state, j)
    local entry = entry_of(record, name, period)
    -- An entry of another period has items that could not be resolved for lack of room.
    if #entry.items >= MAX_ITEMS or entry.period ~= period then return end
    for _, item in ipairs(entry.items) do
        if item.max == maximum and item.percent >= reached then return end
    end
    local at = unused_time(record, entry)
    local item = outbox.opened(name, period, reached, format('%d', maximum), scope.used_text(state, j), at, set.shadow[j],
        set.source[j])
    if add_item(record, item) then
        table.insert(entry.items, { percent = reached, max = maximum, at = at, tier = set.tier })
    end
end

-- Returns whether any limit of a scope has reached a threshold.
local function has_reached_any(state)
    local warn, used, figures = state.set.warn, state.used, state.figures
    for j = 1, state.set.size do
        if warn[j] >= 0 and (figures and counted(state, j) or used[j]) >= warn[j] then return true end
    end
    return false
end

-- Writes both fields with one command. Returns whether that succeeded.
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
    if record.is_new then pcall('PEXPIREAT', state.key, format('%d', current.now + PENDING_RETENTION), 'GT') end
    return true
end

-- Reviews the alerts of a scope. Sets state.pending to the unpublished items, if there are any.
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
