-- decisions.lua: CHECK, PEEK and RESERVE, over every limit of every scope named.
-- @include lib/exact
-- @include batch/answers
-- @include batch/counters
-- @include batch/current
-- @include batch/history
-- @include batch/holds
-- @include batch/refusals
-- @include batch/scope
-- @include batch/sets
-- @include batch/window

local decisions = { CHECK = 1, PEEK = 2, RESERVE = 5 }
local REQUEST, CALENDAR, TOTAL, OPEN = sets.REQUEST, sets.CALENDAR, sets.TOTAL, sets.OPEN
local REQUESTS, TOKENS, COST, CONCURRENT = sets.REQUESTS, sets.TOKENS, sets.COST, sets.CONCURRENT
local NEVER = -1
local NOT_TESTED = -math.huge
local against = holds.against

-- Milliseconds until a limit that refuses now would let the same request pass if nobody else asked; NEVER if none.
local function retry_in(state, j, want)
    local set = state.set
    local kind, most = set.kind[j], set.max[j]
    if want > most or kind == REQUEST then return NEVER end
    -- What waits will count when it has been replayed.
    local used = state.used[j] + (state.waiting and state.waiting[set.meter[j]] or 0)
    if state.held and used + want <= most then return holds.first_ends_in(state) end
    if kind == TOTAL then return NEVER end
    if kind == CALENDAR then return scope.end_of(state, j) - current.now end
    local excess = used + want - most
    local _, width, columns = window.parse(scope.ring(state, j))
    for i = #columns / width, 1, -1 do
        excess = excess - window.column(columns, width, i)
        if excess <= 0 then return scope.leaves_in(set, j, i) end
    end
    return scope.leaves_in(set, j, 0)
end

-- The refusing scope, limit and wait; nil where every limit lets the operation pass. An amount that is not named, or is 0, is tested as
-- the smallest there is: there has to be something left. Only a RESERVE asks for a concurrent one. Notes shadow limits that would have
-- denied, and with counts_denial what is to be counted and reported of a refusal.
local function refusal(counts_denial)
    local asked, named, shadows = current.asked, current.named, answers.shadows
    local scope_place, limit, wait, refusing
    for i = 1, current.count do
        local place = named[i]
        local state = current.scopes[place]
        local set, used, refuses = state.set, state.used, false
        for j = 1, set.size do
            local most, meter = set.max[j], set.meter[j]
            local want = asked[meter]
            if not want or want == 0 then want = meter == CONCURRENT and NOT_TESTED or 1 end
            if most >= 0 and used[j] + against(state, j) + want > most then
                if set.shadow[j] then
                    shadows[#shadows + 1] = place
                    shadows[#shadows + 1] = j
                else
                    refuses = true
                    if counts_denial then refusals.note(state, place, j) end
                    local its_wait = retry_in(state, j, want)
                    if not wait or (wait ~= NEVER and (its_wait == NEVER or its_wait > wait)) then
                        scope_place, limit, wait = place, j, its_wait
                    end
                end
            end
        end
        if refuses and counts_denial then
            refusing = refusing or {}
            refusing[#refusing + 1] = place
        end
    end
    if refusing then history.add_denied(refusing) end
    return scope_place, limit, wait
end

-- The enforced limit of a scope with the least left as a share of its max, and that share, 2 where it has none; of equals the first.
local function tightest_of(state)
    local set, used = state.set, state.used
    local limit, least = 0, 2
    for j = 1, set.size do
        local most = set.max[j]
        if most >= 0 and not set.shadow[j] and (set.counter[j] or current.asked[CONCURRENT] and set.kind[j] == OPEN) then
            local share = most == 0 and 0 or (most - used[j] - against(state, j)) / most
            if share < least then limit, least = j, share end
        end
    end
    return limit, least
end

local function tightest()
    local place, limit, least = 0, 0, 2
    for i = 1, current.count do
        local its_limit, share = tightest_of(current.scopes[current.named[i]])
        if share < least then place, limit, least = current.named[i], its_limit, share end
    end
    return place, limit
end

-- The place of the scope of which this RESERVE would hold more than can be counted exactly; nil where there is none.
local function overfull()
    for i = 1, current.count do
        for meter = TOKENS, COST do
            local held = holds.of_meter(current.scopes[current.named[i]], meter)
            if held + (current.asked[meter] or 0) > exact.LARGEST then return current.named[i] end
        end
    end
end

-- hold and its ttl: those of a RESERVE. Returns whether the operation passed.
function decisions.decide(verb, hold, ttl)
    local hits = current.asked[REQUESTS] or 0
    local place, limit, wait = refusal(verb ~= decisions.PEEK)
    if place then
        answers.answer(answers.DENY, place, limit, wait)
        return false
    end
    if verb == decisions.RESERVE then
        local full = overfull()
        if full then
            answers.fault(answers.OVERFULL, full)
            return false
        end
        for i = 1, current.count do
            holds.add(current.scopes[current.named[i]], hold, current.asked, current.now + ttl)
        end
    end
    if verb ~= decisions.PEEK and hits > 0 then
        local consumed = { [REQUESTS] = hits }
        for i = 1, current.count do counters.consume(current.scopes[current.named[i]], consumed) end
        if verb ~= 0 then history.add_requests(hits) end
    end
    answers.note_warnings()
    place, limit = tightest()
    if place == 0 then
        answers.answer(answers.ALLOW, 0)
    else
        answers.answer(answers.ALLOW, place, limit, scope.resets_in(current.scopes[place], limit))
    end
    return true
end

return decisions
