-- decisions.lua: decides CHECK, PEEK and RESERVE over every limit of every named scope.
-- @include lib/exact
-- @include batch/answers
-- @include batch/charges
-- @include batch/counters
-- @include batch/current
-- @include batch/history
-- @include batch/holds
-- @include batch/labels
-- @include batch/refusals
-- @include batch/scope
-- @include batch/sets
-- @include batch/window

local decisions = { CHECK = 1, PEEK = 2, RESERVE = 5 }
local REQUEST, CALENDAR, TOTAL, OPEN = sets.REQUEST, sets.CALENDAR, sets.TOTAL, sets.OPEN
local REQUESTS, TOKENS, COST, CONCURRENT = sets.REQUESTS, sets.TOKENS, sets.COST, sets.CONCURRENT
local NEVER = -1
local NOT_TESTED = -math.huge
local against, counted = holds.against, scope.counted

-- Returns the milliseconds until a refusing limit would accept the same request if no other request came; NEVER if waiting does not help.
local function retry_in(state, j, want)
    local set = state.set
    local kind, maximum = set.kind[j], set.max[j]
    if want > maximum or kind == REQUEST then return NEVER end
    -- Usage in the journal will count once it has been replayed.
    local used = counted(state, j) + (state.waiting and state.waiting[set.meter[j]] or 0)
    if state.held and used + want <= maximum then return holds.first_ends_in(state) end
    if kind == TOTAL then return NEVER end
    if kind == CALENDAR then return scope.end_of(state, j) - current.now end
    local excess = used + want - maximum
    local _, width, columns = window.parse(scope.ring(state, j))
    for i = #columns / width, 1, -1 do
        excess = excess - window.column(columns, width, i)
        if excess <= 0 then return scope.leaves_in(set, j, i) end
    end
    return scope.leaves_in(set, j, 0)
end

-- The scopes with a shadow limit that would have denied the current operation, by index; nil for none.
local shadowing

-- Returns the refusing scope, the limit and the wait; nil where every limit accepts the operation.
--
-- An amount that is missing or 0 is tested as 1, so that something must be left. Only a RESERVE tests concurrent limits. Notes shadow limits
-- that would have denied and, with counts_denial, the refusals to count and report.
local function refusal(counts_denial)
    local asked, named, shadows = current.asked, current.named, answers.shadows
    local refusing_index, limit, wait, refusing
    shadowing = nil
    for i = 1, current.count do
        local index = named[i]
        local state = current.scopes[index]
        local set, used, figures, refuses, would_refuse = state.set, state.used, state.figures, false, false
        for j = 1, set.size do
            local maximum, meter, count = set.max[j], set.meter[j], used[j]
            if figures then count = counted(state, j) end
            local want = asked[meter]
            if not want or want == 0 then want = meter == CONCURRENT and NOT_TESTED or 1 end
            if maximum >= 0 and count + against(state, j) + want > maximum then
                if counts_denial then refusals.note(state, index, j) end
                if set.shadow[j] then
                    would_refuse = true
                    shadows[#shadows + 1] = index
                    shadows[#shadows + 1] = j
                else
                    refuses = true
                    local limit_wait = retry_in(state, j, want)
                    if not wait or (wait ~= NEVER and (limit_wait == NEVER or limit_wait > wait)) then
                        refusing_index, limit, wait = index, j, limit_wait
                    end
                end
            end
        end
        if refuses and counts_denial then
            refusing = refusing or {}
            refusing[#refusing + 1] = index
        end
        if would_refuse and counts_denial then
            shadowing = shadowing or {}
            shadowing[#shadowing + 1] = index
        end
    end
    if refusing then history.add_refused(refusing, labels.DENIED) end
    return refusing_index, limit, wait
end

-- Returns the enforced limit of a scope with the smallest remaining share of its max, and that share. The share is 2 for a scope without
-- limits. Of equal shares the first wins.
local function tightest_of(state)
    local set, used, figures = state.set, state.used, state.figures
    local limit, least = 0, 2
    for j = 1, set.size do
        local maximum = set.max[j]
        if maximum >= 0 and not set.shadow[j] and (set.counter[j] or current.asked[CONCURRENT] and set.kind[j] == OPEN) then
            local share = maximum == 0 and 0 or (maximum - (figures and counted(state, j) or used[j]) - against(state, j)) / maximum
            if share < least then limit, least = j, share end
        end
    end
    return limit, least
end

local function tightest()
    local index, limit, least = 0, 0, 2
    for i = 1, current.count do
        local scope_limit, share = tightest_of(current.scopes[current.named[i]])
        if share < least then index, limit, least = current.named[i], scope_limit, share end
    end
    return index, limit
end

-- Returns the index of a scope whose held amount would exceed exact numbers with this RESERVE; nil for none.
local function overfull_scope()
    for i = 1, current.count do
        for meter = TOKENS, COST do
            local held = holds.of_meter(current.scopes[current.named[i]], meter)
            if held + (current.asked[meter] or 0) > exact.LARGEST then return current.named[i] end
        end
    end
end

-- Returns the index of a scope whose key cannot have the hold of this RESERVE, although it is charged; nil for none. parts: what is charged.
local function unchargeable_scope(parts)
    for i = 1, current.count do
        if parts[i] > 0 then
            local state = current.scopes[current.named[i]]
            holds.load(state)
            if not holds.can_add(state) then return current.named[i] end
        end
    end
end

-- Decides and applies the current operation. hold, ttl: of a RESERVE. Returns whether the operation passed.
function decisions.decide(verb, hold, ttl)
    local requests = current.asked[REQUESTS] or 0
    local index, limit, wait = refusal(verb ~= decisions.PEEK)
    if index then
        answers.answer(answers.DENY, index, limit, wait)
        return false
    end
    if verb == decisions.RESERVE then
        local parts = charges.decide(hold)
        local broken = unchargeable_scope(parts)
        if broken then
            answers.fault(answers.BROKEN_HOLDS, broken)
            return false
        end
        local full = overfull_scope()
        if full then
            answers.fault(answers.OVERFULL, full)
            return false
        end
        for i = 1, current.count do
            holds.add(current.scopes[current.named[i]], hold, current.asked, current.now + ttl, parts[i])
        end
    end
    if shadowing then history.add_refused(shadowing, labels.WOULD_DENY) end
    if verb ~= decisions.PEEK and requests > 0 then
        local consumed = { [REQUESTS] = requests }
        for i = 1, current.count do counters.consume(current.scopes[current.named[i]], consumed) end
        if verb ~= 0 then history.add_requests(requests) end
    end
    answers.note_warnings()
    index, limit = tightest()
    if index == 0 then
        answers.answer(answers.ALLOW, 0)
    else
        answers.answer(answers.ALLOW, index, limit, scope.resets_in(current.scopes[index], limit))
    end
    return true
end

return decisions
