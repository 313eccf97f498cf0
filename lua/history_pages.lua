-- history_pages.lua: writes what history.lua has tallied: to the day's page, which it opens where it is new, and folds days
-- that are over into their months. See history.lua for what stands there.
--
-- A change is what was tallied, or a whole page: names, sums (numbers; or texts, of which none is too large), pieces.
-- What is no number stays as it is, and what is no hash: there nothing can be counted, and nothing else is kept from being.
-- Needs history.lua, history_refunds.lua and rankings.lua.

-- OPEN, OPEN_BEHIND: 'folded' of a day that is not in its month. may_fold: how many fields this call may still fold, lest one
-- in which very many scopes begin a day holds up Redis; the last day is folded whole, of at most 3606. FOLDING: what folding a
-- day costs, in fields, however few it has. MOST_AT_ONCE: fields in a command; Lua's stack is bounded. command: reused.
local pages = {
    OPEN = '0', OPEN_BEHIND = '0+', may_fold = 1000, FOLDING = 8, MOST_AT_ONCE = 1000, command = { 'HSET' },
}

-- The texts of fields, in their order, false for those that are not there; nil where the page is no hash.
function pages.read_fields(page, names)
    if #names <= pages.MOST_AT_ONCE then
        local found = pcall('HMGET', page, unpack(names))
        return not found.err and found or nil
    end
    local texts = {}
    for first = 1, #names, pages.MOST_AT_ONCE do
        local found = pcall('HMGET', page, unpack(names, first, min(first + pages.MOST_AT_ONCE - 1, #names)))
        if found.err then return nil end
        for i = 1, #found do texts[first + i - 1] = found[i] end
    end
    return texts
end

-- The homes of the labels of which one of the fields is there.
function pages.known_homes(page, names, texts, is_new)
    local homes = labels.homes_of(page, is_new)
    for i = 2, is_new and 0 or #names do
        local label = texts[i] and label_of[names[i]]
        if label then homes[label] = label end
    end
    return homes
end

-- Adds a change to a page, given the texts that stand there. Fields are set to their new numbers in one command; what would
-- not be exact as a number, or goes where others go too, is left to HINCRBY, afterwards. homes: of the page's labels, as far
-- as they are known. opened: what is to be 'folded' on a page that is new, else false. rank_of: the state whose rankings are
-- to know the new totals, or nil. Returns the homes, or nil where none was needed.
function pages.add_change(page, change, texts, homes, opened, rank_of)
    local names, sums, pieces = change.names, change.sums, change.pieces
    local counts, length, others = pages.command, 2, nil
    counts[2] = page
    if opened then counts[3], counts[4], length = 'folded', opened, 4 end
    for i = 2, #names do
        local field, text = names[i], texts[i]
        local delta, stored, target = sums[field], text and tonumber(text) or 0, field
        if not text and label_of[field] then
            homes = homes or pages.known_homes(page, names, texts, opened)
            local home = home_of(homes, label_of[field])
            if home ~= label_of[field] then target = field_of(home, meter_of[field]) end
        end
        local total = delta + stored
        if target ~= field or total > LARGEST_EXACT or stored > LARGEST_EXACT or pieces[field]
            or text and not tonumber(text)
        then
            others = others or {}
            for j = 1, pieces[field] and #pieces[field] or 0 do others[#others + 1] = { target, pieces[field][j] } end
            others[#others + 1] = { target, delta }
        else
            counts[length + 1], counts[length + 2] = field, text_of(total)
            length = length + 2
            if rank_of and RANKED[field] then rankings.note(rank_of, field, total, delta) end
        end
        if length >= 2 * pages.MOST_AT_ONCE then
            call(unpack(counts, 1, length))
            length = 2
        end
    end
    for dimension in pairs(homes and homes.added or {}) do
        counts[length + 1], counts[length + 2] = 'values/' .. dimension, homes.values[dimension]
        length = length + 2
    end
    if length > 2 then call(unpack(counts, 1, length)) end
    for i = 1, others and #others or 0 do
        local field, delta = others[i][1], others[i][2]
        local total = increase_once(page, field, delta)
        local is_last = not others[i + 1] or others[i + 1][1] ~= field
        if rank_of and RANKED[field] and is_last and type(total) == 'number' then
            rankings.note(rank_of, field, total, delta)
        end
    end
    return homes
end

-- Adds a day that is over to its month. expires: when the day's page is to (Unix ms).
function pages.fold(day, month, month_id, expires)
    local stored = pcall('HGETALL', day)
    pages.may_fold = pages.may_fold - #stored / 2 - pages.FOLDING
    if stored.err or #stored == 0 then return end
    local change = history.new_change()
    for i = 1, #stored, 2 do
        local field, text = stored[i], stored[i + 1]
        if field == 'folded' and text ~= pages.OPEN and text ~= pages.OPEN_BEHIND then return end
        if labels.is_amount(field) and find(text, '^%d+$') then
            change.names[#change.names + 1] = field
            change.sums[field] = text
        end
    end
    pages.add_change(month, change, pages.read_fields(month, change.names), nil, false)
    call('HSET', day, 'folded', month_id)
    call('PEXPIREAT', day, expires)
end

-- The days that a month's page names as open but for one, in their order: ids, and their ends, false where unknown.
function pages.open_but_for(except, days, ends)
    local ids, times, next_end = {}, {}, gmatch(ends or '', '%d+')
    for day in gmatch(days or '', '%S+') do
        local its_end = next_end()
        if day ~= except then ids[#ids + 1], times[#times + 1] = day, its_end or false end
    end
    return ids, times
end

-- Folds open days of the month of the state's set, the oldest first, as far as this call may. The last stays open: where the
-- page of the set's day is new, that one is it from now on. Returns what that page is to have as 'folded'.
function pages.fold_open(state, is_new)
    local set = state.set
    local month, today = state.key .. set.month, sub(set.day, #':day:' + 1)
    local found = pcall('HMGET', month, 'open_day', 'open_ends')
    if found.err then return pages.OPEN end
    local days, ends = pages.open_but_for(is_new and today, found[1], found[2])
    if is_new then days[#days + 1], ends[#ends + 1] = today, format('%d', set.day_ends) end
    local open, open_ends, folded = {}, {}, pages.OPEN
    for i = 1, #days do
        local day, its_end = days[i], ends[i] or format('%d', set.day_ends)
        local is_over = i < #days and day ~= today
        if is_over and pages.may_fold > 0 then
            pages.fold(state.key .. ':day:' .. day, month, sub(set.month, #':month:' + 1), its_end + set.day_kept)
        else
            open[#open + 1], open_ends[#open_ends + 1] = day, its_end
            if is_over then folded = pages.OPEN_BEHIND end
        end
    end
    if is_new or #open < #days then
        call('HSET', month, 'open_day', table.concat(open, ' '), 'open_ends', table.concat(open_ends, ' '))
    end
    if is_new and #days == 1 then call('PEXPIREAT', month, set.month_ends + set.month_kept) end
    return folded
end

-- What came to a day after it was folded. A label's home in the month is that of its home in the day. expires: when a page that is
-- new is to (Unix ms); without it none is made.
function pages.add_to_month(month, change, homes, expires)
    local existed = call('EXISTS', month) == 1
    if not existed and not expires then return end
    if homes then change = refunds.rehoused(change, homes) end
    local texts = pages.read_fields(month, change.names)
    if texts then pages.add_change(month, change, texts, nil, false) end
    if not existed then call('PEXPIREAT', month, format('%d', expires)) end
end

function pages.write(state)
    local change, set = state.tallied or state.shared, state.set
    if not change then return end
    local page = state.key .. set.day
    local texts = pages.read_fields(page, change.names)
    if not texts then return end
    local folded = texts[1]
    local opened = not folded and pages.fold_open(state, true)
    local homes = pages.add_change(page, change, texts, state.homes or nil, opened, state)
    if opened then
        call('PEXPIREAT', page, max(set.month_ends + set.month_kept, set.day_ends + set.day_kept))
    elseif folded == pages.OPEN_BEHIND then
        if pages.may_fold > 0 and pages.fold_open(state, false) == pages.OPEN then
            call('HSET', page, 'folded', pages.OPEN)
        end
    elseif folded ~= pages.OPEN then
        pages.add_to_month(state.key .. ':month:' .. folded, change, homes)
    end
end

-- Of a day that was over before anything of this was counted. Where its page is new, it is in its month from the beginning.
function pages.write_earlier(state)
    local change, set = state.tallied, state.set
    if not change then return end
    local page = state.key .. set.day
    local texts = pages.read_fields(page, change.names)
    if not texts then return end
    local folded, month, expires = texts[1], sub(set.month, #':month:' + 1), set.month_ends + set.month_kept
    local homes = pages.add_change(page, change, texts, state.homes or nil, not folded and month, state)
    if not folded then
        call('PEXPIREAT', page, format('%d', set.day_ends + set.day_kept))
        pages.add_to_month(state.key .. set.month, change, homes, expires)
    elseif folded ~= pages.OPEN and folded ~= pages.OPEN_BEHIND then
        pages.add_to_month(state.key .. ':month:' .. folded, change, homes)
    end
end
