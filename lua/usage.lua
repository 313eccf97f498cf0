-- usage.lua: reads how much of each limit scopes have used.
--
-- KEYS     the hash of each scope
-- ARGV[1]  cmsgpack: clock, limit sets, indices
--            clock       0 for Redis's own; tests pass Unix ms
--            limit sets  see batch/sets.lua
--            indices     by scope, the index of its set
-- Reply    a list of cmsgpack, by scope: { status, now, used, held, resets in ms, used, held, resets in ms, … }, by limit, in the order
--          of the set
--            status      1: read; 0: a calendar of a set does not cover the time (nothing follows, and no other scope); 2: the key is not
--                        a hash
-- O(limits of the scopes)
-- @function no-writes
-- @include lib/clock
-- @include batch/current
-- @include batch/holds
-- @include batch/scope
-- @include batch/sets

local pack, unpack = cmsgpack.pack, cmsgpack.unpack

local function usage(key, set, now)
    local state = scope.load(key, set)
    if state.broken then return { 2, now } end
    if state.held then holds.read(state) end
    local found = { 1, now }
    for j = 1, set.size do
        local held = holds.against(state, j)
        local is_open = set.kind[j] == sets.OPEN
        found[#found + 1] = is_open and held or scope.used(state, j)
        found[#found + 1] = is_open and 0 or held
        found[#found + 1] = scope.resets_in(state, j)
    end
    return found
end

return function(keys, argv)
    local fixed, sent, indices = unpack(argv[1])
    local now = clock.now(fixed)
    current.now = now
    local prepared = {}
    for i = 1, #sent do
        prepared[i] = sets.one(sent[i], now)
        if not prepared[i] then return { pack({ 0, now }) } end
    end
    local reply = {}
    for i = 1, #keys do reply[i] = pack(usage(keys[i], prepared[indices[i]], now)) end
    return reply
end
