-- history_refunds.lua: what REFUND and CANCEL take from a day of history.
--
-- Nothing goes below zero, and the sum of a dimension's labels stays at most what there is in all: so as much is taken in
-- all as by each label that the operation names, and no more than there is. Where it names none of a dimension, what has no
-- label there is the bound. All of that is known only with the whole page, which is read once, as state.page:
--   texts     by field          homes  see history_labels.lua; complete, so that what is tallied is in its place at once
--   labelled  by group ('cost/tool'): sum of what has a label, with what this batch has tallied; see add_number
-- Needs history.lua. Nothing is written.

local refunds = {}

function refunds.add_text(sum, text)
    local high, low = match(text or '', '^(%d-)(%d?%d?%d?%d?%d?%d?%d?%d?%d)$')
    if not high then return end
    sum[1], sum[2] = sum[1] + (tonumber(high) or 0), sum[2] + tonumber(low)
end

function refunds.value_of(sum) return sum[1] * history.BILLION + sum[2] end

-- Puts what was tallied under the labels' homes.
function refunds.rehoused(change, homes)
    local result = history.new_change()
    for i = 2, #change.names do
        local field = change.names[i]
        local label, home = label_of[field], field
        if label then home = field_of(home_of(homes, label), meter_of[field]) end
        if not result.sums[home] then result.names[#result.names + 1] = home end
        local pieces = change.pieces[field]
        for j = 1, pieces and #pieces or 0 do add_exactly(result.sums, result.pieces, home, pieces[j]) end
        add_exactly(result.sums, result.pieces, home, change.sums[field])
    end
    return result
end

-- What stands in a field, and what was tallied of it.
function refunds.cell_of(state, field)
    local sum, tallied = { 0, 0 }, state.tallied
    refunds.add_text(sum, state.page.texts[field])
    if tallied and tallied.sums[field] then
        local pieces = tallied.pieces[field]
        for i = 1, pieces and #pieces or 0 do history.add_number(sum, pieces[i]) end
        history.add_number(sum, tallied.sums[field])
    end
    return sum
end

-- False where the page is not a hash.
function refunds.load_page(state)
    local key = state.key .. state.set.day
    local stored = pcall('HGETALL', key)
    if stored.err then return false end
    local homes, texts, labelled = labels.homes_of(key, true), {}, {}
    for meter = 1, DENIED do
        for i = 1, #labels.DIMENSIONS do labelled[METER_NAMES[meter] .. '/' .. labels.DIMENSIONS[i]] = { 0, 0 } end
    end
    for i = 1, #stored, 2 do
        local field, text = stored[i], stored[i + 1]
        texts[field] = text
        local group = labels.is_amount(field) and group_of[field]
        if labelled[group] then
            refunds.add_text(labelled[group], text)
            homes[label_of[field]] = label_of[field]
        end
    end
    for _, dimension in ipairs(labels.DIMENSIONS) do
        homes.values[dimension] = tonumber(texts['values/' .. dimension] or 0) or 0
    end
    state.page = { texts = texts, homes = homes, labelled = labelled }
    local tallied = history.own_change(state)
    tallied = tallied and refunds.rehoused(tallied, homes)
    state.tallied = tallied
    for field, sum in pairs(tallied and tallied.sums or {}) do
        local group, pieces = group_of[field], tallied.pieces[field]
        if group then
            for i = 1, pieces and #pieces or 0 do history.add_number(labelled[group], pieces[i]) end
            history.add_number(labelled[group], sum)
        end
    end
    return true
end

-- Where there is something of a label, if there is; without giving it a home.
function refunds.present_home(homes, label)
    if homes[label] then return homes[label] end
    local dimension = match(label, '^[^=]*')
    return homes.values[dimension] >= labels.MOST and dimension .. '/other'
end

-- How much of an amount can be taken.
function refunds.takeable(state, meter, amount, scopes, named, count)
    local page, is_named = state.page, {}
    local total = refunds.cell_of(state, METER_NAMES[meter])
    local most = min(amount, refunds.value_of(total))
    for i = 1, count do
        local other = scopes[named[i]]
        if other.label and other ~= state then
            local home = refunds.present_home(page.homes, other.label)
            if not home then return 0 end
            is_named[match(home, '^[^=/]*')] = true
            most = min(most, refunds.value_of(refunds.cell_of(state, field_of(home, meter))))
        end
    end
    for i = 1, #labels.DIMENSIONS do
        if not is_named[labels.DIMENSIONS[i]] then
            local labelled = page.labelled[METER_NAMES[meter] .. '/' .. labels.DIMENSIONS[i]]
            most = min(most, refunds.value_of({ total[1] - labelled[1], total[2] - labelled[2] }))
        end
    end
    return most
end

-- Takes back what tally_named added, as far as it is there.
local function untally_named(state, meter, amount, scopes, named, count)
    if amount == 0 or not state.set.day then return end
    spread_requests(scopes)
    if not state.page and not refunds.load_page(state) then return end
    local taken = refunds.takeable(state, meter, amount, scopes, named, count)
    if taken > 0 then tally_named(state, meter, -taken, scopes, named, count) end
end
