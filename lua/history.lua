-- history.lua: the days and months of a scope, hashes beside its counters: requests, denied, tokens, cost, and cost by label
-- ('cost/provider=openai').
--
-- Needs window.lua and counters.lua. Nothing is written before write_history is called.

local DAY_KEPT, MONTH_KEPT = 35 * 86400000, 14 * 31 * 86400000
-- Fields that one history hash may have before new labels are counted together.
local HISTORY_FIELDS = 400

-- What is added to a scope's history is kept here until the writing: tallied[field], the same for the day and the month,
-- and taken, what a REFUND takes from each of the two.

local function tally(state, field, amount)
    if amount == 0 or not state.set.day then return end
    if not state.tallied then state.tallied, state.tallied_pieces = {}, {} end
    add_exactly(state.tallied, state.tallied_pieces, field, amount)
end

-- Where the amounts of labels too many go: 'cost/tool/other', which no tool's own field can be.
local function other_label(field)
    return match(field, '^[^=]*') .. '/other'
end

local function day_page(state) return state.key .. state.set.day end
local function month_page(state) return state.key .. state.set.month end

-- Takes back from one page, down to zero and no further; of a label too many from where those went.
local function take_from(page, taken, state, field, amount)
    local tallied, tallied_pieces = state.tallied or {}, state.tallied_pieces or {}
    local function pending(name) return (tallied[name] or 0) + (taken.sums[name] or 0) end
    local name = field
    local stored = pcall('HGET', page, name)
    if not stored and pending(name) == 0 and find(name, '=', 1, true) then
        name = other_label(name)
        stored = pcall('HGET', page, name)
    end
    local before = (type(stored) == 'string' and tonumber(stored) or 0) + pending(name)
    if tallied_pieces[name] or taken.pieces[name] then before = LARGEST_EXACT end
    local amount_taken = min(amount, before)
    if amount_taken > 0 then add_exactly(taken.sums, taken.pieces, name, -amount_taken) end
end

local function untally(state, field, amount)
    if amount == 0 or not state.set.day then return end
    if not state.taken then
        state.taken = { { sums = {}, pieces = {} }, { sums = {}, pieces = {} } }
    end
    take_from(day_page(state), state.taken[1], state, field, amount)
    take_from(month_page(state), state.taken[2], state, field, amount)
end

local fields, deltas = { 'HMGET' }, {} -- reused
local counts = { 'HSET' } -- reused

-- Puts what is to be added to a page into fields, from the third place on, and deltas. What does not fit into one exact
-- number is added at once. Returns the last place.
local function gather(page, state, taken)
    local last = 2
    local function add(field, delta, pieces)
        if pieces then increase(page, field, pieces[1], { unpack(pieces, 2) }) end
        if delta ~= 0 then
            last = last + 1
            fields[last], deltas[last] = field, delta
        end
    end
    if state.tallied then
        for field, delta in pairs(state.tallied) do
            add(field, delta + (taken and taken.sums[field] or 0), state.tallied_pieces[field])
        end
    end
    if taken then
        for field, delta in pairs(taken.sums) do
            if not state.tallied or not state.tallied[field] then add(field, delta) end
        end
        for field, pieces in pairs(taken.pieces) do add(field, 0, pieces) end
    end
    return last
end

local function is_label(field)
    return find(field, '=', 1, true)
end

-- Adds to a page what gather left, given the texts that stand there. Fields are set to their new numbers with one
-- command; only what would not be exact as a number, or is none, is left to HINCRBY. Returns whether a field is new.
local function add_to(page, texts, last)
    local length, is_new, size, added = 2, false, nil, 0
    for i = 3, last do
        local field, delta, text = fields[i], deltas[i], texts[i - 2]
        local stored = text and tonumber(text) or 0
        local total = stored + delta
        if not text then
            is_new = true
            if is_label(field) then
                size = size or call('HLEN', page)
                if size + added >= HISTORY_FIELDS then field = other_label(field) end
            end
            added = added + 1
        end
        if field == fields[i] and max(stored, total) <= LARGEST_EXACT and (not text or tonumber(text)) then
            counts[length + 1], counts[length + 2] = field, total
            length = length + 2
        else
            pcall('HINCRBY', page, field, delta)
        end
    end
    counts[2] = page
    if length > 2 then call(unpack(counts, 1, length)) end
    return is_new
end

local function write_page(page, expires, state, taken)
    local last = gather(page, state, taken)
    local is_new = false
    if last == 3 and not is_label(fields[3]) then
        is_new = pcall('HINCRBY', page, fields[3], deltas[3]) == deltas[3]
    elseif last > 2 then
        fields[2] = page
        local texts = pcall(unpack(fields, 1, last))
        if texts.err then return end -- not a hash: nothing can be counted
        is_new = add_to(page, texts, last)
    end
    if is_new then call('PEXPIREAT', page, expires) end
end

local function write_history(state)
    if not state.tallied and not state.taken then return end
    local taken = state.taken or {}
    write_page(day_page(state), state.set.day_ends + DAY_KEPT, state, taken[1])
    write_page(month_page(state), state.set.month_ends + MONTH_KEPT, state, taken[2])
end
