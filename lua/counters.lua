-- counters.lua: what batch.lua does to the counters of a scope, first on the state that load_scope made, then in Redis.
--
-- change(state, j, amount) is the only way a counter changes. It leaves:
--   changed[j]  true
--   delta[j]    of a limit that is no window: what this batch changed; pieces[j]: sums of it that were put aside
--   before[j]   of the same: what counted before
-- Needs window.lua. Nothing is written before write_counters is called.

-- Adds to a sum of this batch. Sums are doubles, exact below 2^53: one that would pass it is put aside in pieces.
local function add_exactly(sums, pieces, name, amount)
    local sum = (sums[name] or 0) + amount
    if sum > LARGEST_EXACT or sum < -LARGEST_EXACT then
        pieces[name] = pieces[name] or {}
        table.insert(pieces[name], sums[name])
        sum = amount
    end
    sums[name] = sum
end

-- HINCRBY, which a key of another kind, a field that is no number, or a sum past 2^63 may refuse: then this does not count.
-- Any other refusal, as for want of memory, is raised: nothing has been written yet when the first write meets it.
local function increase_once(key, field, delta)
    local reply = pcall('HINCRBY', key, field, delta)
    local refusal = type(reply) == 'table' and reply.err
    if refusal and not find(refusal, 'WRONGTYPE', 1, true) and not find(refusal, 'hash value', 1, true)
        and not find(refusal, 'overflow', 1, true)
    then
        error(reply)
    end
    return reply
end

-- The same for a sum and the pieces of it that were put aside.
local function increase(key, field, delta, pieces)
    for i = 1, pieces and #pieces or 0 do increase_once(key, field, pieces[i]) end
    return increase_once(key, field, delta)
end

local function change(state, j, amount)
    local used = state.used
    local changed = state.changed or { false, false, false, false }
    state.changed = changed
    if state.set.kind[j] ~= SLIDING then
        if not state.delta then state.delta, state.pieces, state.before = {}, {}, {} end
        if not changed[j] then state.before[j] = used[j] end
        add_exactly(state.delta, state.pieces, j, amount)
        if used[j] + amount > LARGEST_EXACT then state.pieces[j] = state.pieces[j] or {} end
    end
    changed[j] = true
    used[j] = used[j] + amount
end

-- In a block of their own: a chunk may have 200 locals.
local consume, give_back, give_back_hits
do
    -- How many buckets before the newest one of a sliding window a time (Unix ms) lies.
    local function buckets_ago(state, j, time)
        return state.set.current[j] + (state.ahead and state.ahead[j] or 0) - floor(time / state.set.width[j])
    end

    -- Whether what was counted at a time (Unix ms) belongs to the period that a calendar limit counts now. Where that is not the
    -- set's, nothing says when it began, and the answer is yes only where it cannot be no: a period is never shorter than nine
    -- tenths of another day, week or month.
    local function is_in_period(state, j, time)
        local set = state.set
        local ends = state.ends and state.ends[j]
        if not ends then return time >= set.starts[j] end
        return 10 * (ends - time) <= 9 * (set.ends[j] - set.starts[j])
    end

    -- Whether what is added as of a time (Unix ms) belongs to an earlier period than the one that a calendar limit counts now. Where
    -- that is not the set's, the answer is yes only where it cannot be no: a period is never longer than six fifths of another.
    local function is_before_period(state, j, time)
        local set = state.set
        local ends = state.ends and state.ends[j]
        if not ends then return time < set.starts[j] end
        return 5 * (ends - time) > 6 * (set.ends[j] - set.starts[j])
    end

    -- Adds to the bucket of a sliding window that a time (Unix ms) lies in; nothing where it has left the window.
    local function add_to_bucket(state, j, amount, time)
        local place = buckets_ago(state, j, time)
        if place > RING then return end
        if place > 0 then
            local sum, width, columns = parse_ring(ring_of(state, j))
            local count = format('%d', column(columns, width, place) + amount)
            if #count > width then columns, width = widened(columns, width, #count), #count end
            local before = sub(columns, 1, (place - 1) * width)
            state.rings = state.rings or {}
            state.rings[j] = ring_text(sum + amount, width, before .. rep('0', place * width - #count - #before) .. count
                .. sub(columns, place * width + 1))
        end
        change(state, j, amount)
    end

    -- Adds amounts, by meter, to every limit that counts them: to a sliding window as of a time, to a calendar period unless
    -- another time lies before it (Unix ms, both; nil is now).
    function consume(state, amounts, time, period_time)
        local set = state.set
        local meters, kinds, counters = set.meter, set.kind, set.counter
        for j = 1, set.size do
            local amount, kind = amounts[meters[j]], kinds[j]
            if amount and amount > 0 and counters[j] then
                if kind == SLIDING then
                    amount = min(amount, LARGEST_EXACT - state.used[j])
                    if amount <= 0 then
                        -- It stays as full as it can be.
                    elseif time then
                        add_to_bucket(state, j, amount, time)
                    else
                        change(state, j, amount)
                    end
                elseif not period_time or kind == TOTAL or not is_before_period(state, j, period_time) then
                    change(state, j, amount)
                end
            end
        end
    end

    -- So that an alert says why less is used.
    local function note_refund(state, j)
        state.refunded = state.refunded or {}
        state.refunded[j] = true
    end

    -- Takes back from a sliding window, oldest bucket first: whichever bucket the amount was counted in, the window then
    -- never holds less than the truth.
    local function give_back_sliding(state, j, amount)
        note_refund(state, j)
        local sum, width, columns = parse_ring(ring_of(state, j))
        local place, left = #columns / width, min(amount, sum)
        if left > 0 then
            sum = sum - left
            local tail = ''
            while left > 0 and place > 0 do
                local count = column(columns, width, place)
                local taken = min(count, left)
                local rest = format('%d', count - taken)
                tail = rep('0', width - #rest) .. rest .. tail
                left = left - taken
                place = place - 1
            end
            state.rings = state.rings or {}
            state.rings[j] = ring_text(sum, width, sub(columns, 1, place * width) .. tail)
        end
        change(state, j, -amount)
    end

    -- Whether what was counted at a time (Unix ms) still counts against a limit.
    local function still_counts(state, j, time)
        local kind = state.set.kind[j]
        if kind == SLIDING then return buckets_ago(state, j, time) <= RING end
        return kind == TOTAL or is_in_period(state, j, time)
    end

    -- Takes amounts, by meter, from every limit that counts them; none goes below zero. time (Unix ms; nil is now): that of what is
    -- taken back, which counts no more in some.
    function give_back(state, amounts, time)
        local set = state.set
        for j = 1, set.size do
            local amount, kind = amounts[set.meter[j]], set.kind[j]
            if amount and set.counter[j] and (not time or still_counts(state, j, time)) then
                local taken = min(amount, state.used[j])
                if taken > 0 then
                    if kind == SLIDING then give_back_sliding(state, j, taken) else change(state, j, -taken) end
                end
            end
        end
    end

    -- Takes from the bucket of a sliding window that a time (Unix ms) lies in; no more than it holds.
    local function give_back_to_bucket(state, j, amount, time)
        local place = buckets_ago(state, j, time)
        if place < 0 or place > RING then return end
        local sum, width, columns = parse_ring(ring_of(state, j))
        if place == 0 then return change(state, j, -min(amount, max(state.used[j] - sum, 0))) end
        local count = column(columns, width, place)
        local taken = min(amount, count, state.used[j])
        if taken == 0 then return end
        note_refund(state, j)
        local rest = format('%d', count - taken)
        columns = sub(columns, 1, (place - 1) * width) .. rep('0', width - #rest) .. rest .. sub(columns, place * width + 1)
        state.rings = state.rings or {}
        state.rings[j] = ring_text(max(sum - taken, 0), width, columns)
        change(state, j, -taken)
    end

    -- Gives back requests that were consumed at a time (Unix ms), to where they were taken from.
    function give_back_hits(state, hits, time)
        local set = state.set
        for j = 1, set.size do
            if set.meter[j] == REQUESTS and set.counter[j] then
                if set.kind[j] == SLIDING then
                    give_back_to_bucket(state, j, hits, time)
                elseif set.kind[j] == TOTAL or is_in_period(state, j, time) then
                    change(state, j, -min(hits, state.used[j]))
                end
            end
        end
    end
end

-- Whether the key already lives as long as what was moved on needs. Whoever wrote a marker saw to it that the key lives
-- until that bucket counts no more, or that period ends: a longer one that still goes on answers for the shorter ones.
local function lives_long_enough(state)
    local set, changed, moved = state.set, state.changed, state.moved
    local lives, needs = 0, 0
    for j = 1, set.size do
        local ends = end_of(state, j)
        if ends and not moved[j] then
            lives = max(lives, ends)
        elseif ends and changed[j] then
            needs = max(needs, ends)
        end
    end
    return needs <= lives
end

-- A new key gets a time to live, any other only a longer one: scopes may be read with different limit sets. A limit for
-- ever keeps its key for ever, also after it has been taken out of the policy.
local function set_expiry(state, existed)
    local set = state.set
    if set.for_ever then
        if existed then call('PERSIST', state.key) end
    elseif not existed then
        call('PEXPIREAT', state.key, set.expires)
    elseif not lives_long_enough(state) then
        call('PEXPIREAT', state.key, set.expires, 'GT')
    end
end

-- A counter is written as a number, or where that is not exact any more by what it changes.
local function is_large(state, j)
    return state.used[j] > LARGEST_EXACT or state.before[j] > LARGEST_EXACT or state.pieces[j] ~= nil
end

local write = { 'HSET' } -- reused

-- Returns whether a bucket or a period was moved on, so that the key may have to live longer.
local function write_counters(state)
    local set, changed, moved, rings = state.set, state.changed, state.moved, state.rings
    local used, delta, counters = state.used, state.delta, set.counter
    local length, has_moved, large = 2, false, nil
    write[2] = state.key
    for j = 1, set.size do
        if changed[j] then
            local is_moved = moved and moved[j]
            if delta and delta[j] and is_large(state, j) then
                large = large or {}
                large[#large + 1] = j
                if is_moved then
                    write[length + 1], write[length + 2] = counters[j], 0
                    length = length + 2
                end
            else
                write[length + 1], write[length + 2] = counters[j], text_of(used[j])
                length = length + 2
            end
            if is_moved then
                has_moved = true
                if set.marker[j] then
                    write[length + 1], write[length + 2] = set.marker[j], set.stored[j]
                    length = length + 2
                end
            end
            if rings and rings[j] then
                write[length + 1], write[length + 2] = set.ring[j], rings[j]
                length = length + 2
            end
        end
    end
    if length > 2 then call(unpack(write, 1, length)) end
    for i = 1, large and #large or 0 do
        local j = large[i]
        increase(state.key, counters[j], delta[j], state.pieces[j])
    end
    return has_moved
end

-- Everything of a scope but its history.
local function write_scope(state)
    local held = state.held
    local existed = not state.created or call('EXISTS', state.key) == 1
    local has_moved = state.changed and write_counters(state)
    if has_moved then set_expiry(state, existed) end
    if held and held.changed then write_holds(state, existed or has_moved) end
end
