-- history.lua: what a batch adds to the days and months of scopes. history_pages.lua writes it.
--
-- Beside the hash of a scope stand those of its days and months, ':day:2026-11-20' and ':month:2026-11', by its own calendar.
-- Both have the same amounts: requests, denied, tokens, input_tokens, output_tokens, cost (nano-units), each in all and by
-- the labels of the operation's other scopes (history_labels.lua).
-- Only the day is written with every call. A month's page has what its days that are over came to:
--   open_day   on a month's page: the days that have not been added to it yet, '2026-11-20', most often one, else the oldest
--              first with spaces between; open_ends: their ends (Unix ms). The month is its page and those days' together
--   folded     on a day's page: 0, or 0+ where days before it are not added either, or the month that it was added to,
--              '2026-11': what comes to that day later is added to both. So every amount is in the month once, also where
--              calendars alternate or the clock goes back
-- When a later day is written first, the open one is folded into the page that names it. A call folds only so much: in one
-- with many scopes days may wait, and are folded by later writes to the days after them. The last day of a month stays open.
--
-- What is to be added is kept in state.tallied until the writing: names, of fields in their order behind 'folded' (so that
-- they are an HMGET), and sums by field, and pieces, as add_exactly puts them aside; or in state.shared, where others have the
-- same, to which nothing is added. Where something was taken back, state.homes are those of the day's labels, and what was
-- tallied is in its place already (history_refunds.lua).
-- Needs window.lua, counters.lua and history_labels.lua. Nothing is written.

local history = {}

function history.new_change() return { names = { 'folded', nil, nil, nil }, sums = {}, pieces = {} } end

-- What was tallied, where it was shared with other scopes to be added to. False where nothing was.
function history.own_change(state)
    local shared = state.shared
    if not shared then return state.tallied end
    local own = history.new_change()
    for i = 2, #shared.names do
        local field = shared.names[i]
        own.names[i], own.sums[field] = field, shared.sums[field]
    end
    state.shared, state.tallied = false, own
    return own
end

-- An earlier day of a scope, for what is counted late: a state that has nothing but its history. page: the day and its month, as an
-- operation has them; nil where that says of none.
function history.earlier_day(state, page)
    local id, ends, month, month_ends = match(page, '^(%S+) (%d+) (%S+) (%d+)$')
    if not id then return nil end
    state.earlier = state.earlier or {}
    local day = state.earlier[id]
    if not day then
        local set = {
            day = ':day:' .. id, day_ends = tonumber(ends), month = ':month:' .. month, month_ends = tonumber(month_ends),
            day_kept = state.set.day_kept, month_kept = state.set.month_kept,
        }
        day = { key = state.key, set = set, label = state.label, tallied = false, shared = false, homes = false }
        state.earlier[id] = day
    end
    return day
end

local function tally(state, label, meter, amount)
    local tallied, homes = state.tallied, state.homes
    if not tallied then
        tallied = history.own_change(state) or history.new_change()
        state.tallied = tallied
    end
    if homes and label ~= IN_ALL then label = home_of(homes, label) end
    local fields = fields_of[label]
    local field = fields and fields[meter] or field_of(label, meter)
    local sums = tallied.sums
    local sum = sums[field]
    if not sum then
        local names = tallied.names
        names[#names + 1] = field
        sums[field] = amount
    elseif amount > 0 and sum + amount <= LARGEST_EXACT then
        sums[field] = sum + amount
    else
        add_exactly(sums, tallied.pieces, field, amount)
    end
end

-- Counts an amount in the history of one of an operation's scopes, named by their places: in all, and by the labels of the
-- others.
local function tally_named(state, meter, amount, scopes, named, count)
    if amount == 0 or not state.set.day then return end
    tally(state, IN_ALL, meter, amount)
    for i = 1, count do
        local other = scopes[named[i]]
        if other.label and other.key ~= state.key then tally(state, other.label, meter, amount) end
    end
end

-- Requests, of which there are most by far, are counted by the scopes that they name together: in a tree, one level a scope,
-- the last named first, so that what differs from one request to the next, the user, comes last. A place is the key of a
-- branch; with the sign turned, of a number of requests.
local requests = {}

-- counts[place]: whether that scope has a history, or a label.
local function tally_requests(counts, named, count, hits)
    local branch, last = requests, nil
    for i = count, 1, -1 do
        local place = named[i]
        if counts[place] then
            if last then
                local next_branch = branch[last]
                if not next_branch then
                    next_branch = {}
                    branch[last] = next_branch
                end
                branch = next_branch
            end
            last = place
        end
    end
    if last then branch[-last] = (branch[-last] or 0) + hits end
end

function history.tally_hits(state, label, hits)
    local tallied = state.tallied
    local fields = fields_of[label]
    local field = fields and fields[REQUESTS]
    local sum = tallied and field and not state.homes and tallied.sums[field]
    if sum then tallied.sums[field] = sum + hits else tally(state, label, REQUESTS, hits) end
end

-- What as many requests come to for a scope that stands at the end of a path. Most scopes of a batch stand at one end only:
-- these share what was tallied.
function history.change_of_end(path, last, hits)
    local change = history.new_change()
    for i = 0, last do
        local label = i == 0 and IN_ALL or path[i].label
        if label then
            local field = field_of(label, REQUESTS)
            change.names[#change.names + 1], change.sums[field] = field, hits
        end
    end
    return change
end

-- path: the scopes on the way to the branch. Returns how many requests it has.
function history.spread(branch, path, depth, scopes)
    local sum, changes = 0, {}
    for place, value in pairs(branch) do
        local is_end = place < 0
        local state = scopes[is_end and -place or place]
        path[depth] = state
        local hits = is_end and value or history.spread(value, path, depth + 1, scopes)
        sum = sum + hits
        local label = state.label
        local keeps, is_first = state.set.day, not (state.tallied or state.shared or state.homes)
        if keeps and is_end and is_first then
            state.shared = changes[hits] or history.change_of_end(path, depth - 1, hits)
            changes[hits], keeps = state.shared, false
        end
        if keeps then history.tally_hits(state, IN_ALL, hits) end
        for i = 1, depth - 1 do
            local other = path[i]
            if keeps and other.label then history.tally_hits(state, other.label, hits) end
            if label and other.set.day then history.tally_hits(other, label, hits) end
        end
    end
    return sum
end

-- Adds the requests to what was tallied.
local function spread_requests(scopes)
    if not next(requests) then return end
    history.spread(requests, {}, 1, scopes)
    requests = {}
end
