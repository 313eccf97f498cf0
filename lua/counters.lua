-- counters.lua: what batch.lua does to the counters of a scope, first on the state that load_scope made, then in Redis.
--
-- change(state, j, amount) is the only way a counter changes. It leaves:
--   delta[j]   what this batch changed of limit j; pieces[j]: sums of it that were put aside
--   stored[j]  what counted before
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

-- Redis prints a Lua number with 17 digits: enough below 2^53.
local function increase(key, field, delta, pieces)
    for i = 1, pieces and #pieces or 0 do redis.pcall('HINCRBY', key, field, pieces[i]) end
    return redis.pcall('HINCRBY', key, field, delta)
end

local function change(state, j, amount)
    if not state.delta then state.delta, state.pieces, state.stored = {}, {}, {} end
    if not state.delta[j] then state.stored[j] = state.used[j] end
    state.used[j] = state.used[j] + amount
    add_exactly(state.delta, state.pieces, j, amount)
end

-- Adds to every limit of a meter.
local function consume(state, meter, amount)
    local set = state.set
    for j = 1, set.size do
        if set.meter[j] == meter then
            local kind = set.kind[j]
            if kind == SLIDING then
                local room = math.min(amount, LARGEST_EXACT - state.used[j])
                if room > 0 then change(state, j, room) end
            elseif kind ~= REQUEST then
                change(state, j, amount)
            end
        end
    end
end

-- Takes back from a sliding window, oldest bucket first: whichever bucket the amount was counted in, the window then
-- never holds less than the truth.
local function give_back_sliding(state, j, amount)
    local ring = ring_of(state, j)
    local left = amount
    for i = #ring, 1, -1 do
        if left == 0 then break end
        local count = tonumber(ring[i])
        local taken = math.min(count, left)
        if taken > 0 then
            ring[i] = string.format('%.0f', count - taken)
            state.redo[j] = true
            left = left - taken
        end
    end
    change(state, j, -amount)
end

local function give_back(state, meter, amount)
    local set = state.set
    for j = 1, set.size do
        if set.meter[j] == meter and set.kind[j] ~= REQUEST then
            local taken = math.min(amount, state.used[j])
            if taken > 0 then
                if set.kind[j] == SLIDING then
                    give_back_sliding(state, j, taken)
                else
                    change(state, j, -taken)
                end
            end
        end
    end
end

local function ring_text(ring)
    local length = #ring
    while length > 0 and ring[length] == '0' do length = length - 1 end
    return table.concat(ring, ' ', 1, length)
end

-- A new key gets a time to live, any other only a longer one: scopes may be read with different limit sets. A limit for
-- ever keeps its key for ever, also after it has been taken out of the policy.
local function set_expiry(state, existed)
    local set = state.set
    if set.for_ever then
        if existed then redis.call('PERSIST', state.key) end
    elseif existed then
        redis.call('PEXPIREAT', state.key, set.expires, 'GT')
    else
        redis.call('PEXPIREAT', state.key, set.expires)
    end
end

-- A counter is written as a number, or where that is not exact any more by what it changes.
local function is_large(state, j)
    return state.set.kind[j] ~= SLIDING
        and (state.used[j] > LARGEST_EXACT or state.stored[j] > LARGEST_EXACT or state.pieces[j] ~= nil)
end

local function write_counters(state)
    local set, delta = state.set, state.delta
    local existed = not state.created or redis.call('EXISTS', state.key) == 1
    local write, length, moved, large = { 'HSET', state.key }, 2, false, {}
    for j = 1, set.size do
        if delta[j] then
            if not is_large(state, j) then
                write[length + 1], write[length + 2] = set.counter[j], state.used[j]
                length = length + 2
            else
                large[#large + 1] = j
                if state.moved[j] then
                    write[length + 1], write[length + 2] = set.counter[j], 0
                    length = length + 2
                end
            end
            if state.moved[j] then
                moved = true
                if set.marker[j] then
                    write[length + 1], write[length + 2] = set.marker[j], set.current[j]
                    length = length + 2
                end
            end
            if state.redo[j] then
                write[length + 1], write[length + 2] = set.ring[j], ring_text(state.rings[j])
                length = length + 2
            end
        end
    end
    if length > 2 then redis.call(unpack(write, 1, length)) end
    for i = 1, #large do
        local j = large[i]
        increase(state.key, set.counter[j], delta[j], state.pieces[j])
    end
    if moved then set_expiry(state, existed) end
end
