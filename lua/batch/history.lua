-- history.lua: adds the current operation to the history of its scopes, or takes it back: in the totals, and by the labels of the other
-- scopes. The amounts count in the running day, or in the finished day of their time.
-- @include lib/exact
-- @include batch/charges
-- @include batch/current
-- @include batch/days
-- @include batch/history_record
-- @include batch/labels
-- @include batch/scope
-- @include batch/sets
-- @include batch/today

local history = {}
local IN_ALL, CALLS, REPORTED = labels.IN_ALL, labels.CALLS, labels.REPORTED
local gmatch, find, gsub, max = string.gmatch, string.find, string.gsub, math.max

local function add(state, to, meter, amount)
    history_record.add(to, IN_ALL, meter, amount)
    local scopes, named = current.scopes, current.named
    for i = 1, current.count do
        local other = scopes[named[i]]
        if other.label and other ~= state then history_record.add(to, other.label, meter, amount) end
    end
end

local function add_all(state, to, amounts, meters, count)
    local add_amounts, scopes, named = history_record.add_amounts, current.scopes, current.named
    add_amounts(to, IN_ALL, amounts, meters, count)
    for i = 1, current.count do
        local other = scopes[named[i]]
        if other.label and other ~= state then add_amounts(to, other.label, amounts, meters, count) end
    end
end

-- Takes an amount back from a record. second: another record of the same day, or nil.
local function take_back(state, from, second, meter, amount)
    local scopes, named, other_labels = current.scopes, current.named, {}
    for i = 1, current.count do
        local other = scopes[named[i]]
        if other.label and other ~= state then other_labels[#other_labels + 1] = other.label end
    end
    local taken = history_record.takeable(from, second, meter, amount, other_labels)
    if taken <= 0 then return end
    history_record.take(from, second, IN_ALL, meter, taken)
    for i = 1, #other_labels do history_record.take(from, second, other_labels[i], meter, taken) end
end

-- Returns the records of the running day: in the scope's hash, and in a hash of its own or nil.
local function running_records(state)
    local day = today.day(state)
    return today.flush_checks(state), day.has_record and days.record_of(state, day) or nil
end

-- Adds requests to the running day of the scopes.
function history.add_requests(requests)
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        if state.history then add(state, today.record(state), 1, requests) end
    end
end

local meters = {} -- reused

-- Returns the calls that the current operation reports: its requests. Usage that states none is that of one call.
function history.calls(takes_back) return current.asked[1] or (takes_back and 0 or 1) end

-- Adds the amounts of the current operation to the day of a time (Unix ms), or takes them back, together with the calls that it reports.
-- past_days: the text with the days of the scopes, in their order, where one of them may be a finished day; otherwise false.
function history.add_amounts(takes_back, time, past_days)
    local asked, next_day, count = current.asked, past_days and gmatch(past_days, '[^;]+'), 0
    asked[CALLS] = history.calls(takes_back)
    for i = 1, #REPORTED do
        local meter = REPORTED[i]
        if asked[meter] and asked[meter] > 0 then
            count = count + 1
            meters[count] = meter
        end
    end
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        local past_day = next_day and next_day()
        local state_history = state.history
        if state_history then
            local earlier = past_day and time < state_history.starts and days.earlier(state, past_day, today.id(state))
            if takes_back then
                local from, second = earlier, nil
                if not from then from, second = running_records(state) end
                for m = 1, count do take_back(state, from, second, meters[m], asked[meters[m]]) end
            elseif count > 0 then
                add_all(state, earlier or today.record(state), asked, meters, count)
            end
        end
    end
end

-- Takes requests of one scope back from its running day.
function history.take_back_requests(state, requests)
    if not state.history or requests == 0 then return end
    local running, second = running_records(state)
    take_back(state, running, second, 1, requests)
end

-- Takes back what an expired reservation was charged in the history of one scope of its COMMIT or CANCEL. made: when the reservation was made.
function history.give_back_charge(state, amounts, made)
    if not state.history then return end
    local from, second = charges.record_of(state, made), nil
    if from == state.today then
        -- The counted plain CHECKs stay apart: requests are not taken back here.
        local day = today.day(state)
        second = day.has_record and days.record_of(state, day) or nil
    end
    for meter = sets.TOKENS, sets.COST do
        if (amounts[meter] or 0) > 0 then take_back(state, from, second, meter, amounts[meter]) end
    end
end

-- Returns the text of a scope between single plus signs. Plus signs within ids are doubled, and are replaced here.
local function delimited(state) return '+' .. gsub(scope.text(state), '%+%+', '\0') .. '+' end

-- Counts requests that the given scopes, by index, have denied or would have denied (meter). A joint scope has no history: a refusal by
-- user:alice+tool:search counts for user:alice and tool:search.
function history.add_refused(refusing, meter)
    local scopes, named, counts = current.scopes, current.named, {}
    local requests = max(current.asked[1] or 1, 1)
    for _, index in ipairs(refusing) do
        local joined = not scopes[index].history and delimited(scopes[index])
        for i = 1, current.count do
            local part = named[i]
            counts[part] = counts[part] or part == index or joined and find(joined, delimited(scopes[part]), 1, true)
        end
    end
    for i = 1, current.count do
        local state = scopes[named[i]]
        if counts[named[i]] and state.history then add(state, today.record(state), meter, requests) end
    end
end

return history
