-- history.lua: the days and months of a scope, hashes beside its counters: requests, denied, tokens, cost, and cost by label
-- ('cost/provider=openai').
--
-- Needs window.lua and counters.lua. Nothing is written before write_history is called.

local DAY_KEPT, MONTH_KEPT = 35 * 86400000, 14 * 31 * 86400000
-- Fields that one history hash may have before new labels are counted together.
local HISTORY_FIELDS = 400

-- The pages, day and month, of a scope's history. What is added to them is kept here until the writing.
local function history_of(state)
    if not state.history then
        state.history = {
            { key = state.key .. state.set.day, delta = {}, pieces = {} },
            { key = state.key .. state.set.month, delta = {}, pieces = {} },
        }
    end
    return state.history
end

local function tally(state, field, amount)
    if amount == 0 or not state.set.day then return end
    local history = history_of(state)
    add_exactly(history[1].delta, history[1].pieces, field, amount)
    add_exactly(history[2].delta, history[2].pieces, field, amount)
end

-- Where the amounts of labels too many go: 'cost/tool/other', which no tool's own field can be.
local function other_label(field)
    return string.match(field, '^[^=]*') .. '/other'
end

-- Takes back from a scope's history, down to zero and no further; of a label too many from where those went.
local function untally(state, field, amount)
    if amount == 0 or not state.set.day then return end
    local history = history_of(state)
    for i = 1, 2 do
        local page, name = history[i], field
        local stored = redis.pcall('HGET', page.key, name)
        if not stored and not page.delta[name] and string.find(name, '=', 1, true) then
            name = other_label(name)
            stored = redis.pcall('HGET', page.key, name)
        end
        local before = (type(stored) == 'string' and tonumber(stored) or 0) + (page.delta[name] or 0)
        if page.pieces[name] then before = LARGEST_EXACT end
        local taken = math.min(amount, before)
        if taken > 0 then add_exactly(page.delta, page.pieces, name, -taken) end
    end
end

-- Whether a field that came into being just now is a label too many for its hash.
local function is_one_too_many(page, field, total, delta)
    return total == delta and string.find(field, '=', 1, true) and redis.call('HLEN', page.key) > HISTORY_FIELDS
end

local function write_history(page, expires)
    local is_new = false
    for field, delta in pairs(page.delta) do
        if delta ~= 0 then
            local total = increase(page.key, field, delta, page.pieces[field])
            if total == delta then is_new = true end
            if is_one_too_many(page, field, total, delta) then
                redis.call('HDEL', page.key, field)
                redis.pcall('HINCRBY', page.key, other_label(field), delta)
            end
        end
    end
    if is_new then redis.call('PEXPIREAT', page.key, expires) end
end
