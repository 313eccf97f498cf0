-- reservations.lua: RESERVE, COMMIT and CANCEL, and the sweep of expired reservations.
-- @include batch/answers
-- @include batch/charges
-- @include batch/counters
-- @include batch/current
-- @include batch/decisions
-- @include batch/history
-- @include batch/holds
-- @include batch/idempotency
-- @include batch/sets

local reservations = { COMMIT = 6, CANCEL = 7 }
local COMMIT, CONCURRENT = reservations.COMMIT, sets.CONCURRENT
local UNKNOWN = 0 -- instead of the time when a reservation was made
local COMMITTED, CANCELLED = 'committed', 'cancelled'
local min, max = math.min, math.max

-- A RESERVE whose idempotency key exists is a duplicate, or was cancelled by its client before it arrived.
function reservations.reserve(hold, ttl, idempotency_key)
    if idempotency.text(idempotency_key) then return answers.answer(answers.DUPLICATE) end
    current.asked[CONCURRENT] = 1
    decisions.decide(decisions.RESERVE, hold, ttl)
end

-- Returns when a reservation was made, from its hold, open or charged; nil where no scope has the hold.
local function made_at(hold, ttl)
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        local ends = holds.end_of(state, hold) or charges.end_of(state, hold)
        if ends then return ends - ttl end
    end
end

-- Commits or cancels a reservation. Both release its hold where it still exists, and give back what it was charged at its end; a CANCEL also
-- gives back the consumed requests. A COMMIT counts its usage even after a CANCEL.
function reservations.finish(verb, hold, requests, made, ends, idempotency_key, time, past_days)
    local now, outcome = current.now, idempotency.text(idempotency_key)
    if outcome and not (verb == COMMIT and outcome == CANCELLED) then return answers.answer(answers.DUPLICATE) end
    -- The retention starts at the reservation's end. A token's end is bounded to a day ahead.
    idempotency.set(idempotency_key, verb == COMMIT and COMMITTED or CANCELLED,
        min(max(ends - now, 0), idempotency.RETENTION) + idempotency.RETENTION)
    if made == UNKNOWN then
        made = made_at(hold, ends)
        if not made then return answers.answer(answers.OK) end
        ends = made + ends
    end
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        holds.release(state, hold)
        local charged, charged_at = charges.give_back(state, hold)
        if charged then history.give_back_charge(state, charged, charged_at) end
        if verb == COMMIT then
            counters.consume(state, current.asked, time > 0 and time < now and time or nil, made)
        elseif requests > 0 then
            counters.give_back_requests(state, requests, made)
            -- An earlier day has been reported already.
            if state.history and made >= state.history.starts then history.take_back_requests(state, requests) end
        end
    end
    if verb == COMMIT then
        history.add_amounts(false, made, past_days)
        answers.note_warnings()
    end
    return answers.answer((outcome or ends <= now) and answers.LATE or answers.OK)
end

-- Charges the expired reservations of the current scopes, also where no request would. A call charges only so many, and only those of the
-- set's tier; the queue has the scope for as long as others are left.
function reservations.sweep()
    local blocked
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        holds.sweep(state)
        state.is_swept, state.charged, state.changed = true, state.charged or {}, state.changed or {}
        if state.is_blocked then blocked = current.named[i] end
    end
    if blocked then return answers.fault(answers.BROKEN_HOLDS, blocked) end
    return answers.answer(answers.OK)
end

return reservations
