-- history_refunds.lua: what REFUND and CANCEL take from a day of history.
--
-- Nothing goes below zero: so as much is taken in all, and from each label that the operation names, as there is of every one
-- of these, and no more than the amount. What is not named is no bound: a RECORD that named a provider may be taken back
-- without it, as it is from the counters. The day in all is less then, and the provider's part of it stays; what a report
-- shows as named by none, what there is in all less its labels, goes below zero by as much.
--
-- state.homes: those of the day's labels, read as far as they are needed. From then on what is tallied is under them.
-- Needs history.lua. Nothing is written.

local refunds = {}

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

-- False where the page is not a hash.
function refunds.find_homes(state)
    local page = state.key .. state.set.day
    local in_all = pcall('HMGET', page, unpack(METER_NAMES))
    if in_all.err then return false end
    local homes, tallied = labels.homes_of(page, false), history.own_change(state)
    homes.rows[IN_ALL] = in_all
    state.homes, state.tallied = homes, tallied and refunds.rehoused(tallied, homes)
    return true
end

-- What there is of a label's home, or in all: on the page, and tallied. Exact up to 2^53, and no less than that beyond.
function refunds.present(state, home, meter)
    local sum, tallied, field = { 0, 0 }, state.tallied, field_of(home, meter)
    exact.add_text(sum, labels.row_of(state.homes, home)[meter])
    if tallied and tallied.sums[field] then
        local pieces = tallied.pieces[field]
        for i = 1, pieces and #pieces or 0 do exact.add_number(sum, pieces[i]) end
        exact.add_number(sum, tallied.sums[field])
    end
    return sum[1] * exact.BILLION + sum[2]
end

-- How much of an amount can be taken.
function refunds.takeable(state, meter, amount, scopes, named, count)
    local most = min(amount, refunds.present(state, IN_ALL, meter))
    for i = 1, count do
        local other = scopes[named[i]]
        if other.label and other.key ~= state.key then
            local home = labels.present_home(state.homes, other.label)
            most = home and min(most, refunds.present(state, home, meter)) or 0
        end
    end
    return most
end

-- Takes back what tally_named added, as far as it is there.
local function untally_named(state, meter, amount, scopes, named, count)
    if amount == 0 or not state.set.day then return end
    spread_requests(scopes)
    if not state.homes and not refunds.find_homes(state) then return end
    local taken = refunds.takeable(state, meter, amount, scopes, named, count)
    if taken > 0 then tally_named(state, meter, -taken, scopes, named, count) end
end
