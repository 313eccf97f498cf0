-- usage.lua: reads how much of each limit a scope has used.
--
-- KEYS[1]  the scope's hash
-- ARGV[1]  cmsgpack: clock, limit set
--            clock      0 for Redis's own; tests pass Unix ms
--            limit set  see batch/sets.lua
-- Reply    cmsgpack { status, now, used, held, resets in ms, used, held, resets in ms, … }, by limit, in the set's order
--            status     1: read; 0: a calendar of the set does not cover the time (nothing follows); 2: the key is not a hash
-- O(limits of the scope)
-- @function no-writes
-- @include lib/clock
-- @include batch/current
-- @include batch/holds
-- @include batch/scope
-- @include batch/sets

local pack, unpack = cmsgpack.pack, cmsgpack.unpack

return function(keys, argv)
    local fixed, sent = unpack(argv[1])
    local now = clock.now(fixed)
    current.now = now
    local set = sets.one(sent, now)
    if not set then return pack({ 0, now }) end
    local state = scope.load(keys[1], set)
    if state.broken then return pack({ 2, now }) end
    if state.held then holds.read(state) end
    local reply = { 1, now }
    for j = 1, set.size do
        local held = holds.against(state, j)
        local is_open = set.kind[j] == sets.OPEN
        reply[#reply + 1] = is_open and held or scope.used(state, j)
        reply[#reply + 1] = is_open and 0 or held
        reply[#reply + 1] = scope.resets_in(state, j)
    end
    return pack(reply)
end
