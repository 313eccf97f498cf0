-- history.lua: the days and months of a scope, hashes beside its counters: requests, denied, tokens, cost, and cost by label
-- ('cost/provider=openai').
--
-- Needs window.lua and counters.lua. Nothing is written before write_history is called.

local DAY_KEPT, MONTH_KEPT = 35 * 86400000, 14 * 31 * 86400000
-- Fields that one history hash may have before new labels are counted together.
local HISTORY_FIELDS = 400

-- What is added to a scope's history is kept here until the writing: in requests alone where there is no more to it, else
-- in tallied, the same for the day and the month, and in taken, what a REFUND takes from each of the two. Both have sums by
-- field, and pieces, as add_exactly puts them aside; tallied has names too, the fields of sums in their order.

local function tallied_of(state)
    local tallied = state.tallied
    if not tallied then
        tallied = { names = {}, sums = {}, pieces = {} }
        if state.requests > 0 then tallied.names[1], tallied.sums.requests = 'requests', state.requests end
        state.requests, state.tallied = 0, tallied
    end
    return tallied
end

local function tally(state, field, amount)
    if amount == 0 or not state.set.day then return end
    local tallied = tallied_of(state)
    local sums = tallied.sums
    local sum = sums[field]
    if not sum then
        tallied.names[#tallied.names + 1] = field
        sums[field] = amount
    elseif sum + amount <= LARGEST_EXACT then
        sums[field] = sum + amount
    else
        add_exactly(sums, tallied.pieces, field, amount)
    end
end

local function tally_hits(state, hits)
    if state.tallied then
        tally(state, 'requests', hits)
    elseif state.set.day then
        state.requests = state.requests + hits
    end
end

-- Where the amounts of labels too many go: 'cost/tool/other', which no tool's own field can be.
local function other_label(field)
    return match(field, '^[^=]*') .. '/other'
end

local function is_label(field)
    return find(field, '=', 1, true)
end

-- Takes back from one page, down to zero and no further; of a label too many from where those went.
local function take_from(page, taken, tallied, field, amount)
    local function pending(name) return (tallied.sums[name] or 0) + (taken.sums[name] or 0) end
    local name = field
    local stored = pcall('HGET', page, name)
    if not stored and pending(name) == 0 and is_label(name) then
        name = other_label(name)
        stored = pcall('HGET', page, name)
    end
    local before = (type(stored) == 'string' and tonumber(stored) or 0) + pending(name)
    if tallied.pieces[name] or taken.pieces[name] then before = LARGEST_EXACT end
    local amount_taken = min(amount, before)
    if amount_taken > 0 then add_exactly(taken.sums, taken.pieces, name, -amount_taken) end
end

-- since: when the amount was counted (Unix ms), where that is known; pages that begin later are left as they are.
local function untally(state, field, amount, since)
    local set = state.set
    if amount == 0 or not set.day then return end
    state.taken = state.taken or { { sums = {}, pieces = {} }, { sums = {}, pieces = {} } }
    local tallied = tallied_of(state)
    local function counted_since(starts) return not since or since >= starts end
    if counted_since(set.day_starts) then take_from(state.key .. set.day, state.taken[1], tallied, field, amount) end
    if counted_since(set.month_starts) then
        take_from(state.key .. set.month, state.taken[2], tallied, field, amount)
    end
end

-- What the page at hand is to get: fields from the third place on, and beside them deltas. Reused for every page.
local fields, deltas = { 'HMGET' }, {}
local counts = { 'HSET' }

-- Fills them with what was tallied; returns the last place.
local function gather(tallied)
    local names, sums = tallied.names, tallied.sums
    for i = 1, #names do
        local name = names[i]
        fields[i + 2], deltas[i + 2] = name, sums[name]
    end
    return #names + 2
end

-- The same where a REFUND took something from the page. What does not fit into one exact number is added at once.
local function gather_with_refunds(page, tallied, taken)
    for _, pieces in ipairs({ tallied.pieces, taken.pieces }) do
        for field, sums in pairs(pieces) do
            for i = 1, #sums do increase_once(page, field, sums[i]) end
        end
    end
    local last = 2
    for _, sums in ipairs({ tallied.sums, taken.sums }) do
        for field, sum in pairs(sums) do
            if sums == tallied.sums then
                sum = sum + (taken.sums[field] or 0)
            elseif tallied.sums[field] then
                sum = 0
            end
            if sum ~= 0 then
                last = last + 1
                fields[last], deltas[last] = field, sum
            end
        end
    end
    return last
end

-- Adds to a page what was gathered, given the texts that stand there. Fields are set to their new numbers with one
-- command; only what would not be exact as a number, or is none, is left to HINCRBY, afterwards: a label too many may go
-- where another amount of the same batch goes. Returns whether a field is new.
local function add_to(page, texts, last)
    local length, is_new, size, added, others = 2, false, nil, 0, nil
    for i = 3, last do
        local field, delta, text = fields[i], deltas[i], texts[i - 2]
        local total = delta + (text and tonumber(text) or 0)
        local is_exact = total <= LARGEST_EXACT and (not text or tonumber(text) and tonumber(text) <= LARGEST_EXACT)
        if not text then
            is_new = true
            if is_label(field) then
                size = size or call('HLEN', page)
                if size + added >= HISTORY_FIELDS then field, is_exact = other_label(field), false end
            end
            added = added + 1
        end
        if is_exact then
            counts[length + 1], counts[length + 2] = field, total
            length = length + 2
        else
            others = others or {}
            others[#others + 1] = { field, delta }
        end
    end
    counts[2] = page
    if length > 2 then call(unpack(counts, 1, length)) end
    for i = 1, others and #others or 0 do increase_once(page, others[i][1], others[i][2]) end
    return is_new
end

-- has_pieces: a part was added before, so the page may be new although the field is not.
local function write_page(page, expires, last, has_pieces)
    local is_new = has_pieces
    if last > 2 then
        fields[2] = page
        local texts = pcall(unpack(fields, 1, last))
        if texts.err then return end -- not a hash: nothing can be counted
        is_new = add_to(page, texts, last) or has_pieces
    end
    if is_new then call('PEXPIREAT', page, expires) end
end

local function write_requests(page, expires, requests)
    if increase_once(page, 'requests', text_of(requests)) == requests then call('PEXPIREAT', page, expires) end
end

local NOTHING_TAKEN = { sums = {}, pieces = {} }

local function write_history(state)
    local set, tallied, taken, requests = state.set, state.tallied, state.taken, state.requests
    if not tallied and not taken and requests == 0 then return end
    local day, month = state.key .. set.day, state.key .. set.month
    local day_expires, month_expires = set.day_ends + DAY_KEPT, set.month_ends + MONTH_KEPT
    if not tallied and not taken then
        write_requests(day, day_expires, requests)
        write_requests(month, month_expires, requests)
    elseif not taken and not next(tallied.pieces) then
        local last = gather(tallied)
        write_page(day, day_expires, last)
        write_page(month, month_expires, last)
    else
        taken = taken or { NOTHING_TAKEN, NOTHING_TAKEN }
        local has_pieces = next(tallied.pieces) ~= nil
        write_page(day, day_expires, gather_with_refunds(day, tallied, taken[1]), has_pieces)
        write_page(month, month_expires, gather_with_refunds(month, tallied, taken[2]), has_pieces)
    end
end
