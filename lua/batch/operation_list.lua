-- operation_list.lua: the operations of a batch, in the flat list that batch.lua describes.
-- @include batch/current
-- @include batch/plain
-- @include batch/expected
-- @include batch/labels
-- @include batch/sets

local operation_list = {
    PLAIN_CHECK = 0, CHECK = 1, PEEK = 2, RECORD = 3, REFUND = 4, RESERVE = 5, COMMIT = 6, CANCEL = 7, RECORD_WITH = 8,
    REFUND_WITH = 9, SWEEP = 10,
}
local PLAIN_CHECK, CHECK, PEEK, RECORD, RESERVE, COMMIT, CANCEL, RECORD_WITH, REFUND_WITH, SWEEP = 0, 1, 2, 3, 5, 6, 7, 8, 9, 10
local REQUESTS, CONCURRENT = sets.REQUESTS, sets.CONCURRENT
local min = math.min

-- The number of items after the scopes of an operation.
local TERMS = { [RESERVE] = 3, [COMMIT] = 7, [CANCEL] = 7, [RECORD_WITH] = 3, [REFUND_WITH] = 3 }

local ADDED = { [CHECK] = true, [RECORD] = true, [RECORD_WITH] = true, [RESERVE] = true, [COMMIT] = true }

-- Reads the operation at an index into `current`. Returns its verb, the index of the items after its scopes, and that of the next operation.
function operation_list.read(operations, at)
    local verb, asked, named = operations[at], current.asked, current.named
    at = at + 1
    if verb ~= PLAIN_CHECK then
        for meter = REQUESTS, CONCURRENT do asked[meter] = nil end
        for i = at + 1, at + 2 * operations[at], 2 do asked[operations[i]] = operations[i + 1] end
        at = at + 2 * operations[at] + 1
    end
    local count = operations[at]
    for i = 1, count do named[i] = operations[at + i] end
    current.count = count
    at = at + count + 1
    return verb, at, at + (TERMS[verb] or 0)
end

local meters = {} -- reused

-- Registers the history fields that the current operation will add to, so that they are read with its scopes.
local function expect_amounts(verb)
    if not ADDED[verb] then return end
    local count, asked, is_decision = 0, current.asked, verb == CHECK or verb == RESERVE
    for meter = REQUESTS, sets.COST do
        local amount = asked[meter]
        if amount and amount > 0 and (meter == REQUESTS or not is_decision) then
            count = count + 1
            meters[count] = meter
        end
    end
    if not is_decision and (asked[REQUESTS] or 1) > 0 then
        count = count + 1
        meters[count] = labels.CALLS
    end
    for i = count + 1, #meters do meters[i] = nil end
    if count > 0 then expected.amounts(meters) end
end

-- Counts the plain CHECKs of each scope, and registers the history fields that the operations need. Returns the index of the first operation
-- that takes something back.
function operation_list.scan(operations, keeps_history)
    local at, last, first_taking = 1, #operations, math.huge
    local checks = plain.expected
    while at <= last do
        if operations[at] == PLAIN_CHECK then
            local from, to = at + 2, at + 1 + operations[at + 1]
            for i = from, to do checks[operations[i]] = checks[operations[i]] + 1 end
            if keeps_history then expected.check(operations, from, to, at < first_taking and 1 or 0) end
            at = to + 1
        else
            local verb, _, next_at = operation_list.read(operations, at)
            if keeps_history then expect_amounts(verb) end
            if not ADDED[verb] and verb ~= PEEK and verb ~= SWEEP then first_taking = min(first_taking, at) end
            at = next_at
        end
    end
    if keeps_history then expected.together() end
    return first_taking
end

return operation_list
