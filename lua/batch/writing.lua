-- writing.lua: writing what a batch has changed, after all decisions.
-- @include batch/alerts
-- @include batch/answers
-- @include batch/charges
-- @include batch/counters
-- @include batch/current
-- @include batch/days
-- @include batch/holds
-- @include batch/idempotency
-- @include batch/plain
-- @include batch/rankings
-- @include batch/today

local writing = {}
-- How long a producer is remembered, in ms: longer than any outage after which its last batch may be resent.
local PRODUCER_RETENTION = 31 * 86400000
-- The number of fields in a command: Lua's stack is bounded.
local MAX_AT_ONCE = 1000
local call, unpack = redis.call, unpack
local format, min = string.format, math.min

local write = { 'HSET' } -- reused

local function send_fields(key, length)
    if length <= 2 * MAX_AT_ONCE + 2 then
        write[2] = key
        call(unpack(write, 1, length))
        return
    end
    for first = 3, length, 2 * MAX_AT_ONCE do
        call('HSET', key, unpack(write, first, min(first + 2 * MAX_AT_ONCE - 1, length)))
    end
end

-- Writes the changes of a scope. passed: its plain CHECKs that are not in the counters yet.
local function write_scope(state, passed)
    local set, key = state.set, state.key
    local length, has_moved, large, expires, increase_record = 2, false, nil, 0, nil
    if state.changed then
        if passed > 0 then counters.consume_requests(state, passed) end
        length, has_moved, large = counters.list_changes(state, write, length)
    elseif passed > 0 and set.counted[1] then
        if state.texts then -- near what a double holds
            counters.consume_requests(state, passed)
            if state.changed then length, has_moved, large = counters.list_changes(state, write, length) end
        else
            length, has_moved = counters.list_requests(state, passed, write, length)
        end
    end
    if set.history then length, expires, increase_record = today.list(state, write, length) end
    local held = state.held
    local has_held = held and held.changed
    if length > 2 or large or increase_record or has_held then
        -- Known without a command where a counter or a day was found.
        local existed = not state.created or state.day ~= nil or call('EXISTS', key) == 1
        if length > 2 then send_fields(key, length) end
        if large then counters.increase(state, large) end
        if increase_record then increase_record() end
        if has_moved or expires > 0 then counters.set_expiry(state, existed, expires) end
        if has_held then holds.write(state, existed or has_moved or expires > 0) end
    end
    if state.charged then charges.write(state) end
end

-- Writes an existing scope that only plain CHECKs have changed.
local function write_requests(state, passed)
    local length = 2
    if state.requests > 0 then
        local day = state.day
        if not day then return write_scope(state, passed) end
        local values
        length, values = today.list_checks(state, day, write, length)
        if not length then return write_scope(state, passed) end
        if values then length = today.list_values(day, values, write, length) end
    end
    local has_moved
    length, has_moved = counters.list_requests(state, passed, write, length)
    if length == 2 then return end
    write[2] = state.key
    call(unpack(write, 1, length))
    if has_moved then counters.set_expiry(state, true, 0) end
end

function writing.write_all(sequence, met_broken)
    if sequence > 0 then
        local applied = format(met_broken and '%d broken' or '%d', sequence)
        call('SET', current.keys[#current.keys], applied, 'PX', PRODUCER_RETENTION)
    end
    local scopes = current.scopes
    for i = 1, #scopes do
        local state = scopes[i]
        if not state.broken then
            local passed = plain.passed[i]
            if passed > 0 and not (state.changed or state.created or state.texts or state.today or state.held) then
                write_requests(state, passed)
            else
                write_scope(state, passed)
            end
            -- Quiet CHECKs do not reach a threshold.
            if state.alerts or state.outbox or state.set.warns and (passed == 0 or state.changed) then alerts.review(state) end
        end
    end
    idempotency.write()
    for i = 1, #scopes do
        if scopes[i].today or scopes[i].earlier then days.write_earlier(scopes[i]) end
    end
    rankings.write()
end

function writing.put_pending()
    for i = 1, #current.scopes do
        local pending = current.scopes[i].pending
        if pending then
            answers.put(2)
            answers.put(i)
            answers.put(#pending)
            for p = 1, #pending do answers.put(pending[p]) end
        end
    end
end

return writing
