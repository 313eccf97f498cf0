-- reservations.lua: RESERVE, COMMIT and CANCEL.
-- @include batch/answers
-- @include batch/counters
-- @include batch/current
-- @include batch/decisions
-- @include batch/history
-- @include batch/holds
-- @include batch/marks
-- @include batch/sets

local reservations = { COMMIT = 6, CANCEL = 7 }
local COMMIT, CONCURRENT = reservations.COMMIT, sets.CONCURRENT
local UNKNOWN = 0 -- in place of the time when a reservation was made
local COMMITTED, CANCELLED = 'committed', 'cancelled'
local min, max = math.min, math.max

-- One that comes after it was cancelled was given up on its way.
function reservations.reserve(hold, ttl, mark)
    if marks.of(mark) then return answers.answer(answers.DUPLICATE) end
    current.asked[CONCURRENT] = 1
    decisions.decide(decisions.RESERVE, hold, ttl)
end

-- When a reservation was made, by what it holds; nil where it holds nothing.
local function made_at(hold, ttl)
    for i = 1, current.count do
        local ends = holds.end_of(current.scopes[current.named[i]], hold)
        if ends then return ends - ttl end
    end
end

-- COMMIT and CANCEL. What was held is released where it still is; what was consumed is given back by a CANCEL. What was used counts also
-- where the COMMIT comes behind the CANCEL.
function reservations.settle(verb, hold, hits, made, ends, mark, time, pages)
    local now, known = current.now, marks.of(mark)
    if known and not (verb == COMMIT and known == CANCELLED) then return answers.answer(answers.DUPLICATE) end
    -- From the reservation's end on, which is a day ahead at most, whatever a token says.
    marks.set(mark, verb == COMMIT and COMMITTED or CANCELLED, min(max(ends - now, 0), marks.KEPT) + marks.KEPT)
    if made == UNKNOWN then
        made = made_at(hold, ends)
        if not made then return answers.answer(answers.OK) end
        ends = made + ends
    end
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        holds.release(state, hold)
        if verb == COMMIT then
            counters.consume(state, current.asked, time > 0 and time < now and time or nil, made)
        elseif hits > 0 then
            counters.give_back_hits(state, hits, made)
            -- An earlier day is in the reports already.
            if state.history and made >= state.history.starts then history.take_back_requests(state, hits) end
        end
    end
    if verb == COMMIT then
        history.add_amounts(false, made, pages)
        answers.note_warnings()
    end
    return answers.answer((known or ends <= now) and answers.LATE or answers.OK)
end

return reservations
