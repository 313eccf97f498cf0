-- expected.lua: what the operations of a batch will need of the running day of each scope's history (today.lua), found out before
-- the scopes are read, so that one HMGET reads all of it.
-- @include batch/current
-- @include batch/labels

local expected = {}
local IN_ALL, REQUESTS = labels.IN_ALL, 1

-- Lists of the labelled scopes that an operation names together, by index. The unlabelled scopes of the same operations share a list.
-- fields: the names of their fields of requests; requests: the number of plain CHECKs. shared: the lists of up to two scopes, by both
-- indices; with more scopes, each operation has a list of its own.
local shared, lists = {}, {}
local is_labelled = {} -- by index of the scope; written before it is read in a call

function expected.begin()
    shared, lists = {}, {}
end

function expected.begin_scope(index, state) is_labelled[index] = state.label ~= false end

local function make_label_list(indices)
    local list = { fields = {}, requests = 0 }
    for i = 1, #indices do
        list[i] = indices[i]
        list.fields[i] = current.scopes[indices[i]].label.requests_today
    end
    return list
end

local function register_label_list(indices)
    local list = make_label_list(indices)
    lists[#lists + 1] = list
    return list
end

-- Counts the labels of a scope one by one from now on, instead of each as often as its requests.
local function count_separately(state)
    local label_list, requests, label_requests = state.label_list, state.requests, {}
    state.label_list, state.label_requests = label_list and make_label_list(label_list) or { fields = {} }, label_requests
    for i = 1, label_list and #label_list or 0 do label_requests[label_list[i]] = requests end
end

local function add_label(state, index, requests)
    local before = state.label_requests[index]
    if before then
        state.label_requests[index] = before + requests
    else
        local label_list = state.label_list
        label_list[#label_list + 1], state.label_requests[index] = index, requests
        label_list.fields[#label_list] = current.scopes[index].label.requests_today
    end
end

local unlabelled = {} -- reused

-- Counts a plain CHECK of the scopes at the given range of the operations. With 0 requests it only registers their fields.
function expected.check(operations, from, to, requests)
    local one, other, others, count = 0, 0, nil, 0
    for i = from, to do
        local index = operations[i]
        if not is_labelled[index] then
            count = count + 1
            unlabelled[count] = index
        elseif one == 0 then
            one = index
        elseif other == 0 then
            other = index
        else
            others = others or { one, other }
            others[#others + 1] = index
        end
    end
    local id = one * 65536 + other
    local list = not others and shared[id]
    if not list then
        list = register_label_list(others or other > 0 and { one, other } or one > 0 and { one } or {})
        if not others then shared[id] = list end
    end
    list.requests = list.requests + requests
    local scopes = current.scopes
    for i = 1, count do
        local state = scopes[unlabelled[i]]
        if state.history then
            if not state.label_list then
                state.label_list = list
            elseif state.label_list ~= list then
                if not state.label_requests then count_separately(state) end
                for l = 1, #list do add_label(state, list[l], requests) end
            end
            state.requests = state.requests + requests
        end
    end
end

-- Counts all plain CHECKs for the labelled scopes.
function expected.together()
    local scopes = current.scopes
    for i = 1, #lists do
        local list = lists[i]
        for l = 1, #list do
            local state = scopes[list[l]]
            if state.history then
                if not state.label_requests then count_separately(state) end
                for o = 1, #list do
                    if o ~= l then add_label(state, list[o], list.requests) end
                end
                state.requests = state.requests + list.requests
            end
        end
    end
end

-- Subtracts a counted plain CHECK that does not pass (-1), or counts one whose fields were only registered (1).
function expected.correct(requests)
    local scopes, named = current.scopes, current.named
    for i = 1, current.count do
        local state = scopes[named[i]]
        if state.history then
            local label_requests = state.label_requests
            state.requests = state.requests + requests
            for l = 1, label_requests and current.count or 0 do
                local label = named[l]
                if label ~= named[i] and label_requests[label] then label_requests[label] = label_requests[label] + requests end
            end
        end
    end
end

local function add_wanted(wanted, name)
    if not wanted[name] then
        wanted[#wanted + 1] = name
        wanted[name] = true
    end
end

-- Registers the fields that an operation other than a plain CHECK will add to, for the HMGET. Most operations of a batch add to the same
-- meters. So wanted[label] is the last set of meters registered for a label, as a bit mask.
function expected.amounts(meters)
    local scopes, named, count, sum = current.scopes, current.named, current.count, 0
    for m = 1, #meters do sum = sum + 2 ^ meters[m] end
    for i = 1, count do
        local state = scopes[named[i]]
        if state.history then
            local wanted = state.wanted
            if not wanted then
                wanted = {}
                state.wanted = wanted
            end
            for l = 0, count do
                local label = l == 0 and IN_ALL or l ~= i and scopes[named[l]].label
                if label and wanted[label] ~= sum then
                    local names = label.today
                    if l > 0 then add_wanted(wanted, names[REQUESTS]) end
                    for m = 1, #meters do add_wanted(wanted, names[meters[m]]) end
                    wanted[label] = sum
                end
            end
        end
    end
end

-- Adds the registered fields to a scope's HMGET. Returns its length.
function expected.list_fields(state, read, length)
    local label_list, wanted = state.label_list, state.wanted
    if label_list then
        local fields = label_list.fields
        for i = 1, #fields do
            length = length + 1
            read[length] = fields[i]
        end
    end
    for i = 1, wanted and #wanted or 0 do read[length + i] = wanted[i] end
    return length + (wanted and #wanted or 0)
end

return expected
